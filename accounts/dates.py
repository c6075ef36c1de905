"""The one reader of dates, for every door: pages, addresses, files, the API and commands."""

import re
from datetime import date

from accounts.bounds import YEARS

NO_DATE = "Enter a real date, for example 23/11/2026 or 2026-11-23."
NO_YEAR = "Enter the year with four digits, for example 23/11/2026."
TIMED = "Enter the date without a time, for example 23/11/2026."
SERIAL = "This is a spreadsheet’s number for a date. Format its column as a date, then enter it again."

# A date-time counts if it is midnight, as spreadsheets write dates; `Z` stands behind the dates of DUIS.
_MIDNIGHT = r"(?:[T ]+00:00(?::00(?:\.0+)?)?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?"
_TIME = r"[T ]+[0-9]{1,2}[:.][0-9]{2}.*"
_FORMS = (
    r"(?P<year>[0-9]{4})(?P<between>[-/.])(?P<month>[0-9]{1,2})(?P=between)(?P<day>[0-9]{1,2})",
    r"(?P<year>[0-9]{4})(?P<month>[0-9]{2})(?P<day>[0-9]{2})",
    r"(?P<day>[0-9]{1,2})(?P<between>[-/. ])(?P<month>[0-9]{1,2}|[A-Z]{3,9})(?P=between)(?P<year>[0-9]{4}|[0-9]{2})",
)
_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_SERIAL = re.compile(r"[2-6][0-9]{4}(\.0+)?")


class NotADate(ValueError):
    """Why a text is not a date: str() is an instruction for the user; `suggestion` is a date that may be meant."""

    def __init__(self, sentence: str = NO_DATE, suggestion: str = "") -> None:
        super().__init__(f"{sentence} Did you mean {suggestion}?" if suggestion else sentence)
        self.suggestion = suggestion


def parse_date(text: str) -> date:
    """Return the date in `text`: year first, or day first with any of `/ - . ` or the name of the month.

    Raises NotADate. Month first, as in America, is never assumed.
    """
    bare = text.strip()
    for form in _FORMS:
        if found := re.fullmatch(form + _MIDNIGHT, bare, re.IGNORECASE):
            return _date_of(found["year"], found["month"], found["day"])
        if re.fullmatch(form + _TIME, bare, re.IGNORECASE):
            raise NotADate(TIMED)
    raise NotADate(SERIAL if _SERIAL.fullmatch(bare) else NO_DATE)


def _date_of(year: str, month: str, day: str) -> date:
    if len(year) == 2:
        raise NotADate(NO_YEAR)
    number = int(month) if month.isdecimal() else _month_named(month)
    try:
        found = date(int(year), number, int(day))
    except ValueError as error:
        raise NotADate(suggestion=_day_first(int(year), int(day), number)) from error
    if found.year not in YEARS:
        raise NotADate
    return found


def _month_named(name: str) -> int:
    return next((n for n, month in enumerate(_MONTHS, 1) if name.lower() in (month, month[:3], month[:4])), 0)


def _day_first(year: int, month: int, day: int) -> str:
    """Return the date with month and day exchanged, day first, if there is one."""
    try:
        return f"{date(year, month, day):%d/%m/%Y}"
    except ValueError:
        return ""
