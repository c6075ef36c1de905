"""The verbs on organisations: the DCC's or the operator's (`by` none); of the own one, its administrators'."""

from django.db import IntegrityError, transaction

from accounts.acting import Acting
from accounts.actions.people import clean_name
from accounts.errors import NotAllowed, quote
from accounts.models import Organisation
from accounts.owner import ask_owner
from accounts.roles import Role


@transaction.atomic
def add_organisation(*, name: str, role: Role, by: Acting | None = None) -> Organisation:
    """A new organisation that acts in `role`; refuses a name that another one has, in whatever case."""
    if by is not None and role == Role.DCC:
        raise NotAllowed("There is one DCC. Choose Supplier or MAP.", "role")
    try:
        with transaction.atomic():
            added = ask_owner("add_organisation", clean_name(name), str(role))
    except IntegrityError as error:
        raise NotAllowed(f"There is an organisation named {quote(name)} already.", "name") from error
    return Organisation.objects.get(pk=added)


@transaction.atomic
def set_active(*, organisation: Organisation, is_active: bool) -> Organisation:
    """Let an organisation take part no longer, or again: nobody acts for it, its tokens open nothing.

    For two people: called once a proposal is approved. Refuses the DCC itself, and what is so already.
    """
    held = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    if held.role == Role.DCC:
        raise NotAllowed("The DCC itself always takes part.")
    if held.is_active == is_active:
        raise NotAllowed(f"{held} takes part already." if is_active else f"{held} takes part no longer already.")
    ask_owner("set_organisation_active", held.pk, is_active)
    held.is_active = is_active
    return held


@transaction.atomic
def set_root_emails(*, receives: bool, by: Acting) -> bool:
    """Email the daily roots of its trail to the administrators of the acting organisation, or no longer.

    Whether that is a change. The DCC is always emailed those of all rows.
    """
    held = Organisation.objects.select_for_update(no_key=True).get(pk=by.organisation.pk)
    if held.role == Role.DCC:
        raise NotAllowed("Administrators of the DCC always receive the daily roots.")
    if held.receives_roots == receives:
        return False
    ask_owner("set_root_emails", receives)
    return True
