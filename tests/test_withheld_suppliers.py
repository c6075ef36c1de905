"""With suppliers withheld from MAPs, no door of a MAP holds the code or name of any."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.core.management import call_command

from accounts.acting import Acting, scope
from accounts.models import Organisation
from accounts.roles import Job, Role
from inventory.api.description import described
from inventory.models import Device, ReportRun, StepKind
from inventory.recording.record import record_items
from inventory.rules.recording import Recording
from tests.conftest import Browser, System
from tests.factories import (
    bind,
    make_device,
    make_domain,
    make_invitation,
    make_membership,
    make_organisation,
    make_participant,
    make_proposal,
    make_sign_on,
    make_token,
    make_unsent_email,
    make_user,
    supplied_by,
)
from tests.inventory.test_story import recorded_at
from tests.test_access import NAMES, address

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
# Words that stand in no page by themselves
CODES, COMPANIES = ("QQX7", "QQX8", "QQX9"), ("Quokka Energy", "Quagga Power", "Quetzal Gas and Light")
PEOPLE = ("Quentin Quill", "Quincy Quarles", "Queenie Quist")
WORDS = re.compile("|".join((*CODES, *COMPANIES, *PEOPLE)), re.IGNORECASE)
PUBLIC = {"participant-list"}  # the list of all MAPs and suppliers
SOLD = date(2025, 6, 1)


@pytest.fixture
def suppliers(dcc) -> list[Acting]:
    """Three companies that take over from one another."""
    made = []
    for code, company, person in zip(CODES, COMPANIES, PEOPLE, strict=True):
        organisation = make_organisation(company, Role.SUPPLIER)
        bind(organisation, make_participant(code, role=Role.SUPPLIER, name=company))
        made.append(Acting.under(make_membership(organisation, Job.EDITOR, make_user(person))))
    return made


@pytest.fixture
def devices(suppliers, asset_provider, rival_provider) -> list[Device]:
    """One that the MAP has: recorded, corrected, switched and back; and one that it had."""
    with recorded_at(2024, 3, 5, 9):
        own, sold = (make_device(CODES[0], None, msn="") for _ in range(2))
    with recorded_at(2024, 4, 1, 9):
        for device in (own, sold):
            record(
                device, suppliers[0], map_id="ZMAP", map_from=date(2024, 3, 1), msn="Z1", source="Quokka Energy's list"
            )
    with recorded_at(2024, 6, 1, 9):
        supplied_by(own, CODES[1], date(2024, 7, 1), source="registrations of QQX8")
        supplied_by(sold, CODES[1], date(2024, 7, 1))
    with recorded_at(2024, 8, 1, 9):
        record(own, suppliers[1], msn="Z2", kind=StepKind.CORRECTION, source="visit", reason="Quagga Power saw it")
        supplied_by(own, CODES[2], date(2024, 9, 1))
    with recorded_at(2024, 10, 1, 9):
        supplied_by(own, CODES[2], date(2024, 9, 1), kind=StepKind.CANCELLED)
        record(own, suppliers[1], map_id="ZMAP", map_from=date(2024, 3, 2), kind=StepKind.CORRECTION, source="deed")
        record(sold, suppliers[1], map_id="ZMAB", map_from=SOLD, kind=StepKind.CHANGE, source="deed")
    return [own, sold]


def record(device: Device, by: Acting, **items: object) -> None:
    version = Device.objects.values_list("version", flat=True).get(pk=device.pk)
    with scope(by):
        record_items(device_id=device.device_id, recording=Recording(**items), expected_version=version, by=by)


@pytest.fixture
def world(devices, suppliers, asset_provider) -> None:
    """Each supplier has looked at its devices, by page and file; and there is one of everything that has an address."""
    make_invitation(asset_provider)
    make_proposal(suppliers[0].organisation, proposed_by=make_user())
    make_unsent_email()
    make_domain(make_sign_on(suppliers[0].organisation), "zephyr.example", proven_at=None)
    for by in suppliers:
        browser = Browser(by.user.memberships.get())
        for device in devices:
            browser.get(f"/devices/{device.device_id}/")
        b"".join(browser.get("/devices/download/").streaming_content)


def doors(asset_provider: Organisation, devices: list[Device], tmp_path) -> Iterator[tuple[str, str]]:
    """What a MAP's administrator and its system get at every address, and the command at its file."""
    membership = make_membership(asset_provider, Job.ADMINISTRATOR)
    browser, system = Browser(membership), System(make_token(asset_provider, Job.EDITOR))
    days = ("2024-04-02", "2024-08-02", "2025-01-01")
    files = ["/reports/map-portfolio/download/", *(f"/reports/map-portfolio/download/?as_of={day}" for day in days)]
    paths = [*files, *(f"{path}?q=1" for path in files[:1])]
    run_path = f"/reports/runs/{first_run(browser, files[0])}/manifest/"
    for device in devices:
        run = ReportRun.objects.order_by("pk").first()
        paths += [address(name, device, membership, run) for name in NAMES if name not in PUBLIC]
        paths += [f"/devices/{device.device_id}/history/?as_of={day}" for day in days]
    for path in dict.fromkeys([*paths, run_path]):
        yield path, told(browser.get(path))
    for device in devices:
        for template in described()["paths"]:
            if not template.endswith("/participants/"):
                path = template.format(device_id=device.device_id, id=run.pk)
                yield f"{path} (API)", told(system.get(path))
        for day in days:
            path = f"/api/v1/devices/{device.device_id}/as-of/?as_of={day}"
            yield path, told(system.get(path))
    call_command("map_report", organisation=asset_provider.name, output=tmp_path / "report.csv")
    for path in sorted(tmp_path.iterdir()):
        yield path.name, path.read_text()


def first_run(browser: Browser, path: str) -> str:
    told(browser.get(path))
    return str(ReportRun.objects.order_by("pk").first().pk)


def told(answer) -> str:
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return f"{dict(answer.headers)}\n{body.decode()}"


def test_no_door_of_a_map_names_a_supplier(settings, asset_provider, devices, world, tmp_path):
    settings.MAP_SEES_SUPPLIER = False

    found = {path: sorted(set(WORDS.findall(text))) for path, text in doors(asset_provider, devices, tmp_path)}

    assert {path: words for path, words in found.items() if words} == {}
    assert len(found) > 60


def test_with_the_setting_on_the_same_doors_name_them(asset_provider, devices, world, tmp_path):
    """So the walk looks where they stand: page, history, past, files, API, command, readers."""
    found = {path for path, text in doors(asset_provider, devices, tmp_path) if WORDS.search(text)}
    own, sold = (device.device_id for device in devices)

    assert {
        f"/devices/{own}/", f"/devices/{own}/history/", f"/devices/{sold}/history/", "/devices/", "/audit/readers/",
        f"/devices/{own}/history/?as_of=2024-04-02", f"/api/v1/devices/{own}/ (API)", "/api/v1/devices/ (API)",
        f"/api/v1/devices/{own}/history/ (API)", f"/api/v1/devices/{own}/as-of/?as_of=2024-08-02", "report.csv",
        "/reports/map-portfolio/download/", "/reports/map-portfolio/download/?as_of=2024-08-02",
    } <= found  # fmt: skip


def test_history_says_a_supplier_in_place_of_its_code(settings, asset_provider, devices, sign_in):
    settings.MAP_SEES_SUPPLIER = False
    path = f"/devices/{devices[0].device_id}/"

    history, page = (told(sign_in(asset_provider).get(path + more)) for more in ("history/", ""))

    assert "by a supplier</p>" in history
    assert "by DCC</p>" in history
    assert "a supplier, 1 August 2024" in page


def test_columns_of_recorder_and_previous_supplier_stay_and_are_empty(settings, asset_provider, devices, sign_in):
    settings.MAP_SEES_SUPPLIER = False
    answer = sign_in(asset_provider).get("/reports/map-portfolio/download/")

    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))

    assert [row[name] for name in ("map_recorded_by", "previous_supplier_id", "previous_supplier_to")] == [""] * 3
    assert row["map_recorded_at"]
