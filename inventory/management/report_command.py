"""The base of the commands that write a report: `report` names it, and so decides the options."""

from argparse import ArgumentParser
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from accounts.acting import Acting, scope
from accounts.errors import BadRequest
from accounts.management.arguments import organisation_named
from accounts.roles import Job
from inventory.reports.catalogue import Asked, Report
from inventory.reports.run import plan_run, write_file


class ReportCommand(BaseCommand):
    """Writes `report` for one organisation, with the same bytes as the download from its page."""

    report: Report

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--organisation", required=True, metavar="NAME")
        parser.add_argument("--output", required=True, type=Path, metavar="FILE")
        if len(self.report.formats) > 1:
            parser.add_argument("--format", choices=[form.value for form in self.report.formats])
        for name in self.report.question.parameters:
            parser.add_argument(f"--{name.replace('_', '-')}")

    def handle(self, *, organisation: str, output: Path, **options: object) -> str:
        by = Acting(organisation_named(organisation), Job.VIEWER)
        asked = self._asked(by, options)
        try:
            run = plan_run(self.report, asked, by=by)
            write_file(run, asked, by, output)
        except BadRequest as refusal:
            raise CommandError(f"{refusal} {refusal.hint}".strip()) from refusal
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror}.") from error
        return f"{output}: {run.rows:,} devices of {by.organisation}, {run.bytes:,} bytes, SHA-256 {run.sha256}."

    def _asked(self, by: Acting, options: dict[str, object]) -> Asked:
        if not by.may(self.report.permission):
            allowed = " or a ".join(role.label for role in self.report.roles)
            raise CommandError(
                f"{by.organisation} is a {by.role.label}. Only a {allowed} can have the {self.report.title}."
            )
        names = ("format", *self.report.question.parameters)
        given = {name: options[name] for name in names if options.get(name) is not None}
        try:
            with scope(by):
                return self.report.question.read(given, by)
        except BadRequest as refusal:
            raise CommandError(str(refusal)) from refusal
