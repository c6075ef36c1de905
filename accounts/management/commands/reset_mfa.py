from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions import reset_factors
from accounts.management.arguments import refusals_as_errors
from accounts.models import User
from accounts.operator import system_scope


class Command(BaseCommand):
    help = "Reset someone's second factors when nobody in the portal can; their organisations get an email."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", metavar="EMAIL")
        parser.add_argument("--reason", default="by the operator", help="kept in the audit trail")

    def handle(self, *, email: str, reason: str, **options: Any) -> None:
        user = User.objects.filter(email=email.strip().lower()).first()
        if user is None:
            raise CommandError(f"There is no account for “{email}”.")
        with refusals_as_errors(), system_scope("reset_mfa"):
            reset_factors(user=user, reason=reason, by=None)
        self.stdout.write(
            f"The second factors of {user} have been reset. They can sign in with a password and set up new ones."
        )
