"""A load is no search: nothing it says or leaves tells which MAP ID, date or MSN a known device has."""

import csv
import io
from collections.abc import Callable
from datetime import date
from itertools import product
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import Participant
from accounts.models.audit import AuditRow
from accounts.roles import Role
from inventory.loads.devices import OPTIONAL_HEADER, REQUIRED_HEADER
from inventory.models import Device, DeviceEvent, ProviderPeriod, StagedRow
from inventory.rules.loading import SET_ONCE
from tests.factories import INSTALLED, make_device, make_hub, make_participant
from tests.inventory.test_loading import GOOD

pytestmark = [pytest.mark.django_db(databases=["default", "owner"]), pytest.mark.usefixtures("operator")]
Row = dict[str, str]
# What a device of the file has, what another has, what the list has, and what nobody can have
VALUES = {
    "map_id": ["ZMAP", "zmab", "ZMG", "ZTST", "ZZZZ", "ZEPH", "not a code", "Z\u0410P"],
    "map_from": [INSTALLED.isoformat(), "2025-01-01", "1999-12-31", "2099-01-01", "yesterday"],
    "msn": ["Z1", "Z2", "G1", "Z21E 1044777777", "=1+1", "Z\u200bP"],
}
NOT_READ = "MSN, MAP ID and its date were not read for devices the inventory already holds."
NEW = GOOD | {"device_id": "00-DB-12-34-56-78-90-AF"}


@pytest.fixture
def known(db) -> list[Device]:
    make_participant("ZTST", kind=Participant.Kind.TEST)
    make_participant("ZEPH", role=Role.SUPPLIER)
    return [
        make_device("ZEPH", "ZMAP", msn="Z1"),
        make_device("ZEPH", "ZMAP", msn="Z2", map_from=date(2025, 1, 1)),
        make_device("ZEPH", "ZMAB", msn="Z1"),
        make_device("ZEPH", None, msn=""),
        make_device("ZPG", "ZMG", device_type="GSME", msn="G1"),
        make_device("ZEPH", None, smets_generation=1, smets_version="1.2"),
        make_hub("ZEPH"),
    ]


@pytest.fixture
def write(tmp_path) -> Callable[..., Path]:
    def to_file(*rows: Row) -> Path:
        text = io.StringIO()
        writer = csv.DictWriter(text, [*REQUIRED_HEADER, *OPTIONAL_HEADER], restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(rows)
        path = tmp_path / "devices.csv"
        path.write_bytes(text.getvalue().encode())
        return path

    return to_file


@pytest.fixture
def fill(known, write) -> Callable[..., Path]:
    """`fill(msn="Z1")`: a file of the known devices, all of its rows filled with this; four get new firmware."""

    def to_file(**filled: str) -> Path:
        changes = [{"firmware": "0002FFFF"}, {}] * 4
        return write(*({"device_id": d.device_id} | c | filled for d, c in zip(known, changes, strict=False)))

    return to_file


def left_by(path: Path, *options: str) -> dict[str, object]:
    """Everything that a load says and leaves, and how many statements it takes; then all of it is taken back."""
    said, error = io.StringIO(), ""
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        try:
            call_command("load_devices", path, *options, stdout=said, stderr=said)
        except CommandError as refusal:
            error = str(refusal)
        left = {"said": said.getvalue(), "error": error, "statements": len(queries)}
        left |= {"staged": StagedRow.objects.count()}
        left |= {
            "trail": list(AuditRow.objects.order_by("pk").values_list("kind", "via", "device_id", "version", "details"))
        }
        left |= {
            "history": sorted(DeviceEvent.objects.values_list("pgh_obj", "pgh_label", "firmware", "msn", "version"))
        }
        left |= {"steps": list(ProviderPeriod.objects.order_by("pk").values_list("device", "participant", "kind"))}
        transaction.set_rollback(True)
    return left


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_each_code_date_and_msn_in_turn_gets_the_same_bytes_back(fill, options):
    empty = left_by(fill(), *options)

    assert empty["said"].endswith("changed, 3 unchanged.\n")
    for item, values in VALUES.items():
        for value in values:
            assert left_by(fill(**{item: value}), *options) == empty, (item, value)


def test_all_three_at_once_get_the_same_bytes_back(fill):
    empty = left_by(fill(), "--dry-run")

    for map_id, day, msn in product(VALUES["map_id"][:3], VALUES["map_from"][:2], VALUES["msn"][:2]):
        assert left_by(fill(map_id=map_id, map_from=day, msn=msn), "--dry-run") == empty


def test_file_with_another_error_names_that_error_alone(fill):
    wrong = left_by(fill(status="x"))

    assert wrong["said"].count("It is not an SMI Status.") == 7
    for item, values in VALUES.items():
        for value in values:
            assert left_by(fill(status="x", **{item: value})) == wrong, (item, value)


def test_values_given_for_a_known_device_are_not_recorded(fill):
    before = recorded()

    call_command("load_devices", fill(map_id="ZMAB", map_from="2025-06-01", msn="Z9"), stdout=io.StringIO())

    assert recorded() == before
    assert Device.objects.filter(firmware="0002FFFF").count() == 4


def recorded() -> list[tuple]:
    return list(Device.objects.order_by("pk").values_list("pk", "msn", "asset_provider", "map_from", "version"))


def test_one_sentence_for_the_file_says_so(fill, write, capsys):
    call_command("load_devices", fill(), "--dry-run")
    assert capsys.readouterr().out.count(NOT_READ) == 1

    call_command("load_devices", write(NEW | {"map_id": ""}), "--dry-run")
    assert NOT_READ not in capsys.readouterr().out


@pytest.mark.parametrize("item", SET_ONCE)
def test_new_device_beside_them_is_still_checked(known, write, capsys, item):
    wrong = {item: "\u0410"}

    with pytest.raises(CommandError):
        call_command("load_devices", write({"device_id": known[0].device_id} | wrong, NEW | wrong))

    problems = capsys.readouterr().err.splitlines()
    assert all(line.startswith("Line 3, ") for line in problems)
    assert any(line.startswith(f"Line 3, {item}") for line in problems)
