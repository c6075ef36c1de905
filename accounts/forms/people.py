"""Forms of organisations, their members and the public list: they parse; the actions decide."""

from datetime import date

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.formats import date_format

from accounts.dates import NotADate, parse_date
from accounts.forms.edit import EditForm
from accounts.models import Fuel, Proposal, User
from accounts.roles import Job, Role

WIDE = {"class": "govuk-input--width-20", "autocomplete": "off"}


class DayField(forms.DateField):
    """A date as `accounts.dates` reads it."""

    def __init__(self, **kwargs: object) -> None:
        widget = forms.DateInput({"autocomplete": "off", "class": "govuk-input--width-10"})
        words = {"required": "Enter a date, for example 23/11/2026."}
        super().__init__(**{"widget": widget, "error_messages": words} | kwargs)

    def to_python(self, value: object) -> date | None:
        if value in self.empty_values or isinstance(value, date):
            return value or None
        try:
            return parse_date(str(value))
        except NotADate as error:
            raise ValidationError(str(error), "invalid") from error


def refuse_reversed(form: forms.Form, first: str, last: str) -> None:
    """Add an error to the date field `last` if it is before the date in `first`."""
    start, end = form.cleaned_data.get(first), form.cleaned_data.get(last)
    if start and end and end < start:
        cure = f"Enter {date_format(start, 'DATE_FORMAT')} or a later date, or exchange the two dates."
        form.add_error(last, ValidationError(cure, "reversed_dates"))


def required(sentence: str) -> dict[str, str]:
    return {"required": sentence}


class JobForm(EditForm):
    job = forms.ChoiceField(choices=Job, widget=forms.RadioSelect, label="Access level")
    job_shown = forms.ChoiceField(choices=Job, widget=forms.HiddenInput)  # what the choice was based on


class PersonForm(forms.Form):
    """The person to write to."""

    name = forms.CharField(
        label="Full name",
        max_length=120,
        error_messages=required("Enter the person’s full name."),
        widget=forms.TextInput(WIDE),
    )
    email = forms.CharField(
        label="Email address",
        max_length=254,
        error_messages=required("Enter the person’s email address."),
        help_text="A personal work address. The invitation is valid for 72 hours.",
        widget=forms.EmailInput(WIDE | {"spellcheck": "false"}),
    )


class InviteForm(PersonForm):
    job = forms.ChoiceField(choices=Job, widget=forms.RadioSelect, label="Access level", initial=Job.VIEWER)


class AcceptForm(forms.Form):
    """What a new person gives: their name as they want it shown, and a password."""

    name = forms.CharField(
        label="Full name",
        max_length=120,
        error_messages=required("Enter your full name."),
        widget=forms.TextInput(WIDE | {"autocomplete": "name"}),
    )
    password = forms.CharField(
        label="Password",
        error_messages=required("Enter a password."),
        help_text="12 characters or more. Do not use a common password, your name, or numbers alone.",
        widget=forms.PasswordInput({"class": "govuk-input--width-20", "autocomplete": "new-password"}),
    )

    def __init__(self, data: dict | None = None, *, email: str, name: str) -> None:
        super().__init__(data, initial={"name": name})
        self.email = email

    def clean(self) -> dict:
        cleaned = super().clean()
        if password := cleaned.get("password"):
            try:
                validate_password(password, User(email=self.email, name=cleaned.get("name", "")))
            except ValidationError as weak:
                self.add_error("password", weak)
        return cleaned


class RootEmailsForm(EditForm):
    receives = forms.ChoiceField(
        choices=[("yes", "Yes"), ("no", "No")],
        widget=forms.RadioSelect,
        label="Email the daily roots to all administrators?",
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose Yes or No."),
    )


class ConfirmForm(forms.Form):
    """Nothing but its button; what refuses the act stands above it."""


class DecisionForm(forms.Form):
    """Its buttons carry the decision."""

    decision = forms.ChoiceField(choices=Proposal.Decision, error_messages={"required": "Choose one of the buttons."})


class OrganisationForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=120,
        error_messages=required("Enter the organisation’s name."),
        widget=forms.TextInput(WIDE),
    )
    role = forms.ChoiceField(
        label="It acts as",
        error_messages=required("Choose Supplier or MAP."),
        choices=[(role.value, role.label) for role in (Role.SUPPLIER, Role.MAP)],
        widget=forms.RadioSelect,
        help_text="If a company is both, add it twice.",
    )


class BindForm(forms.Form):
    fuel = forms.ChoiceField(
        label="Fuel",
        choices=[(fuel.value, fuel.label.capitalize()) for fuel in Fuel],
        error_messages=required("Choose electricity or gas."),
        widget=forms.RadioSelect,
    )
    code = forms.CharField(
        label="Code",
        max_length=10,
        error_messages=required("Enter the code."),
        help_text="From the list of MAPs and suppliers: 4 characters for electricity, 3 for gas.",
        widget=forms.TextInput({"class": "smi-id govuk-input--width-5", "autocomplete": "off", "spellcheck": "false"}),
    )
    valid_from = DayField(label="From what date?", help_text="For example 23/11/2026. It can be in the past.")


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label="Why?",
        max_length=240,
        error_messages=required("Enter a reason, so that others can understand it later."),
        widget=forms.TextInput({"class": "govuk-input--width-30", "autocomplete": "off"}),
    )


class UnbindForm(ReasonForm):
    field_order = ("last_day", "reason")
    last_day = DayField(label="Last date", help_text="The last date under the code, for example 23/11/2026.")


class MemberReasonForm(ReasonForm):
    field_order = ("email", "reason")
    email = forms.CharField(
        label="Email address of the member",
        max_length=254,
        error_messages=required("Enter the member’s email address."),
        widget=forms.EmailInput(WIDE | {"spellcheck": "false"}),
    )


class ParticipantSearch(forms.Form):
    name = forms.CharField(
        required=False,
        max_length=60,
        label="Name or code",
        widget=forms.TextInput({"autocomplete": "off", "class": "govuk-input--width-20"}),
    )
