"""The device file: what it must keep to, all errors at once, and what a load may change of a known device."""

import csv
import io
from datetime import date
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Participant
from accounts.roles import Role
from inventory.identifiers import InvalidIdentifier, parse_device_id, parse_mpan, parse_msn
from inventory.loads import devices as loading
from inventory.loads.devices import OPTIONAL_HEADER, REQUIRED_HEADER, DeviceLoad, LoadRefused, load_devices
from inventory.models import Device, DeviceEvent, ProviderPeriod, StagedRow, StepKind, SupplyPeriod
from inventory.querysets import StepQuerySet
from tests.factories import make_device, make_hub, make_participant

pytestmark = [pytest.mark.django_db(databases=["default", "owner"]), pytest.mark.usefixtures("operator")]
ID = "00-DB-12-34-56-78-90-A0"
SOURCE = "device load devices.csv"
GOOD = {
    "device_id": ID, "device_type": "ESME", "smets_generation": "2", "smets_version": "4.2", "manufacturer": "ZT10",
    "model": "010A030B", "firmware": "0002012F", "esme_variant": "A", "status": "Commissioned",
    "status_from": "2024-03-02", "mpxn": "9910000001006", "msn": "Z21E 10447", "map_id": "ZMAP", "supplier_id": "ZEPH",
    "installed_on": "01/03/2024", "commissioned_on": "2024-03-02", "hub_id": "",
}  # fmt: skip
GAS = {"device_id": "00-DB-12-34-56-78-90-A1", "device_type": "GSME", "esme_variant": "", "mpxn": "0123456789",
       "msn": "G4Z486399530", "map_id": "ZMG", "supplier_id": "ZPG"}  # fmt: skip
HUB = {"device_id": "00-DB-12-34-56-78-90-A2", "device_type": "CHF", "smets_generation": "", "smets_version": "",
       "esme_variant": "", "mpxn": "", "msn": "", "map_id": ""}  # fmt: skip


@pytest.fixture
def listed_parties(db) -> None:
    for code, role in (
        ("ZEPH", "supplier"),
        ("ZPG", "supplier"),
        ("ZEST", "supplier"),
        ("ZMAP", "map"),
        ("ZMG", "map"),
    ):
        make_participant(code, role=Role(role))


@pytest.fixture
def write(tmp_path, listed_parties):
    """`write(row, …)`: a file of the good row changed by each of these."""

    def to_file(*changes: dict[str, str], extra: tuple[str, ...] = ()) -> Path:
        header = [*REQUIRED_HEADER, *extra]
        text = io.StringIO()
        writer = csv.DictWriter(text, header, restval="", lineterminator="\r\n")
        writer.writeheader()
        writer.writerows(GOOD | change for change in changes)
        path = tmp_path / "devices.csv"
        path.write_bytes(text.getvalue().encode())
        return path

    return to_file


def problems(path: Path) -> list[str]:
    with pytest.raises(LoadRefused) as refusal:
        load_devices(path)
    assert not DeviceEvent.objects.filter(pgh_context__source=SOURCE).exists()
    assert not SupplyPeriod.objects.filter(source=SOURCE).exists()
    return refusal.value.problems


# What is created


def test_new_devices_are_created_with_their_provenance(write):
    outcome = load_devices(write({"hub_id": HUB["device_id"]}, GAS, HUB))

    device = Device.objects.get(device_id=ID)
    assert outcome == DeviceLoad(created=3, changed=0, unchanged=0)
    assert (device.asset_provider.code, device.map_from, device.supplier.code) == ("ZMAP", date(2024, 3, 1), "ZEPH")
    assert (device.supplier_from, device.msn, device.mpxn) == (date(2024, 3, 1), "Z21E 10447", "9910000001006")
    assert (device.hub_device_id, device.version) == (HUB["device_id"], 1)
    told = device.history.get().pgh_context
    assert (told["operator"], told["via"], told["source"]) == ("load_devices", "load", SOURCE)


def test_new_devices_begin_with_a_step_of_each_party(write):
    load_devices(write({}, HUB))

    provided, supplied = (steps.get(device__device_id=ID) for steps in (ProviderPeriod.objects, SupplyPeriod.objects))
    assert (provided.participant.code, provided.valid_from) == ("ZMAP", date(2024, 3, 1))
    assert (supplied.participant.code, supplied.valid_from) == ("ZEPH", date(2024, 3, 1))
    assert {(step.kind, step.via, step.source) for step in (provided, supplied)} == {(StepKind.FIRST, "load", SOURCE)}
    assert (provided.recorded_for, supplied.recorded_for) == ("ZEPH", "DCC")
    assert ProviderPeriod.objects.count() == 1  # a hub has none


def test_identifiers_are_read_leniently_and_stored_canonically(write):
    load_devices(
        write(
            {
                "device_id": " 00:db:12:34:56:78:90:a0 ",
                "msn": " z21e  10447 ",
                "mpxn": "99 10000001006",
                "map_id": "zmap",
            }
        )
    )

    device = Device.objects.get()
    assert (device.device_id, device.msn, device.mpxn, device.asset_provider.code) == (
        ID,
        "Z21E 10447",
        "9910000001006",
        "ZMAP",
    )


def test_optional_columns_are_read(write):
    days = {"map_from": "2024-05-01", "supplier_from": "2024-04-01", "decommissioned_on": "2025-01-01"}

    load_devices(write(days, extra=OPTIONAL_HEADER))

    device = Device.objects.get()
    assert (device.map_from, device.supplier_from) == (date(2024, 5, 1), date(2024, 4, 1))
    assert device.decommissioned_on == date(2025, 1, 1)


def test_without_installation_both_apply_from_the_status(write):
    load_devices(write({"installed_on": "", "commissioned_on": ""}))

    device = Device.objects.get()
    assert device.map_from == device.supplier_from == date(2024, 3, 2)


def test_dry_run_says_what_would_happen_and_changes_nothing(write):
    assert load_devices(write({}), dry_run=True) == DeviceLoad(1, 0, 0)
    assert not Device.objects.exists()


def test_second_load_of_the_same_file_changes_nothing(write):
    path = write({}, GAS, HUB)
    load_devices(path)
    before = everything()

    assert load_devices(path) == DeviceLoad(0, 0, 3)
    assert everything() == before


def everything() -> list[list[dict[str, object]]]:
    """The devices with their steps and history."""
    return [
        list(model.objects.order_by("pk").values()) for model in (Device, DeviceEvent, ProviderPeriod, SupplyPeriod)
    ]


# What is refused


@pytest.mark.parametrize(
    ("change", "item"),
    [
        ({"device_id": ""}, "device_id"),
        ({"device_id": "00-DB-12"}, "device_id"),
        ({"device_id": "O0-DB-12-34-56-78-90-A0"}, "device_id"),
        ({"device_type": "METER"}, "device_type"),
        ({"device_type": ""}, "device_type"),
        ({"smets_generation": "3"}, "smets_generation"),
        ({"smets_generation": ""}, "smets_generation"),
        ({"smets_version": "1" * 17}, "smets_version"),
        ({"device_id": "00-D-12-34d-56-78-90-A0"}, "device_id"),
        ({"smets_version": "=1+1"}, "smets_version"),
        ({"status_from": "2099-01-01"}, "status_from"),
        ({"manufacturer": "ZT"}, "manufacturer"),
        ({"model": "XYZ1"}, "model"),
        ({"firmware": "12"}, "firmware"),
        ({"esme_variant": "Z"}, "esme_variant"),
        ({"status": "commissioned"}, "status"),
        ({"status": ""}, "status"),
        ({"status_from": "31/02/2024"}, "status_from"),
        ({"status_from": ""}, "status_from"),
        ({"installed_on": "1999-12-31"}, "installed_on"),
        ({"installed_on": "2024-13-01"}, "installed_on"),
        ({"commissioned_on": "yesterday"}, "commissioned_on"),
        ({"mpxn": "9910000001007"}, "mpxn"),
        ({"mpxn": "991000000100"}, "mpxn"),
        ({"msn": "Z21E 104477"}, "msn"),
        ({"msn": "=1+1"}, "msn"),
        ({"msn": "Z\u0410P"}, "msn"),
        ({"msn": "Z\u200bP"}, "msn"),
        ({"map_id": "ZMG"}, "map_id"),
        ({"map_id": "ZZZZ"}, "map_id"),
        ({"map_id": "ZEPH"}, "map_id"),
        ({"smets_generation": "1"}, "map_id"),
        ({"supplier_id": ""}, "supplier_id"),
        ({"supplier_id": "ZMAP"}, "supplier_id"),
        ({"supplier_id": "ZPG"}, "supplier_id"),
        ({"hub_id": "00-DB-12-34-56-78-90-FF"}, "hub_id"),
        (GAS | {"mpxn": "12345"}, "mpxn"),
        (GAS | {"map_id": "ZMAP"}, "map_id"),
        (GAS | {"esme_variant": "A"}, "esme_variant"),
        (HUB | {"msn": "Z1"}, "msn"),
        (HUB | {"mpxn": "9910000001006"}, "mpxn"),
        (HUB | {"map_id": "ZMAP"}, "map_id"),
        (HUB | {"smets_generation": "2"}, "smets_generation"),
    ],
)
def test_each_rule_names_line_item_and_reason(write, change, item):
    found = problems(write(GAS | {"device_id": "00-DB-12-34-56-78-90-AF"}, change))

    assert [line for line in found if line.startswith(f"Line 3, {item}")]
    assert all(line.startswith("Line 3, ") for line in found)


def test_all_errors_of_all_lines_come_at_once_in_order(write):
    found = problems(write({"mpxn": "1", "status": "x"}, GAS, HUB | {"msn": "Z1"}))

    assert [line.split(",")[0] for line in found] == ["Line 2", "Line 2", "Line 4"]


def test_device_id_on_two_lines_is_named_on_both(write):
    found = problems(write({}, {"device_id": ID.lower()}))

    assert [line.split(",")[0] for line in found] == ["Line 2", "Line 3"]


@pytest.mark.parametrize("kind", [Participant.Kind.TEST, Participant.Kind.DUMMY])
def test_test_and_dummy_codes_are_refused(write, kind):
    make_participant("ZTST", kind=kind)

    assert "map_id" in problems(write({"map_id": "ZTST"}))[0]


def test_code_not_in_force_on_its_day_is_refused(write):
    make_participant("ZWAS", effective_to=date(2024, 2, 29))

    assert "not in force" in problems(write({"map_id": "ZWAS"}))[0]


def test_setting_refuses_map_ids_of_meters_installed_before(write, settings):
    settings.MAP_ID_FROM = "2024-03-02"

    assert "installed on or after 2 March 2024" in problems(write({}))[0]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (",".join(REQUIRED_HEADER).encode() + b"\r\n", "Line 1: There are no rows below the header."),
        (b"device_id,msn\r\n1,2\r\n", "Line 1: The header is missing “device_type”, “smets_generation”"),
        (
            ",".join((*REQUIRED_HEADER, "address")).encode() + b"\r\n",
            "Line 1: The header has columns that are not expected: “address”.",
        ),
        (
            ",".join(REQUIRED_HEADER).encode() + b"\r\na\r\n\r\nb,c\r\n",
            "Line 4: This row has 2 values; the header has 17 columns. Look for a missing comma.",
        ),
        (
            ",".join(REQUIRED_HEADER).encode() + b"\r\n" + b"," * 16 + b'\r\n"' + b"," * 16 + b"\r\n",
            "Line 3: The quotation marks do not match.",
        ),
        (
            ",".join(REQUIRED_HEADER).encode() + b"\r\n" + b"," * 15 + b',"a\r\nb"\r\n',
            "Line 2: A value contains a line break.",
        ),
        (
            ",".join(REQUIRED_HEADER).encode() + b"\r\n\xff\xfe\r\n",
            "Line 2: This row is not UTF-8. Save the file as “CSV UTF-8”.",
        ),
        (",".join(REQUIRED_HEADER).encode() + b"\r\n,\0,\r\n", "Line 2: A value contains a NUL character."),
        (b"\xff\xfe\x00", "Line 1: This row is not UTF-8."),
    ],
)
def test_broken_file_is_explained(listed_parties, tmp_path, data, says):
    path = tmp_path / "devices.csv"
    path.write_bytes(data)

    assert any(says in line for line in problems(path))


def test_rows_that_cannot_be_read_are_named_all_at_once(write):
    path = write({}, GAS)
    path.write_bytes(path.read_bytes() + b'\\.\r\n"a\r\nb",c\r\nd,e\r\n')

    assert problems(path) == [
        "Line 4: This row has 1 value; the header has 17 columns. Look for a missing comma.",
        "Line 5: A value contains a line break. Remove it.",
        "Line 7: This row has 2 values; the header has 17 columns. Look for a missing comma.",
    ]


def test_empty_rows_do_not_count_and_lines_keep_their_number(write):
    path = write({"mpxn": "1"})
    header, row = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(header + b"\r\n" + b"," * 16 + b"\r\n" + row + b"\r\n\n")

    assert [line.split(",")[0] for line in problems(path)] == ["Line 4"]


@pytest.mark.parametrize("value", ["\\N", "\\.", "a\\tb", "\\"])
def test_backslash_is_a_character_like_any_other(write, value):
    assert f"“{value}”" in problems(write({"msn": value}))[0]


def test_command_prints_every_error_and_fails(write, capsys):
    with pytest.raises(CommandError, match="2 errors; nothing has been changed"):
        call_command("load_devices", write({"mpxn": "1", "status": "x"}))

    assert capsys.readouterr().err.count("Line 2, ") == 2


def test_command_says_what_it_did(write, capsys, tmp_path):
    call_command("load_devices", write({}, GAS))
    assert "2 devices created, 0 changed, 0 unchanged" in capsys.readouterr().out

    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_devices", tmp_path / "none.csv")


# Known devices


@pytest.fixture
def known(listed_parties) -> Device:
    return make_device(
        "ZEPH", "ZMAP", device_id=ID, msn="Z21E 10447", mpxn="9910000001006", esme_variant="A", version=4
    )


def test_empty_cell_leaves_the_value_as_it_is(write, known):
    load_devices(write(dict.fromkeys(REQUIRED_HEADER[1:], "") | {"firmware": "00020130"}))

    after = Device.objects.get()
    assert (after.firmware, after.msn, after.mpxn, after.asset_provider.code) == (
        "00020130",
        known.msn,
        known.mpxn,
        "ZMAP",
    )
    assert (after.supplier, after.supplier_from, after.status) == (known.supplier, known.supplier_from, known.status)


def test_firmware_does_not_raise_the_version_but_an_mpxn_does(write, known):
    load_devices(write({"firmware": "00020130"}))
    assert Device.objects.get().version == 4

    load_devices(write({"firmware": "00020130", "mpxn": "9910000002000"}))
    assert Device.objects.get().version == 5


def test_known_meter_with_a_map_id_stays_smets2(write, known):
    assert "smets_generation" in problems(write({"smets_generation": "1", "map_id": ""}))[0]


def test_supplier_from_a_day_to_come_gets_no_sight(write, known):
    path = write({"supplier_id": "ZEST", "supplier_from": "2099-01-01"}, extra=("supplier_from",))

    assert any("in the future" in line for line in problems(path))


def test_day_without_a_map_id_is_refused(write):
    assert any(
        "map_from" in line for line in problems(write({"map_id": "", "map_from": "2024-03-01"}, extra=OPTIONAL_HEADER))
    )


def test_change_of_supplier_keeps_the_one_before(write, known):
    load_devices(write({"supplier_id": "ZEST", "supplier_from": "2025-02-01"}, extra=("supplier_from",)))

    after = Device.objects.get()
    assert (after.supplier.code, after.supplier_from) == ("ZEST", date(2025, 2, 1))
    assert (after.previous_supplier.code, after.previous_supplier_to) == ("ZEPH", date(2025, 1, 31))
    assert after.version == 5


def test_change_of_supplier_leaves_two_steps_known_now(write, known):
    load_devices(write({"supplier_id": "ZEST", "supplier_from": "2025-02-01"}, extra=("supplier_from",)))

    assert steps_of(known.supplyperiods.known_now()) == [
        ("ZEPH", date(2024, 3, 1), StepKind.FIRST),
        ("ZEST", date(2025, 2, 1), StepKind.CHANGE),
    ]
    assert known.supplyperiods.last().source == SOURCE
    assert known.history.last().pgh_context["source"] == SOURCE


def test_later_day_of_the_same_supplier_corrects_its_step(write, known):
    load_devices(write({"supplier_from": "2024-04-01"}, extra=("supplier_from",)))

    after = Device.objects.get()
    assert (after.supplier.code, after.supplier_from, after.previous_supplier) == ("ZEPH", date(2024, 4, 1), None)
    assert steps_of(known.supplyperiods.filter(known__upper_inf=True)) == [
        ("ZEPH", date(2024, 3, 1), StepKind.CANCELLED),
        ("ZEPH", date(2024, 4, 1), StepKind.CORRECTION),
    ]
    assert steps_of(known.supplyperiods.filter(known__upper_inf=False)) == [("ZEPH", date(2024, 3, 1), StepKind.FIRST)]


def steps_of(steps: StepQuerySet) -> list[tuple[str, date, str]]:
    return list(steps.values_list("participant__code", "valid_from", "kind"))


def test_same_day_is_a_correction_of_the_supplier(write, known):
    load_devices(write({"supplier_id": "ZEST", "supplier_from": "2024-03-01"}, extra=("supplier_from",)))

    after = Device.objects.get()
    assert (after.supplier.code, after.previous_supplier) == ("ZEST", None)
    assert steps_of(known.supplyperiods.known_now()) == [("ZEST", date(2024, 3, 1), StepKind.CORRECTION)]


def test_new_supplier_needs_a_day_that_is_not_earlier(write, known):
    assert "supplier_from" in problems(write({"supplier_id": "ZEST"}))[0]
    early = write({"supplier_id": "ZEST", "supplier_from": "2024-01-01"}, extra=("supplier_from",))
    assert "supplier_from" in problems(early)[0]


def test_type_of_a_known_device_does_not_change(write, known):
    assert any("device_type" in line for line in problems(write(GAS | {"device_id": ID, "map_id": "", "msn": ""})))


@pytest.mark.parametrize(("status", "unusual"), [("Suspended", False), ("Pending", True), ("Commissioned", False)])
def test_unusual_move_of_status_is_kept_and_flagged(write, known, status, unusual):
    load_devices(write({"status": status, "status_from": "2025-01-01"}))

    after = Device.objects.get()
    assert (after.status, after.unusual_status_move) == (status, unusual)


def test_hub_may_be_known_already(write, listed_parties):
    hub = make_hub("ZEPH")

    load_devices(write({"hub_id": hub.device_id}))

    assert Device.objects.get(device_id=ID).hub_device_id == hub.device_id


@pytest.fixture
def changed_meanwhile(known, monkeypatch) -> None:
    """The MSN is corrected, and another load moves the date of installation, after the file was compared."""

    def meanwhile(*given: object) -> int:
        Device.objects.filter(pk=known.pk).update(msn="Z99", installed_on=date(2024, 3, 9))
        return hold(*given)

    hold = loading._hold
    monkeypatch.setattr(loading, "_hold", meanwhile)


def test_device_that_is_changed_while_its_file_is_checked_is_compared_again(write, known, changed_meanwhile):
    assert load_devices(write({"msn": "", "firmware": "00020130"})) == DeviceLoad(0, 1, 0)

    known.refresh_from_db()
    assert (known.msn, known.firmware) == ("Z99", "00020130")


def test_device_that_is_changed_while_its_file_is_checked_can_break_a_rule_then(write, changed_meanwhile):
    found = problems(write(GAS, {"installed_on": "", "decommissioned_on": "2024-03-05"}, extra=OPTIONAL_HEADER))

    assert found == ["Line 3, decommissioned_on “2024-03-05”: It is before the date of installation."]
    assert not StagedRow.objects.exists()


# Anything at all


def refused(item: str, value: str) -> bool:
    """What the parsers of pages and forms say."""
    parsers = {"device_id": parse_device_id, "mpxn": parse_mpan, "msn": lambda text: parse_msn(text, fuel="E")}
    try:
        parsers[item](value)
    except InvalidIdentifier:
        return True
    return False


PLAIN = st.text(st.sampled_from("0123456789ABCDEFabcdefZ-: ./O\u00a0\u0410\u200b"), max_size=26)


@given(item=st.sampled_from(["device_id", "mpxn", "msn"]), value=PLAIN)
def test_file_and_forms_agree_about_identifiers(write, item, value):
    """A file may be stricter about where separators stand, never more lenient; an empty MPxN or MSN is none."""
    if not value.strip(" \u00a0"):
        return
    try:
        load_devices(write({item: value}), dry_run=True)
        accepted = True
    except LoadRefused:
        accepted = False
    if item == "device_id":
        assert accepted or refused(item, value) or not value.isascii()
    else:
        assert accepted is not refused(item, value), (item, value)


@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode), header=st.booleans())
def test_anything_is_loaded_or_refused_with_sentences(listed_parties, tmp_path, data, header):
    path = tmp_path / "devices.csv"
    path.write_bytes((",".join(REQUIRED_HEADER).encode() + b"\n" if header else b"") + data)

    with pytest.raises(LoadRefused) as refusal:
        load_devices(path)

    assert refusal.value.problems
    assert all(refusal.value.problems)
