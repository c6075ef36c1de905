"""Which rows of the audit trail a page or file shows: its filters, and pages by position."""

from collections.abc import Mapping
from dataclasses import dataclass

from django import forms
from django.db.models import Model, QuerySet
from django.utils.http import urlencode

from accounts.acting import Acting
from accounts.audit.kinds import LABELS
from accounts.errors import BadRequest
from accounts.forms.people import NO_DATE
from accounts.models import User
from accounts.models.audit import AuditRow, AuditRowQuerySet
from accounts.roles import Role

PAGE_SIZE = 50
PAGING = ("after", "before")


class DayField(forms.DateField):
    def __init__(self, label: str) -> None:
        widget = forms.DateInput({"autocomplete": "off"})
        super().__init__(required=False, label=label, widget=widget, error_messages={"invalid": NO_DATE})


class AuditSearch(forms.Form):
    """Filters by person (a member of the own organisation; for the DCC, of any), kind and UK days."""

    person = forms.ModelChoiceField(User.objects.none(), required=False, label="Person", empty_label="Anybody")
    kind = forms.ChoiceField(required=False, label="What was done", choices=[("", "Anything"), *LABELS.items()])
    from_day = DayField("From")
    to_day = DayField("To")

    def __init__(self, data: Mapping[str, str], acting: Acting) -> None:
        super().__init__(data)
        people = User.objects.order_by("name", "pk")
        members = people.filter(memberships__organisation=acting.organisation)
        self.fields["person"].queryset = people if acting.role == Role.DCC else members
        self.acting = acting

    @property
    def given(self) -> dict[str, str]:
        """The filters in use as they were typed."""
        return {name: self.data[name] for name in self.fields if self.data.get(name)}

    def rows(self) -> AuditRowQuerySet:
        """What the filters leave of what `acting` may read."""
        asked = self.cleaned_data
        rows = AuditRow.objects.readable_by(self.acting.organisation).between(asked["from_day"], asked["to_day"])
        if asked["person"]:
            rows = rows.filter(person_id=asked["person"].pk)
        return rows.filter(kind=asked["kind"]) if asked["kind"] else rows


FILTERS = tuple(AuditSearch.base_fields)


@dataclass(frozen=True)
class Page:
    """Rows, newest first, and the addresses of the neighbouring pages (query strings)."""

    rows: list[Model]
    previous_url: str = ""
    next_url: str = ""


def page_of(rows: QuerySet, params: Mapping[str, str]) -> Page:
    """The 50 rows after (older than) or before (newer than) the row number that `params` name, else the newest."""
    after, before = _number(params, "after"), _number(params, "before")
    if after and before:
        raise BadRequest("“after” and “before” cannot be used together.")
    beyond = rows.filter(**({"pk__gt": before} if before else {"pk__lt": after} if after else {}))
    found = list(beyond.order_by("pk" if before else "-pk")[: PAGE_SIZE + 1])
    more = len(found) > PAGE_SIZE
    shown = found[:PAGE_SIZE][::-1] if before else found[:PAGE_SIZE]
    has_previous, has_next = (more, True) if before else (bool(after), more)
    return Page(
        shown,
        _query(params, "before", shown[0]) if shown and has_previous else "",
        _query(params, "after", shown[-1]) if shown and has_next else "",
    )


def _number(params: Mapping[str, str], name: str) -> int | None:
    text = params.get(name, "")
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise BadRequest("This page address is damaged. Start again from the list.")
    return int(text) if text else None


def _query(params: Mapping[str, str], direction: str, row: Model) -> str:
    kept = {name: value for name, value in params.items() if name not in PAGING and value}
    return "?" + urlencode(kept | {direction: row.pk})
