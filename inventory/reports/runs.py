"""A run of a report: what is recorded of it, and its manifest."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime

from django.utils import timezone
from django.utils.text import slugify

from accounts.acting import Acting, scope
from accounts.audit import note
from inventory.models import ReportRun
from inventory.trail.kinds import DeviceAuditKind

FORMAT_VERSION = 1
STATEMENT = "As recorded by suppliers in the SMI; not proof of title."


def plan_run(*, report: str, by: Acting, as_of: date | None = None, known_at: datetime | None = None) -> ReportRun:
    """A run of a report that `by` asks for, of today or of another UK day as known at a moment.

    It is recorded once it begins, and `finish_run` says how it ended.
    """
    day = as_of or timezone.localdate()
    return ReportRun(
        report=report,
        organisation=by.organisation,
        requested_by=by.user,
        as_of=day,
        asked_known_at=known_at,
        participants=by.codes_on(day),
    )


def begin_run(run: ReportRun, by: Acting) -> None:
    """Record that `run` has begun, and in the audit trail that it was asked for."""
    what = {"report": run.report, "run": str(run.pk), "as_of": run.as_of.isoformat(), "format": "csv"}
    if run.asked_known_at:
        what["known_at"] = run.asked_known_at.isoformat()
    with scope(by):
        run.save(force_insert=True)
        note(DeviceAuditKind.REPORT_DOWNLOADED, by=by, **what)


def finish_run(run: ReportRun, outcome: ReportRun.Outcome, by: Acting) -> None:
    """Record how `run` ended, in a transaction apart from the one that read the rows."""
    run.outcome = outcome
    with scope(by):
        run.save(update_fields=["outcome", "known_at", "rows", "bytes", "sha256"])


def measured(run: ReportRun, chunks: Iterator[bytes], by: Acting) -> Iterator[bytes]:
    """Passes `chunks` of CSV on and keeps their rows, bytes and SHA-256; records how it ended.

    Closed before the end (the client has gone), the run was broken off; any other exception is a failure.
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
        chunks.close()  # ends the transaction that reads, before the one that records begins
        finish_run(run, outcome, by)


def file_name(run: ReportRun) -> str:
    """Such as `map-portfolio_zenith-meter-assets_2026-11-23.csv`."""
    return f"{run.report}_{slugify(run.organisation.name)}_{run.as_of:%Y-%m-%d}.csv"


def manifest(run: ReportRun) -> dict[str, object]:
    """What proves that a file is whole and says what it is: the JSON beside each report."""
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
