"""The form that asks about the past."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta

from django import forms
from django.db import connection
from django.utils.formats import date_format
from django.utils.timezone import make_aware

from accounts import clock
from accounts.errors import BadRequest
from accounts.forms.people import DayField
from inventory.devices.filters import problems_of
from inventory.models import ReportRun

FIRST_DAY = date(2000, 1, 1)


def remembers_from() -> date | None:
    """The date of the first recording: nothing was known before it. None while there are no devices."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT inventory_remembers_from()")
        return cursor.fetchone()[0]


class PastForm(forms.Form):
    """Which past is asked for: a date, and the last date whose recordings are included."""

    as_of = DayField(label="Date", required=False, help_text="For example 23/11/2026.")
    known_on = DayField(
        label="Using only what was recorded by (optional)",
        required=False,
        help_text="Ignore anything recorded after this date. Leave blank to include everything.",
    )

    def __init__(self, data: Mapping[str, str] | None = None, *, day_needed: bool = False) -> None:
        super().__init__(data)
        self.fields["as_of"].required = day_needed

    def cleaned_or_refused(self) -> dict[str, object]:
        """Return the dates asked for; raise BadRequest with all that is wrong with them."""
        if self.is_valid():
            return self.cleaned_data
        raise BadRequest(*problems_of(self))

    def clean(self) -> dict:
        cleaned = super().clean()
        today = clock.today()
        for name in ("as_of", "known_on"):
            if (day := cleaned.get(name)) and not FIRST_DAY <= day <= today:
                self.add_error(name, f"Enter a date from {date_format(FIRST_DAY, 'DATE_FORMAT')} to today.")
        if cleaned.get("known_on") and not cleaned.get("as_of"):
            self.add_error("as_of", "Enter the date you want to see.")
        elif (day := cleaned.get("known_on")) and (first := remembers_from()) and day < first:
            self.add_error("known_on", f"The inventory remembers from {date_format(first, 'DATE_FORMAT')}.")
        return cleaned

    @property
    def known_at(self) -> datetime | None:
        """The moment up to which recordings are included; None to include all of them."""
        day = self.cleaned_data.get("known_on")
        if day is None or day == clock.today():
            return None
        return make_aware(datetime.combine(day + timedelta(days=1), time.min)) - timedelta(microseconds=1)


class PortfolioForm(PastForm):
    """Which portfolio report is asked for: of today or a past, and in which format."""

    format = forms.ChoiceField(
        label="Format",
        required=False,
        choices=[
            (ReportRun.Format.CSV, "CSV, for systems"),
            (ReportRun.Format.XLSX, "Excel (XLSX), with identifiers as text"),
        ],
        initial=ReportRun.Format.CSV,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": "Choose csv or xlsx."},
    )

    def __init__(self, data: Mapping[str, str] | None = None) -> None:
        super().__init__(
            None if data is None else {"format": ReportRun.Format.CSV} | {name: data[name] for name in data}
        )
        self.fields["as_of"].initial = clock.today
