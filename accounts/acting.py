"""For whom a request acts: one membership of one person, never the union of several."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.models import Binding, Membership, Organisation, Participant, User
from accounts.roles import Job, Permission, Role, allows

SESSION_KEY = "acting_membership"
FIELD = "acting"  # under which forms and links to files carry the membership they were made for


@dataclass(frozen=True)
class Acting:
    """Who acts, for which organisation, in which job. Without a person: a command on the organisation's behalf."""

    organisation: Organisation
    job: Job
    user: User | None = None
    membership_id: int | None = None

    @classmethod
    def under(cls, membership: Membership) -> "Acting":
        return cls(membership.organisation, Job(membership.job), membership.user, membership.pk)

    @property
    def role(self) -> Role:
        return Role(self.organisation.role)

    def may(self, permission: Permission) -> bool:
        return allows(self.role, self.job, permission)

    @cached_property
    def bindings(self) -> list[Binding]:
        """The codes bound to the organisation today."""
        return list(Binding.objects.on(timezone.localdate()).filter(organisation=self.organisation))

    @cached_property
    def participants(self) -> tuple[int, ...]:
        """Row ids of the list entries under those codes, ended ones included: what the scope is made of."""
        return tuple(Participant.objects.bound_by(self.bindings).values_list("pk", flat=True))


def memberships_of(user: User) -> list[Membership]:
    """The memberships a person may act under: those of active organisations, by name."""
    if not user.is_authenticated:
        return []
    return list(user.memberships.filter(organisation__is_active=True).select_related("organisation", "user"))


def chosen(memberships: list[Membership], membership_id: int | None) -> Acting | None:
    """Acting under the membership chosen, or under the only one there is."""
    if len(memberships) == 1:
        return Acting.under(memberships[0])
    return next((Acting.under(m) for m in memberships if m.pk == membership_id), None)


class ActingMiddleware:
    """Gives each request `memberships` and `acting`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.memberships = memberships_of(request.user)
        request.acting = chosen(request.memberships, request.session.get(SESSION_KEY))
        return self.get_response(request)
