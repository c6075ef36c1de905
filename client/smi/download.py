"""A report as a file: kept when it is what its manifest says, and only then."""

import hashlib
import json
import re
import sys
import time
from argparse import Namespace
from email.message import Message
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

import httpx

from smi.answers import CSV, linked
from smi.errors import BrokenOff, Misused
from smi.files import refuse_existing, whole
from smi.portal import Portal
from smi.terminal import counted, note, say

CHUNK = 64 * 1024
POLLS = (0.2, 0.5, 1.0, 2.0)  # seconds between looks at a manifest whose outcome is not recorded yet
RUNNING, COMPLETE = "running", "complete"
EVERY = 0.5  # seconds between two looks at the progress
PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")


class Tally:
    """What a manifest says of a file, counted from its bytes as they come."""

    def __init__(self) -> None:
        self.bytes, self._lines, self._digest, self._began = 0, 0, hashlib.sha256(), time.monotonic()

    def add(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.bytes += len(chunk)
        self._lines += chunk.count(b"\n")

    @property
    def rows(self) -> int:
        return max(self._lines - 1, 0)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def __str__(self) -> str:
        rate = self.bytes / max(time.monotonic() - self._began, 0.001) / 1e6
        return f"{counted(self.bytes, 'byte')}, {counted(self.rows, 'row')}, {rate:.1f} MB/s"


def download(portal: Portal, args: Namespace) -> None:
    refuse_existing(*outputs(args.output), force=args.force)
    asked = {"as_of": args.as_of, "known_on": args.known_on}
    address = f"reports/{quote(args.name, safe='')}/download/"
    with portal.stream(address, asked, CSV) as answer:
        path = args.output or Path(name_of(answer, args.name))
        refuse_existing(*outputs(path), force=args.force)
        with whole(path, force=args.force) as file:
            tally = copy(answer, file)
            manifest = proof(portal, answer, tally)
            keep(manifest, path)
    say(f"{path}: {'as its manifest says' if manifest else 'no manifest to verify against'}.")


def outputs(path: Path | None) -> list[Path]:
    """The files that a download to `path` makes; raises Misused where it could not be checked before it is read."""
    if path and (path.name in ("", "-") or path.is_dir()):
        raise Misused(f"{path} is not the name of a file. A report is checked before its file gets its name.")
    return [path, manifest_path(path)] if path else []


def manifest_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.manifest.json")


def name_of(answer: httpx.Response, report: str) -> str:
    """The file name the portal gives, if it is a plain one."""
    header = Message()
    header["Content-Disposition"] = answer.headers.get("Content-Disposition", "")
    name = header.get_filename() or ""
    return name if PLAIN_NAME.fullmatch(name) else f"{quote(report, safe='')}.csv"


def copy(answer: httpx.Response, file: BinaryIO) -> Tally:
    """Write the body, decoded, to `file`; a person at a terminal sees how far it is, a log only how it ended."""
    tally, live, looked = Tally(), sys.stderr.isatty(), 0.0
    try:
        for chunk in answer.iter_bytes(CHUNK):
            file.write(chunk)
            tally.add(chunk)
            if live and time.monotonic() - looked > EVERY:
                looked = time.monotonic()
                sys.stderr.write(f"\r{tally}   ")
                sys.stderr.flush()
    finally:
        note(f"{chr(10) if looked else ''}{tally}.")
    return tally


def proof(portal: Portal, answer: httpx.Response, tally: Tally) -> dict | None:
    """The manifest that the answer links to and that agrees with `tally`; None if it links to none."""
    address = linked(answer, "describedby")
    if address is None:
        return None
    manifest = settled(portal, address)
    if manifest.get("outcome") != COMPLETE:
        raise BrokenOff(f"The portal does not record this report as complete ({manifest.get('outcome')}): not kept.")
    for name in ("bytes", "rows", "sha256"):
        if manifest.get(name) != getattr(tally, name):
            raise BrokenOff(f"The file is not what its manifest says, by {name}: it is not kept.")
    return manifest


def settled(portal: Portal, address: str) -> dict:
    """The manifest once its outcome is recorded, or as it is after a few seconds."""
    for pause in POLLS:
        manifest = portal.read(address)
        if manifest.get("outcome") not in (None, RUNNING):
            return manifest
        time.sleep(pause)
    return portal.read(address)


def keep(manifest: dict | None, path: Path) -> None:
    """Write the manifest beside `path`; where there is none, no older one stays there."""
    if manifest is None:
        manifest_path(path).unlink(missing_ok=True)
        return
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    manifest_path(path).write_text(f"{text}\n", encoding="utf-8", errors="replace")
