"""SQL is source: each of our functions, policies and triggers is kept once, in its current form, in an app's `sql`."""

import re
from collections.abc import Iterator, Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

OWN_APPS = ("accounts", "inventory")
FOLDERS = tuple(settings.BASE_DIR / app / "sql" for app in OWN_APPS)

# From a word at the beginning of a line to a semicolon at the end of one, except inside bodies of functions.
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
    """A file contains a statement of another kind."""


class Thing(NamedTuple):
    """An object of the database; row security has only the name of its table, a function has no table."""

    kind: SqlKind
    name: str
    table: str


class Definition(NamedTuple):
    thing: Thing
    text: str
    file: str

    @property
    def digest(self) -> str:
        """The digest by which the database shows that it has this definition; row security has only one form."""
        return "" if self.thing.kind == SqlKind.ROW_SECURITY else sha256(self.text.encode()).hexdigest()


def read(folders: Sequence[Path] = FOLDERS) -> list[Definition]:
    """Return the definitions: the ground floor first, then by name of the file, then in their order."""
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
    raise NoDefinition(
        f"{file} contains a statement that is not a function, policy, trigger or row security: {text[:60]}"
    )
