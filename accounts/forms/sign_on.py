"""Forms of single sign-on, and the form of every sign-in, which leads to a provider where there is one."""

from allauth.account.forms import LoginForm
from allauth.core.exceptions import ImmediateHttpResponse
from django import forms
from django.shortcuts import redirect

from accounts.sign_in.single_sign_on import page_of_provider

PLAIN = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class SignInForm(LoginForm):
    """Leads to the organisation's provider before any password is looked at, whether or not there is an account."""

    def clean_login(self) -> str:
        email = super().clean_login()
        if page := page_of_provider(self.request, email):
            raise ImmediateHttpResponse(redirect(page))
        return email


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="Email address", max_length=254, widget=forms.EmailInput({"autocomplete": "username"})
    )


class ProviderForm(forms.Form):
    issuer = forms.URLField(
        label="Issuer",
        max_length=240,
        assume_scheme="https",
        help_text="As the provider’s discovery document names it, such as https://login.supplier.example",
        error_messages=dict.fromkeys(
            ("required", "invalid"), "Enter the issuer, an address that begins with https://."
        ),
        widget=forms.URLInput(PLAIN),
    )
    client_id = forms.CharField(
        label="Client ID",
        max_length=191,
        error_messages={"required": "Enter the client ID."},
        widget=forms.TextInput(PLAIN),
    )
    secret = forms.CharField(
        label="Client secret",
        max_length=500,
        required=False,
        help_text="Kept encrypted, and never shown again. Leave it blank to keep the one that is set.",
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )


class SwitchForm(forms.Form):
    """The form that switches single sign-on; its page offers only the other state."""

    to = forms.ChoiceField(
        choices=[("on", "On"), ("off", "Off")],
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose whether to switch it on or off."),
    )


class DomainForm(forms.Form):
    domain = forms.CharField(
        label="Email domain",
        max_length=254,
        error_messages={"required": "Enter an email domain, for example supplier.example."},
        help_text="The part after the @, for example supplier.example. Add each subdomain separately.",
        widget=forms.TextInput(PLAIN | {"class": "govuk-input--width-20"}),
    )
