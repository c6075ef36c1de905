"""The verbs on codes: which organisation acts under which."""

from datetime import date

from django.db import transaction
from django.db.models import Q

from accounts.audit import record
from accounts.audit_models import Kind
from accounts.csv_table import quote
from accounts.errors import NotAllowed
from accounts.models import Binding, Fuel, Organisation, Participant, User
from accounts.roles import Role


@transaction.atomic
def bind_code(
    *,
    organisation: Organisation,
    fuel: Fuel,
    code: str,
    valid_from: date,
    approved_by: User | None = None,
    by: User | None,
) -> tuple[Binding, bool]:
    """Let `organisation` act under `code` from a day on, in its own role; False if it does so already.

    Grants sight of assets, so it takes two people, or the operator's command (`by` none). Refuses a code that is not
    in the list for this fuel and role, a test code, and one bound to another organisation then or later.
    """
    _check_two_people(by, approved_by)
    _check_takes_part(organisation)
    code = code.strip().upper()
    _lock_code(organisation, fuel, code)
    if standing := _binding_since(organisation, fuel, code, valid_from):
        return standing, False
    binding = Binding(fuel=fuel, role=organisation.role, code=code, organisation=organisation)
    binding.valid_from, binding.bound_by, binding.approved_by = valid_from, by, approved_by
    binding.save()
    record(Kind.CODE_BOUND, by=None, person=by, organisation=organisation, binding=binding.pk)
    return binding, True


def _check_two_people(by: User | None, approved_by: User | None) -> None:
    if by is not None and approved_by in (None, by):
        raise NotAllowed("A code is bound by two people: somebody else must approve it.")


def _check_takes_part(organisation: Organisation) -> None:
    if organisation.role == Role.DCC:
        raise NotAllowed("The DCC acts under no code of a MAP or supplier.", "organisation")
    if not organisation.is_active:
        raise NotAllowed(f"{organisation} no longer takes part.", "organisation")


def _lock_code(organisation: Organisation, fuel: Fuel, code: str) -> None:
    """Hold the code's entries in the list, so that two bindings of it come one after the other."""
    role = Role(organisation.role)
    entries = Participant.objects.filter(fuel=fuel, role=role, code=code).select_for_update(no_key=True)
    kinds = {entry.kind for entry in entries}
    if not kinds:
        kind_of_code = f"{Fuel(fuel).label} {role.label} code"
        raise NotAllowed(f"{quote(code)} is no {kind_of_code} in the list of participants. Load a newer list.", "code")
    if Participant.Kind.TEST in kinds:
        raise NotAllowed(f"{code} is a test code: no organisation acts under it.", "code")


def _binding_since(organisation: Organisation, fuel: Fuel, code: str, day: date) -> Binding | None:
    """The open binding of the code to this very organisation; refuses any other on or after `day`."""
    later = Q(valid_to=None) | Q(valid_to__gte=day)
    bindings = Binding.objects.filter(later, fuel=fuel, role=organisation.role, code=code)
    for binding in bindings.select_related("organisation"):
        same = binding.organisation_id == organisation.pk
        if same and binding.valid_from <= day and binding.valid_to is None:
            return binding
        until = f" to {binding.valid_to}" if binding.valid_to else ""
        raise NotAllowed(f"{code} is bound to {binding.organisation} from {binding.valid_from}{until}.", "code")
    return None
