"""A run of a report: it begins, reads one snapshot, copies it out and ends. Also its record and its manifest."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from django.db.models import QuerySet
from django.utils.text import slugify

from accounts.acting import Acting, scope
from accounts.audit import note
from inventory.models import ReportRun
from inventory.reports.catalogue import CATALOGUE, Asked, Report, reports_of
from inventory.reports.copy import csv_chunks, snapshot
from inventory.trail.kinds import DeviceAuditKind
from inventory.trail.notes import note_file
from inventory.trail.readings import parties_in, readings_in_file

FORMAT_VERSION = 1
STATEMENT = "As recorded by suppliers in the SMI; not proof of title."


def plan_run(report: Report, asked: Asked, *, by: Acting) -> ReportRun:
    """Return a run of `report` that has not begun; it is recorded when it begins, if the report keeps its runs."""
    return ReportRun(
        report=report.name,
        organisation=by.organisation,
        requested_by=by.user,
        token_id=by.token_id,
        as_of=asked.day,
        asked_known_at=asked.known_at,
    )


def chunks_of(run: ReportRun, asked: Asked, by: Acting) -> Iterator[bytes]:
    """Begin `run`, yield its CSV in pieces (the same for page, API and command), and record how it ended."""
    report = CATALOGUE[run.report]
    with scope(by):
        _begin(report, run, asked, by)
    chunks = _read(report, run, asked, by)
    return _measured(run, chunks, by) if report.keeps_runs else chunks


def _begin(report: Report, run: ReportRun, asked: Asked, by: Acting) -> None:
    """Record that `run` has begun, and note the request in the audit trail."""
    if report.keeps_runs:
        run.participants = by.codes_on(asked.day)
        run.save(force_insert=True)
    if asked.search:
        note_file(asked.search, by=by)
    else:
        what = {"report": run.report, "run": str(run.pk), "as_of": asked.day.isoformat(), "format": "csv"}
        what |= {"known_at": asked.known_at.isoformat()} if asked.known_at else {}
        note(DeviceAuditKind.REPORT_DOWNLOADED, by=by, **what)


def _read(report: Report, run: ReportRun, asked: Asked, by: Acting) -> Iterator[bytes]:
    with readings_in_file(report.noted_as, by=by) as parties, snapshot(by) as moment:
        run.known_at = asked.known_at or moment
        parties |= parties_in(report.query(by, asked))
        with closing(csv_chunks(report.header, report.rows(by, asked))) as pieces:
            yield from pieces


def _measured(run: ReportRun, chunks: Iterator[bytes], by: Acting) -> Iterator[bytes]:
    """Passes on `chunks` of CSV, counts their rows, bytes and SHA-256, and records how the run ended.

    If it is closed before the end (the client has gone), the run was broken off; any other exception is a failure.
    """
    digest, size, lines = hashlib.sha256(), 0, 0
    outcome = ReportRun.Outcome.FAILED
    try:
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            lines += chunk.count(b"\n")
            yield chunk
        run.rows, run.bytes, run.sha256 = lines - 1, size, digest.hexdigest()
        outcome = ReportRun.Outcome.COMPLETE
    except GeneratorExit:
        outcome = ReportRun.Outcome.BROKEN_OFF
        raise
    finally:
        chunks.close()  # ends the reading transaction before the recording one begins
        _end(run, outcome, by)


def _end(run: ReportRun, outcome: ReportRun.Outcome, by: Acting) -> None:
    """Record how `run` ended, in a transaction separate from the one that read the rows."""
    run.outcome = outcome
    with scope(by):
        run.save(update_fields=["outcome", "known_at", "rows", "bytes", "sha256"])


def write_file(run: ReportRun, asked: Asked, by: Acting, output: Path) -> None:
    """Write the report to `output` and its manifest to `output`.manifest.json.

    The report appears under its name only once it is complete; raises OSError when it cannot be written.
    """
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file, closing(chunks_of(run, asked, by)) as chunks:
            for chunk in chunks:
                file.write(chunk)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    text = json.dumps(manifest(run), indent=2, ensure_ascii=False)
    Path(f"{output}.manifest.json").write_text(text + "\n", encoding="utf-8")


def runs_of(acting: Acting) -> QuerySet:
    """Return the organisation's runs of the reports that `acting` can download, newest first."""
    mine = [report.name for report in reports_of(acting)]
    return (
        ReportRun.objects.visible_to(acting)
        .filter(report__in=mine)
        .select_related("organisation", "requested_by", "token")
    )


def file_name(run: ReportRun) -> str:
    """Return a name such as `map-portfolio_zenith-meter-assets_2026-11-23.csv`."""
    return f"{CATALOGUE[run.report].file_stem}_{slugify(run.organisation.name)}_{run.as_of:%Y-%m-%d}.csv"


def manifest(run: ReportRun) -> dict[str, object]:
    """Return the JSON beside each report, which proves that the file is complete and says what it is."""
    return {
        "report": run.report,
        "format": "csv",
        "format_version": FORMAT_VERSION,
        "file_name": file_name(run),
        "run": str(run.pk),
        "organisation": run.organisation.name,
        "role": run.organisation.get_role_display(),
        "codes": run.participants,
        "as_of": run.as_of.isoformat(),
        "known_at": run.known_at and run.known_at.isoformat(),
        "outcome": run.outcome_now.value,
        "rows": run.rows,
        "bytes": run.bytes,
        "sha256": run.sha256 or None,
        "statement": STATEMENT,
    }
