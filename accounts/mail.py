"""Mails of the portal: plain text, with a link and a count, never an MPxN or the name of a supplier."""

import smtplib
from collections.abc import Iterable
from urllib.parse import urljoin

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

logger = structlog.get_logger(__name__)
PERMANENT = 500  # from which on an answer of the mail server says that trying again is no use


def send_mail(template: str, to: str, **context: object) -> None:
    """`accounts/mail/<template>.txt` to one address; its first line is the subject.

    Raises OSError or SMTPException when the mail server does not take it.
    """
    text = render_to_string(f"accounts/mail/{template}.txt", context | {"portal": settings.PORTAL_URL})
    subject, _, body = text.strip().partition("\n")
    EmailMessage(subject, body.strip() + "\n", to=[to]).send()


def tell(template: str, to: Iterable[str], **context: object) -> None:
    """The same to several, for what is done already: a mail that cannot be sent is logged, and stops nothing."""
    for address in to:
        try:
            send_mail(template, address, **context)
        except (OSError, smtplib.SMTPException) as error:
            logger.error("mail_not_sent", template=template, error=str(error))


def deliver(template: str, to: str, **context: object) -> None:
    """The same for work that is done again when it fails: an address that is refused for good is logged.

    Raises OSError or SMTPException for the server's other failures.
    """
    try:
        send_mail(template, to, **context)
    except smtplib.SMTPRecipientsRefused as refusal:
        if any(code < PERMANENT for code, _ in refusal.recipients.values()):
            raise
        logger.warning("mail_refused", template=template)


def link_to(path: str) -> str:
    """The whole address of a page, of the portal's own name whatever host was asked."""
    return urljoin(settings.PORTAL_URL, path)
