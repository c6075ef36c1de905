from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.verifying import Findings, verify_audit
from accounts.management.arguments import organisation_named
from accounts.operator import system_scope


class Command(BaseCommand):
    help = "Verify the audit trail: report where a chain breaks, and which personal values were erased or corrected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="NAME", help="only its chains; all chains if left out")
        parser.add_argument("--root", default="", metavar="HEX", help="a daily root that someone noted")

    def handle(self, *, organisation: str | None, root: str, **options: Any) -> None:
        findings = verify_audit(organisation=organisation and organisation_named(organisation), root=root)
        with system_scope("verify_audit"):
            self._tell(findings)
        problems = list(findings.breaks)
        if findings.broken > len(problems):
            problems.append(f"… and {findings.broken - len(problems):,} more.")
        if root and not findings.root:
            problems.append(f"The root {root} does not match any chain, or any place where one was cut.")
        if problems:
            raise CommandError("\n".join(["The audit trail is not intact.", *problems]))
        self.stdout.write("The audit trail is intact.")

    def _tell(self, findings: Findings) -> None:
        self.stdout.write(f"{findings.sealed:,} rows verified, {findings.unsealed:,} not yet sealed.")
        if findings.expired:
            self.stdout.write(f"{findings.expired:,} earlier rows have expired; a daily root stands for them.")
        for line in findings.changed:
            self.stdout.write(f"  {line}")
        if findings.root:
            self.stdout.write(f"This root is {findings.root}.")
