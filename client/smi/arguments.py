"""Arguments that several commands take."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
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


def at_least_one(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise ArgumentTypeError(f"{text} is not a whole number from 1")


def add_json(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="as JSON")


def add_limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", type=at_least_one, metavar="N", help="no more than the first N")


def add_past(parser: ArgumentParser) -> None:
    parser.add_argument("--known-on", metavar="DATE", help="using only what was recorded by the end of this date")


def device_path(args: Namespace) -> str:
    return f"devices/{quote(args.device_id, safe='')}/"
