"""What a rule is, and the SQL that checks many of them over many rows at once."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What follows when a row breaks a rule."""

    REFUSES = "Refused"
    CONFIRMS = "Must be confirmed"


class Door(StrEnum):
    """Where people and systems record."""

    PAGE = "Page"
    API = "API"
    FILE = "Device file"


RECORDING = (Door.PAGE, Door.API)


@dataclass(frozen=True)
class Rule:
    """A row breaks it where `wrong` holds; `item` is the data item it is about.

    `wrong` is a condition in SQL over `incoming AS i`, in which NULL is an item that stays as it is; in files also over
    `staging AS s`, the row as the file has it. A sentence can name values of the row, as in `{map_id}`.
    """

    item: str
    wrong: str
    sentence: str
    code: str = "invalid"
    kind: Kind = Kind.REFUSES
    doors: tuple[Door, ...] = RECORDING

    @property
    def in_general(self) -> str:
        """The sentence without the values of a row: `…` stands for each."""
        return re.sub(r"\{\w+\}", "…", self.sentence)


def broken(rules: Sequence[Rule]) -> str:
    """Return an SQL expression: the numbers of the rules that a row breaks."""
    wrong = [rule.wrong if "%(" in rule.wrong else rule.wrong.replace("%", "%%") for rule in rules]
    cases = ", ".join(f"CASE WHEN {condition} THEN {number} END" for number, condition in enumerate(wrong))
    return f"array_remove(ARRAY[{cases}], NULL)"


def at(doors: Iterable[Door], rules: Iterable[Rule]) -> tuple[Rule, ...]:
    """Return the rules that apply at one of these doors."""
    wanted = set(doors)
    return tuple(rule for rule in rules if wanted & set(rule.doors))
