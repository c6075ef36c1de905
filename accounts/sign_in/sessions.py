"""The stored session, changed under a lock: two requests at one time do not undo what the other put there."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.utils import timezone


@contextmanager
def stored(key: str | None, *, for_seconds: int | None = None) -> Iterator[dict[str, object]]:
    """What session `key` holds; what is changed inside is written, in a transaction of its own or a part of one.

    Empty if there is no such session (any more), and then nothing is written: what has ended stays ended.
    `for_seconds`: how long the session is kept from now on; as before unless given.
    """
    with transaction.atomic():
        row = Session.objects.select_for_update().filter(session_key=key, expire_date__gt=timezone.now()).first()
        data = row.get_decoded() if row else {}
        yield data
        if row is None:
            return
        if for_seconds is not None:
            row.expire_date = timezone.now() + timedelta(seconds=for_seconds)
        row.session_data = Session.objects.encode(data)
        row.save(update_fields=["session_data", "expire_date"])


def hold(session: SessionBase, **values: object) -> None:
    """Lets the session of a request know what is stored already, without having it written once more."""
    modified = session.modified
    session.update(values)
    session.modified = modified
