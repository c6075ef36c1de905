"""Secrets that the portal must be able to read again, encrypted at rest.

Keys are derived from SECRET_KEY and SECRET_KEY_FALLBACKS: a copy of the database alone opens nothing.
"""

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings


class Unreadable(Exception):
    """The secret is damaged, or was encrypted under a SECRET_KEY that is no longer known."""


def encrypt(text: str) -> str:
    """Encrypt `text` under the current key."""
    return _fernet().encrypt(text.encode()).decode()


def decrypt(text: str) -> str:
    """Return the text that `encrypt` was given; raise Unreadable if that fails."""
    try:
        return _fernet().decrypt(text.encode()).decode()
    except InvalidToken as error:
        raise Unreadable from error


def renew(text: str) -> str:
    """Return the same secret under the current key; raise Unreadable if that fails."""
    return encrypt(decrypt(text))


def _fernet() -> MultiFernet:
    return MultiFernet([Fernet(_key(secret)) for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)])


def _key(secret: str) -> bytes:
    derived = HKDF(algorithm=SHA256(), length=32, salt=None, info=b"accounts.encryption").derive(secret.encode())
    return urlsafe_b64encode(derived)
