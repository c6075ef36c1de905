"""All user accounts as a CSV file, for the DCC, read with constant memory."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import chain

from accounts.acting import Acting, scope
from accounts.files.writing import CHUNK_ROWS, in_chunks
from accounts.models import Membership, User
from accounts.waits import wait_as

HEADER = (
    "person",
    "name",
    "email",
    "organisation",
    "role",
    "job",
    "began_at",
    "confirmed_at",
    "last_sign_in",
    "second_factor",
    "state",
    "ended_at",
)


def chunks(acting: Acting) -> Iterator[bytes]:
    """Yield the CSV of all memberships, including ended ones, then of accounts that never had one; in its own scope."""
    memberships = Membership.objects.select_related("user", "organisation").with_factor().order_by("pk")
    bare = User.objects.filter(memberships=None).order_by("pk")
    with scope(acting):
        wait_as("stream")
        rows = chain(
            (_of_membership(membership) for membership in memberships.iterator(chunk_size=CHUNK_ROWS)),
            (_of_bare_account(user) for user in bare.iterator(chunk_size=CHUNK_ROWS)),
        )
        yield from in_chunks(HEADER, rows)


def _of_membership(membership: Membership) -> tuple[object, ...]:
    user, organisation = membership.user, membership.organisation
    return (
        *_of_person(user),
        organisation.name,
        organisation.role,
        membership.job,
        _moment(membership.began_at),
        _moment(membership.confirmed_at),
        _moment(user.last_login),
        membership.factor,
        membership.standing.value,
        _moment(membership.ended_at),
    )


def _of_bare_account(user: User) -> tuple[object, ...]:
    return (*_of_person(user), "", "", "", "", "", _moment(user.last_login), "", "no membership", "")


def _of_person(user: User) -> tuple[object, ...]:
    return user.pk, user.name, user.email


def _moment(at: datetime | None) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if at else ""
