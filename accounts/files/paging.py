"""Pages by position: each page reads the rows after the last one seen, at any depth, without OFFSET or COUNT."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.core import signing
from django.db.models import Q, QuerySet
from django.utils.http import urlencode

from accounts.errors import BadRequest

# The rows of a page: on the portal; in the API by default and at most.
PAGE_SIZE = 50
API_PAGE_SIZE, LARGEST_API_PAGE = 100, 1000
MANY = 1000  # rows are counted up to here
PAGING = ("after", "before")
SALT = "accounts.files.paging"


@dataclass(frozen=True)
class Keyset:
    """Rows in the order of one unique, indexed key; `order` names it as `order_by` does.

    `parts` are conditions that together cover the rows without overlap. Each is read from its own index in order, and
    the few rows found are merged, so that a scope of several parties need not be sorted as a whole.
    """

    rows: QuerySet
    order: str
    parts: tuple[Q, ...] = (Q(),)

    @property
    def key(self) -> str:
        return self.order.removeprefix("-")

    def signed(self, key: str | int) -> str:
        """Return the key of a row in the form used in addresses, valid only for lists of this kind."""
        return signing.dumps(key, salt=self._salt)

    def unsigned(self, text: str) -> str | int:
        """Return the key; raise BadSignature if `signed` did not create the text."""
        return signing.loads(text, salt=self._salt)

    @property
    def _salt(self) -> str:
        return f"{SALT}.{self.rows.model._meta.label_lower}.{self.key}"


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
        return "?" + urlencode(kept | {PAGING[position.backwards]: keyset.signed(position.key)})

    return page_at(keyset, _position(keyset, params), url)


def how_many(queryset: QuerySet) -> int | None:
    """Return the number of rows, up to 1,000; None if there are more."""
    counted = queryset.order_by()[: MANY + 1].count()
    return counted if counted <= MANY else None


def _position(keyset: Keyset, params: Mapping[str, str]) -> Position:
    after, before = (params.get(name) for name in PAGING)
    if after and before:
        raise BadRequest("Use either “after” or “before”, not both.")
    if not (after or before):
        return Position()
    try:
        return Position(keyset.unsigned(after or before), backwards=bool(before))
    except signing.BadSignature as error:
        raise BadRequest("The address of this page is damaged. Start again from the list.") from error


def _read(keyset: Keyset, position: Position, most: int) -> list[Any]:
    key, descending = keyset.key, keyset.order.startswith("-") is not position.backwards
    order = f"-{key}" if descending else key
    beyond = Q() if position.key is None else Q(**{f"{key}__{'lt' if descending else 'gt'}": position.key})
    branches = [keyset.rows.filter(part & beyond).order_by(order)[:most] for part in keyset.parts]
    if len(branches) <= 1:
        return list(branches[0]) if branches else []
    return list(branches[0].union(*branches[1:], all=True).order_by(order)[:most])
