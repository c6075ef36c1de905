"""`smi device batch`: many devices from a CSV file, so that running it again after a lost connection is safe."""

import csv
import hashlib
import json
from argparse import Namespace, _SubParsersAction
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import uuid4

import httpx

from smi.answers import as_object, objects
from smi.arguments import with_portal
from smi.changes import FIELDS
from smi.errors import Fault, Misused, Refused
from smi.portal import Portal
from smi.terminal import counted, note, say

NEEDED = ("device_id", "version")
MOST, MOST_BYTES = 1000, 900_000  # of one batch; the portal takes 1 MiB
KEYS = 20
TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Line:
    """One device, and where in the file it ends."""

    number: int
    device: dict[str, object]


def add_commands(commands: _SubParsersAction) -> None:
    columns = f"columns {', '.join(NEEDED)} and any of {', '.join(FIELDS)}; an empty cell leaves a field out"
    command = commands.add_parser("batch", help="record MSN and MAP ID of many devices", description=columns)
    command.add_argument("file", type=Path, metavar="FILE.csv", help="in UTF-8")
    command.set_defaults(run=with_portal(record_all))


def record_all(portal: Portal, args: Namespace) -> None:
    for _ in lines(args.file):  # nothing is sent of a file that cannot be read to its end
        pass
    recorded = 0
    for batch in batches(lines(args.file)):
        if recorded:
            note(f"{counted(recorded, 'device')} recorded; next is line {batch[0].number:,}.")
        recorded += record(portal, batch, recorded)
    say(f"{counted(recorded, 'device')} recorded.")


def batches(remaining: Iterator[Line]) -> Iterator[list[Line]]:
    batch, size = [], 0
    for line in remaining:
        length = len(as_json(line.device)) + 1
        if batch and (len(batch) == MOST or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += length
    if batch:
        yield batch


def as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def record(portal: Portal, batch: list[Line], before: int) -> int:
    """The number of devices recorded: all of `batch`; raises Refused, by lines of the file, when none was."""
    try:
        answer = answer_of_today(portal, as_json({"devices": [line.device for line in batch]}))
    except Refused as refused:
        faults = [by_line(fault, batch) for fault in refused.faults]
        title = f"{refused.title} {where_it_stopped(batch, before)}"
        raise Refused(refused.status, title, faults, refused.reference) from refused
    return len(objects(as_object(answer), "devices"))


def answer_of_today(portal: Portal, body: bytes) -> httpx.Response:
    """A success, be it an earlier one. Nothing was done for an earlier refusal: this asks again, under the next key."""
    for key in keys(body):
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        try:
            return portal.ask("POST", "devices/batch/", content=body, headers=headers)
        except Refused as refused:
            if not refused.replayed:
                raise
            earlier = refused
    raise earlier


def keys(body: bytes) -> Iterator[str]:
    """The same in each run, so that it finds what former ones have recorded; after many refusals, one of its own."""
    for number in range(KEYS):
        yield hashlib.sha256(b"%d %s" % (number, body)).hexdigest()
    yield uuid4().hex


def where_it_stopped(batch: list[Line], before: int) -> str:
    first, last = batch[0].number, batch[-1].number
    there = f"Of lines {first:,} to {last:,} nothing is recorded" if last > first else f"Line {first:,} is not recorded"
    kept = f"; the {counted(before, 'device')} before are" if before else ""
    return f"{there}{kept}. Put it right and run the whole file again."


def by_line(fault: Fault, batch: list[Line]) -> Fault:
    """`devices/3/map_id` → `line 5, map_id`."""
    parts = fault.where.split("/", 2)
    if parts[0] != "devices" or len(parts) == 1 or not parts[1].isdecimal() or int(parts[1]) >= len(batch):
        return fault
    return replace(fault, where=", ".join([f"line {batch[int(parts[1])].number:,}", *parts[2:]]))


def lines(path: Path) -> Iterator[Line]:
    """The devices of a file; raises Misused with the line that is not right."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names = header(next(reader, []))
            for cells in reader:
                if any(cells):
                    yield Line(reader.line_num, device(names, cells, reader.line_num))
    except csv.Error as error:
        raise Misused(f"{path}, line {reader.line_num}: {error}.") from error
    except UnicodeDecodeError as error:
        raise Misused(f"{path} is not UTF-8.") from error
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}.") from error


def header(names: list[str]) -> list[str]:
    rule = f"It needs {' and '.join(NEEDED)}, and any of {', '.join(FIELDS)}."
    names = [name.strip().lower() for name in names]
    if unknown := [name or "an empty one" for name in names if name not in (*NEEDED, *FIELDS)]:
        cure = "Remove them, or make the file with smi device list --for-batch."
        raise Misused(f"The first line has columns that a batch does not take: {', '.join(unknown)}. {cure} {rule}")
    if missing := [name for name in NEEDED if name not in names]:
        raise Misused(f"The first line is missing {' and '.join(missing)}. {rule}")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Misused(f"The first line has {', '.join(twice)} more than once. {rule}")
    return names


def device(names: list[str], cells: list[str], number: int) -> dict[str, object]:
    """The cells that say something, as the API takes them."""
    if len(cells) != len(names):
        raise Misused(f"Line {number:,} has {counted(len(cells), 'cell')}; the first line has {len(names)}.")
    given = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    missing = [name for name in NEEDED if name not in given]
    if missing:
        raise Misused(f"Line {number:,} has no {' and no '.join(missing)}.")
    return {name: value_of(name, cell, number) for name, cell in given.items()}


def value_of(name: str, cell: str, number: int) -> object:
    if name == "version" and not cell.isdecimal():
        raise Misused(f"Line {number:,}: the version must be a whole number, not {cell}.")
    if name == "confirm" and cell.lower() not in TRUTH:
        raise Misused(f"Line {number:,}: confirm must be yes or no, not {cell}.")
    return {"version": int, "confirm": lambda text: TRUTH[text.lower()]}.get(name, str)(cell)
