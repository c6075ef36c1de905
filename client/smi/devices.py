"""`smi device show`, `list`, `history`, `as-of`."""

import csv
import io
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import BinaryIO

from smi.answers import CSV, linked, objects
from smi.arguments import add_json, add_limit, add_past, device_path, with_portal
from smi.errors import BrokenOff, Misused
from smi.files import whole
from smi.portal import Portal
from smi.terminal import counted, note, say, say_items, say_json, say_list, shown

FILTERS = {
    "device_id": "in full, or its first 6 characters or more",
    "mpxn": "MPAN or MPRN, in full",
    "msn": "in full; spaces do not matter",
    "device_type": "such as ESME",
    "smi_status": "such as Commissioned",
    "installed_from": "installed on this date or later",
    "installed_to": "installed on this date or before",
}
COLUMNS = {"device_id": 23, "device_type": 11, "smi_status": 24, "mpxn": 13, "msn": 14, "map_id": 6}
LARGEST_PAGE = 1000
KEPT = ("device_id", "version", "msn", "map_id", "map_from")  # of a list that is edited and recorded as a batch


def add_commands(commands: _SubParsersAction) -> None:
    past = commands.add_parser("as-of", help="what was true of a device on a date")
    for command, act in (
        (commands.add_parser("show", help="what is recorded of a device"), show),
        (commands.add_parser("history", help="what was recorded of it, when, and who recorded it"), history),
        (past, as_of),
    ):
        command.add_argument("device_id", metavar="ID")
        add_json(command)
        command.set_defaults(run=with_portal(act))
    past.add_argument("as_of", metavar="DATE")
    add_past(past)
    add_list(commands.add_parser("list", help="the devices in your scope"))


def add_list(command: ArgumentParser) -> None:
    for name, about in FILTERS.items():
        given = {"metavar": "DATE"} if name.startswith("installed") else {}
        command.add_argument(f"--{name.replace('_', '-')}", help=about, **given)
    form = command.add_mutually_exclusive_group()
    form.add_argument("--csv", metavar="FILE", help="all data items as CSV; - is standard output")
    form.add_argument("--json", action="store_true", help="all data items, one JSON object a line")
    command.add_argument(
        "--for-batch", action="store_true", help=f"with --csv, only the columns of smi device batch: {', '.join(KEPT)}"
    )
    command.add_argument("--force", action="store_true", help="replace FILE if it exists")
    add_limit(command)
    command.set_defaults(run=with_portal(list_devices))


def show(portal: Portal, args: Namespace) -> None:
    device = portal.read(device_path(args))
    (say_json if args.json else say_items)(device)


def list_devices(portal: Portal, args: Namespace) -> None:
    asked = {name: getattr(args, name) for name in FILTERS}
    asked["page_size"] = min(args.limit or LARGEST_PAGE, LARGEST_PAGE)
    if args.csv:
        lines = islice(csv_lines(portal, asked), args.limit and args.limit + 1)
        save(for_batch(lines) if args.for_batch else lines, args)
    elif args.for_batch:
        raise Misused("--for-batch needs --csv FILE.")
    else:
        say_list(islice(portal.pages("devices/", asked), args.limit), COLUMNS, as_json=args.json)


def csv_lines(portal: Portal, asked: dict[str, object] | None) -> Iterator[bytes]:
    """The header once, then a line for each device; no value holds a line break."""
    following, header = "devices/", b""
    while following:
        answer = portal.ask("GET", following, params=asked, accept=CSV)
        first, *lines = answer.content.splitlines(keepends=True) or [b""]
        if not first or (header and first != header):
            raise BrokenOff("A page of devices has not the columns of the first one.")
        yield from lines if header else (first, *lines)
        following, header, asked = linked(answer, "next"), first, None


def for_batch(lines: Iterator[bytes]) -> Iterator[bytes]:
    """The same devices with the columns of a batch alone."""
    rows = csv.reader(line.decode() for line in lines)
    header = next(rows, [])
    places = [header.index(name) for name in KEPT if name in header]
    for cells in chain([header], rows):
        text = io.StringIO()
        csv.writer(text).writerow([cells[place] for place in places])
        yield text.getvalue().encode()


def save(lines: Iterator[bytes], args: Namespace) -> None:
    if args.csv == "-":
        write(lines, sys.stdout.buffer)
        return
    with whole(Path(args.csv), force=args.force) as file:
        devices = write(lines, file)
    note(f"{args.csv}: {counted(devices, 'device')}.")


def write(lines: Iterator[bytes], file: BinaryIO) -> int:
    """The number of lines after the header."""
    return sum(file.write(line) > 0 for line in lines) - 1


def history(portal: Portal, args: Namespace) -> None:
    told = portal.read(f"{device_path(args)}history/")
    if args.json:
        return say_json(told)
    if not told.get("current", True):
        say("You are not responsible for this device now: you see what was recorded while you were.")
    for held in objects(told, "held"):
        say_held(held)
    for entry in objects(told, "entries"):
        say_entry(entry)


def say_held(held: dict) -> None:
    name = f" ({held['name']})" if held.get("name") else ""
    until = f" to {held['until']}" if held.get("until") else ""
    say(f"{shown(held.get('item'))} {shown(held.get('code'))}{name} from {shown(held.get('since'))}{until}")


def say_entry(entry: dict) -> None:
    who = [str(entry[name]) for name in ("by", "person", "via") if entry.get(name)]
    say(f"\n{shown(entry.get('at'))}  {shown(entry.get('title'))} ({', '.join(who)})")
    for change in objects(entry, "changes"):
        say(f"  {shown(change.get('item'))}: {shown(change.get('before'))} → {shown(change.get('after'))}")
    for name in ("kind", "source", "reason"):
        if entry.get(name):
            say(f"  {name}: {shown(entry[name])}")


def as_of(portal: Portal, args: Namespace) -> None:
    asked = {"as_of": args.as_of, "known_on": args.known_on}
    told = portal.read(f"{device_path(args)}as-of/", asked)
    if args.json:
        return say_json(told)
    device = told.get("device")
    if not isinstance(device, dict):
        raise BrokenOff("The answer has no device.")
    say_items({name: told.get(name) for name in asked if told.get(name)} | device)
