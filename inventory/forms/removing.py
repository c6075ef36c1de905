"""Forms that remove a MAP ID or an MSN, or cancel a planned change, each with its reason."""

from django import forms

from accounts.forms.people import DayField, required
from inventory.models import Device, StepKind


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


class RemoveMsnForm(forms.Form):
    """Removes an MSN that is wrong, where the right one is not known."""

    reason = forms.CharField(
        label="Why are you removing it?",
        max_length=240,
        help_text="Kept in the history of the meter, for example the MSN of the meter it replaced.",
        error_messages=required("Enter a reason."),
        widget=forms.TextInput({"class": "govuk-input--width-30"}),
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
