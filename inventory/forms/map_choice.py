"""The MAPs from which a person chooses one for a meter, by code or by name."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from django import forms
from django.core.exceptions import ValidationError

from accounts import clock
from accounts.models import Participant
from accounts.roles import Role
from inventory.models import Device

MOST_SUGGESTED = 3


@dataclass(frozen=True)
class MapChoice:
    """The entries of the list of all MAPs for the fuel of one device, of whatever period."""

    entries: list[Participant]

    @classmethod
    def of(cls, device: Device) -> "MapChoice":
        return cls(list(Participant.objects.filter(role=Role.MAP, fuel=device.fuel).order_by("name", "code")))

    def on(self, day: date) -> list[Participant]:
        """Return those in force on `day` that a meter can have."""
        return [entry for entry in self.entries if entry.in_force(day) and entry.kind != Participant.Kind.TEST]

    def options(self) -> list[str]:
        return [labelled(entry) for entry in self.on(clock.today())]

    def code_in(self, typed: str) -> str:
        """Return the code of the MAP that `typed` names, or `typed` itself, which the rules judge.

        Accepted are a code, a whole name, and both as the list shows them.
        """
        text = " ".join(typed.split())
        if found := {entry.code for entry in self.entries if same(labelled(entry), text)}:
            return found.pop()
        if named := [entry for entry in self.entries if same(entry.name, text)]:
            return _the_one(named, text)
        self._refuse_two_maps(text)
        self._refuse_part_of_name(text)
        return typed

    def _refuse_two_maps(self, text: str) -> None:
        """Refuse the code of one MAP beside the name of another."""
        code, _, name = (part.strip() for part in text.partition(","))
        if name and (entry := next((e for e in self.entries if same(e.code, code)), None)):
            sentence = f"{entry.code} is {entry.name}, not {name}. Choose one MAP from the list."
            raise ValidationError(sentence, code="not_listed")

    def _refuse_part_of_name(self, text: str) -> None:
        found = [entry for entry in self.on(clock.today()) if text and text.casefold() in entry.name.casefold()]
        if found and not any(same(entry.code, text) for entry in self.entries):
            near = ", ".join(f"{entry.code} ({entry.name})" for entry in found[:MOST_SUGGESTED])
            sentence = f"Choose a MAP from the list, or enter its code or whole name. Perhaps {near}."
            raise ValidationError(sentence, code="not_listed")

    def alike(self, chosen: Participant, day: date, former: Participant | None) -> list[Participant]:
        """Return the MAPs whose code differs from that of `chosen` in one character, or by two that are swapped.

        Not the `former` one: it is shown beside the one chosen.
        """
        others = [entry for entry in self.on(day) if former is None or entry.code != former.code]
        return [entry for entry in others if _is_one_slip_from(entry.code, chosen.code)][:MOST_SUGGESTED]


def labelled(entry: Participant) -> str:
    """Such as `ZMAP, Zenith Meter Assets`."""
    return f"{entry.code}, {entry.name}"


def same(one: str, other: str) -> bool:
    return " ".join(one.split()).casefold() == other.casefold()


def _the_one(named: list[Participant], name: str) -> str:
    """Return the code of that name: the one in force today, if there are several."""
    codes = {entry.code for entry in named if entry.in_force(clock.today())} or {entry.code for entry in named}
    if len(codes) > 1:
        sentence = f"Several MAPs are called {name}. Enter the code: {' or '.join(sorted(codes))}."
        raise ValidationError(sentence, code="not_listed")
    return codes.pop()


def _is_one_slip_from(one: str, other: str) -> bool:
    if len(one) != len(other):
        return False
    differing = [i for i in range(len(one)) if one[i] != other[i]]
    if len(differing) == 2:
        first, second = differing
        return second == first + 1 and (one[first], one[second]) == (other[second], other[first])
    return len(differing) == 1


class ListedInput(forms.TextInput):
    """A text field with a list to choose from, which browsers narrow as one types; works without JavaScript."""

    template_name = "django/forms/widgets/listed.html"
    options: Callable[[], list[str]] = list

    def get_context(self, name: str, value: object, attrs: dict[str, object] | None) -> dict[str, object]:
        context = super().get_context(name, value, attrs)
        context["widget"]["attrs"]["list"] = f"{context['widget']['attrs'].get('id', name)}_list"
        return context | {"options": self.options()}
