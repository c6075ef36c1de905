"""Refusals that become an error page or a problem of the API, with the sentence that the user reads.

The status of each is in `smi_portal/refusals/table.py`.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

QUOTED = 40  # the most characters of the input that a message repeats
MOST_TOLD = 100  # the most problems that an answer lists; it says how many more there are
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}  # Unicode categories


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, the same on pages and in the API.

    `code` is snake_case and stable, for programs; `item` is the field or parameter it is about, if any; `suggestion`
    is what may have been meant, if something is likely.
    """

    sentence: str
    code: str = "invalid"
    item: str = ""
    suggestion: str = ""

    def __str__(self) -> str:
        return self.sentence

    @property
    def in_full(self) -> str:
        """Return the sentence with the suggestion, unless it contains it already."""
        told = not self.suggestion or self.suggestion in self.sentence
        return self.sentence if told else f"{self.sentence} Did you mean {self.suggestion}?"

    def of_part(self, part: str) -> "Problem":
        """The same about one part of a whole, such as the third device of a batch: its item begins with `part`."""
        return replace(self, item=f"{part}/{self.item}".strip("/"))


class BadRequest(Exception):
    """400: the request says something the portal does not accept; each problem is one sentence.

    `within` is where their items stand: `query` (parameters of the address) or `body`.
    """

    def __init__(self, *problems: str | Problem, hint: str = "", within: str = "query") -> None:
        super().__init__(" ".join(map(str, problems)))
        self.problems = [problem if isinstance(problem, Problem) else Problem(problem) for problem in problems]
        self.hint, self.within = hint, within


class OtherMembership(Exception):
    """409: the form or link was made for another membership than the current one."""

    def __init__(self, membership_id: str) -> None:
        super().__init__(membership_id)
        self.membership_id = membership_id


class TooMany(Exception):
    """429: the limit has been reached; `seconds` until more is allowed."""

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Busy(Exception):
    """503: not now, for a reason that passes; `seconds` until the user should try again."""

    def __init__(self, sentence: str, seconds: int) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class NotAllowed(Exception):
    """An action refuses for a reason of its rules; `field` names the form field it is about, if any.

    Where it found several, `problems` has them all.
    """

    def __init__(self, reason: str, field: str | None = None) -> None:
        super().__init__(reason)
        self.field = field
        self.problems = [Problem(reason, item=field or "")]

    @classmethod
    def because(cls, problems: Sequence[Problem]) -> "NotAllowed":
        refusal = cls(problems[0].in_full, problems[0].item or None)
        refusal.problems = list(problems)
        return refusal


class Stale(Exception):
    """The object has been changed since the user read it."""


def more_than_told(problems: Sequence[object]) -> list[str]:
    """Return the sentence that says how many problems an answer leaves out, if it leaves out any."""
    more = len(problems) - MOST_TOLD
    return [f"Only the first {MOST_TOLD} are listed; there are {more:,} more."] if more > 0 else []


def quote(text: str) -> str:
    """Return the start of `text` in a form that a message can repeat: short, and with no hidden characters."""
    shown = "".join("\ufffd" if is_invisible(char) else char for char in text[:QUOTED])
    return f"“{shown}{'…' if len(text) > QUOTED else ''}”"


def is_invisible(char: str) -> bool:
    """Whether it is a control, a format or direction mark, or a code point without a character."""
    return unicodedata.category(char) in INVISIBLE
