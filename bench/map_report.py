"""The MAP portfolio report over HTTP, beside psql, the ORM and django-import-export; and the server's memory."""

import csv
import os
import subprocess
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from django.db import connection
from django.db.models import Count, QuerySet
from django.utils import timezone
from import_export.resources import ModelResource

from accounts.acting import Acting, scope
from accounts.actions import bind_code
from accounts.models import Organisation, Participant
from accounts.operator import system_scope
from accounts.roles import Job
from bench.database import TODAY, count_values
from bench.measure import Outcome, compare, in_turn
from inventory.data_items import BY_NAME, MAP_PORTFOLIO
from inventory.models import Device
from inventory.reports.catalogue import CATALOGUE, Asked
from inventory.reports.copy import TUNING
from smi_portal.embedded.programs import installed
from tests.server import Server, Visitor, running

NAME = "MAP portfolio report"
SHARE = 10  # the MAP has one device in ten
SAMPLE = 50_000  # rows that django-import-export is given; its time is scaled to all
REPORT = CATALOGUE[MAP_PORTFOLIO]
DOWNLOAD = "/reports/map-portfolio/download/?format=csv"


def run() -> list[Outcome]:
    with system_scope("bench"):
        acting = give_codes(Device.objects.count() // SHARE)
    count_values()
    with scope(acting):
        rows = Device.objects.visible_to(acting).count()
    print(f"The MAP has {rows:,} devices under {len(acting.bindings)} codes.", flush=True)
    with running(WEB_CONCURRENCY="1") as server:
        visitor = Visitor(server).sign_in("map@demo.example")
        forget_peak(server)  # hashing the password took 100 MiB for a moment
        idle = memory_of(server)["VmRSS"]
        outcomes = in_turn(
            NAME,
            {
                "over loopback HTTP": lambda: read(visitor),
                "psql \\copy of the same query": lambda: psql_copy(acting),
                "ORM values_list().iterator() and csv": lambda: orm_csv(acting),
                f"django-import-export, {SAMPLE:,} rows": lambda: import_export(acting),
            },
        )
        peak = memory_of(server)["VmHWM"]
    http, psql, orm, library = outcomes.values()
    library.seconds = [seconds * rows / min(rows, SAMPLE) for seconds in library.seconds]
    library.name, library.note = "django-import-export", f"(scaled from {min(rows, SAMPLE):,} rows)"
    compare(http, psql, f"({rows:,} rows)")
    memory = f"idle {idle:.1f} MiB, peak of all rounds {peak:.1f} MiB: +{peak - idle:.1f} MiB"
    return [http, psql, compare(orm, http), compare(library, http), Outcome(NAME, "server process", note=memory)]


def give_codes(wanted: int) -> Acting:
    """Bind codes to the MAP of the benchmark until it has about `wanted` devices."""
    organisation = Organisation.objects.get(name="Bench MAP")
    held = dict(Device.objects.exclude(asset_provider=None).values_list("asset_provider").annotate(Count("pk")))
    for participant in sorted(Participant.objects.filter(pk__in=held), key=lambda p: -held[p.pk]):
        if held[participant.pk] <= wanted:
            wanted -= held[participant.pk]
            given = {"organisation": organisation, "fuel": participant.fuel, "code": participant.code}
            bind_code(**given, valid_from=TODAY.replace(year=2020), by=None)
    return Acting(organisation, Job.VIEWER)


def read(visitor: Visitor) -> int:
    """Download to nowhere, as fast as it comes."""
    size = 0
    with visitor.get(DOWNLOAD) as answer:
        while piece := answer.read(1 << 18):
            size += len(piece)
    return size


def psql_copy(acting: Acting) -> None:
    given = connection.settings_dict
    options = dict(parse_qsl(urlsplit(os.environ["DATABASE_URL"]).query))
    command = ["-h", options["host"], "-p", options["port"], "-U", given["USER"], "-d", given["NAME"], "-qXc"]
    copy = f"\\copy ({sql_of(acting)}) to /dev/null csv"
    as_the_report = TUNING | {"portal.organisation": acting.organisation.pk}
    said = {"PGOPTIONS": " ".join(f"-c {name}={value}" for name, value in as_the_report.items())}
    subprocess.run([installed() / "psql", *command, copy], env=os.environ | said, check=True)


def rows_of(acting: Acting) -> QuerySet:
    return REPORT.rows(acting, Asked(timezone.localdate()))


def sql_of(acting: Acting) -> str:
    """The statement of the report, its values bound."""
    statement, values = rows_of(acting).query.sql_with_params()
    with connection.cursor() as cursor:
        return " ".join(cursor.mogrify(statement, values).split())


def orm_csv(acting: Acting) -> None:
    with scope(acting), Path("/dev/null").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(REPORT.header)
        writer.writerows(rows_of(acting).iterator(chunk_size=2000))


class DeviceResource(ModelResource):
    """The same columns of the table, as the library exports them by default."""

    class Meta:
        model = Device
        fields = [
            (BY_NAME[name].path or name).replace(".", "__")
            for name in REPORT.header
            if name not in ("as_of", "quality_flags", "fuel", "smets_generation")
        ] + ["fuel", "smets_generation"]


def import_export(acting: Acting) -> None:
    devices = Device.objects.visible_to(acting).with_parties().order_by("device_id")[:SAMPLE]
    with scope(acting):
        data = DeviceResource().export(queryset=devices)
    Path("/dev/null").write_text(data.csv)


def memory_of(server: Server) -> dict[str, float]:
    """What the server process holds, and its peak, in MiB."""
    lines = (process_of(server) / "status").read_text().splitlines()
    return {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}


def forget_peak(server: Server) -> None:
    (process_of(server) / "clear_refs").write_text("5")


def process_of(server: Server) -> Path:
    """The one worker of `server`, in /proc."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return Path(f"/proc/{children[0]}")
