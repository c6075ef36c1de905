"""Arguments that several commands take."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from datetime import date
from urllib.parse import quote

from smi import logins
from smi.portal import Portal

Command = Callable[[Namespace], None]


def with_portal(act: Callable[[Portal, Namespace], None]) -> Command:
    """The command that does `act` at the portal one is logged in to."""

    def run(args: Namespace) -> None:
        with Portal(logins.current()) as portal:
            act(portal, args)

    return run


def day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise ArgumentTypeError(f"{text} is not a day such as 2026-11-23") from error


def at_least_one(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(f"{text} is not a whole number from 1")


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def add_limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="no more than the first N")


def add_past(parser: ArgumentParser) -> None:
    parser.add_argument("--known-on", type=day, metavar="DAY", help="as it was known at the end of this day")


def device_path(args: Namespace) -> str:
    return f"devices/{quote(args.device_id, safe='')}/"
