"""The form of the yearly review of access: it parses; `accounts.actions.reviews` decides."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django import forms
from django.forms import BoundField

from accounts.actions.reviews import Decision
from accounts.models import Membership
from accounts.roles import Job

KEEP, END = ("keep", "Keep"), ("end", "End")
LONGEST_REASON = 200


@dataclass(frozen=True)
class ReviewRow:
    """A member as the page shows them, with those fields about them that there are."""

    member: Membership
    job_shown: BoundField
    reason: BoundField | None
    decision: BoundField | None


class ReviewForm(forms.Form):
    """For each member shown: keep or end, nothing chosen beforehand; why, if to end; and the level that was shown."""

    def __init__(self, members: Iterable[Membership], choices: dict[int, tuple], **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.members = list(members)
        for member in self.members:
            self._add_fields(member, choices.get(member.pk, (KEEP, END)))

    def _add_fields(self, member: Membership, choices: tuple) -> None:
        name = member.user.name
        self.fields[f"job_{member.pk}"] = forms.ChoiceField(
            choices=Job, widget=forms.HiddenInput, initial=member.job, label=f"Access level of {name}"
        )
        if choices:
            self.fields[f"decision_{member.pk}"] = forms.ChoiceField(
                required=False,
                choices=choices,
                widget=forms.RadioSelect({"class": "govuk-radios--inline"}),
                label=name,
                error_messages={"invalid_choice": f"Choose {' or '.join(label for _, label in choices)}."},
            )
        if END in choices:
            self.fields[f"reason_{member.pk}"] = forms.CharField(
                required=False,
                max_length=LONGEST_REASON,
                label=f"Why {name}’s membership ends",
                widget=forms.TextInput({"autocomplete": "off", "class": "govuk-input--width-20"}),
            )

    def clean(self) -> dict[str, object]:
        given = super().clean()
        for member in self.members:
            if given.get(f"decision_{member.pk}") == "end" and not given.get(f"reason_{member.pk}"):
                self.add_error(f"reason_{member.pk}", "Enter a reason.")
        if not any(given.get(f"decision_{member.pk}") for member in self.members) and not self.errors:
            self.add_error(None, "Choose Keep or End for at least one member.")
        return given

    def decisions(self) -> list[Decision]:
        """Those that were made; the others stay due."""
        given = self.cleaned_data
        return [
            Decision(number, Job(given[f"job_{number}"]), decision == "keep", given.get(f"reason_{number}", ""))
            for number in (member.pk for member in self.members)
            if (decision := given.get(f"decision_{number}"))
        ]

    def rows(self) -> list[ReviewRow]:
        return [
            ReviewRow(member, *(self._field(name, member) for name in ("job", "reason", "decision")))
            for member in self.members
        ]

    def _field(self, name: str, member: Membership) -> BoundField | None:
        key = f"{name}_{member.pk}"
        return self[key] if key in self.fields else None

    def choices_made(self) -> dict[str, str]:
        """Decisions and reasons, to be shown again beside other levels."""
        return {name: value for name, value in self.cleaned_data.items() if not name.startswith("job_")}


def numbers_in(data: Mapping[str, str], start: str) -> set[int]:
    """Of the fields `<start><number>` in a form that was sent, the numbers; with a value only."""
    ends = (name.removeprefix(start) for name, value in data.items() if name.startswith(start) and value)
    return {int(end) for end in ends if end.isascii() and end.isdecimal() and len(end) <= 18}
