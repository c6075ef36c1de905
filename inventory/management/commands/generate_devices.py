"""Adds a made-up inventory over the participants in the list, to try the portal or measure it."""

from argparse import ArgumentParser
from datetime import date
from time import monotonic

from django.core.management.base import BaseCommand

from accounts import clock
from accounts.management.arguments import date_argument, refusals_as_errors
from accounts.operator import system_scope
from inventory.demo.generation import generate_devices
from inventory.loads.statistics import count_values


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--count", type=int, required=True, metavar="N")
        parser.add_argument("--seed", type=int, required=True, help="a different number gives different devices")
        parser.add_argument(
            "--today", type=date_argument, metavar="DATE", help="the latest date on them; today if left out"
        )

    def handle(self, *, count: int, seed: int, today: date | None, **options: object) -> str:
        began = monotonic()
        with refusals_as_errors(), system_scope("generate_devices"):
            made = generate_devices(count=count, seed=seed, today=today or clock.today(), tell=self._tell)
        self._tell("Counting values, so that searches are quick …")
        count_values()
        return f"{made:,} devices made in {monotonic() - began:.1f} seconds."

    def _tell(self, line: str) -> None:
        """Show it immediately to anyone who waits."""
        self.stdout.write(line)
        self.stdout.flush()
