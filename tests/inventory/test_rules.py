"""The table of rules: every door gives the same answer, and the page shows all of it."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.errors import NotAllowed
from accounts.models import Participant
from inventory.forms.recording import DeviceEditForm
from inventory.models import Device, StepKind
from inventory.recording.batch import record_batch
from inventory.recording.record import record_items
from inventory.rules.check import check
from inventory.rules.recording import BatchEntry, Recording, assess_all
from inventory.rules.rule import Kind
from inventory.rules.table import OF_RECORDING, TABLE, by_item
from tests.drills import sized
from tests.factories import INSTALLED, make_device, make_participant

pytestmark = pytest.mark.usefixtures("operator")

TODAY = timezone.localdate()
DAY = timedelta(days=1)
MSNS = (None, "", "Z1", "Z2 34", "z" * 9, "Z" * 12, "Z_1", "ＺMS", "N/A")
CODES = (None, "", "ZMAP", "ZMAB", "ZMG", "ZMAQ", "ZM?P", "ZTST", "ZDUM", "ZOLD")
DAYS = (None, INSTALLED, INSTALLED - DAY, INSTALLED + DAY, TODAY, TODAY + DAY)


@pytest.fixture
def editor(supplier, acting) -> Acting:
    return acting(supplier)


@pytest.fixture
def meters(editor) -> list[Device]:
    make_participant("ZMAB")
    make_participant("ZTST", kind=Participant.Kind.TEST)
    make_participant("ZDUM", kind=Participant.Kind.DUMMY)
    make_participant("ZOLD", effective_to=INSTALLED - 10 * DAY)
    made = [
        make_device(),
        make_device(map_id=None, msn=""),
        make_device(map_id=None, installed_on=None, commissioned_on=None),
        make_device(map_id=None, smets_generation=1),
        make_device(map_id=None, device_type="PPMID", smets_generation=None, msn=""),
        make_device(map_id="ZMAB", map_from=TODAY - DAY),
    ]
    return list(Device.objects.with_parties().filter(pk__in=[device.pk for device in made]).order_by("pk"))


def recordings(count: int) -> Iterator[Recording]:
    """Always the same ones: each with a few faults or none."""
    pick = random.Random(15).choice
    for _ in range(count):
        yield Recording(
            msn=pick(MSNS),
            map_id=pick(CODES),
            map_from=pick(DAYS),
            kind=pick((None, StepKind.CORRECTION, StepKind.CHANGE)),
            source=pick(("", "photo")),
            reason=pick(("", "owned by the customer")),
            confirmed=pick((True, False)),
        )


def asked_of(meters: list[Device], count: int) -> list[tuple[Device, Recording]]:
    return [(meters[number % len(meters)], recording) for number, recording in enumerate(recordings(count))]


def answers_of_batches(asked: list[tuple[Device, Recording]], by: Acting) -> list[list]:
    """The problems of each entry, of batches that hold each meter once."""
    found: list[list] = [[] for _ in asked]
    size = len({device.pk for device, _ in asked})
    for start in range(0, len(asked), size):
        part = asked[start : start + size]
        entries = [BatchEntry(device.device_id, recording, device.version) for device, recording in part]
        with scope(by), pytest.raises(NotAllowed) as refusal:
            record_batch(entries=entries, by=by)
        for problem in refusal.value.problems:
            number, _, item = problem.item.partition("/")
            found[start + int(number)].append(replace(problem, item=item))
    return found


@pytest.mark.drill
def test_every_door_gives_the_same_answer(editor, meters):
    asked = asked_of(meters, sized(300, 5_000))

    together = [assessment.problems for assessment in assess_all(asked, editor)]

    assert answers_of_batches(asked, editor) == together
    for (device, recording), problems in list(zip(asked, together, strict=True))[:: sized(5, 20)]:
        assert of_one(device, recording, editor) == problems
        if on_page(device, recording):
            assert of_form(device, recording, editor) == {(one.code, one.in_full) for one in problems}


def on_page(device: Device, recording: Recording) -> bool:
    """Whether the form has all fields for it; what removes an item is said there for each access level."""
    removes = "" in (recording.msn, recording.map_id)
    return recording.confirmed and recording.kind is not None and device.asset_provider is not None and not removes


def of_one(device: Device, recording: Recording, by: Acting) -> list:
    """What a PATCH is answered; without problems it writes, so it is left out."""
    if not assess_all([(device, recording)], by)[0].problems:
        return []
    with scope(by), pytest.raises(NotAllowed) as refusal:
        record_items(device_id=device.device_id, recording=recording, expected_version=device.version, by=by)
    return refusal.value.problems


def of_form(device: Device, recording: Recording, by: Acting) -> set[tuple[str, str]]:
    names = ("msn", "map_id", "map_from", "kind", "source", "reason")
    given = {name: getattr(recording, name) for name in names}
    data = {name: str(value) for name, value in given.items() if value is not None}
    form = DeviceEditForm(data | {"version": device.version}, device=device, by=by)
    form.is_valid()
    return {(error.code, str(error.message)) for errors in form.errors.as_data().values() for error in errors}


def test_generated_recordings_break_every_rule(acting, dcc, editor, meters, settings):
    asked = asked_of(meters, 1_500)
    told = {(problem.item, problem.code) for found in assess_all(asked, editor) for problem in found.problems}
    settings.MAP_ID_FROM = TODAY.isoformat()
    told |= {(problem.item, problem.code) for found in assess_all(asked, editor) for problem in found.problems}
    told |= {(problem.item, problem.code) for found in assess_all(asked, acting(dcc)) for problem in found.problems}

    refusals = {(rule.item, rule.code) for rule in OF_RECORDING if rule.kind == Kind.REFUSES}
    assert told >= refusals | {("confirm", "needs_confirmation"), ("", "no_change")}


@pytest.mark.drill
def test_check_of_many_rows_is_one_statement_and_one_for_the_day(editor, django_assert_num_queries):
    good = {"fuel": "E", "fuel_name": "electricity", "generation": "2", "installed_on": date(2024, 3, 1),
            "known_msn": "", "known_map_id": None, "known_map_from": None, "msn": "Z1", "map_id": None,
            "map_from": None, "kind": None, "source": "", "reason": "", "is_unread": False,
            "by_dcc": False}  # fmt: skip
    rows = [good | ({"map_id": "ZZZZ"} if number % 100 == 0 else {}) for number in range(sized(1_000, 100_000))]

    with django_assert_num_queries(2):
        found = check(rows)

    assert sum(bool(finding.broken) for finding in found) == len(rows) / 100


def test_change_of_an_msn_with_a_first_map_id_is_assessed(editor, meters):
    without_map = meters[2]
    recording = Recording(msn="Z77", map_id="ZMAP", map_from=INSTALLED, kind=StepKind.CHANGE, source="photo")

    (assessment,) = assess_all([(without_map, recording)], editor)

    assert assessment.problems == []


def test_page_shows_each_rule(client, editor):
    client.force_login(editor.user)

    page = client.get("/rules/").content.decode()

    assert sum(len(rules) for _, rules in by_item()) == page.count('<th scope="row">')
    assert {rule.code for rule in TABLE} <= set(page.replace("<", ">").split(">"))
