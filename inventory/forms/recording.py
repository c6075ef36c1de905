"""Forms for MAP ID and MSN: they parse the input; `rules` and `recording` decide."""

from collections.abc import Container

from django import forms
from django.core.exceptions import ValidationError

from accounts.acting import Acting
from accounts.errors import Problem
from accounts.forms.people import DayField
from accounts.models import Fuel
from accounts.roles import Permission, Role
from inventory.data_items import BY_NAME
from inventory.devices.filters import problems_of
from inventory.forms.conflict import Side
from inventory.forms.map_choice import ListedInput, MapChoice, labelled
from inventory.models import Device, StepKind
from inventory.rules.recording import Assessment, Recording, assess

IDENTIFIER = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}
REMOVES = {"map_id": Permission.BLANK_MAP_ID, "msn": Permission.REMOVE_MSN}
WITH_ARTICLE = {"map_id": "a MAP ID", "msn": "an MSN"}
ON_ESME = "10 characters on an ESME, for example S76A 13884"
ON_GSME = "14 characters on a GSME, for example G4Z48639953001"
KEEP = [("theirs", "Keep what is recorded"), ("yours", "Keep yours")]


class DeviceEditForm(forms.Form):
    """MAP ID and MSN of one device, with the version and the values it was opened with.

    A field left as it was, or left out, stays as it is. `keep_…` comes from the conflict page.
    """

    map_id = forms.CharField(
        label=BY_NAME["map_id"].label,
        required=False,
        max_length=200,
        help_text="The Meter Asset Provider of this meter. Enter its code or name, or choose from the list.",
        widget=ListedInput({"autocomplete": "off", "spellcheck": "false", "class": "govuk-input--width-20"}),
    )
    map_from = DayField(
        label=BY_NAME["map_from"].label,
        required=False,
        help_text="Usually the date the meter was installed, for example 23/11/2026.",
    )
    kind = forms.ChoiceField(
        label="Why are you changing this value?",
        required=False,
        choices=[
            (StepKind.CORRECTION.value, "It was entered incorrectly"),
            (StepKind.CHANGE.value, "The meter moved to a different MAP on the date above"),
        ],
        widget=forms.RadioSelect,
    )
    msn = forms.CharField(
        label=BY_NAME["msn"].label,
        required=False,
        max_length=100,
        widget=forms.TextInput(IDENTIFIER | {"class": "smi-id govuk-input--width-10"}),
    )
    source = forms.CharField(
        label="Where did you get this value?",
        required=False,
        max_length=120,
        help_text="Shown beside the value, for example nameplate photo, job 88213.",
        widget=forms.TextInput({"class": "govuk-input--width-30"}),
    )
    reason = forms.CharField(
        label="Reason", required=False, max_length=240, widget=forms.TextInput({"class": "govuk-input--width-30"})
    )
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    base_msn = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    base_map_id = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    keep_msn = forms.ChoiceField(required=False, choices=KEEP, widget=forms.HiddenInput)
    keep_map_id = forms.ChoiceField(required=False, choices=KEEP, widget=forms.HiddenInput)

    def __init__(self, data: dict | None = None, *, device: Device, by: Acting) -> None:
        super().__init__(data, initial=_initial(device))
        self.device, self.by = device, by
        self.assessment = Assessment()
        if device.takes_map_id:
            self.maps = MapChoice.of(device)
            self.fields["map_id"].widget.options = self.maps.options
        else:
            self._leave_out("map_id", "map_from", "kind", "base_map_id", "keep_map_id")
        self._ask_what_applies()

    def _ask_what_applies(self) -> None:
        """No question that cannot matter for this device and person."""
        device, source, reason = self.device, self.fields["source"], self.fields["reason"]
        electric = device.fuel == Fuel.ELECTRICITY
        msn = (
            "10 characters on an ESME, for example S76A 13884",
            "14 characters on a GSME, for example G4Z48639953001",
        )
        self.fields["msn"].help_text = f"As on the nameplate. At most {msn[not electric]}."
        if not device.asset_provider:
            self._leave_out("kind")
        if not (device.msn or device.asset_provider):
            source.label += " (optional)"
        elif device.takes_map_id and not (device.msn and device.asset_provider):
            source.help_text += " You can leave this blank unless you change a recorded value."
        if self.by.role == Role.DCC:
            reason.help_text = "Needed, as the DCC records in place of the supplier."
        else:
            reason.help_text = "Needed for a meter that its customer owns (a dummy MAP ID)."
            self._show_reason(shown=bool(self.data.get("reason")))

    def _leave_out(self, *names: str) -> None:
        for name in names:
            self.fields.pop(name, None)

    def _show_reason(self, *, shown: bool) -> None:
        """A supplier is asked for a reason once a rule needs it."""
        attrs = self.fields["reason"].widget.attrs
        self.fields["reason"].widget = forms.TextInput(attrs) if shown else forms.HiddenInput(attrs)

    @property
    def stale(self) -> bool:
        return self.cleaned_data.get("version") != self.device.version

    def clean_map_id(self) -> str:
        return self.maps.code_in(self.cleaned_data["map_id"])

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.stale:
            recording = self.recording()
            self.assessment = assess(self.device, recording, self.by)
            for problem in self.assessment.problems[len(recording.refused) :]:
                self._refuse(problem)
        return cleaned

    def _refuse(self, problem: Problem) -> None:
        if problem.item == "reason":
            self._show_reason(shown=True)
        sentence = self._way_to_remove(problem.item) if problem.code == "not_blanked" else problem.in_full
        name = problem.item if problem.item in self.fields else None
        self.add_error(name, ValidationError(sentence, code=problem.code))

    def _way_to_remove(self, item: str) -> str:
        """Only Administrators can remove a value, and only they are told where."""
        label, recorded = BY_NAME[item].label, recorded_values(self.device)[item]
        if self.by.may(REMOVES[item]):
            return f"To remove {recorded}, use “Remove the {label}”. To keep it, leave {recorded} in this field."
        return f"You cannot remove {WITH_ARTICLE[item]}. Enter the correct one, or leave {recorded}."

    @property
    def needs_confirmation(self) -> bool:
        """Whether the next page shows first what will be saved: for each MAP ID, and for whatever is replaced."""
        return self.assessment.participant is not None or self.assessment.needs_confirmation

    @property
    def step_kind(self) -> StepKind | None:
        """Correction or change, as chosen; where the MAP ID stays, only a correction is possible."""
        if chosen := self.cleaned_data.get("kind"):
            return StepKind(chosen)
        recorded, map_id, msn = self.device.asset_provider, self._given("map_id"), self._given("msn")
        if recorded is None:
            replaces_msn = self.device.msn and msn and msn.strip().upper() != self.device.msn
            return StepKind.CORRECTION if replaces_msn else None
        return StepKind.CORRECTION if map_id in (None, recorded.code) else None

    def _given(self, name: str) -> str | None:
        """What was typed; None for an item that was not sent, or given up on the conflict page."""
        given_up = self.cleaned_data.get(f"keep_{name}") == "theirs"
        return None if given_up or name not in self.data else self.cleaned_data.get(name)

    def sides(self, in_another_tab: Container[str] = ()) -> list[Side]:
        """For the conflict page: each item when the form was opened, as recorded now, and as typed."""
        now = recorded_values(self.device)
        return [
            Side(
                label=BY_NAME[name].label,
                name=name,
                base=str(self.data.get(f"base_{name}", "")),
                theirs=str(now[name] or ""),
                yours=self._typed(name),
                in_another_tab=name in in_another_tab,
            )
            for name in ("map_id", "msn")
            if name in self.fields
        ]

    @property
    def named(self) -> dict[str, str]:
        """The names of the MAPs by their codes."""
        return {entry.code: entry.name for entry in self.maps.entries} if "map_id" in self.fields else {}

    @property
    def carried_on(self) -> list[forms.BoundField]:
        """What the conflict page hands on as it was typed."""
        anew = {"version", "keep_msn", "keep_map_id"}
        return [field for field in self if field.name not in anew and not field.name.startswith("base_")]

    @property
    def new_base(self) -> list[tuple[str, object]]:
        """The values a further conflict is shown against: those recorded now."""
        now = recorded_values(self.device).items()
        return [(name, value or "") for name, value in now if name.startswith("base_") and name in self.fields]

    def _typed(self, name: str) -> str:
        return str(self.cleaned_data.get(name) or "").strip().upper()

    def recording(self) -> Recording:
        """What to record; an item that was not touched, or given up on the conflict page, is left out."""
        cleaned = self.cleaned_data
        return Recording(
            msn=self._given("msn"),
            map_id=self._given("map_id"),
            map_from=cleaned.get("map_from"),
            kind=self.step_kind,
            source=cleaned.get("source", ""),
            reason=cleaned.get("reason", ""),
            refused=tuple(problems_of(self)),
        )


def recorded_values(device: Device) -> dict[str, object]:
    """What the form starts from, twice: in its fields, and as the base a conflict is shown against."""
    provider = device.asset_provider
    recorded = {
        "msn": device.msn,
        "map_id": provider.code if provider else "",
        "map_from": device.map_from or device.installed_on,
    }
    return recorded | {f"base_{name}": value for name, value in recorded.items()}


def _initial(device: Device) -> dict[str, object]:
    """The recorded values, with the name of the MAP beside its code."""
    shown = recorded_values(device) | {"version": device.version}
    return shown | {"map_id": labelled(device.asset_provider)} if device.asset_provider else shown
