from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.operator import system_scope
from accounts.participants.loading import load_participants
from accounts.participants.reading import BrokenList

MOST_PROBLEMS = 1_000  # printed


class Command(BaseCommand):
    help = "Update the list of all MAPs and suppliers; several paths are one load."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "paths", nargs="+", type=Path, metavar="PATH", help="a folder of market domain data, or a CSV file"
        )
        parser.add_argument("--dry-run", action="store_true", help="show what would change, and change nothing")

    def handle(self, *, paths: list[Path], dry_run: bool, **options: Any) -> None:
        try:
            with system_scope("load_participants"):
                outcome = load_participants(paths, dry_run=dry_run)
        except BrokenList as broken:
            raise CommandError(_told(broken)) from broken
        for line in outcome.details():
            self.stdout.write(line)
        self.stdout.write(outcome.summary())


def _told(broken: BrokenList) -> str:
    count = len(broken.problems)
    lines = [f"Nothing has been changed: {count:,} problem{'' if count == 1 else 's'} in the list."]
    lines += map(str, broken.problems[:MOST_PROBLEMS])
    if count > MOST_PROBLEMS:
        lines.append(f"… and {count - MOST_PROBLEMS:,} more.")
    return "\n".join(lines)
