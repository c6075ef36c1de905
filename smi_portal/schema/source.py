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

COMMENT = re.compile(r"^--.*$", re.MULTILINE)


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
    """A file contains something other than definitions, each once."""


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
    """Return the definitions: the ground floor first, then by name of the file, then in their order.

    Raises NoDefinition for anything else in a file, and for a policy or trigger that is defined twice.
    """
    paths = [path for folder in folders for path in sorted(folder.glob("*.sql"))]
    definitions = [definition for path in paths for definition in _definitions(path)]
    _refuse_twice(definitions)
    return definitions


def _refuse_twice(definitions: Sequence[Definition]) -> None:
    """Functions can share a name: their parameters tell them apart."""
    first: dict[Thing, str] = {}
    for thing, text, file in definitions:
        if thing.kind != SqlKind.FUNCTION and first.setdefault(thing, text) is not text:
            raise NoDefinition(f"{file} defines the {thing.kind} {thing.name} of {thing.table} a second time.")


def _definitions(path: Path) -> Iterator[Definition]:
    file = "/".join(path.parts[-3:])
    try:
        whole = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise NoDefinition(f"{file} is not UTF-8.") from error
    if rest := COMMENT.sub("", STATEMENT.sub("", whole)).strip():
        raise NoDefinition(
            f"{file} contains something that is not a whole statement. Begin each at the start of a line, in capitals, "
            f"and end it with a semicolon: {rest[:60]}"
        )
    for text in STATEMENT.findall(whole):
        yield Definition(_thing(text, file), text, file)


def _thing(text: str, file: str) -> Thing:
    for kind, form in FORMS.items():
        if found := re.match(form, text):
            return Thing(kind, found["name"], found["table"])
    raise NoDefinition(
        f"{file} contains a statement that is not a function, policy, trigger or row security: {text[:60]}"
    )
