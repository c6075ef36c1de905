"""The verbs on sessions: signing people out everywhere, and forgetting what has expired."""

from django.conf import settings
from django.utils import timezone

from accounts.expiry import remove_older
from accounts.models import Session, SingleSignOn, User


def end_sessions_of(user: User, *, keep: str | None = None) -> int:
    """Sign a person out everywhere at once, but for the session with the key `keep`; how many sessions ended."""
    ended, _ = user.sessions.exclude(pk=keep).delete()
    return ended


def end_sessions_through(sign_on: SingleSignOn, *, domain: str = "", but_of: User | None = None) -> int:
    """Sign out everybody who came through this provider, with addresses of `domain` if it is given; how many.

    Whoever does it (`but_of`) sees that it is done; `ProviderMiddleware` signs them out with their next request.
    """
    theirs = sign_on.sessions.exclude(user=but_of)
    ended, _ = (theirs.filter(user__email__endswith=f"@{domain}") if domain else theirs).delete()
    return ended


def forget_expired() -> int:
    """Remove expired sessions, and what has expired in the cache: counts of attempts to sign in; how many rows."""
    now = timezone.now()
    sessions = remove_older(Session._meta.db_table, "expire_date", now)
    return sessions + remove_older(settings.CACHES["default"]["LOCATION"], "expires", now)
