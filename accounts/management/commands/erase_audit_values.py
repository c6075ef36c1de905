from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.audit.keeping import erase_values_of, person_of
from accounts.management.arguments import refusals_as_errors


class Command(BaseCommand):
    help = "Erase a person's personal values from the audit trail; its rows stay, and still verify."

    def add_arguments(self, parser: CommandParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--person", type=int, metavar="ID")
        who.add_argument("--email", default="", metavar="ADDRESS")

    def handle(self, *, person: int | None, email: str, **options: Any) -> None:
        with refusals_as_errors():
            found = person_of(person_id=person, email=email)
        self.stdout.write(f"{erase_values_of(found):,} values of {found} erased.")
