from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.audit.verifying import Findings, verify_audit
from accounts.management.arguments import organisation_named
from accounts.operator import system_scope


class Command(BaseCommand):
    help = "Verify the audit trail: report where a chain breaks, and which personal values were erased or corrected."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organisation", metavar="NAME", help="only its chains; all chains if left out")
        parser.add_argument(
            "--root",
            dest="roots",
            action="append",
            default=[],
            metavar="HEX",
            help="a daily root that someone noted; can be given several times",
        )

    def handle(self, *, organisation: str | None, roots: list[str], **options: Any) -> None:
        findings = verify_audit(organisation=organisation and organisation_named(organisation), roots=roots)
        with system_scope("verify_audit"):
            self._tell(findings)
        problems = list(findings.breaks)
        if findings.broken > len(problems):
            problems.append(f"… and {findings.broken - len(problems):,} more.")
        problems += [
            f"The root {root} does not match any chain, or any place where one was cut."
            for root in roots
            if root.strip().lower() not in findings.roots
        ]
        if problems:
            raise CommandError("\n".join(["The audit trail is not intact.", *problems]))
        self.stdout.write("The audit trail is intact.")

    def _tell(self, findings: Findings) -> None:
        self.stdout.write(f"{findings.sealed:,} rows verified, {findings.unsealed:,} not yet sealed.")
        if findings.without_row:
            self.stdout.write(
                f"{findings.without_row:,} numbers after the last row have no row: those rows were rolled back, or "
                "removed before they were sealed."
            )
        if findings.expired:
            self.stdout.write(
                f"{findings.expired:,} earlier rows have expired, at an age of at least {findings.expired_at} days; "
                "a daily root stands for them."
            )
        for line in findings.changed:
            self.stdout.write(f"  {line}")
        for root, place in findings.roots.items():
            self.stdout.write(f"The root {root} is {place}.")
