"""Reports written to disk by a command: whole or not at all, with their manifest beside them."""

import json
import os
from contextlib import closing
from pathlib import Path

from accounts.acting import Acting
from accounts.models import Organisation
from accounts.roles import Job
from inventory.models import ReportRun
from inventory.reports import map_portfolio
from inventory.reports.runs import manifest, plan_run


def write_map_portfolio(organisation: Organisation, output: Path) -> ReportRun:
    """Write the portfolio report of a MAP to `output` and its manifest to `output`.manifest.json.

    The report appears under its name only once it is complete; raises OSError when it cannot be written.
    """
    acting = Acting(organisation, Job.VIEWER)
    run = plan_run(report=map_portfolio.NAME, by=acting)
    partial = output.with_name(f".{output.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file, closing(map_portfolio.chunks(run, acting)) as chunks:
            for chunk in chunks:
                file.write(chunk)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    text = json.dumps(manifest(run), indent=2, ensure_ascii=False)
    Path(f"{output}.manifest.json").write_text(text + "\n", encoding="utf-8")
    return run
