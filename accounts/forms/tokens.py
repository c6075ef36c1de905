"""The form of a token."""

from django import forms

from accounts.models import ServiceToken
from accounts.roles import Job
from accounts.sign_in.networks import parse_networks

DAYS = f"Enter a whole number of days from 1 to {ServiceToken.MOST_DAYS}."


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=ServiceToken.LONGEST_NAME,
        label="Name",
        help_text="Which system it is for, for example Asset register. The audit trail shows it.",
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": "Enter the name of the system that the API token is for."},
    )
    job = forms.ChoiceField(
        choices=[(job.value, job.label) for job in ServiceToken.JOBS],
        initial=Job.VIEWER.value,
        widget=forms.RadioSelect,
        label="Access level",
        help_text="What the system can do for the organisation. Choose the lowest level that it needs.",
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose Viewer or Editor."),
    )
    days = forms.IntegerField(
        min_value=1,
        max_value=ServiceToken.MOST_DAYS,
        initial=ServiceToken.USUAL_DAYS,
        label="Valid for how many days?",
        help_text=f"From 1 to {ServiceToken.MOST_DAYS}. We email your administrators 14 and 2 days before it expires.",
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "off", "class": "govuk-input--width-4"}),
        error_messages=dict.fromkeys(("required", "invalid", "min_value", "max_value"), DAYS),
    )
    networks = forms.CharField(
        required=False,
        max_length=2000,
        label="Networks it can be used from (optional)",
        help_text="One on each line, for example 192.0.2.0/24 or 2001:db8::/32. Leave it blank to allow any network.",
        widget=forms.Textarea({"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
    )

    def clean_networks(self) -> list[str]:
        try:
            return parse_networks(self.cleaned_data["networks"])
        except ValueError as error:
            raise forms.ValidationError(str(error)) from error
