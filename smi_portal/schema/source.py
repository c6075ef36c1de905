"""SQL is source: every function, policy and trigger of ours stands once, as it is now, in a file of an app's `sql`."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

OWN_APPS = ("accounts", "inventory")
FOLDERS = tuple(settings.BASE_DIR / app / "sql" for app in OWN_APPS)

# From a word at the beginning of a line to a semicolon at the end of one, bodies of functions apart.
STATEMENT = re.compile(r"^[A-Z](?:\$\$.*?\$\$|.)*?;$", re.MULTILINE | re.DOTALL)


class SqlKind(StrEnum):
    FUNCTION = "function"
    ROW_SECURITY = "row security"
    POLICY = "policy"
    TRIGGER = "trigger"


FORMS = {
    SqlKind.FUNCTION: r"CREATE OR REPLACE FUNCTION (?P<name>\w+)(?P<table>)\(",
    SqlKind.ROW_SECURITY: r"ALTER TABLE (?P<name>)(?P<table>\w+) ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;$",
    SqlKind.POLICY: r"CREATE POLICY (?P<name>\w+) ON (?P<table>\w+)\b",
    SqlKind.TRIGGER: r"CREATE TRIGGER (?P<name>\w+) [A-Z ]+ ON (?P<table>\w+)\b",
}


class NoDefinition(Exception):
    """A statement of a file is none of what the files are for."""


class Thing(NamedTuple):
    """What a database holds; row security has no name but its table's, a function no table."""

    kind: SqlKind
    name: str
    table: str


class Definition(NamedTuple):
    thing: Thing
    text: str
    file: str

    @property
    def digest(self) -> str:
        """By it the database tells whether it holds this definition; row security has one form alone."""
        return "" if self.thing.kind == SqlKind.ROW_SECURITY else sha256(self.text.encode()).hexdigest()


def read(folders: Sequence[Path] = FOLDERS) -> list[Definition]:
    """Those of the ground floor first, then by name of the file, then as they stand."""
    paths = [path for folder in folders for path in sorted(folder.glob("*.sql"))]
    return [definition for path in paths for definition in _definitions(path)]


def _definitions(path: Path) -> Iterator[Definition]:
    file = "/".join(path.parts[-3:])
    for text in STATEMENT.findall(path.read_text(encoding="utf-8")):
        yield Definition(_thing(text, file), text, file)


def _thing(text: str, file: str) -> Thing:
    for kind, form in FORMS.items():
        if found := re.match(form, text):
            return Thing(kind, found["name"], found["table"])
    raise NoDefinition(f"{file} holds what is neither function, policy, trigger nor row security: {text[:60]}")
