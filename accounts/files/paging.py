"""Pages by position: the next 50 after the last Device ID, whatever the depth. No OFFSET, no COUNT."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core import signing
from django.db.models import Q, QuerySet
from django.utils.http import urlencode

from accounts.errors import BadRequest

PAGE_SIZE = 50
SALT = "accounts.files.paging"
MANY = 1000


@dataclass(frozen=True)
class Page:
    """The row ids of one page in order of Device ID, and the addresses of its neighbours (query strings)."""

    pks: list[int] = field(default_factory=list)
    previous_url: str = ""
    next_url: str = ""


@dataclass(frozen=True)
class Rows:
    """Row ids and Device IDs next to a position, in order, and whether there are more on either side."""

    found: list[tuple[int, str]]
    has_previous: bool
    has_next: bool


def keyset_rows(
    queryset: QuerySet, parts: list[Q], *, size: int = PAGE_SIZE, position: str | None = None, backwards: bool = False
) -> Rows:
    """The `size` devices of `queryset` after the Device ID `position`, or before it.

    `parts` are conditions that together cover the queryset without overlap: each is read from its own index in order
    and the few rows found are merged, so a scope of several parties costs no sort of the whole.
    """
    rows = _read(queryset, parts, size + 1, position, backwards)
    more = len(rows) > size
    rows = rows[:size][::-1] if backwards else rows[:size]
    return Rows(rows, *((more, True) if backwards else (position is not None, more)))


def keyset_page(queryset: QuerySet, parts: list[Q], params: Mapping[str, str]) -> Page:
    """The page of `queryset` that `after` or `before` in `params` asks for, else the first; see `keyset_rows`."""
    rows = keyset_rows(queryset, parts, position=_position(params), backwards=bool(params.get("before")))
    return Page(
        [pk for pk, _ in rows.found],
        _query(params, "before", rows.found[0][1]) if rows.found and rows.has_previous else "",
        _query(params, "after", rows.found[-1][1]) if rows.found and rows.has_next else "",
    )


def how_many(queryset: QuerySet) -> int | None:
    """The number of rows up to 1,000; None for more."""
    counted = queryset.order_by()[: MANY + 1].count()
    return counted if counted <= MANY else None


def _position(params: Mapping[str, str]) -> str | None:
    after, before = params.get("after"), params.get("before")
    if after and before:
        raise BadRequest("“after” and “before” cannot be used together.")
    if not (after or before):
        return None
    try:
        return signing.loads(after or before, salt=SALT)
    except signing.BadSignature as error:
        raise BadRequest("This page address is damaged. Start again from the list.") from error


def _read(
    queryset: QuerySet, parts: list[Q], most: int, position: str | None, backwards: bool
) -> list[tuple[int, str]]:
    order = "-device_id" if backwards else "device_id"
    beyond = Q(**{"device_id__lt" if backwards else "device_id__gt": position}) if position else Q()
    branches = [queryset.filter(part & beyond).order_by(order).values_list("pk", "device_id")[:most] for part in parts]
    if len(branches) <= 1:
        return list(branches[0]) if branches else []
    return list(branches[0].union(*branches[1:], all=True).order_by(order)[:most])


def _query(params: Mapping[str, str], direction: str, device_id: str) -> str:
    kept = {name: value for name, value in params.items() if name not in ("after", "before") and value}
    return "?" + urlencode(kept | {direction: signing.dumps(device_id, salt=SALT)})
