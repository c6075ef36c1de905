"""People and their accounts, as the other verbs need them."""

import re
from email.utils import parseaddr

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator, validate_email
from django.db import IntegrityError, transaction

from accounts.errors import NotAllowed, is_invisible, quote
from accounts.models import User
from accounts.participants.reading import parse_name

LONGEST_EMAIL = 254
LONGEST_PASTED = 1_000  # characters that are looked through


def person_with(email: str, name: str, password: str | None) -> User:
    """The person with this address, new if need be, held so that memberships come one after the other."""
    if user := User.objects.select_for_update(no_key=True).filter(email=email).first():
        return user
    return new_person(email, name, password)


def new_person(email: str, name: str, password: str | None) -> User:
    """An account, whose address counts as verified; refuses an address that has one."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name, password)
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except IntegrityError as error:
        raise NotAllowed(f"There is already an account for {email}. Sign in to it.", "email") from error
    return user


def clean_name(text: str) -> str:
    try:
        return parse_name(text)
    except ValueError as error:
        raise NotAllowed(str(error), "name") from error


def clean_email(text: str) -> str:
    """The address in lower case, as accounts hold it; ASCII only, as look-alikes would be other people."""
    email = text.strip().lower() if text.isascii() else ""
    if not _is_email(email):
        inside = f" Did you mean {found}?" if (found := _email_in(text)) else ""
        raise NotAllowed(f"{quote(text)} is not an email address.{inside}", "email")
    return email


def _is_email(text: str) -> bool:
    try:
        validate_email(text)
        MaxLengthValidator(LONGEST_EMAIL)(text)
    except ValidationError:
        return False
    return text.isascii()


def _email_in(text: str) -> str:
    """The address in a text that was pasted with a name, as a link or with invisible marks, if there is one."""
    visible = "".join(char for char in text[:LONGEST_PASTED] if not is_invisible(char))
    bare = parseaddr(visible.strip(" \t,;.\"'“”‘’"))[1] or visible
    email = re.sub("^mailto:", "", bare.strip(" <>,;.\"'“”‘’").lower()).partition("?")[0]
    return email if _is_email(email) else ""
