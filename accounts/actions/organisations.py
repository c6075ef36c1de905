"""The verbs on organisations."""

from django.db import IntegrityError, transaction

from accounts.actions.people import clean_name
from accounts.audit import record
from accounts.audit_models import Kind
from accounts.csv_table import quote
from accounts.errors import NotAllowed
from accounts.models import Organisation
from accounts.roles import Role


@transaction.atomic
def add_organisation(*, name: str, role: Role) -> Organisation:
    """A new organisation that acts in `role`; refuses a name that another one has, in whatever case."""
    try:
        with transaction.atomic():
            organisation = Organisation.objects.create(name=clean_name(name), role=role)
    except IntegrityError as error:
        raise NotAllowed(f"There is an organisation named {quote(name)} already.", "name") from error
    record(Kind.ORGANISATION_ADDED, by=None, organisation=organisation, role=str(role))
    return organisation
