"""Values in words, as pages show them."""

from datetime import date, datetime

from django.utils.formats import date_format
from django.utils.timezone import localtime


def in_words(value: object) -> object:
    """Days and moments in words, a moment in UK local time; anything else as it is."""
    if isinstance(value, datetime):
        return date_format(localtime(value), "DATETIME_FORMAT")
    return date_format(value, "DATE_FORMAT") if isinstance(value, date) else value
