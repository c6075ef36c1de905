"""The trail of a MAP's people: which devices they read is for that MAP alone, at every door."""

import csv
import io
import re

import pytest

from accounts.access import Open
from accounts.models.audit import AuditRow
from accounts.roles import Job, Permission, Role, allows
from inventory.models import Device
from tests.conftest import Browser, System
from tests.factories import make_device, make_membership, make_token, make_user
from tests.test_access import NAMES, OWN, address, organisations, permission_of, world  # noqa: F401

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
AUDIT, FILE = "/audit/", "/audit/download/"
SHOWS_DEVICES = {Permission.VIEW_DEVICE, Permission.DOWNLOAD_DEVICE_LIST}  # which the DCC sees by its own right


@pytest.fixture
def device(supplier, asset_provider) -> Device:
    return make_device("ZEPH", "ZMAP")


@pytest.fixture
def analyst(device, asset_provider) -> Browser:
    """A MAP's administrator, who has read the device by page, history and API."""
    browser = Browser(make_membership(asset_provider, Job.ADMINISTRATOR, make_user("Maya Sutcliffe")))
    system = System(make_token(asset_provider, Job.VIEWER))
    for path in (f"/devices/{device.device_id}/", f"/devices/{device.device_id}/history/"):
        assert browser.get(path).status_code == 200
    for path in ("", "history/", "as-of/?as_of=2025-01-01"):
        assert system.get(f"/api/v1/devices/{device.device_id}/{path}").status_code == 200
    return browser


@pytest.fixture
def overseer(dcc) -> Browser:
    return Browser(make_membership(dcc, Job.ADMINISTRATOR))


def text_of(answer) -> str:
    """Without the links of Device IDs."""
    html = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
    return re.sub(r'<a class="govuk-link smi-id" href="/devices/[^"]*">([^<]*)</a>', r"\1", html)


def lines_of(answer) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text_of(answer))))


@pytest.mark.parametrize("asked", [{}, {"kind": "device_read"}, {"person": "own"}])
@pytest.mark.parametrize("path", [AUDIT, FILE])
def test_dcc_reads_a_device_where_the_map_reads_which(device, analyst, overseer, path, asked):
    given = {"person": analyst.membership.user_id} if "person" in asked else asked

    told, own = text_of(overseer.get(path, given)), text_of(analyst.get(path, given))

    assert "looked at a device" in told
    assert device.device_id not in told
    assert f"looked at device {device.device_id}" in own


def test_file_for_the_dcc_has_neither_device_nor_version(device, analyst, overseer):
    theirs = [row for row in lines_of(overseer.get(FILE)) if row["kind"] == "device_read"]
    own = [row for row in lines_of(analyst.get(FILE)) if row["kind"] == "device_read"]

    assert [(row["device_id"], row["version"]) for row in theirs] == [("", "")] * 5
    assert {row["device_id"] for row in own} == {device.device_id}
    assert {row["version"] for row in own} == {"1", ""}


@pytest.mark.parametrize("path", [AUDIT, FILE])
def test_devices_of_suppliers_and_of_the_dcc_itself_are_named(device, supplier, overseer, path):
    Browser(make_membership(supplier)).get(f"/devices/{device.device_id}/")
    overseer.get(f"/devices/{device.device_id}/")

    assert text_of(overseer.get(path)).count(f"looked at device {device.device_id}") == 2


def test_no_page_or_file_of_the_dcc_names_a_device_that_a_map_has_read(world, overseer, asset_provider):  # noqa: F811
    device, membership, run = world[Role.MAP]
    Browser(membership).get(f"/devices/{device.device_id}/")
    doors = [name for name in NAMES if permission_of(name) not in SHOWS_DEVICES | {Permission.RECORD_ITEM}]
    doors = [
        name
        for name in doors
        if permission_of(name) in Open or allows(Role.DCC, Job.ADMINISTRATOR, permission_of(name))
    ]

    assert {"audit", "audit-download", "audit-readers", "organisation-detail"} <= set(doors)
    for name in doors:
        path = address(name, device, membership, run)
        if device.device_id not in path:
            assert device.device_id not in text_of(overseer.get(path)), name


def test_row_that_is_told_does_not_hold_the_device_it_hides(analyst, dcc, asset_provider):
    rows = AuditRow.objects.filter(kind="device_read")

    theirs, own = rows.told_to(dcc).first(), rows.told_to(asset_provider).first()

    assert (theirs.told_device, theirs.told_version) == (None, None)
    assert own.told_device
    assert {"device_id", "version"} <= theirs.get_deferred_fields()
