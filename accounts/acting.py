"""The membership under which a request acts (one of one person, never several together), and its scope in the database.

Row-level security in PostgreSQL asks for which organisation a transaction acts. Only this module says so, by settings
of the transaction: outside `scope` and the operator's `system_scope` nothing can be read or written. They guard against
our own mistakes, not against SQL that someone makes the portal's login run: such SQL could set them too.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from uuid import UUID, uuid4

import structlog
from allauth.account.adapter import get_adapter
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest

from accounts import clock, waits
from accounts.models import Binding, Membership, Organisation, ServiceToken, User
from accounts.roles import Job, Permission, Role, allows

SESSION_KEY = "acting_membership"
FIELD = "acting"  # under which forms and links to files carry the membership they were made for
API = "/api/"  # below which systems come, with a token


@dataclass(frozen=True)
class Origin:
    """Where an act comes from: `via` page, api, command, task or load; of a request its id and the network address.

    All that it writes carries `batch`. That is no request id, which clients can choose.
    """

    via: str = "command"
    request_id: str = ""
    address: str = ""
    batch: UUID = field(default_factory=uuid4, compare=False)

    @classmethod
    def of(cls, request: HttpRequest) -> "Origin":
        request_id = structlog.contextvars.get_contextvars().get("request_id", "")
        via = "api" if request.path_info.startswith(API) else "page"
        return cls(via, request_id, get_adapter().get_client_ip(request))


@dataclass(frozen=True)
class Acting:
    """Who acts, for which organisation, in which job.

    Without a person: a system of the organisation, by its token, or a command on the organisation's behalf.
    """

    organisation: Organisation
    job: Job
    user: User | None = None
    membership_id: int | None = None
    origin: Origin = field(default_factory=Origin)
    token_id: int | None = None

    @classmethod
    def under(cls, membership: Membership) -> "Acting":
        return cls(membership.organisation, Job(membership.job), membership.user, membership.pk)

    @classmethod
    def by_token(cls, token: ServiceToken, origin: Origin) -> "Acting":
        return cls(token.organisation, Job(token.job), origin=origin, token_id=token.pk)

    @property
    def role(self) -> Role:
        return Role(self.organisation.role)

    @property
    def reader(self) -> str:
        """Who asks, in short: what is made for one reader, such as a cursor of the API, serves nobody else."""
        return f"{self.organisation.pk}:{self.membership_id}:{self.token_id}"

    @property
    def colleagues(self) -> str:
        """The organisation, in short: what is made for one of them, such as the address of a next page, serves all."""
        return str(self.organisation.pk)

    def may(self, permission: Permission) -> bool:
        return allows(self.role, self.job, permission)

    @cached_property
    def bindings(self) -> list[Binding]:
        """The codes bound to the organisation today, with their entries of the list."""
        return self._bound_on(clock.today())

    @property
    def codes(self) -> frozenset[str]:
        """Those codes."""
        return frozenset(binding.code for binding in self.bindings)

    @cached_property
    def participants(self) -> tuple[int, ...]:
        """Row ids of the list entries under those codes, ended ones included: what the scope is made of."""
        return _entries_of(self.bindings)

    def participants_on(self, day: date) -> tuple[int, ...]:
        """The same under the codes that were bound on `day`."""
        if day == clock.today():
            return self.participants
        return _entries_of(self._bound_on(day))

    def codes_on(self, day: date) -> list[str]:
        """The codes bound on `day`, in order."""
        return sorted({binding.code for binding in self._bound_on(day)})

    def _bound_on(self, day: date) -> list[Binding]:
        return list(Binding.objects.on(day).filter(organisation=self.organisation).with_entries())


def _entries_of(bindings: list[Binding]) -> tuple[int, ...]:
    return tuple(entry for binding in bindings for entry in binding.entries)


def memberships_of(user: User, through: int | None = None) -> list[Membership]:
    """The memberships a person may act under, by the organisation's name.

    Who has signed in `through` an organisation's provider acts for that organisation only.
    """
    if not user.is_authenticated:
        return []
    memberships = user.memberships.in_force().select_related("organisation", "user")
    return list(memberships if through is None else memberships.filter(organisation__single_sign_on=through))


def chosen(memberships: list[Membership], membership_id: int | None) -> Acting | None:
    """Acting under the membership chosen, or under the only one there is."""
    if len(memberships) == 1:
        return Acting.under(memberships[0])
    return next((Acting.under(m) for m in memberships if m.pk == membership_id), None)


@contextmanager
def scope(acting: Acting) -> Iterator[None]:
    """A transaction, or a part of one, that reads and writes what `acting` may; history names who it was."""
    who = {
        "person": acting.user and acting.user.pk,
        "organisation": acting.organisation.pk,
        "via": acting.origin.via,
        "request": acting.origin.request_id,
        "batch": str(acting.origin.batch),
    }
    who |= {"token": acting.token_id} if acting.token_id else {}
    settings = {"organisation": str(acting.organisation.pk), "operator": "", "history": who}
    outermost = not connection.in_atomic_block
    with ExitStack() as entered:
        entered.enter_context(scope_settings(**settings))
        if outermost and not clock.is_prepared():
            entered.close()
            clock.prepare()
            entered.enter_context(scope_settings(**settings))
        yield


@contextmanager
def explaining(**words: str) -> Iterator[None]:
    """Adds to what history keeps of the writes inside: `kind`, `source`, `reason`, and `code`, on whose behalf."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('pghistory.context_metadata', true)")
        former = json.loads(cursor.fetchone()[0] or "{}")
        _set_history(cursor, former | words)
        yield
        if not connection.needs_rollback:
            _set_history(cursor, former)


def _set_history(cursor: CursorWrapper, words: dict[str, object]) -> None:
    cursor.execute("SELECT set_config('pghistory.context_metadata', %s, true)", [json.dumps(words)])


HISTORY = "pghistory.context_metadata"
SETTINGS = ("portal.organisation", "portal.operator", HISTORY, *waits.NAMES)
FORMER = "SELECT " + ", ".join(f"current_setting('{name}', true)" for name in SETTINGS)
SET = "SELECT portal_now(), " + ", ".join(f"set_config('{name}', %s, true)" for name in SETTINGS)


@contextmanager
def scope_settings(*, organisation: str, operator: str, history: dict[str, object]) -> Iterator[None]:
    """Set what row-level security and history read, for the rest of the transaction or of its current part.

    Also how long its statements wait, by the kind of work that `history` names as `via`. A part without a batch of its
    own belongs to that of the scope around it. A failure undoes all of it.
    """
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        former = None if outermost else _read(cursor)
        history = {"batch": _batch_of(former) or str(uuid4())} | history
        waiting = waits.WAITS[history["via"]].values()
        cursor.execute(SET, [organisation, operator, json.dumps(history), *waiting])
        with clock.at(cursor.fetchone()[0]):
            yield
        if former and not connection.needs_rollback:
            cursor.execute(SET, former)


def _read(cursor: CursorWrapper) -> list[str]:
    cursor.execute(FORMER)
    return [value or "" for value in cursor.fetchone()]


def _batch_of(former: list[str] | None) -> str | None:
    return json.loads(dict(zip(SETTINGS, former, strict=True))[HISTORY] or "{}").get("batch") if former else None
