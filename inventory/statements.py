"""SQL statements that move whole sets, kept in a file beside the code that runs them."""

from functools import cache
from pathlib import Path


@cache
def statements(path: Path) -> list[str]:
    """Return the statements of the file in their order; each ends with a semicolon at the end of a line."""
    text = path.read_text(encoding="utf-8")
    return [statement for part in text.split(";\n") if (statement := part.strip())]
