"""Emails of the portal: queued in the transaction they belong to, sent by the worker once that has been committed.

A job holds a kind and ids. Who receives the email, and what it says, is read from the database when it is sent; a link
that holds a secret is made then too. So nothing is sent about what was rolled back or is no longer so.
"""

import json
import smtplib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import Error
from django.template.loader import render_to_string
from django.utils.crypto import salted_hmac
from procrastinate import JobContext, RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.manager import JobManager
from procrastinate.tasks import configure_task

from accounts.models import User
from accounts.operator import system_scope
from accounts.sign_in.encryption import decrypt, encrypt

logger = structlog.get_logger(__name__)
QUEUE, TASK = "mail", "send_email"
AFTER_OTHERS = -1  # the priority of emails: work by the clock goes first
PERMANENT = 500  # from here on, trying again does not change the mail server's answer

Ids = dict[str, object]  # of a job: ids, counts and dates, and `private` (encrypted)


@dataclass(frozen=True)
class Email:
    """`after` is called once the mail server has accepted the email, or has refused it for good."""

    to: str
    subject: str
    body: str
    after: Callable[[], object] | None = None


@dataclass(frozen=True)
class MailKind:
    """`build` makes the email from the ids of a job, or None if it is no longer due; `recipient` returns its address.

    A kind that is not `listed` can be addressed to anyone: its emails are forgotten if they cannot be sent.
    """

    label: str
    build: Callable[..., Email | None]
    recipient: Callable[[Ids], str]
    listed: bool = True


class Unsent(Exception):
    """The mail server does not accept an email now. The text does not name the recipient, as it is logged."""


class Refused(Exception):
    """The mail server refuses an email for good."""


def user_of(ids: Ids) -> str:
    return User.objects.get(pk=ids["to"]).email


KINDS: dict[str, MailKind] = {}


def mail_kind(
    name: str, label: str, *, recipient: Callable[[Ids], str] = user_of, listed: bool = True
) -> Callable[[Callable[..., Email | None]], Callable[..., Email | None]]:
    """Register the function that builds the emails of a kind."""

    def register(build: Callable[..., Email | None]) -> Callable[..., Email | None]:
        KINDS[name] = MailKind(label, build, recipient, listed)
        return build

    return register


def queue_mail(kind: str, **ids: object) -> None:
    """Queue one email, as a part of the open transaction; `to` is the id of its user, if there is one."""
    queue_mails(kind, [ids])


def queue_mails(kind: str, each: Iterable[Ids]) -> None:
    """Queue several emails of one kind by one statement."""
    KINDS[kind]  # raises KeyError here rather than in the worker
    jobs = [{"kind": kind, "ids": ids} for ids in each]
    if jobs:
        # Always on Django's connection, in the worker too: otherwise the job would not be part of the transaction.
        manager = JobManager(DjangoConnector())
        configure_task(name=TASK, job_manager=manager, queue=QUEUE, priority=AFTER_OTHERS).batch_defer(*jobs)


def queue_for(kind: str, users: Iterable[int], **ids: object) -> None:
    """Queue the same for several users, given by their ids."""
    queue_mails(kind, [{"to": user} | ids for user in users])


def private(**details: str) -> str:
    """Encrypt what an email says and no row of ours holds, such as a network address."""
    return encrypt(json.dumps(details))


def read_private(text: str) -> dict[str, str]:
    return json.loads(decrypt(text))


# 3, 9, 27 … seconds, about a day in all. Trying again does not mend an error of ours.
@app.task(
    name=TASK,
    queue=QUEUE,
    pass_context=True,
    retry=RetryStrategy(max_attempts=10, exponential_wait=3, retry_exceptions=(Unsent, Error)),
)
def send_email(context: JobContext, kind: str, ids: Ids) -> None:
    """Build an email and hand it to the mail server, outside any transaction: nothing in the database waits for it."""
    with system_scope("send an email", via="task", audited=False):
        email = KINDS[kind].build(**ids)
    if email is None:
        logger.info("mail_not_due", kind=kind)
        return
    try:
        _message(email, context.job.id).send()
    except (OSError, smtplib.SMTPException) as error:
        _not_sent(kind, email, error)
    else:
        _done(email)


def _message(email: Email, job: int) -> EmailMessage:
    """Its Message-ID follows from the job: if a killed worker sends it twice, mail programs see one email."""
    mark = salted_hmac("accounts.mail", str(job), algorithm="sha256").hexdigest()[:16]
    headers = {"Message-ID": f"<{job}.{mark}@{urlsplit(settings.PORTAL_URL).hostname}>"}
    return EmailMessage(email.subject, email.body, to=[email.to], headers=headers)


def _not_sent(kind: str, email: Email, error: Exception) -> None:
    """Raise Refused or Unsent, without the server's text, which can hold the address."""
    what = f"{kind}: {type(error).__name__} {sorted(_codes(error))}"
    if not _is_for_good(error):
        raise Unsent(what) from None
    _done(email)
    if KINDS[kind].listed:
        raise Refused(what) from None


def _done(email: Email) -> None:
    if email.after:
        email.after()


def _codes(error: Exception) -> set[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return {code for code, _ in error.recipients.values()}
    return {error.smtp_code} if isinstance(error, smtplib.SMTPResponseException) else set()


def _is_for_good(error: Exception) -> bool:
    """Whether the recipient or the email itself is refused; a server that refuses us can be put right meanwhile."""
    about_email = isinstance(error, smtplib.SMTPRecipientsRefused | smtplib.SMTPDataError)
    return about_email and min(_codes(error)) >= PERMANENT


def from_template(template: str, to: str, *, after: Callable[[], object] | None = None, **context: object) -> Email:
    """Render `mail/<template>.txt`, whose first line is the subject."""
    text = render_to_string(f"mail/{template}.txt", context | {"portal": settings.PORTAL_URL})
    subject, _, body = text.strip().partition("\n")
    return Email(to, subject, body.strip() + "\n", after)


def from_allauth(prefix: str, to: str, **context: object) -> Email:
    """Render the subject and the message of django-allauth that begin with `prefix`."""
    subject = render_to_string(f"{prefix}_subject.txt", context)
    return Email(to, " ".join(subject.split()), render_to_string(f"{prefix}_message.txt", context).strip() + "\n")


def link_to(path: str) -> str:
    """Return the full address of a page under PORTAL_URL, whatever host was asked."""
    return urljoin(settings.PORTAL_URL, path)
