"""The one filter set over devices, for page and file, built from the table of data items."""

from collections.abc import Callable, Iterable
from datetime import date

import django_filters
from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.formats import date_format

from accounts.access import refuse_unknown
from accounts.acting import FIELD as ACTING_FIELD
from accounts.acting import Acting
from accounts.errors import BadRequest, Problem
from accounts.files.paging import PAGING
from accounts.forms.people import DayField, refuse_reversed
from inventory.data_items import ITEMS, DataItem, Search
from inventory.identifiers import (
    InvalidIdentifier,
    msn_key,
    parse_device_id_prefix,
    parse_mpxn,
    parse_msn,
    prefix_range,
)
from inventory.models import Device, DeviceType, Status

LOOK_UPS = {"mpxn", "msn"}
OF_A_MANUFACTURER = 8  # characters of a Device ID, such as 00-DB-12


class IdentifierField(forms.CharField):
    """A text that `parse` brings into canonical form, or refuses with a sentence for the user."""

    def __init__(self, *, parse: Callable[[str], str], **kwargs: object) -> None:
        super().__init__(max_length=200, **kwargs)
        self.parse = parse

    def to_python(self, value: object) -> str:
        text = super().to_python(value)
        try:
            return self.parse(text) if text else ""
        except InvalidIdentifier as invalid:
            raise ValidationError(str(invalid), code=invalid.code) from invalid


class IdentifierFilter(django_filters.Filter):
    """Looks an identifier up by conditions that an index serves under row security: equality or a range."""

    field_class = IdentifierField

    def __init__(self, conditions: Callable[[str], dict[str, str]], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.conditions = conditions

    def filter(self, qs: QuerySet, value: str) -> QuerySet:
        return qs.filter(**self.conditions(value)) if value else qs


def begins_with(prefix: str) -> dict[str, str]:
    low, high = prefix_range(prefix)
    return {"device_id__gte": low, "device_id__lt": high}


IDENTIFIERS = {
    "device_id": (parse_device_id_prefix, begins_with, "In full, or its first 6 characters or more", 23),
    "mpxn": (parse_mpxn, lambda value: {"mpxn": value}, "MPAN or MPRN, in full", 13),
    "msn": (parse_msn, lambda value: {"msn_key": msn_key(value)}, "In full; spaces do not matter", 20),
}
CHOICES = {"device_type": DeviceType, "smi_status": Status}


def identifier_filter(item: DataItem) -> IdentifierFilter:
    parse, conditions, hint, width = IDENTIFIERS[item.name]
    attributes = {"class": "smi-id", "autocomplete": "off", "spellcheck": "false", "maxlength": max(width, 30)}
    widget = forms.TextInput(attributes)
    return IdentifierFilter(conditions, label=item.label, parse=parse, help_text=hint, widget=widget)


def choice_filter(item: DataItem) -> django_filters.ChoiceFilter:
    known = CHOICES[item.name]
    return django_filters.ChoiceFilter(
        field_name=item.path or item.name,
        choices=known.choices,
        label=item.label,
        empty_label="Any",
        error_messages={"invalid_choice": f"This is none of {', '.join(known.values)}."},
    )


class DayFilter(django_filters.DateFilter):
    field_class = DayField


def day_filter(item: DataItem, lookup: str, label: str) -> DayFilter:
    return DayFilter(
        field_name=item.name,
        lookup_expr=lookup,
        label=label,
        widget=forms.DateInput({"autocomplete": "off"}),
    )


def filters_of(item: DataItem) -> dict[str, django_filters.Filter]:
    """The parameters by which `item` may be searched; none for an item that may not."""
    if item.search is None:
        return {}
    if item.search is Search.CHOICE:
        return {item.name: choice_filter(item)}
    if item.search is Search.RANGE:
        stem = item.name.removesuffix("_on")
        word = stem.capitalize()
        return {
            f"{stem}_from": day_filter(item, "gte", f"{word} from"),
            f"{stem}_to": day_filter(item, "lte", f"{word} to"),
        }
    return {item.name: identifier_filter(item)}


def problems_of(form: forms.Form) -> list[Problem]:
    """All that is wrong with a form, field by field."""
    of_fields = form.errors.as_data().items()
    return [
        Problem(sentence, error.code or "invalid", "" if name == NON_FIELD_ERRORS else name)
        for name, errors in of_fields
        for error in errors
        for sentence in error.messages
    ]


class DatesInOrder(forms.Form):
    """The filters as a form: of two dates, the first cannot be after the last."""

    def clean(self) -> dict:
        cleaned = super().clean()
        for name in self.fields:
            if name.endswith("_from"):
                refuse_reversed(self, name, f"{name.removesuffix('_from')}_to")
        return cleaned


class DeviceSearch(django_filters.FilterSet):
    """Refuses what it does not know; narrows nothing before `is_valid()` has said yes."""

    parameters: dict[str, DataItem]

    class Meta:
        model = Device
        fields: list[str] = []
        form = DatesInOrder

    def __init__(
        self, data: QueryDict, queryset: QuerySet, acting: Acting, *, beside: Iterable[str] = (*PAGING, ACTING_FIELD)
    ) -> None:
        """`beside` the filters, these parameters are known."""
        super().__init__(data, queryset)
        for name, item in self.parameters.items():
            if not item.visible_to(acting.role):
                del self.filters[name]
        refuse_unknown(data, {*self.filters, *beside})

    def narrowed_or_refused(self) -> QuerySet:
        """The devices found; BadRequest with all that is wrong with the filters."""
        if self.is_valid():
            return self.qs
        raise BadRequest(*problems_of(self.form))

    @property
    def looks_up(self) -> bool:
        """Whether it names single devices, or a part of the Device ID beyond its manufacturer; not just properties."""
        beyond = len(self.form.cleaned_data.get("device_id") or "") > OF_A_MANUFACTURER
        return beyond or bool(LOOK_UPS & self.given.keys())

    @property
    def main_fields(self) -> list[forms.BoundField]:
        """What a device is found by: its identifiers."""
        return [self.form[name] for name in self.form.fields if name in IDENTIFIERS]

    @property
    def more_fields(self) -> list[forms.BoundField]:
        return [self.form[name] for name in self.form.fields if name not in IDENTIFIERS]

    @property
    def narrowed(self) -> bool:
        """Whether one of `more_fields` is filled in."""
        return any(self.data.get(field.name) for field in self.more_fields)

    @property
    def applied(self) -> dict[str, str]:
        """The filters in use, in words: parameter → such as `MSN: S76A 13884`."""
        return {name: self._in_words(name, value, ":") for name, value in self._used.items()}

    @property
    def in_title(self) -> str:
        """The filters in use, as a title goes on: such as ` with MSN S76A 13884, installed from 1 May 2024`."""
        dates = [name for name, value in self._used.items() if isinstance(value, date)]
        said = {name: self._in_words(name, value).partition(", ")[0] for name, value in self._used.items()}
        others = ", ".join(words for name, words in said.items() if name not in dates)
        return f" with {others}" * bool(others) + "".join(
            f", {said[name][0].lower()}{said[name][1:]}" for name in dates
        )

    @property
    def given(self) -> dict[str, str]:
        """The filters in use as they were typed."""
        return {name: self.data[name] for name in self.applied}

    @property
    def _used(self) -> dict[str, object]:
        return {name: value for name, value in self.form.cleaned_data.items() if value not in (None, "")}

    def _in_words(self, name: str, value: object, colon: str = "") -> str:
        label = self.form.fields[name].label
        if isinstance(value, date):
            return f"{label} {date_format(value, 'DATE_FORMAT')}"
        return f"{label}{colon} {dict(CHOICES[name].choices)[value] if name in CHOICES else value}"


PARAMETERS = {name: item for item in ITEMS for name in filters_of(item)}
DeviceFilter = type(
    "DeviceFilter",
    (DeviceSearch,),
    {"parameters": PARAMETERS, "__doc__": DeviceSearch.__doc__}
    | {name: built for item in ITEMS for name, built in filters_of(item).items()},
)
