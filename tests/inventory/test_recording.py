"""The rules on MAP ID and MSN, and the one action that writes them."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.acting import scope
from accounts.errors import NotAllowed, Stale
from accounts.models import Participant
from accounts.roles import Job
from inventory.models import Device, StepKind
from inventory.recording.record import record_items
from inventory.recording.removal import blank_map_id
from inventory.rules.recording import ItemChange, Recording, assess
from tests.factories import INSTALLED, make_device, make_hub, make_participant

pytestmark = pytest.mark.usefixtures("operator")

TODAY = timezone.localdate()
TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
def editor(supplier, asset_provider, rival_provider, acting):
    return acting(supplier, Job.EDITOR)


def problems(device: Device, by, **recording: object) -> dict[str, str]:
    return {problem.item: problem.in_full for problem in assess(device, Recording(**recording), by).problems}


def record(device: Device, by, version: int = 1, **recording: object) -> Device:
    """In the scope of `by`, as a page does."""
    with scope(by):
        asked = Recording(**recording)
        return record_items(device_id=device.device_id, recording=asked, expected_version=version, by=by)


def known_steps(device: Device) -> list[tuple[str | None, date]]:
    """MAP IDs and the days they apply from, as known now."""
    return list(device.providerperiods.known_now().values_list("participant__code", "valid_from"))


# First recording


def test_first_recording_needs_no_reason(editor):
    device = make_device("ZEPH", None, msn="")

    record(device, editor, map_id=" zmap ", map_from=INSTALLED, msn="z21e  10447")

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"
    assert device.map_from == INSTALLED
    assert device.msn == "Z21E 10447"
    assert device.version > 1
    assert known_steps(device) == [("ZMAP", INSTALLED)]


def test_recorded_msn_says_who_recorded_it_and_for_whom(editor):
    device = make_device("ZEPH", None, msn="")

    record(device, editor, msn="Z1", source="nameplate photo")

    device.refresh_from_db()
    event = device.history.last()
    who = {"person": editor.user.pk, "organisation": editor.organisation.pk, "code": "ZEPH"}
    assert event.msn == "Z1"
    assert event.pgh_context.items() >= {"kind": "first", "source": "nameplate photo", **who}.items()
    assert timezone.now() - event.pgh_created_at < timedelta(minutes=1)
    assert device.map_recorded_at is None


def test_recorded_map_id_says_who_recorded_it_and_for_whom(editor):
    device = make_device("ZEPH", None)

    record(device, editor, map_id="ZMAP", source="installation record")

    device.refresh_from_db()
    step = device.providerperiods.get()
    assert (step.recorded_by, step.organisation, step.recorded_for) == (editor.user, editor.organisation, "ZEPH")
    assert (step.kind, step.source, step.ahead) == (StepKind.FIRST, "installation record", False)
    assert (device.map_recorded_at, device.map_recorded_for) == (step.known.lower, "ZEPH")
    assert timezone.now() - step.known.lower < timedelta(minutes=1)
    assert device.history.last().pgh_context["source"] == "installation record"


def test_item_left_out_stays_as_it_is(editor):
    device = make_device("ZEPH", "ZMAP", msn="")

    record(device, editor, msn="Z1")

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_day_defaults_to_the_installation(editor):
    device = make_device("ZEPH", None)

    assert assess(device, Recording(map_id="ZMAP"), editor).map_from == INSTALLED


def test_nothing_different_is_said_so(editor):
    device = make_device("ZEPH", "ZMAP", msn="Z1")

    assert problems(device, editor, map_id="zmap", msn="z1") == {"": "You have not changed anything."}


# What the list of all MAPs says


def test_wrong_length_is_explained_with_the_other_fuel(editor):
    gas = make_device("ZPG", None, device_type="GSME")

    sentence = problems(gas, editor, map_id="MLLA", map_from=INSTALLED)["map_id"]

    assert "3 characters" in sentence
    assert "MLLA has 4" in sentence


def test_unknown_code_comes_with_similar_ones_from_the_list(editor):
    device = make_device("ZEPH", None)

    sentence = problems(device, editor, map_id="ZMAQ", map_from=INSTALLED)["map_id"]

    assert "not in the list of all MAPs for electricity" in sentence
    assert "ZMAP (Zenith Meter Assets)" in sentence


def test_code_of_the_other_fuel_is_refused(editor):
    gas = make_device("ZPG", None, device_type="GSME")

    assert "map_id" in problems(gas, editor, map_id="ZMAP", map_from=INSTALLED)


def test_supplier_code_is_no_map_id(editor):
    device = make_device("ZEPH", None)

    assert "not in the list of all MAPs" in problems(device, editor, map_id="ZEPH", map_from=INSTALLED)["map_id"]


@pytest.mark.parametrize(
    ("day", "allowed"),
    [(date(2019, 12, 31), False), (date(2020, 1, 1), True), (date(2022, 6, 30), True), (date(2022, 7, 1), False)],
)
def test_code_must_be_in_force_on_the_day(editor, day, allowed):
    make_participant("ZWAS", effective_from=date(2020, 1, 1), effective_to=date(2022, 6, 30))
    device = make_device("ZEPH", None, installed_on=date(2019, 1, 1))

    assert ("map_from" not in problems(device, editor, map_id="ZWAS", map_from=day)) is allowed


def test_test_code_is_refused(editor):
    make_participant("ZTST", kind=Participant.Kind.TEST)

    assert "is a test code" in problems(make_device("ZEPH", None), editor, map_id="ZTST")["map_id"]


def test_dummy_code_needs_a_reason(editor):
    make_participant("ZCUS", kind=Participant.Kind.DUMMY)
    device = make_device("ZEPH", None)

    assert "reason" in problems(device, editor, map_id="ZCUS")
    assert problems(device, editor, map_id="ZCUS", reason="The customer owns it") == {}


# Days


@pytest.mark.parametrize("map_id", [None, "ZMAB"])
def test_day_in_the_future_is_a_warning_to_confirm_and_no_refusal(editor, map_id):
    device = make_device("ZEPH", map_id)
    change = Recording(map_id="ZMAP", map_from=TOMORROW, kind=StepKind.CHANGE, source="letter")

    assessment = assess(device, change, editor)

    assert assessment.problems == []
    assert ["in the future" in warning for warning in assessment.warnings] == [True]
    assert assessment.needs_confirmation


def test_correction_from_a_day_in_the_future_is_refused(editor):
    device = make_device("ZEPH", "ZMAB")
    correction = {"map_id": "ZMAP", "map_from": TOMORROW, "kind": StepKind.CORRECTION, "source": "letter"}

    assert "in the future" in problems(device, editor, **correction)["map_from"]


def test_map_id_from_a_day_in_the_future_waits_for_it(editor):
    device = make_device("ZEPH", "ZMAB")

    record(device, editor, map_id="ZMAP", map_from=TOMORROW, kind=StepKind.CHANGE, source="letter")

    device.refresh_from_db()
    assert (device.asset_provider.code, device.map_from) == ("ZMAB", INSTALLED)
    assert known_steps(device) == [("ZMAB", INSTALLED), ("ZMAP", TOMORROW)]
    assert device.providerperiods.get(valid_from=TOMORROW).ahead
    assert device.version > 1


@pytest.mark.parametrize("installed", [None, date(2025, 1, 1)])
def test_doubtful_day_is_a_warning_to_confirm_and_no_refusal(editor, installed):
    device = make_device("ZEPH", None, installed_on=installed)

    assessment = assess(device, Recording(map_id="ZMAP", map_from=INSTALLED), editor)

    assert assessment.problems == []
    assert len(assessment.warnings) == 1
    assert assessment.needs_confirmation


def test_without_any_day_it_must_be_given(editor):
    device = make_device("ZEPH", None, installed_on=None)

    assert "map_from" in problems(device, editor, map_id="ZMAP")


@pytest.mark.parametrize(("first", "allowed"), [("2024-03-01", True), ("2024-03-02", False)])
def test_meters_installed_before_the_setting_take_no_map_id(editor, settings, first, allowed):
    settings.MAP_ID_FROM = first

    assert ("map_id" not in problems(make_device("ZEPH", None), editor, map_id="ZMAP")) is allowed


# Which devices


def test_smets1_meter_takes_no_map_id(editor):
    device = make_device("ZEPH", None, smets_generation=1)

    assert "SMETS2 meters only" in problems(device, editor, map_id="ZMAP")["map_id"]


def test_hub_takes_neither(editor):
    hub = make_hub("ZEPH")

    assert "map_id" in problems(hub, editor, map_id="ZMAP")


# Replacing


def test_replacement_asks_which_it_is_and_from_what(editor):
    device = make_device("ZEPH", "ZMAP")

    assert set(problems(device, editor, map_id="ZMAB")) == {"kind", "source"}


def test_correction_replaces_and_shows_before_and_after(editor):
    device = make_device("ZEPH", "ZMAP")
    recording = Recording(map_id="ZMAB", kind=StepKind.CORRECTION, source="letter")

    assessment = assess(device, recording, editor)

    assert assessment.changes == [ItemChange("MAP ID", "ZMAP", "ZMAB")]
    assert assessment.needs_confirmation


def test_correction_takes_the_place_of_what_was_typed_wrongly(editor):
    device = make_device("ZEPH", "ZMAP")
    later = INSTALLED + timedelta(days=3)

    record(device, editor, map_id="ZMAB", map_from=later, kind=StepKind.CORRECTION, source="letter")

    device.refresh_from_db()
    assert (device.asset_provider.code, device.map_from) == ("ZMAB", later)
    assert known_steps(device) == [("ZMAB", later)]
    assert device.providerperiods.get(kind=StepKind.CANCELLED).valid_from == INSTALLED


def test_change_leaves_the_map_before_in_its_days(editor):
    device = make_device("ZEPH", "ZMAP")

    record(device, editor, map_id="ZMAB", map_from=TODAY, kind=StepKind.CHANGE, source="letter")

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAB"
    assert known_steps(device) == [("ZMAP", INSTALLED), ("ZMAB", TODAY)]


def test_another_map_provides_it_from_a_later_day_only(editor):
    device = make_device("ZEPH", "ZMAP")
    sold = {"map_id": "ZMAB", "kind": StepKind.CHANGE, "source": "letter"}

    assert "map_from" in problems(device, editor, map_from=INSTALLED, **sold)
    assert "map_from" in problems(device, editor, **sold)
    assert problems(device, editor, map_from=INSTALLED + timedelta(days=1), **sold) == {}


def test_same_map_is_no_change_of_map(editor):
    device = make_device("ZEPH", "ZMAP", msn="Z1")

    assert "kind" in problems(device, editor, msn="Z2", kind=StepKind.CHANGE, source="nameplate")
    assert set(problems(device, editor, msn="Z2", map_id="ZM", kind=StepKind.CHANGE, source="nameplate")) == {"map_id"}


def test_correcting_only_the_day_is_a_replacement(editor):
    device = make_device("ZEPH", "ZMAP")

    found = problems(device, editor, map_id="ZMAP", map_from=INSTALLED + timedelta(days=3))

    assert set(found) == {"kind", "source"}


def test_recorded_values_are_not_blanked_by_an_empty_field(editor):
    device = make_device("ZEPH", "ZMAP", msn="Z1")

    assert set(problems(device, editor, map_id=" ", msn="")) == {"map_id", "msn"}


def test_all_problems_come_at_once(editor):
    device = make_device("ZEPH", "ZMAP", msn="Z1")

    found = problems(device, editor, map_id="ZMA", msn="Z21E 104477", kind=StepKind.CORRECTION, source="x")

    assert set(found) == {"map_id", "msn"}


def test_dcc_gives_a_reason_even_for_a_first_recording(dcc, supplier, asset_provider, acting):
    device = make_device("ZEPH", None)
    who = acting(dcc, Job.EDITOR)

    assert "reason" in problems(device, who, map_id="ZMAP")
    assert problems(device, who, map_id="ZMAP", reason="asked for by ZEPH, ticket 7") == {}


def test_dcc_signs_as_dcc(dcc, supplier, asset_provider, acting):
    device = make_device("ZEPH", None)

    record(device, acting(dcc, Job.EDITOR), map_id="ZMAP", reason="ticket 7")

    device.refresh_from_db()
    assert device.map_recorded_for == "DCC"
    assert device.providerperiods.get().reason == "ticket 7"


def test_job_without_the_right_is_refused(supplier, asset_provider, acting):
    device = make_device("ZEPH", None)

    with pytest.raises(NotAllowed):
        record(device, acting(supplier, Job.VIEWER), map_id="ZMAP")


# Versions and scope


def test_stale_version_is_refused_and_changes_nothing(editor):
    device = make_device("ZEPH", None, version=3)

    with pytest.raises(Stale):
        record(device, editor, version=2, map_id="ZMAP")

    device.refresh_from_db()
    assert (device.asset_provider, device.version) == (None, 3)


def test_device_out_of_scope_does_not_exist_whatever_its_version(editor, rival):
    device = make_device("ZODI", None)

    for version in (1, 9):
        with pytest.raises(Device.DoesNotExist):
            record(device, editor, version=version, map_id="ZMAP")


def test_map_may_write_nothing(asset_provider, supplier, acting):
    device = make_device("ZEPH", "ZMAP", msn="")
    who = acting(asset_provider, Job.ADMINISTRATOR)

    with pytest.raises(Device.DoesNotExist):  # the database shows it none that it could change
        record(device, who, msn="Z1")

    assert problems(device, who, msn="Z1") == {"": "You do not have permission to do this."}


# Blanking


def blank(device: Device, by, day: date | None = TODAY, kind: StepKind = StepKind.ENDED) -> Device:
    given = {"kind": kind, "reason": "never provided", "source": "letter", "day": day}
    with scope(by):
        return blank_map_id(device_id=device.device_id, expected_version=device.version, by=by, **given)


def test_blanking_keeps_who_why_and_from_when(supplier, asset_provider, acting):
    device = make_device("ZEPH", "ZMAP")
    who = acting(supplier, Job.ADMINISTRATOR)

    blank(device, who)

    device.refresh_from_db()
    step = device.providerperiods.get(participant=None)
    assert (device.asset_provider, device.map_from, device.map_recorded_for) == (None, None, "")
    assert (step.kind, step.valid_from, step.reason, step.recorded_by) == ("ended", TODAY, "never provided", who.user)
    assert known_steps(device) == [("ZMAP", INSTALLED), (None, TODAY)]
    assert device.version > 1


def test_map_id_that_was_never_right_is_blanked_from_its_beginning(supplier, asset_provider, acting):
    device = make_device("ZEPH", "ZMAP")

    blank(device, acting(supplier, Job.ADMINISTRATOR), None, StepKind.CORRECTION)

    device.refresh_from_db()
    assert device.asset_provider is None
    assert known_steps(device) == [(None, INSTALLED)]


@pytest.mark.parametrize("day", [INSTALLED - timedelta(days=1), None])
def test_blanking_takes_effect_while_the_map_id_applies(supplier, asset_provider, acting, day):
    device = make_device("ZEPH", "ZMAP")

    with pytest.raises(NotAllowed) as refused:
        blank(device, acting(supplier, Job.ADMINISTRATOR), day)

    assert refused.value.field == "day"


def test_blanking_from_a_day_in_the_future_waits_for_it(supplier, asset_provider, acting):
    device = make_device("ZEPH", "ZMAP")

    blank(device, acting(supplier, Job.ADMINISTRATOR), TOMORROW)

    device.refresh_from_db()
    assert (device.asset_provider.code, device.map_from) == ("ZMAP", INSTALLED)
    assert known_steps(device) == [("ZMAP", INSTALLED), (None, TOMORROW)]


def test_blanking_nothing_is_refused(supplier, acting):
    with pytest.raises(NotAllowed):
        blank(make_device("ZEPH", None), acting(supplier, Job.ADMINISTRATOR))


def test_blanked_map_id_can_be_recorded_again(supplier, asset_provider, acting):
    device = make_device("ZEPH", "ZMAP")
    who = acting(supplier, Job.ADMINISTRATOR)
    version = blank(device, who).version

    record(device, who, version=version, map_id="ZMAP", map_from=TODAY)

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"
    assert known_steps(device) == [("ZMAP", INSTALLED), ("ZMAP", TODAY)]


def test_map_id_from_before_the_day_of_its_blanking_is_refused(supplier, asset_provider, acting):
    device = make_device("ZEPH", "ZMAP")
    who = acting(supplier, Job.ADMINISTRATOR)
    version = blank(device, who).version

    with pytest.raises(NotAllowed, match="A later period of the MAP ID is already recorded") as refused:
        record(device, who, version=version, map_id="ZMAP", map_from=TODAY - timedelta(days=1))

    device.refresh_from_db()
    assert refused.value.field == "map_from"
    assert (device.asset_provider, device.version) == (None, version)
    assert known_steps(device) == [("ZMAP", INSTALLED), (None, TODAY)]


def test_correction_to_a_day_before_an_earlier_period_is_refused(supplier, asset_provider, rival_provider, acting):
    device = make_device("ZEPH", "ZMAP")
    who = acting(supplier, Job.ADMINISTRATOR)
    sold = record(device, who, map_id="ZMAB", map_from=TODAY, kind=StepKind.CHANGE, source="letter")
    early = {
        "map_id": "ZMAB",
        "map_from": INSTALLED - timedelta(days=1),
        "kind": StepKind.CORRECTION,
        "source": "letter",
    }

    with pytest.raises(NotAllowed, match="An earlier period of the MAP ID begins after this date"):
        record(device, who, version=sold.version, **early)

    assert known_steps(device) == [("ZMAP", INSTALLED), ("ZMAB", TODAY)]
