"""`keeper`: seals the audit trail, takes its daily roots and removes expired rows, as the tables' owner."""

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from smi_portal import keeper


class Command(BaseCommand):
    help = "Seals the audit trail and removes expired rows, as the owner of the tables, until you stop it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="do each duty once, then end")

    def handle(self, *, once: bool, **options: Any) -> None:
        stopped = threading.Event()
        if once:
            for duty in keeper.DUTIES:
                keeper.do(duty)
            return
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopped.set())
        keeper.keep(stopped)
