"""What the tests of signing in share: people with factors, and the pages they go through."""

import re
import time

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from allauth.mfa.webauthn.internal.auth import WebAuthn
from django.test import Client

from accounts.models import User

PASSWORD = "quite a long password"
LOGIN, CODE = "/accounts/login/", "/accounts/login/code/"
RESET = "/accounts/password/reset/"
SECURITY = "/accounts/security/"
APP, CODES = f"{SECURITY}app/", f"{SECURITY}recovery-codes/"


def enrol_app(user: User) -> str:
    """An authenticator app; the secret it holds."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret


def enrol_passkey(user: User, name: str = "Key") -> Authenticator:
    """A passkey as it is kept; it opens nothing, as nobody holds it."""
    return WebAuthn.add(user, name, {"clientExtensionResults": {"credProps": {"rk": True}}}).instance


def recovery_codes_of(user: User) -> list[str]:
    return RecoveryCodes.activate(user).get_unused_codes()


def code_of(secret: str, steps: int = 0) -> str:
    """What the app shows now, or some steps of 30 seconds later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps))


def give_password(client: Client, user: User | str, password: str = PASSWORD, address: str = "192.0.2.1", **more: str):
    """The answer to the sign-in form, sent from a network address."""
    form = {"login": user if isinstance(user, str) else user.email, "password": password}
    return client.post(LOGIN, form, REMOTE_ADDR=address, **more)


def signed_in(user: User, secret: str = "", **more: str) -> Client:
    """Somebody who went through the pages."""
    client = Client(**more)
    give_password(client, user)
    if secret:
        client.post(CODE, {"code": code_of(secret)})
    assert "_auth_user_id" in client.session
    return client


def set_up_app(client: Client) -> str:
    """Through the page; the secret."""
    client.get(APP)
    secret = client.session["mfa.totp.secret"]
    assert client.post(APP, {"code": code_of(secret)}).url == CODES
    return secret


def shown_codes(page: str) -> list[str]:
    return re.findall(r'smi-id">(\d{8})<', page)


def words(answer) -> str:
    """A page without what differs each time or repeats what was typed."""
    text = re.sub(r'csrfmiddlewaretoken" value="\w+"|value="[^"]*@[^"]*"', "", answer.text)
    return text.replace("\n", "")


def is_signed_in(client: Client) -> bool:
    return client.get(SECURITY).status_code == 200
