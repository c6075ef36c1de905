"""`smi verify`: whether a file is still what its manifest says, without asking the portal."""

import csv
import io
import json
from argparse import Namespace, _SubParsersAction
from pathlib import Path

from smi.download import CHUNK, COMPLETE, Tally, manifest_path
from smi.errors import Misused, NotAsItsManifestSays
from smi.terminal import counted, say

CSV = "csv"


def add_commands(commands: _SubParsersAction) -> None:
    command = commands.add_parser("verify", help="check a report against its manifest")
    command.add_argument("file", type=Path, metavar="FILE")
    command.add_argument("--manifest", type=Path, metavar="MANIFEST", help="else FILE.manifest.json")
    command.set_defaults(run=verify)


def verify(args: Namespace) -> None:
    manifest = read_manifest(args.manifest or manifest_path(args.file))
    tally, first = read_file(args.file)
    faults = [*differences(manifest, tally), *header_differences(manifest, first)]
    if faults:
        raise NotAsItsManifestSays("\n".join([f"{args.file} is not the file that its manifest describes.", *faults]))
    rows = counted(manifest.get("rows") or 0, "row")
    say(f"{args.file}: as its manifest says, {rows}, as of {manifest.get('as_of')}.")


def read_manifest(path: Path) -> dict:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise Misused(f"There is no manifest {path}. Save it beside the file, or name it with --manifest.") from error
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise Misused(f"{path} is not a manifest: it is not JSON.") from error
    if not isinstance(manifest, dict) or "sha256" not in manifest:
        raise Misused(f"{path} is not a manifest: it has no sha256.")
    if manifest.get("outcome") != COMPLETE:
        raise Misused(f"{path} is the manifest of a run that was not complete ({manifest.get('outcome')}).")
    return manifest


def read_file(path: Path) -> tuple[Tally, bytes]:
    """What is in the file, counted, and its first line."""
    tally = Tally()
    try:
        with path.open("rb") as file:
            first = file.readline(CHUNK)
            file.seek(0)
            while chunk := file.read(CHUNK):
                tally.add(chunk)
    except OSError as error:
        raise Misused(f"{path} cannot be read: {error.strerror}.") from error
    return tally, first


def differences(manifest: dict, tally: Tally) -> list[str]:
    """Lines of a workbook cannot be counted from its bytes, but its SHA-256 is of all of them."""
    names = ["bytes", "sha256"] if manifest.get("format", CSV) != CSV else ["rows", "bytes", "sha256"]
    return [
        f"  {name}: {getattr(tally, name)}, and {manifest.get(name)} in the manifest"
        for name in names
        if getattr(tally, name) != manifest.get(name)
    ]


def header_differences(manifest: dict, first: bytes) -> list[str]:
    columns = manifest.get("columns")
    if manifest.get("format", CSV) != CSV or not isinstance(columns, list):
        return []
    named = [column.get("name") for column in columns if isinstance(column, dict)]
    found = next(csv.reader(io.StringIO(first.decode("utf-8", "replace"))), [])
    if found == named:
        return []
    other = [name for name in [*found, *named] if (name in found) != (name in named)]
    return [f"  header: {', '.join(map(str, other)) if other else 'the columns are in another order'}"]
