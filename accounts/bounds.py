"""The bounds of what anyone can give: dates, and the parts of addresses that name a row or a date."""

from datetime import date

from django.urls import register_converter

YEARS = range(1900, 2200)  # other years are slips, and near the ends of the calendar a date has no next one


class RowNumber:
    """The number of a row, which always fits into its column."""

    regex = "[0-9]{1,18}"
    to_python, to_url = staticmethod(int), staticmethod(str)


class Day:
    """A date such as 2026-11-23."""

    regex = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
    to_url = staticmethod(date.isoformat)

    @staticmethod
    def to_python(text: str) -> date:
        day = date.fromisoformat(text)
        if day.year not in YEARS:
            raise ValueError("not within the bounds: no match")
        return day


register_converter(RowNumber, "row")
register_converter(Day, "day")
