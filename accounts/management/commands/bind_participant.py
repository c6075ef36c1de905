from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts.actions import bind_code
from accounts.management.arguments import organisation_named, refusals_as_errors
from accounts.models import Fuel
from accounts.operator import system_scope
from accounts.participants.reading import parse_day


class Command(BaseCommand):
    help = "Bind a code from the list of MAPs and suppliers to an organisation, in the organisation's role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", required=True, metavar="NAME")
        parser.add_argument("--fuel", required=True, type=str.upper, choices=Fuel.values)
        parser.add_argument("--code", required=True)
        parser.add_argument("--from", dest="start", metavar="DATE", help="dd/mm/yyyy or ISO; today if left out")

    def handle(self, *, organisation: str, fuel: str, code: str, start: str | None, **options: Any) -> None:
        try:
            valid_from = parse_day(start) if start else timezone.localdate()
        except ValueError as error:
            raise CommandError(f"--from: {error}") from error
        with refusals_as_errors(), system_scope("bind_participant"):
            binding, bound = bind_code(
                organisation=organisation_named(organisation),
                fuel=Fuel(fuel),
                code=code,
                valid_from=valid_from,
                by=None,
            )
        changed = "" if bound else "Nothing changed: "
        self.stdout.write(f"{changed}{binding} from {binding.valid_from}.")
