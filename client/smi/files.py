"""Files that appear under their name only when they are whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from smi.errors import Misused


def refuse_existing(*paths: Path, force: bool) -> None:
    """Raises Misused if one of `paths` is there and may not be replaced."""
    for path in paths:
        if path.exists() and not force:
            raise Misused(f"{path} exists already: use --force to replace it.")


@contextmanager
def whole(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """A file to write, `path`.part, renamed to `path` when the block ends well and removed when it does not."""
    refuse_existing(path, force=force)
    part = path.with_name(f"{path.name}.part")
    file = begin(part, force)
    try:
        with file:
            yield file
        refuse_existing(path, force=force)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def begin(part: Path, force: bool) -> BinaryIO:
    try:
        return part.open("wb" if force else "xb")
    except FileExistsError as error:
        raise Misused(f"{part} exists: is it being written by another command? Remove it, or use --force.") from error
