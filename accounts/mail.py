"""Mails of the portal: plain text, with a link and a count, never an MPxN or the name of a supplier."""

import smtplib
from collections.abc import Iterable
from urllib.parse import urljoin

import structlog
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from accounts.errors import NotSent

logger = structlog.get_logger(__name__)
FAILURES = (OSError, smtplib.SMTPException)  # of the mail server
PERMANENT = 500  # answers of a mail server from here on do not change by trying again


def send_mail(template: str, to: str, **context: object) -> None:
    """Send `mail/<template>.txt` to one address, as part of an act; raise NotSent if the server does not accept it."""
    try:
        _send(template, to, context)
    except FAILURES as error:
        logger.error("mail_not_sent", template=template, error=str(error))
        raise NotSent from error


def _send(template: str, to: str, context: dict[str, object]) -> None:
    """The first line of the template is the subject."""
    text = render_to_string(f"mail/{template}.txt", context | {"portal": settings.PORTAL_URL})
    subject, _, body = text.strip().partition("\n")
    EmailMessage(subject, body.strip() + "\n", to=[to]).send()


def tell(template: str, to: Iterable[str], **context: object) -> None:
    """Send the same to several addresses, after an act: an email that cannot be sent is logged, and nothing stops."""
    for address in to:
        try:
            _send(template, address, context)
        except FAILURES as error:
            logger.error("mail_not_sent", template=template, error=str(error))


def deliver(template: str, to: str, **context: object) -> bool:
    """The same for work by the clock: whether trying again is no use, as the mail is taken or the address refused for
    good. Raises OSError or SMTPException when it is not this address that the server refuses.
    """
    try:
        _send(template, to, context)
    except smtplib.SMTPRecipientsRefused as refusal:
        logger.warning("mail_refused", template=template)
        return all(code >= PERMANENT for code, _ in refusal.recipients.values())
    return True


def link_to(path: str) -> str:
    """The whole address of a page, of the portal's own name whatever host was asked."""
    return urljoin(settings.PORTAL_URL, path)
