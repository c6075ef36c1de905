"""The verbs on organisations: the DCC's or the operator's (`by` none); of the own one, its administrators'."""

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.acting import Acting
from accounts.actions.people import clean_name
from accounts.errors import NotAllowed, quote
from accounts.mail import queue_mails
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
        raise NotAllowed(f"There is already an organisation named {quote(name)}.", "name") from error
    return Organisation.objects.get(pk=added)


@transaction.atomic
def set_active(*, organisation: Organisation, is_active: bool) -> Organisation:
    """Deactivate an organisation or reactivate it, and tell its members: nobody acts for it, its tokens open nothing.

    Called once two people have agreed. Refuses the DCC itself, and what is so already.
    """
    held = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    if held.role == Role.DCC:
        raise NotAllowed("The DCC itself always takes part.")
    if held.is_active == is_active:
        raise NotAllowed(f"{held} already takes part." if is_active else f"{held} has already been deactivated.")
    ask_owner("set_organisation_active", held.pk, is_active)
    _tell_members(held, is_active)
    held.is_active = is_active
    return held


def _tell_members(organisation: Organisation, is_active: bool) -> None:
    kind = "organisation_reactivated" if is_active else "organisation_deactivated"
    members = organisation.memberships.current().filter(suspended_at=None, user__is_active=True)
    on = timezone.localdate().isoformat()
    queue_mails(kind, [{"membership": pk, "on": on} for pk in members.values_list("pk", flat=True)])


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
