"""Forms for MAP ID and MSN: they parse the input; `rules` and `recording` decide."""

from dataclasses import dataclass

from django import forms
from django.core.exceptions import ValidationError

from accounts.acting import Acting
from accounts.forms.people import DayField, required
from accounts.models import Fuel
from accounts.roles import Role
from inventory.data_items import BY_NAME
from inventory.devices.filters import problems_of
from inventory.models import Device, StepKind
from inventory.rules.recording import Assessment, Recording, assess

IDENTIFIER = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}
KEEP = [("theirs", "Keep what is recorded"), ("yours", "Keep yours")]


class DeviceEditForm(forms.Form):
    """MAP ID and MSN of one device, with the version and the values it was opened with.

    A field left as it was, or left out, stays as it is. `keep_…` comes from the conflict page.
    """

    msn = forms.CharField(
        label=BY_NAME["msn"].label,
        required=False,
        max_length=100,
        widget=forms.TextInput(IDENTIFIER | {"class": "smi-id govuk-input--width-10"}),
    )
    map_id = forms.CharField(
        label=BY_NAME["map_id"].label,
        required=False,
        max_length=100,
        widget=forms.TextInput(IDENTIFIER | {"class": "smi-id govuk-input--width-5"}),
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
        super().__init__(data, initial=recorded_values(device) | {"version": device.version})
        self.device, self.by = device, by
        self.assessment = Assessment()
        if not device.takes_map_id:
            for name in ("map_id", "map_from", "kind", "base_map_id", "keep_map_id"):
                del self.fields[name]
        self._explain()

    def _explain(self) -> None:
        electric = self.device.fuel == Fuel.ELECTRICITY
        msn = (
            "10 characters on an ESME, for example S76A 13884",
            "14 characters on a GSME, for example G4Z48639953001",
        )
        code = ("4 characters for electricity", "3 characters for gas")
        self._help("msn", f"As on the nameplate. At most {msn[not electric]}.")
        self._help(
            "map_id", f"The Meter Asset Provider of this meter. {code[not electric]}, from the list of all MAPs."
        )
        replaces = "Needed, as the DCC records in place of the supplier."
        dummy = "Needed only for a meter that its customer owns (a dummy MAP ID)."
        self._help("reason", replaces if self.by.role == Role.DCC else dummy)
        if not (self.device.msn or self.device.asset_provider):
            self.fields.pop("kind", None)

    def _help(self, name: str, text: str) -> None:
        if name in self.fields:
            self.fields[name].help_text = text

    @property
    def stale(self) -> bool:
        return self.cleaned_data.get("version") != self.device.version

    def clean(self) -> dict:
        cleaned = super().clean()
        if not self.stale:
            recording = self.recording()
            self.assessment = assess(self.device, recording, self.by)
            for problem in self.assessment.problems[len(recording.refused) :]:
                name = problem.item if problem.item in self.fields else None
                self.add_error(name, ValidationError(problem.in_full, code=problem.code))
        return cleaned

    def sides(self) -> list["Side"]:
        """For the conflict page: each item when the form was opened, as recorded now, and as typed."""
        now = recorded_values(self.device)
        return [
            Side(
                BY_NAME[name].label,
                name,
                str(self.data.get(f"base_{name}", "")),
                str(now[name] or ""),
                self._typed(name),
            )
            for name in ("msn", "map_id")
            if name in self.fields
        ]

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
        msn = None if cleaned.get("keep_msn") == "theirs" else cleaned.get("msn")
        map_id = None if cleaned.get("keep_map_id") == "theirs" else cleaned.get("map_id")
        return Recording(
            msn=msn if "msn" in self.data else None,
            map_id=map_id if "map_id" in self.data else None,
            map_from=cleaned.get("map_from"),
            kind=StepKind(cleaned["kind"]) if cleaned.get("kind") else None,
            source=cleaned.get("source", ""),
            reason=cleaned.get("reason", ""),
            refused=tuple(problems_of(self)),
        )


@dataclass(frozen=True)
class Side:
    """One item on the conflict page."""

    label: str
    name: str
    base: str
    theirs: str
    yours: str

    @property
    def changed_by_them(self) -> bool:
        return self.base != self.theirs

    @property
    def changed_by_you(self) -> bool:
        return self.yours not in ("", self.base)

    @property
    def preselected(self) -> str:
        """Of two changes theirs, as it is recorded already; yours when only you changed it."""
        return "yours" if self.changed_by_you and not self.changed_by_them else "theirs"

    @property
    def choice(self) -> str:
        """The field that says which side to keep."""
        return f"keep_{self.name}"

    @property
    def theirs_label(self) -> str:
        return "Keep theirs" if self.changed_by_them else "Keep as recorded"

    @property
    def heading(self) -> str:
        if self.changed_by_them and self.changed_by_you:
            return f"{self.label}: both of you changed it"
        if self.changed_by_you:
            return f"{self.label}: only you changed it"
        return f"{self.label}: {'only they' if self.changed_by_them else 'nobody'} changed it"


def recorded_values(device: Device) -> dict[str, object]:
    """What the form starts from, twice: in its fields, and as the base a conflict is shown against."""
    provider = device.asset_provider
    recorded = {
        "msn": device.msn,
        "map_id": provider.code if provider else "",
        "map_from": device.map_from or device.installed_on,
    }
    return recorded | {f"base_{name}": value for name, value in recorded.items()}


class BlankMapIdForm(forms.Form):
    """Removes a MAP ID: a separate act, with its reason and date."""

    kind = forms.ChoiceField(
        label="Which of these is it?",
        choices=[
            (StepKind.ENDED.value, "No MAP provides the meter from a certain date"),
            (StepKind.CORRECTION.value, "The MAP ID was wrong from the start"),
        ],
        widget=forms.RadioSelect,
    )
    day = DayField(
        label="From what date does no MAP provide this meter?",
        required=False,
        help_text="For example 23/11/2026. Leave blank if the MAP ID was wrong from the start.",
    )
    reason = forms.CharField(
        label="Why are you removing it?", max_length=240, error_messages=required("Enter a reason.")
    )
    source = forms.CharField(
        label="Where did you get this information?",
        max_length=120,
        help_text="For example letter of 12 March, ref. 4417.",
        error_messages=required("Enter where you got this information."),
    )
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: dict | None = None, *, device: Device) -> None:
        super().__init__(data, initial={"version": device.version})


class TakeBackForm(forms.Form):
    """Cancels a planned change of the MAP ID."""

    reason = forms.CharField(
        label="Why are you cancelling it?", max_length=240, error_messages=required("Enter a reason.")
    )
    version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(self, data: dict | None = None, *, device: Device) -> None:
        super().__init__(data, initial={"version": device.version})
