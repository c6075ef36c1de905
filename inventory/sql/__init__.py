"""SQL that moves sets, one named file per job."""

from functools import cache
from pathlib import Path


@cache
def statements(name: str) -> list[str]:
    """The statements of the file `name`.sql in their order; each ends with a semicolon at the end of a line."""
    text = (Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8")
    return [statement for part in text.split(";\n") if (statement := part.strip())]
