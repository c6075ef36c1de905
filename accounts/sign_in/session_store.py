"""Django's sessions in the database, with columns of our own (`accounts.models.sessions`)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.auth import SESSION_KEY as PERSON
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.middleware import SessionMiddleware as Middleware
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import Session, User
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.sign_in.networks import bounds_of

FORM = re.compile("[a-z0-9]{32}")


class SessionStore(db.SessionStore):
    """Who it is and through which provider they came is Django's data, and goes into columns; the rest is columns only.

    A session of nobody lives for minutes, and only so many of one network address are stored.
    """

    def __init__(self, session_key: str | None = None) -> None:
        super().__init__(session_key)
        self._row, self._stored_for = Session(), None
        self.request: HttpRequest | None = None  # in which it may be created

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def _validate_session_key(self, key: str | None) -> bool:
        """Whether it has the form of ours: the database is not asked for anything else, and cannot be for some."""
        return bool(key and FORM.fullmatch(key))

    @property
    def row(self) -> Session:
        """Return the columns, as they were read or last written."""
        self._get_session()
        return self._row

    def _come_from(self, request: HttpRequest) -> None:
        """Note the browser, when the session is created and when someone signs in to it."""
        self._row.address = get_adapter().get_client_ip(request).partition("%")[0] or None  # without an IPv6 zone
        self._row.user_agent = request.headers.get("User-Agent", "")[: Session.LONGEST_AGENT]

    def sign_in(self, user: User, request: HttpRequest) -> None:
        """Begin the times of `user` now."""
        self.row.user = user
        self._row.signed_in_at = self._row.last_seen_at = timezone.now()
        self._come_from(request)

    def load(self) -> dict[str, object]:
        found = self._get_session_from_db()
        if found is None:
            return {}
        self._row, self._stored_for = found, found.user_id
        return self.decode(found.session_data)

    def clear(self) -> None:
        super().clear()
        self._row = Session(address=self._row.address, user_agent=self._row.user_agent)

    def create_model_instance(self, data: dict[str, object]) -> Session:
        """Return the row to save, with the browser as it was noted; saving a person's session is an act of theirs."""
        former, self._row = self._row, super().create_model_instance(data)
        self._row.address, self._row.user_agent = former.address, former.user_agent
        if PERSON in data:
            self._row.user_id = int(data[PERSON])
            self._row.signed_in_through_id = data.get(SIGNED_IN_THROUGH) or None
            self._row.last_seen_at = timezone.now()
            self._row.signed_in_at = former.signed_in_at or self._row.last_seen_at
        return self._row

    def save(self, must_create: bool = False) -> None:
        """Save as Django does, but never bring back a session that timed out while the request ran."""
        if must_create or self.session_key is None:
            super().save(must_create)
        else:
            self._update()
        self._stored_for = self._row.user_id

    def _update(self) -> None:
        row = self.create_model_instance(self._get_session())
        values = {field.name: getattr(row, field.attname) for field in row._meta.fields if not field.primary_key}
        if not Session.objects.filter(pk=row.pk, user=self._stored_for).update(**values):
            raise UpdateError

    def get_session_cookie_age(self) -> int:
        return settings.SESSION_COOKIE_AGE if PERSON in self else settings.SESSION_OF_NOBODY_SECONDS

    def create(self) -> None:
        if self.request and not self._row.address:
            self._come_from(self.request)
        super().create()
        if PERSON not in self:
            self._make_room()

    def _make_room(self) -> None:
        """Remove those of one address that would expire first, beyond the limit."""
        theirs = Session.objects.of_nobody(*bounds_of(self._row.address))
        too_many = theirs.order_by("-expire_date")[settings.SESSIONS_OF_NOBODY :]
        Session.objects.filter(pk__in=too_many.values("pk")).delete()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Read the session again and write changes immediately, so that two requests at one time lose nothing.

        Nothing is written if it has ended in the meantime.
        """
        modified = self.modified
        with transaction.atomic():
            row = Session.objects.select_for_update().stored().filter(pk=self.session_key).first()
            self._session_cache = self.decode(row.session_data) if row else {}
            yield
            if row:
                row.session_data, row.expire_date = self.encode(self._session), self.get_expiry_date()
                row.save(update_fields=["session_data", "expire_date"])
        self.modified = modified

    def time_out(self, left: dict[str, object]) -> bool:
        """End a session, and leave `left` under its key for some minutes; False if it has ended already."""
        expires_at = self.get_expiry_date(expiry=settings.SESSION_OF_NOBODY_SECONDS)
        emptied = {"user": None, "signed_in_through": None, "session_data": self.encode(left)}
        theirs = Session.objects.filter(pk=self.session_key, user__isnull=False)
        return theirs.update(expire_date=expires_at, **emptied) == 1


class SessionMiddleware(Middleware):
    """Django's middleware, whose sessions also know the browser they come from."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.session.request = request
