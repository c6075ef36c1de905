"""All that people read: results on standard output, the rest on standard error."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence

# What others have recorded may not steer the terminal.
HARMLESS = {code: "\N{REPLACEMENT CHARACTER}" for code in (*range(32), *range(127, 160)) if code != ord("\n")}


def say(text: str) -> None:
    sys.stdout.write(text.translate(HARMLESS) + "\n")


def note(text: str) -> None:
    sys.stderr.write(text.translate(HARMLESS) + "\n")
    sys.stderr.flush()


def say_json(value: object, *, indent: int | None = 2) -> None:
    """All of it in ASCII, which no terminal or encoding changes."""
    sys.stdout.write(json.dumps(value, indent=indent) + "\n")


def shown(value: object) -> str:
    """A value as a person reads it, on one line; a dash where nothing is recorded."""
    if value is None or value in ("", []):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(shown(one) for one in value)
    return str(value).replace("\n", " ")


def say_items(items: Mapping[str, object]) -> None:
    """Name and value, in two columns."""
    width = max((len(name) for name in items), default=0)
    for name, value in items.items():
        say(f"{name:<{width}}  {shown(value)}")


def say_row(values: Iterable[object], widths: Sequence[int]) -> None:
    cells = (f"{shown(value):<{width}}" for value, width in zip(values, widths, strict=True))
    say("  ".join(cells).rstrip())


def say_list(rows: Iterable[Mapping[str, object]], columns: Mapping[str, int], *, as_json: bool) -> None:
    """Each row as it comes: a JSON object a line, or `columns` (names and widths) under their names."""
    number, widths = 0, list(columns.values())
    for number, row in enumerate(rows, 1):
        if as_json:
            say_json(row, indent=None)
            continue
        if number == 1:
            say_row(columns, widths)
        say_row((row.get(name) for name in columns), widths)
    if not number:
        note("There are none.")


def counted(number: int, noun: str) -> str:
    """Such as `1,000 devices`, `1 row`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
