"""Secrets that the database has only as a hash: API tokens, and links in emails.

A secret of 256 random bits needs no salt and no slow hash.
"""

import hashlib
import secrets
from datetime import datetime

from django.utils.crypto import salted_hmac


def hash_of(secret: str) -> str:
    """Return the SHA-256 of a secret, in hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def hash_of_unknown() -> str:
    """Return the hash of a secret that nobody has: no link opens it."""
    return hash_of(secrets.token_urlsafe(32))


def link_secret(purpose: str, pk: int, asked_at: datetime) -> str:
    """Return the secret of a link, derived from SECRET_KEY and the time at which its email was asked for.

    So if a worker is killed and the email is sent again, both have the same link.
    """
    return salted_hmac(purpose, f"{pk} {asked_at.isoformat()}", algorithm="sha256").hexdigest()
