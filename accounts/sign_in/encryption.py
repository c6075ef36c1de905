"""What only the portal must be able to read again: secrets, encrypted at rest, and positions in lists, in addresses.

Keys are derived from SECRET_KEY and SECRET_KEY_FALLBACKS: a copy of the database alone opens nothing.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
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


def sealed(text: str, *context: str) -> str:
    """Return `text` in a short form for addresses: always the same one, readable in the same context alone."""
    whole = AESSIV(_derived(settings.SECRET_KEY, b"accounts.sealing", 64)).encrypt(text.encode(), _encoded(context))
    return _in_text(whole)


def unsealed(given: str, *context: str) -> str:
    """Return the text that `sealed` was given in this context; raise Unreadable."""
    try:
        whole = urlsafe_b64decode(given.encode("ascii") + b"=" * (-len(given) % 4))
    except ValueError as error:
        raise Unreadable from error
    if _in_text(whole) != given:
        raise Unreadable  # other spellings of the same bytes
    for secret in _secrets():
        try:
            return AESSIV(_derived(secret, b"accounts.sealing", 64)).decrypt(whole, _encoded(context)).decode()
        except (InvalidTag, ValueError):
            continue
    raise Unreadable


def _in_text(whole: bytes) -> str:
    return urlsafe_b64encode(whole).decode().rstrip("=")


def _encoded(context: tuple[str, ...]) -> list[bytes]:
    return [part.encode() for part in context]


def _fernet() -> MultiFernet:
    return MultiFernet(
        [Fernet(urlsafe_b64encode(_derived(secret, b"accounts.encryption", 32))) for secret in _secrets()]
    )


def _secrets() -> tuple[str, ...]:
    return settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS


def _derived(secret: str, purpose: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=purpose).derive(secret.encode())
