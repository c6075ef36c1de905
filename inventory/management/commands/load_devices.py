"""Loads devices from a CSV file: the whole file or, if it has errors, nothing; each error is listed with its line."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from inventory.loads.devices import OPTIONAL_HEADER, REQUIRED_HEADER, LoadRefused, load_devices
from inventory.loads.statistics import count_values

NOT_READ = "MSN, MAP ID and its date were not read for devices the inventory already holds. Record them on the portal."


class Command(BaseCommand):
    help = (
        f"{__doc__} Header: {','.join(REQUIRED_HEADER)}; then, optionally, {','.join(OPTIONAL_HEADER)}. msn, map_id "
        "and map_from are set only on devices that the load creates; on a device the inventory already holds they are "
        "not read."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")

    def handle(self, *, file: Path, dry_run: bool, **options: object) -> str:
        try:
            done = load_devices(file, dry_run=dry_run)
        except LoadRefused as refusal:
            for problem in refusal.problems:
                self.stderr.write(problem)
            errors = f"{len(refusal.problems):,} error{'' if len(refusal.problems) == 1 else 's'}"
            raise CommandError(f"{file}: {errors}; nothing has been changed.") from refusal
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
        if not dry_run:
            count_values()
        would = "would be " if dry_run else ""
        created = f"{done.created:,} devices {would}created"
        if done.remark:
            self.stdout.write(done.remark)
        if done.known:
            self.stdout.write(NOT_READ)
        return f"{file}: {created}, {done.changed:,} {would}changed, {done.unchanged:,} unchanged."
