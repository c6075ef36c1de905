"""What the tests of oversight share: memberships dated back, and mails read."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from email import message_from_bytes

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from allauth.mfa.models import Authenticator
from django.test import override_settings
from django.utils import timezone

from accounts.models import Membership, Organisation, User
from accounts.roles import Job
from tests.as_owner import overwrite
from tests.factories import make_membership, make_user
from tests.server import free_port

NOW = timezone.now()


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def member_of(organisation: Organisation, name: str = "", job: Job = Job.VIEWER, **given: float) -> Membership:
    """A member from 400 days ago; `used`, `confirmed`, `warned`, `suspended` and `ended` say how many days ago."""
    membership = make_membership(organisation, job, make_user(name))
    names = {"confirmed": "confirmed_at", "warned": "warned_at", "suspended": "suspended_at", "ended": "ended_at"}
    moments = {names[name]: ago(days) for name, days in given.items() if name in names}
    overwrite(Membership.objects.filter(pk=membership.pk), **{"began_at": ago(400)} | moments)
    signed_in = ago(given["used"]) if "used" in given else None
    overwrite(User.objects.filter(pk=membership.user_id), joined_at=ago(400), last_login=signed_in)
    membership.refresh_from_db()
    membership.user.refresh_from_db()
    return membership


def give_factor(user: User, kind: str) -> None:
    Authenticator.objects.create(user=user, type=kind, data={})


def state_of(membership: Membership) -> str:
    membership.refresh_from_db()
    return membership.standing.value


class MailServer:
    """Takes mail, but gives another `answer` to an address, or to all."""

    def __init__(self, answer: str, to: str) -> None:
        self.answer, self.to, self.subjects = answer, to, []

    async def handle_RCPT(  # noqa: N802  (aiosmtpd's)
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer and self.to in ("", address):
            return self.answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  (aiosmtpd's)
        self.subjects.append(message_from_bytes(envelope.content)["Subject"])
        return "250 OK"


@contextmanager
def mail_server(answer: str = "", to: str = "") -> Iterator[MailServer]:
    """A real one, to which the portal's mails go meanwhile."""
    controller = Controller(MailServer(answer, to), hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        with override_settings(
            EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
            EMAIL_HOST="127.0.0.1",
            EMAIL_PORT=controller.port,
            EMAIL_HOST_USER="",
            EMAIL_USE_TLS=False,
        ):
            yield controller.handler
    finally:
        controller.stop()


@contextmanager
def no_mail_server() -> Iterator[None]:
    """Mails go to a port where nobody listens."""
    backend = {"EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend", "EMAIL_HOST": "127.0.0.1"}
    with override_settings(**backend, EMAIL_PORT=free_port()):
        yield
