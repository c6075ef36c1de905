"""The verbs on codes: which organisation acts under which."""

from datetime import date

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.formats import date_format

from accounts.acting import Acting
from accounts.errors import NotAllowed, quote
from accounts.models import Binding, Fuel, Membership, Organisation, Participant, User
from accounts.owner import ask_owner
from accounts.roles import Role


@transaction.atomic
def bind_code(
    *,
    organisation: Organisation,
    fuel: Fuel,
    code: str,
    valid_from: date,
    bound_by: User | None = None,
    rehearsal: bool = False,
    by: Acting | None,
) -> tuple[Binding, bool]:
    """Let `organisation` act under `code` from a day on, in its own role; False if it does so already.

    Grants sight of assets, so it takes two people: `bound_by` proposes, `by` approves; in a `rehearsal` one stands in
    for both. Or it is the operator's command (both none), while no two DCC administrators exist. Refuses a code that is
    not in the list for this fuel and role, a test code, and one bound to another organisation then or later.
    """
    if not rehearsal:
        _check_two_people(bound_by, by)
    _check_takes_part(organisation)
    code = code.strip().upper()
    _lock_code(organisation, fuel, code)
    if standing := _binding_since(organisation, fuel, code, valid_from):
        return standing, False
    people = (person and person.pk for person in (bound_by, by and by.user))
    added = ask_owner("bind_code", organisation.pk, str(fuel), code, valid_from, *people)
    return Binding.objects.select_related("organisation").get(pk=added), True


@transaction.atomic
def unbind_code(*, binding: Binding, last_day: date, unbound_by: User, rehearsal: bool = False, by: Acting) -> Binding:
    """Let a binding end with `last_day`: what the organisation sees under the code ends with it.

    Takes sight of assets, so it takes two people. Refuses a binding that has an end, and a day before its beginning.
    """
    if not rehearsal:
        _check_two_people(unbound_by, by)
    _lock_entries(binding.fuel, binding.role, binding.code)
    held = Binding.objects.select_related("organisation").get(pk=binding.pk)
    if held.valid_to is not None:
        raise NotAllowed(f"{held.code} has already been unbound. Its last date is {_shown(held.valid_to)}.", "last_day")
    if last_day < held.valid_from:
        raise NotAllowed(
            f"{held.code} was bound on {_shown(held.valid_from)}. Enter that date or a later one.", "last_day"
        )
    ask_owner("unbind_code", held.pk, last_day)
    held.valid_to = last_day
    return held


def _check_two_people(first: User | None, by: Acting | None) -> None:
    if by is None and first is None:
        if dcc_administrators().count() >= 2:
            raise NotAllowed(
                "There are two DCC administrators. One asks for this on the organisation’s page, the other approves it."
            )
    elif first is None or by is None or by.user in (None, first):
        raise NotAllowed("A second DCC administrator must approve this.")


def _check_takes_part(organisation: Organisation) -> None:
    if organisation.role == Role.DCC:
        raise NotAllowed("The DCC cannot act under the code of a MAP or supplier.", "organisation")
    if not organisation.is_active:
        raise NotAllowed(f"{organisation} no longer takes part.", "organisation")


def _lock_code(organisation: Organisation, fuel: Fuel, code: str) -> None:
    """Hold the code; refuses one that is not in the list, and a test code."""
    role = Role(organisation.role)
    kinds = {entry.kind for entry in _lock_entries(fuel, role, code)}
    if not kinds:
        kind = f"{'an' if Fuel(fuel) == Fuel.ELECTRICITY else 'a'} {Fuel(fuel).label.lower()} {role.label} code"
        raise NotAllowed(f"{quote(code)} is not {kind} in the list of participants. Load a newer list.", "code")
    if Participant.Kind.TEST in kinds:
        raise NotAllowed(f"{code} is a test code, so no organisation can act under it.", "code")


def _lock_entries(fuel: str, role: str, code: str) -> list[Participant]:
    """Hold the code's entries in the list, so that two changes of its bindings come one after the other."""
    return list(Participant.objects.filter(fuel=fuel, role=role, code=code).select_for_update(no_key=True))


def _binding_since(organisation: Organisation, fuel: Fuel, code: str, day: date) -> Binding | None:
    """The open binding of the code to this very organisation; refuses any other on or after `day`."""
    later = Q(valid_to=None) | Q(valid_to__gte=day)
    bindings = Binding.objects.filter(later, fuel=fuel, role=organisation.role, code=code)
    for binding in bindings.select_related("organisation"):
        same = binding.organisation_id == organisation.pk
        if same and binding.valid_from <= day and binding.valid_to is None:
            return binding
        until = f" to {_shown(binding.valid_to)}" if binding.valid_to else ""
        raise NotAllowed(f"{code} is bound to {binding.organisation} from {_shown(binding.valid_from)}{until}.", "code")
    return None


def dcc_administrators() -> QuerySet[Membership]:
    """Who can propose and approve what takes two."""
    return Membership.objects.in_force().administrators().filter(organisation__role=Role.DCC)


def _shown(day: date) -> str:
    return date_format(day, "DATE_FORMAT")
