"""`make bench`: an inventory of BENCH_DEVICES (1,000,000) and one of 10,000, then each benchmark in turn.

Prints a table and writes `.local/bench.json`. Times are wall-clock seconds of whole operations: the median of five
rounds (unless said) after a warm-up, everything that is compared measured in turn within each round. Fails loudly where
what is measured is not what it should be: a device missed, a file that is not whole.
"""

import json
import os
import platform

from bench import database

COUNT = int(os.environ.get("BENCH_DEVICES", "1000000"))
SMALL = 10_000


def main() -> None:
    os.environ.update(database.prepare("smi_bench"))
    import django

    django.setup()
    from bench import (
        api,
        dashboards,
        device_list,
        map_report,
        past_report,
        people,
        report_download,
        row_security,
        saving,
        walk,
    )
    from bench.measure import Outcome, print_table

    database.fill(COUNT)
    small = database.prepare_filled("smi_bench_small", SMALL)
    outcomes: list[Outcome] = map_report.run()
    outcomes += past_report.run()
    outcomes += device_list.run(COUNT, SMALL, small)
    outcomes += row_security.run()
    outcomes += api.run(COUNT, SMALL, small)
    outcomes += people.run()
    outcomes += saving.run()
    outcomes += walk.run()
    outcomes += report_download.run(COUNT)
    outcomes += dashboards.run()
    machine = {"processor": platform.processor() or platform.machine(), "cores": os.cpu_count(), **database.versions()}
    print_table(outcomes, machine)
    target = database.LOCAL_DIR / "bench.json"
    document = {"machine": machine, "devices": COUNT, "benchmarks": [outcome.as_dict() for outcome in outcomes]}
    target.write_text(json.dumps(document, indent=2) + "\n")
    print(f"Also written to {target.relative_to(database.LOCAL_DIR.parent)}.")


if __name__ == "__main__":
    main()
