from typing import Any
from urllib.parse import urljoin

from allauth.account import app_settings
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.urls import reverse

from accounts.actions import add_administrator
from accounts.management.arguments import organisation_named, refusals_as_errors
from accounts.models import User
from accounts.operator import system_scope


class Command(BaseCommand):
    help = "Make someone an administrator of an organisation, and print a link to set a password."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--organisation", required=True, metavar="NAME")
        parser.add_argument("--name", help="of the person; made from the email address if left out")

    def handle(self, *, email: str, organisation: str, name: str | None, **options: Any) -> None:
        with refusals_as_errors(), system_scope("add_administrator"):
            membership = add_administrator(email=email, organisation=organisation_named(organisation), name=name)
        user = membership.user
        self.stdout.write(f"{user} ({user.email}) is an administrator of {membership.organisation}. {_next_step(user)}")


def _next_step(user: User) -> str:
    """Give a link only if there is no password: it must not open an account that is in use."""
    if user.has_usable_password():
        return "They can sign in with their existing password."
    days = settings.PASSWORD_RESET_TIMEOUT // 86_400
    return f"To set a password within {days} days, open {link_to_set_password(user)}"


def link_to_set_password(user: User) -> str:
    """Return a link that works once, made as allauth makes those that it sends (its `flows.password_reset`)."""
    key = app_settings.PASSWORD_RESET_TOKEN_GENERATOR().make_token(user)
    path = reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})
    return urljoin(settings.PORTAL_URL, path)
