"""The page with a device's history: who can see it, its parameters, and the form that shows the device on a date."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.dates import NO_DATE
from accounts.roles import Job
from inventory.models import Device, StepKind
from tests.conftest import Browser
from tests.factories import INSTALLED, make_device, make_hub, provided_by, supplied_by
from tests.test_access import same_words

SOLD = date(2025, 6, 1)
THEN = 'id="then-heading"'
UNKNOWN = "00-DB-12-FF-FF-FF-FF-FF"
OUT_OF_RANGE = "Enter a date from 1 January 2000 to today."


def history(device_id: str) -> str:
    return f"/devices/{device_id}/history/"


@pytest.fixture
def device(supplier, asset_provider, rival_provider, rival, dcc) -> Device:
    """Of ZEPH with ZMAP, sold to ZMAB."""
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    provided_by(device, "ZMAB", SOLD)
    return device


@pytest.fixture
def visitor(supplier, sign_in) -> Browser:
    return sign_in(supplier, Job.VIEWER)


def page_of(browser: Browser, device: Device, **asked: str) -> str:
    answer = browser.get(history(device.device_id), asked)
    assert answer.status_code == 200
    return answer.content.decode()


def words(html: str) -> str:
    return " ".join(html.split())


# Works, for whom


def test_page_says_what_held_and_who_recorded_what(device, visitor):
    page = page_of(visitor, device)

    assert f"<title>History of {device.device_id}" in page
    assert "What held" in page
    assert "Change of MAP ID from 1 June 2025 recorded" in page
    assert page.index("ZMAP") < page.index("ZMAB")


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("who", ["supplier", "rival_provider", "dcc"])
def test_page_is_for_every_job_of_those_who_have_the_device(device, request, sign_in, who, job):
    page = page_of(sign_in(request.getfixturevalue(who), job), device)

    assert f"/devices/{device.device_id}/" in page  # back to the device itself
    assert "You had this device until" not in page


def test_page_is_for_the_map_that_sold_it_and_says_its_last_day(device, asset_provider, sign_in):
    page = page_of(sign_in(asset_provider), device)

    assert "You had this device until 31 May 2025" in page
    assert "ZMAB" not in page
    assert f'href="/devices/{device.device_id}/"' not in page


def test_page_of_a_hub_has_no_map_id(supplier, sign_in, dcc):
    page = page_of(sign_in(supplier), make_hub("ZEPH"))

    assert "Responsible supplier" in page
    assert "No MAP" not in page


def test_device_page_and_history_lead_to_each_other(device, visitor):
    path = f"/devices/{device.device_id}/"

    assert f'href="{path}history/"' in visitor.get(path).content.decode()
    assert f'href="{path}"' in page_of(visitor, device)


def test_device_id_is_found_in_any_notation(device, visitor):
    assert visitor.get(history(device.device_id.lower().replace("-", ""))).status_code == 200


# Not found, not allowed


@pytest.mark.parametrize("device_id", [UNKNOWN, "nonsense", "00-DB"])
def test_unknown_device_is_not_found(device, visitor, device_id):
    assert visitor.get(history(device_id)).status_code == 404


def test_rivals_device_is_not_found_in_the_same_words_as_an_unknown_one(device, visitor):
    foreign = make_device("ZODI", "ZMAB")

    answers = [visitor.get(history(device_id)) for device_id in (foreign.device_id, UNKNOWN)]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert same_words(answers[0]) == same_words(answers[1])


def test_map_of_a_step_to_come_does_not_find_the_device_yet(device, asset_provider, sign_in):
    other = make_device("ZEPH", "ZMAB")
    provided_by(other, "ZMAP", timezone.localdate() + timedelta(days=3))

    assert sign_in(asset_provider).get(history(other.device_id)).status_code == 404


def test_not_found_comes_before_the_bad_parameter(visitor):
    assert visitor.get(history(UNKNOWN), {"surprise": "1"}).status_code == 404


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_page_is_only_read(device, visitor, method):
    assert getattr(visitor, method)(history(device.device_id)).status_code == 405


# How it was on a day


@pytest.mark.parametrize("asked", [{"surprise": "1"}, {"as_of": "2025-01-01", "map_id": "ZMAP"}])
def test_unknown_parameter_is_refused_by_name(device, visitor, asked):
    answer = visitor.get(history(device.device_id), asked)

    assert answer.status_code == 400
    assert f"There is no parameter “{list(asked)[-1]}” here." in answer.content.decode()


@pytest.mark.parametrize("field", ["as_of", "known_on"])
@pytest.mark.parametrize("typed", ["31/02/2025", "yesterday", "2025", "12.13.2025"])
def test_bad_date_is_refused_with_the_sentence_of_its_field(device, visitor, field, typed):
    answer = visitor.get(history(device.device_id), {"as_of": "2025-01-01"} | {field: typed})

    assert answer.status_code == 400
    page = answer.content.decode()
    assert NO_DATE in page
    assert "<title>Error: History of" in page
    assert f'value="{typed}"' in page
    assert "On that day" not in page


@pytest.mark.parametrize("field", ["as_of", "known_on"])
def test_day_to_come_and_day_long_ago_are_refused(device, visitor, field):
    tomorrow = timezone.localdate() + timedelta(days=1)

    for typed in (tomorrow.isoformat(), "1999-12-31"):
        answer = visitor.get(history(device.device_id), {"as_of": "2025-01-01"} | {field: typed})

        assert answer.status_code == 400
        assert OUT_OF_RANGE in answer.content.decode()


def test_what_was_known_is_asked_of_a_day_only(device, visitor):
    answer = visitor.get(history(device.device_id), {"known_on": "2025-01-01"})

    assert answer.status_code == 400
    assert "Enter the date you want to see." in answer.content.decode()


def test_empty_form_shows_no_day(device, visitor):
    assert "On that day" not in page_of(visitor, device, as_of="", known_on="")


@pytest.mark.parametrize("typed", ["31/05/2025", "2025-05-31", "31 May 2025"])
def test_day_before_the_sale_has_the_former_map(device, visitor, typed):
    then = words(page_of(visitor, device, as_of=typed)).split(THEN)[1].split("</table>")[0]

    assert "ZMAP" in then
    assert "ZMAB" not in then


def test_day_of_the_sale_has_the_new_map(device, visitor):
    then = words(page_of(visitor, device, as_of="01/06/2025")).split(THEN)[1].split("</table>")[0]

    assert "ZMAB" in then
    assert "ZMAP" not in then


def test_seller_sees_the_device_on_its_own_days_and_on_no_other(device, asset_provider, sign_in):
    seller = sign_in(asset_provider)

    assert THEN in page_of(seller, device, as_of="2025-05-31")
    for day in (SOLD, INSTALLED - timedelta(days=1), timezone.localdate()):
        page = page_of(seller, device, as_of=day.isoformat())
        assert THEN not in page
        assert "the device was not in your scope" in page


def test_buyer_does_not_see_the_device_before_it_was_its_own(device, rival_provider, sign_in):
    page = page_of(sign_in(rival_provider), device, as_of="2025-05-31")

    assert "the device was not in your scope" in page
    assert "ZMAP" not in page


def test_date_before_the_first_recording_is_refused_with_that_date(device, visitor):
    yesterday = timezone.localdate() - timedelta(days=1)

    answer = visitor.get(history(device.device_id), {"as_of": "2025-05-31", "known_on": yesterday.isoformat()})

    first = date_format(timezone.localdate(), "DATE_FORMAT")
    assert answer.status_code == 400
    assert f"The inventory remembers from {first}." in answer.content.decode()


def test_known_today_is_all_that_is_recorded(device, visitor):
    today = timezone.localdate().isoformat()

    assert THEN in page_of(visitor, device, as_of="2025-05-31", known_on=today)


def test_both_dates_are_explained_in_one_sentence(device, visitor):
    page = page_of(visitor, device)

    assert "The first date asks how things were; the second leaves out everything recorded after it." in page


def test_former_supplier_sees_its_own_days(device, rival, supplier, visitor, sign_in):
    supplied_by(device, "ZODI", date(2025, 3, 1))

    page = page_of(visitor, device)
    assert "You had this device until 28 February 2025" in page
    assert "ZODI" not in page
    assert THEN in page_of(visitor, device, as_of="2025-02-28")
    assert THEN not in page_of(visitor, device, as_of="2025-03-01")
    assert THEN in page_of(sign_in(rival), device, as_of="2025-03-01")


def test_corrected_away_there_is_no_page(rival, asset_provider, sign_in):
    device = make_device("ZEPH", "ZMAP")

    provided_by(device, "ZMAB", INSTALLED, kind=StepKind.CORRECTION)

    assert sign_in(asset_provider).get(history(device.device_id)).status_code == 404


def test_corrected_after_it_was_sold_the_page_is_as_before(device, asset_provider, sign_in):
    """A past party is not told that it never was the party."""
    seller = sign_in(asset_provider)
    before = page_of(seller, device)

    provided_by(device, "ZMAB", INSTALLED, kind=StepKind.CORRECTION)

    assert without_tokens(page_of(seller, device)) == without_tokens(before)


def without_tokens(page: str) -> str:
    return re.sub(r'(value|data-seconds)="[^"]+"', "", page)


def test_last_day_is_written_as_pages_write_days(device, asset_provider, sign_in):
    shown = date_format(SOLD - timedelta(days=1), "DATE_FORMAT")

    assert page_of(sign_in(asset_provider), device).count(shown) >= 2
