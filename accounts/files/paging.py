"""Pages by position: the rows after the last one seen, whatever the depth. No OFFSET, no COUNT."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Q, QuerySet
from django.utils.http import urlencode

from accounts.errors import BadRequest

# How many rows a page has: on the portal; in the API, where a request may ask for another number, up to a most.
PAGE_SIZE = 50
API_PAGE_SIZE, LARGEST_API_PAGE = 100, 1000
MANY = 1000  # rows are counted up to here
PAGING = ("after", "before")
SALT = "accounts.files.paging"


@dataclass(frozen=True)
class Keyset:
    """Rows in the order of one unique, indexed key; `order` names it as `order_by` does.

    `parts` are conditions that together cover the rows without overlap: each is read from its own index in order and
    the few rows found are merged, so a scope of several parties costs no sort of the whole.
    """

    rows: QuerySet
    order: str
    parts: tuple[Q, ...] = (Q(),)

    @property
    def key(self) -> str:
        return self.order.removeprefix("-")

    def signed(self, key: str | int) -> str:
        """The key of a row as an address holds it, for lists of this kind alone."""
        return signing.dumps(key, salt=self._salt)

    def unsigned(self, text: str) -> str | int:
        """Raises BadSignature for what `signed` did not give."""
        return signing.loads(text, salt=self._salt)

    @property
    def _salt(self) -> str:
        return f"{SALT}.{self.rows.model._meta.label_lower}.{self.key}"


class Position(NamedTuple):
    """After which key a page begins (None: with the first row), or before which key it ends, if `backwards`."""

    key: str | int | None = None
    backwards: bool = False


@dataclass(frozen=True)
class Page:
    """The rows of one page in order, and the addresses of its neighbours; empty where there is none."""

    rows: list[Any]
    previous_url: str = ""
    next_url: str = ""
    size: int = PAGE_SIZE


def page_at(keyset: Keyset, position: Position, url: Callable[[Position], str], size: int = PAGE_SIZE) -> Page:
    """The page of `size` rows at `position`; `url` makes the address of a neighbour."""
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
    """The page that `after` or `before` in the parameters of an address asks for, else the first.

    The addresses of its neighbours are query strings that keep all other parameters.
    """
    kept = {name: value for name, value in params.items() if name not in PAGING and value}

    def url(position: Position) -> str:
        return "?" + urlencode(kept | {PAGING[position.backwards]: keyset.signed(position.key)})

    return page_at(keyset, _position(keyset, params), url)


def how_many(queryset: QuerySet) -> int | None:
    """The number of rows up to 1,000; None for more."""
    counted = queryset.order_by()[: MANY + 1].count()
    return counted if counted <= MANY else None


def _position(keyset: Keyset, params: Mapping[str, str]) -> Position:
    after, before = (params.get(name) for name in PAGING)
    if after and before:
        raise BadRequest("“after” and “before” cannot be used together.")
    if not (after or before):
        return Position()
    try:
        return Position(keyset.unsigned(after or before), backwards=bool(before))
    except signing.BadSignature as error:
        raise BadRequest("This page address is damaged. Start again from the list.") from error


def _read(keyset: Keyset, position: Position, most: int) -> list[Any]:
    key, descending = keyset.key, keyset.order.startswith("-") is not position.backwards
    order = f"-{key}" if descending else key
    beyond = Q() if position.key is None else Q(**{f"{key}__{'lt' if descending else 'gt'}": position.key})
    branches = [keyset.rows.filter(part & beyond).order_by(order)[:most] for part in keyset.parts]
    if len(branches) <= 1:
        return list(branches[0]) if branches else []
    return list(branches[0].union(*branches[1:], all=True).order_by(order)[:most])
