"""Taking a MAP ID away: ended from a day on, or never right."""

from datetime import date, timedelta

import pytest
from django.utils import timezone

from accounts.roles import Job
from inventory.models import Device, ProviderPeriod, StepKind
from tests.conftest import Browser
from tests.factories import INSTALLED, make_device, make_hub, provided_by

pytestmark = pytest.mark.usefixtures("operator")

TODAY = timezone.localdate()
SOLD = date(2025, 6, 1)
WORDS = {"reason": "meter removed", "source": "letter of 12 March, ref. 4417"}


@pytest.fixture
def device(supplier, rival, asset_provider, rival_provider, dcc) -> Device:
    """With ZMAP, then with ZMAB."""
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    provided_by(device, "ZMAB", SOLD)
    device.refresh_from_db()
    return device


@pytest.fixture
def administrator(supplier, sign_in) -> Browser:
    return sign_in(supplier, Job.ADMINISTRATOR)


def blank(device: Device) -> str:
    return f"/devices/{device.device_id}/blank-map-id/"


def form(device: Device, **given: object) -> dict[str, object]:
    return {"kind": "ended", "day": "01/09/2025", "version": device.version} | WORDS | given


def codes(device: Device) -> dict[str, str | None]:
    """Day from which it stands → code."""
    standing = ProviderPeriod.objects.known_now().filter(device=device).order_by("valid_from")
    return {str(step.valid_from): step.participant and step.participant.code for step in standing}


def provided_on(device: Device, day: date) -> str | None:
    then = Device.objects.as_of(day, device=device.pk).with_parties().get()
    return then.asset_provider and then.asset_provider.code


def test_ended_from_a_day_on_the_periods_before_stay(device, administrator):
    assert administrator.submit(blank(device), form(device)).status_code == 302

    assert codes(device) == {"2024-03-01": "ZMAP", "2025-06-01": "ZMAB", "2025-09-01": None}
    days = (SOLD, date(2025, 8, 31), date(2025, 9, 1), TODAY)
    assert [provided_on(device, day) for day in days] == ["ZMAB", "ZMAB", None, None]
    device.refresh_from_db()
    assert (device.asset_provider, device.map_from, device.map_recorded_at) == (None, None, None)


def test_never_right_it_is_corrected_away_from_its_beginning(device, administrator):
    assert administrator.submit(blank(device), form(device, kind="correction", day="")).status_code == 302

    assert codes(device) == {"2024-03-01": "ZMAP", "2025-06-01": None}
    assert provided_on(device, SOLD) is None
    step = ProviderPeriod.objects.known_now().get(valid_from=SOLD)
    assert (step.kind, step.reason, step.source) == (StepKind.CORRECTION, WORDS["reason"], WORDS["source"])


def test_map_whose_meter_it_ended_keeps_its_history_to_the_last_day(device, administrator, rival_provider, sign_in):
    administrator.submit(blank(device), form(device))

    page = sign_in(rival_provider).get(f"/devices/{device.device_id}/history/").content.decode()
    assert "You had this device until 31 August 2025" in page


def test_map_whose_meter_it_never_was_has_no_history(device, administrator, rival_provider, sign_in):
    administrator.submit(blank(device), form(device, kind="correction", day=""))

    assert sign_in(rival_provider).get(f"/devices/{device.device_id}/history/").status_code == 404


def test_both_kinds_stand_in_the_history_in_their_own_words(device, administrator):
    administrator.submit(blank(device), form(device))
    device.refresh_from_db()

    page = administrator.get(f"/devices/{device.device_id}/history/").content.decode()
    assert "MAP ID blanked from 1 September 2025" in page
    assert "Ended from a day on, from letter of 12 March, ref. 4417. Reason: meter removed" in page


def test_page_asks_which_of_the_two_it_is(device, administrator):
    page = administrator.get(blank(device)).content.decode()

    assert "No MAP provides the meter from a certain date" in page
    assert "The MAP ID was wrong from the start" in page
    assert administrator.submit(blank(device), form(device, kind="")).status_code == 400
    assert administrator.submit(blank(device), form(device, kind="change")).status_code == 400


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"day": ""}, "Enter the first date on which no MAP provides the meter"),
        ({"day": "31/02/2025"}, "Enter a real date, for example 23/11/2026 or 2026-11-23."),
        ({"day": "31/05/2025"}, "Enter a date from 01/06/2025, when the MAP ID began to apply."),
        ({"reason": ""}, "Enter a reason."),
        ({"source": ""}, "Enter where you got this information."),
    ],
)
def test_what_is_missing_or_wrong_is_said(device, administrator, given, sentence):
    answer = administrator.submit(blank(device), form(device, **given))

    assert answer.status_code == 400
    assert sentence in answer.content.decode()
    assert codes(device) == {"2024-03-01": "ZMAP", "2025-06-01": "ZMAB"}


def test_ended_on_its_first_day_nothing_is_left_of_the_period(device, administrator):
    administrator.submit(blank(device), form(device, day="01/06/2025"))

    assert codes(device) == {"2024-03-01": "ZMAP", "2025-06-01": None}


def test_ended_from_a_day_to_come_it_stands_until_then(device, administrator):
    to_come = TODAY + timedelta(days=10)

    administrator.submit(blank(device), form(device, day=to_come.isoformat()))

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAB"
    page = administrator.get(f"/devices/{device.device_id}/").content.decode()
    assert "no MAP will provide this meter. Nothing changes until then." in page


def test_meter_that_ended_can_be_recorded_anew(device, administrator):
    administrator.submit(blank(device), form(device))
    device.refresh_from_db()

    typed = {"version": device.version, "msn": "Z1", "map_id": "ZMAP", "map_from": "01/10/2025", "source": "contract"}
    answer = administrator.submit(f"/devices/{device.device_id}/edit/confirm/", typed)

    assert answer.status_code == 302
    device.refresh_from_db()
    assert (device.asset_provider.code, str(device.map_from)) == ("ZMAP", "2025-10-01")


@pytest.mark.parametrize(
    ("who", "job"),
    [("supplier", Job.EDITOR), ("dcc", Job.EDITOR), ("rival_provider", Job.ADMINISTRATOR)],
)
def test_others_may_not_blank(device, request, sign_in, who, job):
    visitor = sign_in(request.getfixturevalue(who), job)

    assert visitor.get(blank(device)).status_code == 403
    assert visitor.submit(blank(device), form(device)).status_code == 403


def test_unknown_foreign_and_bare_devices_are_not_found(device, administrator):
    foreign, bare, hub = make_device("ZODI", "ZMAP"), make_device("ZEPH", None), make_hub("ZEPH")
    unknown = Device(device_id="00-DB-12-FF-FF-FF-FF-FF", version=1)

    for other in (foreign, bare, hub, unknown):
        assert administrator.get(blank(other)).status_code == 404
        assert administrator.submit(blank(other), form(other)).status_code == 404
    assert codes(foreign) == {INSTALLED.isoformat(): "ZMAP"}


def test_wrong_method_and_unknown_parameter_are_refused(device, administrator):
    assert administrator.delete(blank(device)).status_code == 405
    assert administrator.get(blank(device), {"surprise": "1"}).status_code == 400


def test_stale_version_is_a_conflict(device, administrator):
    answer = administrator.submit(blank(device), form(device, version=1))

    assert answer.status_code == 409
    assert "This has been updated since you opened it" in answer.content.decode()
    assert codes(device) == {"2024-03-01": "ZMAP", "2025-06-01": "ZMAB"}


def test_banner_says_what_is_next_and_of_a_planned_removal_that_nothing_has_changed(device, administrator):
    to_come = TODAY + timedelta(days=40)

    planned = administrator.submit(blank(device), form(device, day=to_come.strftime("%d/%m/%Y")), follow=True).text
    device.refresh_from_db()
    removed = administrator.submit(blank(device), form(device), follow=True).text

    assert "Planned change saved: no MAP from" in planned
    assert "Nothing has changed yet." in planned
    assert "MAP ID removed: ZMAB, " in removed
    assert ", from 1 September 2025. The meter is no longer in the portfolio report of " in removed
