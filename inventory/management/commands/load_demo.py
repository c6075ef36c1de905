"""Sets up the demo: made-up participants, organisations, people and devices."""

from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from accounts.management.arguments import refusals_as_errors
from accounts.operator import system_scope
from inventory.demo.setup import LOGINS, PASSWORD, load_demo
from inventory.loads.statistics import count_values


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--devices", type=int, default=20_000, metavar="N", help="20,000 if left out")
        parser.add_argument("--seed", type=int, default=1, help="a different number gives different devices")

    def handle(self, *, devices: int, seed: int, **options: object) -> None:
        if not settings.DEMO:
            raise CommandError(
                "This is not a demo: DATABASE_URL is set. Demo data is loaded only into the embedded database."
            )
        if devices < 0:
            raise CommandError("The number of devices cannot be below 0.")
        with refusals_as_errors(), system_scope("load_demo"):
            made = load_demo(devices=devices, seed=seed, tell=self._tell)
        count_values()
        self._print_logins()
        if made is None:
            self._tell("The demo data has already been loaded. Nothing changed.")
        else:
            self._tell(f"Demo data loaded: {made:,} devices.")

    def _tell(self, line: str) -> None:
        """Show it immediately to anyone who waits."""
        self.stdout.write(line)
        self.stdout.flush()

    def _print_logins(self) -> None:
        width = max(len(login.email) for login in LOGINS)
        self.stdout.write(f"Logins, all with the password {PASSWORD}:")
        for login in LOGINS:
            self.stdout.write(f"  {login.email:<{width}}  {login.job.label} of {login.organisation}")
        self.stdout.write("Emails are not sent. You find them in .local/mail/.")
