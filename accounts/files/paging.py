"""Pages by position: each page reads the rows after the last one seen, at any depth, without OFFSET or COUNT."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.http import urlencode

from accounts.errors import BadRequest
from accounts.sign_in.encryption import Unreadable, sealed, unsealed

# The rows of a page: on the portal; in the API by default and at most.
PAGE_SIZE = 50
API_PAGE_SIZE, LARGEST_API_PAGE = 100, 1000
MANY = 1000  # rows are counted up to here
PAGING = ("after", "before")


@dataclass(frozen=True)
class Keyset:
    """Rows in the order of one unique, indexed key; `order` names it as `order_by` does.

    `parts` are conditions that together cover the rows without overlap. Each is read from its own index in order, and
    the few rows found are merged, so that a scope of several parties need not be sorted as a whole. The addresses of
    its pages work for its `readers` alone, in lists of the same kind.
    """

    rows: QuerySet
    order: str
    readers: str
    parts: tuple[Q, ...] = (Q(),)

    @property
    def key(self) -> str:
        return self.order.removeprefix("-")

    def sealed(self, key: str | int) -> str:
        """Return the key of a row in the form used in addresses, which says nothing to anyone."""
        return sealed(json.dumps(key), *self._context)

    def unsealed(self, text: str) -> str | int:
        """Return the key; raise Unreadable if it was not sealed for these readers and a list of this kind."""
        return json.loads(unsealed(text, *self._context))

    @property
    def _context(self) -> tuple[str, ...]:
        return __name__, self.rows.model._meta.label_lower, self.key, self.readers


class Position(NamedTuple):
    """The key after which a page begins (None for the first row) or, if `backwards`, before which it ends."""

    key: str | int | None = None
    backwards: bool = False


@dataclass(frozen=True)
class Page:
    """The rows of one page in order, and the addresses of the pages before and after it; empty if there is none."""

    rows: list[Any]
    previous_url: str = ""
    next_url: str = ""
    size: int = PAGE_SIZE


def page_at(keyset: Keyset, position: Position, url: Callable[[Position], str], size: int = PAGE_SIZE) -> Page:
    """Return the page of `size` rows at `position`; `url` makes the address of the page before or after it."""
    found = _read(keyset, position, size + 1)
    more = len(found) > size
    rows = found[:size][::-1] if position.backwards else found[:size]
    has_previous, has_next = (more, True) if position.backwards else (position.key is not None, more)
    return Page(
        rows,
        url(Position(getattr(rows[0], keyset.key), backwards=True)) if rows and has_previous else "",
        url(Position(getattr(rows[-1], keyset.key))) if rows and has_next else "",
        size,
    )


def keyset_page(keyset: Keyset, params: Mapping[str, str]) -> Page:
    """Return the page that `after` or `before` in the parameters of an address asks for, otherwise the first.

    The addresses of the pages before and after it are query strings that keep all other parameters.
    """
    kept = {name: value for name, value in params.items() if name not in PAGING and value}

    def url(position: Position) -> str:
        return "?" + urlencode(kept | {PAGING[position.backwards]: keyset.sealed(position.key)})

    return page_at(keyset, _position(keyset, params), url)


def how_many(queryset: QuerySet, conditions: Sequence[Q] = (Q(),)) -> int | None:
    """Return the number of rows that meet one of `conditions`, up to 1,000; None if there are more.

    The conditions must not overlap: each is counted by an index of its own.
    """
    first, *others = (queryset.filter(each).order_by().values("pk")[: MANY + 1] for each in conditions)
    counted = (first.union(*others, all=True) if others else first).count()
    return counted if counted <= MANY else None


def _position(keyset: Keyset, params: Mapping[str, str]) -> Position:
    after, before = (params.get(name) for name in PAGING)
    if after and before:
        raise BadRequest("Use either “after” or “before”, not both.")
    if not (after or before):
        return Position()
    try:
        return Position(keyset.unsealed(after or before), backwards=bool(before))
    except Unreadable as error:
        raise BadRequest("The address of this page is damaged. Start again from the list.") from error


def _read(keyset: Keyset, position: Position, most: int) -> list[Any]:
    key, descending = keyset.key, keyset.order.startswith("-") is not position.backwards
    order = f"-{key}" if descending else key
    beyond = Q() if position.key is None else Q(**{f"{key}__{'lt' if descending else 'gt'}": position.key})
    branches = [keyset.rows.filter(part & beyond).order_by(order)[:most] for part in keyset.parts]
    if len(branches) <= 1:
        return list(branches[0]) if branches else []
    return list(branches[0].union(*branches[1:], all=True).order_by(order)[:most])
