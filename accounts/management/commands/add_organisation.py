from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accounts.actions import add_organisation
from accounts.management.arguments import refusals_as_errors
from accounts.operator import system_scope
from accounts.roles import Role


class Command(BaseCommand):
    help = "Add an organisation, which acts in exactly one role."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", metavar="NAME")
        parser.add_argument("--role", required=True, type=str.lower, choices=Role.values)

    def handle(self, *, name: str, role: str, **options: Any) -> None:
        with refusals_as_errors(), system_scope("add_organisation"):
            organisation = add_organisation(name=name, role=Role(role))
        self.stdout.write(f"{organisation} added, as {organisation.get_role_display()}.")
