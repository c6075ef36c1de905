from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.actions.sign_on import switch_off
from accounts.errors import NotAllowed
from accounts.management.arguments import organisation_named
from accounts.models import SingleSignOn
from accounts.operator import system_scope


class Command(BaseCommand):
    help = "Let members of an organisation sign in with passwords again, for example when its provider fails."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("organisation", metavar="NAME")

    def handle(self, *, organisation: str, **options: Any) -> None:
        with system_scope("switch_off_sign_on"):
            named = organisation_named(organisation)
            sign_on = SingleSignOn.objects.select_related("organisation").filter(organisation=named).first()
            if sign_on is None:
                raise CommandError(f"{named} has no single sign-on.")
            try:
                switch_off(sign_on=sign_on, by=None)
            except NotAllowed as refusal:
                raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Single sign-on of {named} is off.")
