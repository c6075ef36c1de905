"""How django-allauth's second factors work in the portal: secrets are encrypted, and each code works once."""

from io import BytesIO

import qrcode
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django import forms
from django.core.cache import cache
from qrcode.image.svg import SvgPathImage

from accounts.forms.edit import EditForm
from accounts.models import User
from accounts.sign_in import encryption
from accounts.sign_in.factors import has_factor, needs_factor

LONGEST_NAME = 60


class FactorAdapter(DefaultMFAAdapter):
    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "This is your only second factor, and you need one. Add another before you "
        "remove it.",
        "incorrect_code": "This code is incorrect or has already been used. Enter another: an app shows a new one "
        "every 30 seconds.",
    }

    def encrypt(self, text: str) -> str:
        return encryption.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return encryption.decrypt(encrypted_text)

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Refuse to remove the last one if one is required."""
        return not needs_factor(self.request) or has_factor(authenticator.user, beside=authenticator)

    def build_totp_svg(self, url: str) -> str:
        """Return the code as an element of the page: the content policy refuses images in `data:` addresses."""
        code = qrcode.make(url, image_factory=SvgPathImage)
        written = BytesIO()
        code.save(written)
        return written.getvalue().decode().partition("?>")[2]

    def generate_authenticator_name(self, user: User, type: Authenticator.Type) -> str:
        held = Authenticator.objects.filter(user=user, type=type).count()
        return f"Passkey {held + 1}" if held else "Passkey"

    def _get_site_name(self) -> str:
        """Return the name that authenticators show, not the host that was asked."""
        return app_settings.TOTP_ISSUER


def spend(user: User, code: str) -> None:
    """Accept a code of an app once while it is valid; django-allauth itself remembers it for a third of that time."""
    good_for = app_settings.TOTP_PERIOD * (2 * app_settings.TOTP_TOLERANCE + 1)
    digits = "".join(filter(str.isdecimal, code))  # however they were separated
    if not cache.add(f"accounts.sign_in.mfa.spent:{user.pk}:{digits}", True, good_for):
        raise get_adapter().validation_error("incorrect_code")


def code_field(label: str) -> forms.CharField:
    widget = forms.TextInput({"autocomplete": "one-time-code", "inputmode": "numeric"})
    return forms.CharField(max_length=40, label=label, widget=widget)


class CodeForm(AuthenticateForm):
    code = code_field("Code of your authenticator app, or a recovery code")

    def clean_code(self) -> str:
        code = super().clean_code()
        if self.authenticator.type == Authenticator.Type.TOTP:
            spend(self.user, code)
        return code


class CodeAgainForm(ReauthenticateForm):
    code = code_field("Code of your authenticator app, or a recovery code")

    def clean_code(self) -> str:
        code = super().clean_code()
        if self.authenticator.type == Authenticator.Type.TOTP:
            spend(self.user, code)
        return code


class AppForm(ActivateTOTPForm):
    code = code_field("Six-digit code from the app")

    def clean_code(self) -> str:
        code = super().clean_code()
        spend(self.user, code)
        return code


class PasskeyForm(AddWebAuthnForm):
    """A passkey replaces the password too, unless the key cannot verify its owner."""

    name = forms.CharField(required=False, max_length=LONGEST_NAME, label="Name of the passkey")
    passwordless = forms.BooleanField(
        required=False, initial=True, label="Sign in with it alone, without a password (untick for a key without a PIN)"
    )


class PasskeyNameForm(EditForm, EditWebAuthnForm):
    """The name of a passkey."""
