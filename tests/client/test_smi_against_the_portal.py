"""Devices from the command line, against the portal as it is served: what is shown, recorded and refused.

Each test is a story of several commands, as a database to empty costs more than a command.
"""

import csv
import io
import json
from datetime import date

import pytest

from accounts.roles import Job
from accounts.sign_in.tokens import new_secret
from inventory.models import Device
from smi import devices
from smi.cli import main
from tests.factories import make_device, make_participant, make_token, provided_by, supplied_by

NOT_ACCEPTED = "The request is not valid."
NOT_YOURS = "Not found. It does not exist, or it is outside your scope."
REPLACE = ("--kind", "correction", "--source", "nameplate photo, job 88213")

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])


@pytest.fixture
def smi(smi_of, supplier, rival, asset_provider, rival_provider):
    """As an editor of Zephyr Energy."""
    return smi_of(supplier)


def refusal(ended):
    """What a refused command says, without the reference, which differs each time."""
    *said, reference = ended.err.splitlines()
    assert (ended.code, reference.partition(" ")[0]) == (1, "Reference:")
    return said


def test_login_by_a_token_from_standard_input_to_logout(supplier, real_portal, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{new_secret()}\n{make_token(supplier, Job.VIEWER).secret}\n"))
    log_in = ["login", "--url", real_portal.url]

    codes = [main(arguments) for arguments in (log_in, ["whoami"], log_in, ["whoami"], ["logout"], ["whoami"])]
    out, err = capsys.readouterr()

    assert codes == [1, 2, 0, 0, 0, 2]
    assert err.startswith(
        "The token is missing or not valid. Use smi login with a valid token, from a network that it allows."
    )
    assert err.count("You are not logged in") == 2
    assert out.splitlines() == [
        f"Logged in at {real_portal.url} for Zephyr Energy: supplier, viewer.",
        f"portal        {real_portal.url}",
        "organisation  Zephyr Energy",
        "role          supplier",
        "job           viewer",
        "Logged out. The token stays valid until it is revoked.",
    ]


def test_device_of_others_and_one_that_is_not_there_are_refused_in_the_same_words(smi):
    own, foreign = make_device("ZEPH", msn="Z21E 10447"), make_device("ZODI", "ZMAB")

    shown = smi("device", "show", str(own))
    unseen = [smi("device", "show", which) for which in (str(foreign), "00-DB-12-FF-FF-FF-FF-FF", "nonsense")]
    changed = smi("device", "set", str(foreign), "--msn", "Z1", *REPLACE)

    assert shown.code == 0
    assert "msn                Z21E 10447\n" in shown.out
    assert [refusal(ended) for ended in [*unseen, changed]] == [[NOT_YOURS]] * 4
    assert not any(ended.out for ended in [*unseen, changed])


def test_list_of_several_pages_is_whole_as_json_and_as_csv_and_narrowed_by_filters(smi, monkeypatch):
    monkeypatch.setattr(devices, "LARGEST_PAGE", 3)
    own = [*sorted(str(make_device("ZEPH")) for _ in range(7)), str(make_device("ZEPH", msn="Z21E 10447"))]
    make_device("ZODI", "ZMAB")

    in_json = [json.loads(line) for line in smi("device", "list", "--json").out.splitlines()]
    in_csv = list(csv.DictReader(io.StringIO(smi("device", "list", "--csv", "-").out)))
    in_columns = smi("device", "list", "--limit", "4").out.splitlines()
    narrowed = smi("device", "list", "--msn", "z21e10447", "--installed-to", "2024-03-01", "--json")
    none = smi("device", "list", "--msn", "Z99")

    assert [device["device_id"] for device in in_json] == own
    assert [row["device_id"] for row in in_csv] == own
    assert list(in_csv[0]) == list(in_json[0])
    assert [line.split()[0] for line in in_columns] == ["device_id", *own[:4]]
    assert json.loads(narrowed.out)["device_id"] == own[-1]
    assert none == (0, "", "There are none.\n")
    assert "smi_status: " in refusal(smi("device", "list", "--smi-status", "Lost"))[1]


def test_change_is_shown_before_and_after_unless_somebody_has_changed_the_device_meanwhile(operator, smi):
    device = make_device("ZEPH", "ZMAP", msn="Z21E 10447")

    ended = smi("device", "set", str(device), "--msn", "Z21E 10448", "--map-id", "ZMAB", *REPLACE)
    device.refresh_from_db()
    stale = smi("device", "set", str(device), "--msn", "Z3", *REPLACE, "--version", "1")

    assert ended.out.splitlines() == [
        "msn: Z21E 10447 → Z21E 10448",
        "map_id: ZMAP → ZMAB",
        f"Recorded: msn Z21E 10448, map_id ZMAB; version {device.version}.",
    ]
    assert refusal(stale) == [
        "Nothing was recorded: someone else has just changed the device. "
        f"Look at it again: smi device show {device.device_id}"
    ]
    assert (Device.objects.get().msn, Device.objects.get().asset_provider.code) == ("Z21E 10448", "ZMAB")


def test_refusal_names_each_field_what_may_have_been_meant_and_what_is_to_be_confirmed(operator, smi, smi_of, supplier):
    device = make_device("ZEPH", "ZMAP", msn="Z21E 10447")
    to_come = ("--map-id", "ZMAB", "--map-from", "2098-12-31", "--kind", "change", "--source", "contract 9")

    wrong = refusal(smi("device", "set", str(device), "--map-id", "ZMAQ", "--msn", "Z_1", *REPLACE))
    doubted = refusal(smi("device", "set", str(device), *to_come))
    forbidden = refusal(smi_of(supplier, Job.VIEWER)("device", "set", str(device), *to_come))
    device.refresh_from_db()
    version = device.version
    ended = smi("device", "set", str(device), *to_come, "--confirm")

    assert wrong[0] == doubted[0] == NOT_ACCEPTED
    assert wrong[1].startswith("  msn: In Z_1, character 2 is ‘_’.")
    assert wrong[2].startswith("  map_id: ZMAQ is not in the list of all MAPs for electricity. Suggestion: ZMAP")
    assert doubted[1].endswith("Nothing changes until then. If that is meant, confirm it.")
    assert forbidden[0].endswith("The role or access level of the token does not allow this. See smi whoami.")
    assert version == 1
    assert "Recorded for 2098-12-31; until then: map_id ZMAP, map_from 2024-03-01; version" in ended.out


def test_history_and_the_past_are_told_to_the_supplier_and_to_the_former_one_of_its_days(smi, smi_of, rival):
    device = make_device("ZEPH", "ZMAP", msn="Z21E 10447")
    provided_by(device, "ZMAB", date(2025, 1, 1))
    smi("device", "set", str(device), "--msn", "Z21E 10448", *REPLACE)

    told = smi("device", "history", str(device))
    entries = json.loads(smi("device", "history", str(device), "--json").out)["entries"]
    then, now = [smi("device", "as-of", str(device), day).out for day in ("2024-12-31", "2025-01-01")]
    before = smi("device", "as-of", str(device), "2024-02-29")
    supplied_by(device, "ZODI", date(2025, 6, 1))
    former = smi("device", "history", str(device))
    present = smi_of(rival)("device", "history", str(device))

    assert "map_id ZMAP (Zenith Meter Assets) from 2024-03-01 to 2024-12-31\n" in told.out
    assert "  msn: Z21E 10447 → Z21E 10448\n  kind: correction\n  source: nameplate photo, job 88213\n" in told.out
    assert told.out.count("\n\n") == len(entries)
    assert "map_id             ZMAP\n" in then
    assert "map_id             ZMAB\n" in now
    assert refusal(before) == refusal(smi("device", "show", str(device))) == [NOT_YOURS]
    assert former.out.startswith("You are not responsible for this device now")
    assert present.out.startswith("map_id ZMAB")


def write(path, rows, **given):
    """A file for `smi device batch` that gives each device what `given` says; the number of its row is {number}."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["device_id", "version", *given])
        for number, device in enumerate(rows):
            writer.writerow([device, device.version, *(text.format(number=number) for text in given.values())])


def test_batch_with_a_bad_row_names_its_line_records_nothing_and_is_recorded_once_mended(operator, smi, tmp_path):
    sheet = tmp_path / "changes.csv"
    write(sheet, [make_device("ZEPH", None, msn="") for _ in range(200)], msn="Z{number:09}", map_id="ZMAP")
    whole = sheet.read_text()
    sheet.write_text(whole.replace("Z000000123,ZMAP", "Z000000123,ZMAQ"))

    refused = smi("device", "batch", "changes.csv")
    untouched = Device.objects.filter(version=1, msn="").count()
    sheet.write_text(whole)
    first, again = smi("device", "batch", "changes.csv"), smi("device", "batch", "changes.csv")

    assert refusal(refused) == [
        f"{NOT_ACCEPTED} Of lines 2 to 201 nothing is recorded. Put it right and run the whole file again.",
        "  line 125, map_id: ZMAQ is not in the list of all MAPs for electricity. "
        "Suggestion: ZMAP (Zenith Meter Assets), ZMAB (Zambezi Metering)",
    ]
    assert untouched == 200
    assert first == again == (0, "200 devices recorded.\n", "")
    assert Device.objects.filter(asset_provider__code="ZMAP", msn__startswith="Z000000", version=3).count() == 200


def test_batch_is_asked_anew_after_a_refusal_that_no_longer_holds_and_recorded_once(operator, smi, tmp_path):
    """The portal keeps the refusal for a day; the runs after the one that recorded find that answer."""
    device = make_device("ZEPH", None, msn="Z21E 10447")
    write(tmp_path / "changes.csv", [device], map_id="ZMAQ")

    refused = [smi("device", "batch", "changes.csv") for _ in range(2)]
    make_participant("ZMAQ")
    recorded = [smi("device", "batch", "changes.csv") for _ in range(2)]

    assert all("line 2, map_id: ZMAQ is not in the list" in ended.err for ended in refused)
    assert recorded == [(0, "1 device recorded.\n", "")] * 2
    assert (Device.objects.get().asset_provider.code, Device.objects.get().version) == ("ZMAQ", 2)
