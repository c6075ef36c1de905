"""Writes the MAP portfolio report of one organisation, the same bytes as the page's download."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.models import Organisation
from accounts.roles import Role
from inventory.reports.files import write_map_portfolio


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", required=True, metavar="NAME")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE")

    def handle(self, *, organisation: str, output: Path, **options: object) -> str:
        found = Organisation.objects.filter(name__iexact=organisation).first()
        if found is None:
            raise CommandError(f"There is no organisation “{organisation}”.")
        if found.role != Role.MAP:
            raise CommandError(f"{found} is a {found.get_role_display()}; only a MAP has a portfolio.")
        try:
            run = write_map_portfolio(found, output)
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        return f"{output}: {run.rows:,} devices of {found}, {run.bytes:,} bytes, SHA-256 {run.sha256}."
