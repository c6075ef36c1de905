"""`migrate`: creates tables as Django's command does, then functions, policies, triggers and rights, as their owner."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser, no_translations
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from smi_portal.schema import applying, former, source

REFUSED = (
    "This database was created by a former version, whose tables cannot be upgraded. Nothing has been changed. "
    "Set DATABASE_URL and DATABASE_OWNER_URL to an empty database."
)
DEMO_IN_USE = "The demo's database was created by a former version and is in use. Stop the demo, then run this again."
MADE_ANEW = "The demo's database was created by a former version, so it has been created again."
IN_USE = (
    "The tables were in use for a minute, probably by a long download. Functions, policies and triggers have not been "
    "updated. Run this again."
)


class Command(migrate.Command):
    help = "Upgrades tables, functions, policies, triggers and rights of the database to this version."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database="owner")

    @no_translations
    def handle(self, *args: Any, **options: Any) -> None:
        using, only_asks = options["database"], options["plan"] or options["check_unapplied"]
        if former.is_former(using):
            self._make_anew(using, only_asks)
        super().handle(*args, **options)
        if not only_asks and _has_all_tables(using):
            self._bring_up_to_date(using, options["verbosity"])

    def _make_anew(self, using: str, only_asks: bool) -> None:
        """Only the demo's database: this command never drops what another one contains."""
        if not settings.DEMO or only_asks:
            raise CommandError(REFUSED)
        try:
            former.make_anew(using)
        except (former.DemoInUse, OperationalError) as error:
            raise CommandError(DEMO_IN_USE) from error
        self.stdout.write(MADE_ANEW)

    def _bring_up_to_date(self, using: str, verbosity: int) -> None:
        try:
            applying.bring_up_to_date(using, source.read())
        except applying.TablesInUse as error:
            raise CommandError(IN_USE) from error
        except (applying.FileRefused, source.NoDefinition) as error:
            raise CommandError(str(error)) from error
        if verbosity:
            self.stdout.write("Functions, policies, triggers and rights are now those of this version.")


def _has_all_tables(using: str) -> bool:
    executor = MigrationExecutor(connections[using])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())
