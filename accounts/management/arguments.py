"""What commands share: arguments turned into what they name, refusals into sentences on stderr."""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from difflib import get_close_matches

from django.core.management.base import CommandError
from django.db import OperationalError

from accounts.dates import NotADate, parse_date
from accounts.errors import NotAllowed
from accounts.models import Organisation
from accounts.waits import waited_too_long


@contextmanager
def refusals_as_errors() -> Iterator[None]:
    """Let the command fail with the sentence of the action that refuses."""
    try:
        yield
    except NotAllowed as refusal:
        raise CommandError(str(refusal)) from refusal
    except OperationalError as error:
        if busy := waited_too_long(error):
            raise CommandError(str(busy)) from error
        raise


def date_argument(text: str) -> date:
    """Return the date that an argument gives; argparse names the argument where it cannot be read."""
    try:
        return parse_date(text)
    except NotADate as error:
        raise ArgumentTypeError(str(error)) from error


def organisation_named(name: str) -> Organisation:
    """The organisation of this name, in any case; raises CommandError naming the nearest ones."""
    if found := Organisation.objects.filter(name__iexact=name.strip()).first():
        return found
    near = _near(name, list(Organisation.objects.values_list("name", flat=True)))
    cure = f"Is one of these meant: {', '.join(near)}?" if near else "Add it first with add_organisation."
    raise CommandError(f"There is no organisation named “{name}”. {cure}")


def _near(name: str, names: list[str]) -> list[str]:
    """Names that are spelled alike or contain what was given."""
    given = name.strip().casefold()
    alike = get_close_matches(given, [other.casefold() for other in names], n=5, cutoff=0.6)
    return [other for other in names if other.casefold() in alike or (given and given in other.casefold())][:5]
