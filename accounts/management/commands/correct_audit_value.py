from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.audit.keeping import correct_value
from accounts.management.arguments import refusals_as_errors


class Command(BaseCommand):
    help = "Correct one personal value in the audit trail; the trail shows that it was corrected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("row", type=int, metavar="ROW", help="the row's number, as in the DCC's audit file")
        parser.add_argument("name", metavar="NAME", help="the name of the value, such as email")
        parser.add_argument("value", metavar="VALUE")

    def handle(self, *, row: int, name: str, value: str, **options: Any) -> None:
        with refusals_as_errors():
            correct_value(row_id=row, name=name, value=value)
        self.stdout.write(f"{name} of row {row} corrected.")
