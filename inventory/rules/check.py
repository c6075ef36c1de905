"""Checks recordings against the table of rules: one statement for one row or for thousands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection
from django.utils.formats import date_format

from accounts import clock
from accounts.models import Participant
from inventory.rules.rule import Rule, broken
from inventory.rules.table import OF_RECORDING

SQL = Path(__file__).parent / "sql" / "recordings.sql"
ENTRY = [field.column for field in Participant._meta.concrete_fields]


@dataclass(frozen=True)
class Finding:
    """The rules that a row breaks, in the order of the table; the entry of the list that it writes, and from when."""

    broken: list[Rule]
    writes_msn: bool
    map_day: date | None
    participant: Participant | None
    values: dict[str, object]

    def sentence_of(self, rule: Rule) -> str:
        return explain(rule, self.values)


def check(rows: Sequence[Mapping[str, object]]) -> list[Finding]:
    """Check all rows against all rules of recording; the columns are those of `sql/recordings.sql`."""
    given = {"rows": json.dumps([{"line": line, **row} for line, row in enumerate(rows)], cls=DjangoJSONEncoder)}
    with connection.cursor() as cursor:
        cursor.execute(_statement(), given | settled())
        return [_finding(row, *answer[1:]) for row, answer in zip(rows, cursor, strict=True)]


def settled() -> dict[str, date | None]:
    """What conditions know besides the row: today's date, and the first date of installation of the MAP ID's meters."""
    return {"today": clock.today(), "map_id_from": first_installed()}


def first_installed() -> date | None:
    return date.fromisoformat(settings.MAP_ID_FROM) if settings.MAP_ID_FROM else None


def explain(rule: Rule, values: Mapping[str, object]) -> str:
    """Return the sentence of a rule, with the values that it names."""
    if "{" not in rule.sentence:
        return rule.sentence
    told = {"map_id_from": first_installed()} | dict(values)
    return rule.sentence.format(**{name: _shown(value) for name, value in told.items()})


def _finding(
    row: Mapping[str, object],
    numbers: list[int],
    writes_msn: bool,
    asked_day: date | None,
    map_day: date | None,
    *entry: object,
) -> Finding:
    participant = Participant.from_db("default", ENTRY, entry) if entry[0] is not None else None
    values = dict(row) | {"asked_day": asked_day, "map_day": map_day}
    return Finding([OF_RECORDING[number] for number in numbers], writes_msn, map_day, participant, values)


@cache
def _statement() -> str:
    """Return the statement; rules are constants, so it contains nothing that somebody typed."""
    text = SQL.read_text().replace("{broken}", broken(OF_RECORDING))
    return text.replace("{provider}", ", ".join(f"p.{column}" for column in ENTRY))


def _shown(value: object) -> object:
    return date_format(value, "DATE_FORMAT") if isinstance(value, date) else value
