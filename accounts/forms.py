"""Forms of the own organisation and the public list."""

from django import forms

from accounts.roles import Job


class JobForm(forms.Form):
    job = forms.ChoiceField(choices=Job, widget=forms.RadioSelect, label="Job")
    job_shown = forms.ChoiceField(choices=Job, widget=forms.HiddenInput)  # what the choice was based on


class ParticipantSearch(forms.Form):
    name = forms.CharField(
        required=False,
        max_length=60,
        label="Name or code",
        widget=forms.TextInput({"autocomplete": "off", "class": "govuk-input--width-20"}),
    )
