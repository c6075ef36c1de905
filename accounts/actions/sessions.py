"""The verbs on sessions: signing a person out everywhere, and forgetting what has expired."""

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Exists, OuterRef
from django.utils import timezone
from psycopg import sql

from accounts.models import User


@transaction.atomic
def end_sessions_of(user: User, *, keep: str | None = None) -> int:
    """Sign a person out everywhere at once, but for the session with the key `keep`; how many sessions ended.

    Every session is looked into: the list that django-allauth keeps names those alone that began on its pages.
    """
    live = Session.objects.filter(expire_date__gt=timezone.now()).exclude(session_key=keep)
    theirs = [session.pk for session in live.iterator() if session.get_decoded().get(SESSION_KEY) == str(user.pk)]
    Session.objects.filter(pk__in=theirs).delete()
    UserSession.objects.filter(user=user).exclude(session_key=keep).delete()
    return len(theirs)


@transaction.atomic
def forget_expired() -> int:
    """Remove expired sessions, and counts of attempts to sign in that no longer matter; how many rows."""
    sessions, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    live = Session.objects.filter(session_key=OuterRef("session_key"))
    listed, _ = UserSession.objects.filter(~Exists(live)).delete()
    counts = sql.SQL("DELETE FROM {} WHERE expires < now()")
    with connection.cursor() as cursor:
        cursor.execute(counts.format(sql.Identifier(settings.CACHES["default"]["LOCATION"])))
        return sessions + listed + cursor.rowcount
