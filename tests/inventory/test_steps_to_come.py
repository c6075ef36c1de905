"""Changes of the MAP ID recorded before their day, and taken back: the pages, and what the device says meanwhile."""

from datetime import date, timedelta

import pytest
from django.db import connections
from django.utils import timezone
from django.utils.formats import date_format

from accounts.operator import system_scope
from accounts.roles import Job
from inventory.models import Device, DeviceEvent, ProviderPeriod, StepKind
from inventory.recording.planned import adopt_due_steps
from tests.conftest import Browser
from tests.factories import INSTALLED, make_device, provided_by, supplied_by
from tests.inventory.test_editing import edit, form_of, hidden_fields
from tests.inventory.test_story import recorded_at

pytestmark = pytest.mark.usefixtures("operator")

TODAY = timezone.localdate()
TO_COME = TODAY + timedelta(days=30)
BEGINS = date_format(TO_COME, "DATE_FORMAT")
SOLD = date(2025, 6, 1)


@pytest.fixture
def device(supplier, rival, asset_provider, rival_provider, dcc) -> Device:
    return make_device("ZEPH", "ZMAP", msn="Z1")


@pytest.fixture
def editor(supplier, sign_in) -> Browser:
    return sign_in(supplier, Job.EDITOR)


@pytest.fixture
def planned(device) -> Device:
    """From a day to come another MAP is to provide it."""
    provided_by(device, "ZMAB", TO_COME)
    device.refresh_from_db()
    return device


def page(browser: Browser, device: Device, name: str = "") -> str:
    answer = browser.get(f"/devices/{device.device_id}/{name}")
    assert answer.status_code == 200
    return answer.content.decode()


def live(device: Device) -> tuple[str | None, date | None]:
    device.refresh_from_db()
    return device.asset_provider and device.asset_provider.code, device.map_from


def take_back(device: Device, day: date = TO_COME) -> str:
    return f"/devices/{device.device_id}/take-back/{day.isoformat()}/"


def form(device: Device) -> dict[str, object]:
    return {"reason": "the sale fell through", "version": device.version}


# Recorded before its day


def record_for(browser: Browser, device: Device, **changes: object):
    """The answer to the form, and to its confirmation."""
    typed = {"map_id": "ZMAB", "map_from": f"{TO_COME:%d/%m/%Y}", "kind": "change", "source": "letter of intent"}
    asked = browser.submit(edit(device), form_of(device, **typed | changes))
    return asked, browser.post(f"{edit(device)}confirm/", hidden_fields(asked))


def test_day_to_come_is_warned_of_and_confirmed(device, editor):
    asked, saved = record_for(editor, device)

    assert asked.status_code == 200
    assert f"{BEGINS} is in the future. Nothing changes until then." in asked.content.decode()
    assert "Nothing has been saved yet" in asked.content.decode()
    assert saved.status_code == 302


def test_unconfirmed_nothing_is_recorded(device, editor):
    typed = {"map_id": "ZMAB", "map_from": TO_COME.isoformat(), "kind": "change", "source": "letter of intent"}
    editor.submit(edit(device), form_of(device, **typed))

    assert ProviderPeriod.objects.filter(device=device).count() == 1


def test_live_values_stay_as_they_are(device, editor):
    record_for(editor, device)

    assert live(device) == ("ZMAP", INSTALLED)
    step = ProviderPeriod.objects.get(valid_from=TO_COME)
    assert (step.ahead, step.kind, step.participant.code) == (True, "change", "ZMAB")


def test_first_map_id_from_a_day_to_come_leaves_the_meter_without_one(editor, rival_provider, dcc):
    bare = make_device("ZEPH", None, msn="Z1")

    _, saved = record_for(editor, bare, kind="")

    assert saved.status_code == 302
    assert live(bare) == (None, None)
    assert (
        "no MAP ID" in page(editor, bare) or "MAP ID missing" in page(editor, bare) or "No MAP ID" in page(editor, bare)
    )


def test_correction_to_a_day_to_come_is_refused(device, editor):
    answer = editor.submit(edit(device), form_of(device, map_from=TO_COME.isoformat(), kind="correction", source="x"))

    assert answer.status_code == 400
    assert "For a correction, enter today or an earlier date." in answer.content.decode()


@pytest.mark.parametrize(("who", "job"), [("supplier", Job.VIEWER), ("supplier", Job.EDITOR), ("dcc", Job.VIEWER)])
def test_supplier_and_dcc_see_what_is_planned(planned, request, sign_in, who, job):
    shown = page(sign_in(request.getfixturevalue(who), job), planned)

    assert "Planned change" in shown
    assert f"From {BEGINS}" in shown
    assert "ZMAB" in shown
    assert ("take-back/" in shown) is (job == Job.EDITOR)


def test_map_does_not_see_whose_meter_it_will_be(planned, asset_provider, sign_in):
    visitor = sign_in(asset_provider)

    for name in ("", "history/"):
        assert "ZMAB" not in page(visitor, planned, name)
    assert "Planned change" not in page(visitor, planned)


def test_map_to_come_has_neither_device_nor_history_nor_row(planned, rival_provider, sign_in):
    visitor = sign_in(rival_provider)

    assert visitor.get(f"/devices/{planned.device_id}/").status_code == 404
    assert visitor.get(f"/devices/{planned.device_id}/history/").status_code == 404
    assert planned.device_id not in visitor.get("/devices/").content.decode()
    report = visitor.get("/reports/map-portfolio/download/")
    assert planned.device_id not in b"".join(report.streaming_content).decode()


def test_before_its_day_nothing_is_adopted(planned):
    before = DeviceEvent.objects.count()

    with system_scope("tests", via="task"):
        assert adopt_due_steps() == 0

    assert live(planned) == ("ZMAP", INSTALLED)
    assert DeviceEvent.objects.count() == before


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_on_its_day_it_is_adopted_once(device):
    """Recorded a month ago for yesterday."""
    a_month_ago = timezone.now() - timedelta(days=30)
    yesterday = TODAY - timedelta(days=1)
    with recorded_at(*a_month_ago.timetuple()[:6]):
        provided_by(device, "ZMAB", yesterday)
    pretend_not_yet_adopted(device)

    with system_scope("tests", via="task"):
        assert [adopt_due_steps(), adopt_due_steps()] == [1, 0]

    assert live(device) == ("ZMAB", yesterday)
    told = DeviceEvent.objects.filter(pgh_obj=device).latest("pgh_id").pgh_context
    assert (told["operator"], told["via"]) == ("tests", "task")


def pretend_not_yet_adopted(device: Device) -> None:
    """As the device stood until midnight, when the step of its installation still held."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "UPDATE inventory_device SET asset_provider_id = p.participant_id, map_from = p.valid_from"
            " FROM inventory_providerperiod AS p WHERE p.device_id = inventory_device.id AND p.valid_from = %s",
            [INSTALLED],
        )


# Taken back


def test_taken_back_everything_stays_and_the_plan_is_gone(planned, editor):
    asked = page(editor, planned, f"take-back/{TO_COME.isoformat()}/")
    done = editor.submit(take_back(planned), form(planned), follow=True)

    assert f"From {BEGINS}" in asked
    assert "If you cancel this, nothing changes on that date." in asked
    assert "Planned change cancelled: " in done.content.decode()
    assert "planned-heading" not in done.content.decode()
    assert live(planned) == ("ZMAP", INSTALLED)
    step = ProviderPeriod.objects.get(device=planned, kind=StepKind.CANCELLED)
    assert (step.reason, step.recorded_by, step.valid_from) == (
        "the sale fell through",
        editor.membership.user,
        TO_COME,
    )


def test_taken_back_it_stands_in_the_history(planned, editor):
    editor.submit(take_back(planned), form(planned))

    shown = page(editor, planned, "history/")
    assert f"Change of MAP ID from {BEGINS} cancelled" in shown
    assert "the sale fell through" in shown


@pytest.mark.parametrize("job", [Job.EDITOR, Job.ADMINISTRATOR])
@pytest.mark.parametrize("who", ["supplier", "dcc"])
def test_supplier_and_dcc_may_take_back(planned, request, sign_in, who, job):
    visitor = sign_in(request.getfixturevalue(who), job)

    assert visitor.submit(take_back(planned), form(planned)).status_code == 302


@pytest.mark.parametrize(
    ("who", "job"), [("supplier", Job.VIEWER), ("dcc", Job.VIEWER), ("asset_provider", Job.EDITOR)]
)
def test_others_may_not_take_back(planned, request, sign_in, who, job):
    visitor = sign_in(request.getfixturevalue(who), job)

    assert visitor.get(take_back(planned)).status_code == 403
    assert visitor.submit(take_back(planned), form(planned)).status_code == 403
    assert not ProviderPeriod.objects.filter(kind=StepKind.CANCELLED).exists()


def test_rivals_plan_an_unknown_day_and_an_unknown_device_are_not_found(planned, editor, rival):
    foreign = make_device("ZODI", "ZMAP")
    provided_by(foreign, "ZMAB", TO_COME)
    unknown = f"/devices/00-DB-12-FF-FF-FF-FF-FF/take-back/{TO_COME.isoformat()}/"
    odd = [f"/devices/{planned.device_id}/take-back/{day}/" for day in ("2026-02-31", "tomorrow", "20261231")]

    for path in (take_back(foreign), take_back(planned, TODAY), take_back(planned, INSTALLED), unknown, *odd):
        assert editor.get(path).status_code == 404, path
        assert editor.submit(path, {"reason": "x", "version": 2}).status_code == 404, path
    assert not ProviderPeriod.objects.filter(kind=StepKind.CANCELLED).exists()


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_taking_back_takes_a_form(planned, editor, method):
    assert getattr(editor, method)(take_back(planned)).status_code == 405


def test_taking_back_needs_a_reason_and_no_unknown_parameter(planned, editor):
    answer = editor.submit(take_back(planned), {"version": planned.version})

    assert answer.status_code == 400
    assert "<title>Error: Cancel a planned change" in answer.content.decode()
    assert editor.get(take_back(planned), {"surprise": "1"}).status_code == 400
    assert live(planned) == ("ZMAP", INSTALLED)


def test_taking_back_what_somebody_changed_meanwhile_is_a_conflict(planned, editor):
    Device.objects.filter(pk=planned.pk).update(msn="Z2")

    answer = editor.submit(take_back(planned), form(planned))

    assert answer.status_code == 409
    assert "This has been updated since you opened it" in answer.content.decode()
    assert not ProviderPeriod.objects.filter(kind=StepKind.CANCELLED).exists()


def test_taken_back_twice_is_not_found(planned, editor):
    assert [editor.submit(take_back(planned), form(planned)).status_code for _ in range(2)] == [302, 404]


def test_plan_of_a_device_that_was_lost_is_not_found(planned, editor, rival):
    supplied_by(planned, "ZODI", SOLD)

    assert editor.submit(take_back(planned), form(planned)).status_code == 404
