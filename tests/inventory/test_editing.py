"""The pages that record: form, confirmation, conflict, blanking."""

import re
from datetime import date, timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import Participant
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.models import Device
from tests.factories import INSTALLED, make_device, make_hub, make_participant, supplied_by

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def visitor(supplier, asset_provider, rival_provider, sign_in):
    return sign_in(supplier, Job.EDITOR)


ZMAP = "Zenith Meter Assets"


def edit(device: Device) -> str:
    return f"/devices/{device.device_id}/edit/"


def form_of(device: Device, **changes: object) -> dict[str, object]:
    """The edit form as a visitor sends it when `changes` were typed."""
    provider = device.asset_provider.code if device.asset_provider else ""
    opened = {"msn": device.msn, "map_id": provider, "map_from": device.map_from or device.installed_on or ""}
    base = {"base_msn": device.msn, "base_map_id": provider, "version": device.version}
    return opened | base | {"source": "", "reason": ""} | changes


def hidden_fields(response) -> dict[str, str]:
    page = response.content.decode()
    main = page[page.index("<main") :]
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', main))


def confirmed(visitor, device: Device, **typed: object) -> str:
    """The page that follows when `typed` was sent, and what the next page showed was saved."""
    asked = visitor.submit(edit(device), form_of(device, **typed))
    assert asked.status_code == 200
    response = visitor.post(f"{edit(device)}confirm/", hidden_fields(asked), follow=True)
    assert response.redirect_chain == [(f"/devices/{device.device_id}/", 302)]
    return response.text


def test_first_map_id_is_confirmed_with_its_name_and_said_to_be_saved(visitor):
    device = make_device("ZEPH", None, msn="")

    asked = visitor.submit(edit(device), form_of(device, map_id="ZMAP", msn="Z1"))

    day = date_format(device.installed_on, "DATE_FORMAT")
    assert f"{ZMAP} provides this meter from {day}" in asked.text
    assert "Nothing has been saved yet" in asked.text
    device.refresh_from_db()
    assert device.asset_provider is None
    saved = visitor.post(f"{edit(device)}confirm/", hidden_fields(asked), follow=True)
    banner = (
        f"MSN saved: Z1. MAP ID saved: ZMAP, {ZMAP}, from {day}. The meter is now in the portfolio report of {ZMAP}."
    )
    assert banner in saved.text
    assert 'role="alert" aria-labelledby="notification-1" tabindex="-1" autofocus' in saved.text
    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_first_msn_is_saved_at_once(visitor):
    device = make_device("ZEPH", None, msn="")

    response = visitor.submit(edit(device), form_of(device, msn="Z1"), follow=True)

    assert "MSN saved: Z1. The MAP ID is still missing." in response.text


@pytest.mark.parametrize(
    "typed", ["zmap", "ZMAP, Zenith Meter Assets", "zenith  meter assets", " Zenith Meter Assets "]
)
def test_map_is_chosen_by_code_or_whole_name(visitor, named, typed):
    device = make_device("ZEPH", None)

    confirmed(visitor, device, map_id=typed)

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("Zenith Meter", "Perhaps ZMAP (Zenith Meter Assets)."),
        ("Zodiac Twins", "Several MAPs are called Zodiac Twins. Enter the code: ZTWA or ZTWB."),
        ("ZMAP, Zodiac Twins", "ZMAP is Zenith Meter Assets, not Zodiac Twins. Choose one MAP from the list."),
        ("Gas Twins", "MAP ID"),  # of the other fuel
    ],
)
def test_name_that_is_not_one_map_is_refused_with_a_way_on(visitor, named, typed, sentence):
    device = make_device("ZEPH", None)

    response = visitor.submit(edit(device), form_of(device, map_id=typed))

    assert response.status_code == 400
    assert sentence in response.text
    assert f'value="{typed}"' in response.text


def test_list_offers_the_maps_of_the_fuel_that_are_in_force(visitor, named):
    page = visitor.get(edit(make_device("ZEPH", None))).text

    assert re.search(r'name="map_id"[^>]* list="id_map_id_list"', page)
    offered = re.findall(r'<option value="([^"]*)"></option>', page)
    assert "ZMAP, Zenith Meter Assets" in offered
    assert not {"GTW, Gas Twins", "ZEND, Ended", "ZTST, Test"} & set(offered)


def test_code_one_slip_away_is_named_before_saving(visitor, named):
    device = make_device("ZEPH", None)

    asked = visitor.submit(edit(device), form_of(device, map_id="ZTWA"))

    section = asked.text[asked.text.index("Codes that look alike") :]
    assert "ZTWB" in section
    assert "ZMAP" not in section


@pytest.fixture
def named(asset_provider) -> None:
    """MAPs beside Zenith Meter Assets, by the names of the tests."""
    for code in ("ZTWA", "ZTWB"):
        make_participant(code, name="Zodiac Twins")
    make_participant("GTW", name="Gas Twins")
    make_participant("ZEND", name="Ended", effective_to=INSTALLED)
    make_participant("ZTST", name="Test", kind=Participant.Kind.TEST)


# What is asked


def asked_for(page: str) -> set[str]:
    """The names of the visible fields."""
    main = page[page.index("<main") :]
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", main)]
    return {given["name"] for given in inputs if given["type"] != "hidden"}


@pytest.mark.parametrize(
    ("map_id", "msn", "names"),
    [
        (None, "", {"map_id", "map_from", "msn", "source"}),
        (None, "Z1", {"map_id", "map_from", "msn", "source"}),
        ("ZMAP", "Z1", {"map_id", "map_from", "kind", "msn", "source"}),
    ],
)
def test_form_asks_only_what_applies(visitor, map_id, msn, names):
    page = visitor.get(edit(make_device("ZEPH", map_id, msn=msn))).text

    assert asked_for(page) == names
    assert ("Where did you get this value? (optional)" in page) == (not msn)


def test_reason_is_asked_for_once_the_map_id_is_a_dummy(visitor):
    make_participant("ZCUS", kind=Participant.Kind.DUMMY)
    device = make_device("ZEPH", None)

    refused = visitor.submit(edit(device), form_of(device, map_id="ZCUS"))

    assert refused.status_code == 400
    assert "reason" in asked_for(refused.text)
    assert '<a href="#id_reason">' in refused.text
    confirmed(visitor, device, map_id="ZCUS", reason="bought by its customer")


def test_dcc_is_asked_for_its_reason_at_once(dcc, asset_provider, sign_in):
    page = sign_in(dcc, Job.EDITOR).get(edit(make_device("ZEPH", None))).text

    assert "reason" in asked_for(page)


def test_correction_of_the_msn_is_not_asked_what_kind_it_is(visitor):
    device = make_device("ZEPH", None, msn="Z1")

    page = confirmed(visitor, device, msn="Z2", source="photo")

    assert "MSN saved: Z2." in page


# What it does, in words


@pytest.fixture
def words(visitor) -> Device:
    """A meter of Zenith (Leasing) from the day it was installed."""
    make_participant("ZLEA", name="Zenith (Leasing)")
    return make_device("ZEPH", "ZLEA")


TO_COME = timezone.localdate() + timedelta(days=40)


def shown(day: date) -> str:
    return date_format(day, "DATE_FORMAT")


def test_correction_is_said_in_words(visitor, words):
    asked = visitor.submit(edit(words), form_of(words, map_id="ZMAP", kind="correction", source="x")).text

    day = shown(INSTALLED)
    assert f"Zenith (Leasing) no longer provides this meter from {day}; Zenith Meter Assets does" in asked
    assert f"You said that ZLEA was entered incorrectly. Zenith (Leasing) loses all dates from {day}" in asked
    assert "Check this correction before you save it" in asked


def test_change_is_said_in_words(visitor, words):
    day = INSTALLED + timedelta(days=30)
    asked = visitor.submit(
        edit(words), form_of(words, map_id="ZMAP", kind="change", map_from=day.isoformat(), source="x")
    ).text

    assert f"Zenith (Leasing) no longer provides this meter from {shown(day)}; Zenith Meter Assets does" in asked
    assert "Zenith (Leasing) keeps all dates before that" in asked
    assert "Check this change of MAP before you save it" in asked


def test_planned_change_says_that_nothing_has_changed_yet(visitor, words):
    given = {"map_id": "ZMAP", "kind": "change", "map_from": TO_COME.isoformat(), "source": "x"}
    asked = visitor.submit(edit(words), form_of(words, **given)).text

    expected = f"Zenith (Leasing) will no longer provide this meter from {shown(TO_COME)}; Zenith Meter Assets will"
    assert expected in asked
    saved = confirmed(visitor, words, **given)
    assert f"Planned change saved: MAP ID ZMAP, Zenith Meter Assets, from {shown(TO_COME)}." in saved
    assert "Nothing has changed yet." in saved


# The way back


def test_way_back_from_the_confirmation_leads_to_the_form_as_typed_each_time(visitor):
    device = make_device("ZEPH", None)
    visitor.submit(edit(device), form_of(device, map_id="ZMAP", source="letter 4417"))

    for _ in range(2):
        page = visitor.get(edit(device)).text
        assert 'value="ZMAP"' in page
        assert 'value="letter 4417"' in page
        assert "Nothing has been saved yet: this is what you entered." in page

    visitor.get(f"{edit(device)}?again")
    assert "letter 4417" not in visitor.get(edit(device)).text


def test_what_was_saved_does_not_come_back(visitor):
    device = make_device("ZEPH", None)
    confirmed(visitor, device, map_id="ZMAP", source="letter 4417")

    page = visitor.get(edit(device)).text

    assert "Nothing has been saved yet" not in page
    assert 'name="source" maxlength' in page or 'value="letter 4417"' not in page


def test_form_of_the_way_back_is_in_conflict_with_what_was_saved_meanwhile(visitor):
    device = make_device("ZEPH", None, msn="Z1")
    visitor.submit(edit(device), form_of(device, msn="Z3", source="sheet"))
    Device.objects.filter(pk=device.pk).update(msn="Z2", version=2)

    page = visitor.get(edit(device))

    assert 'name="version" value="1"' in page.text
    assert visitor.post(edit(device), hidden_fields(page) | {"msn": "Z3", "source": "sheet"}).status_code == 409


# Conflicts with oneself


def test_conflict_with_ones_own_other_tab_says_so(visitor):
    device = make_device("ZEPH", None, msn="")
    stale = form_of(device, msn="Z3")
    visitor.submit(edit(device), form_of(device, msn="Z2"))

    page = visitor.submit(edit(device), stale).text

    assert re.search(r"You saved this in another tab at \d\d:\d\d", page)
    assert "MSN: changed in both tabs" in page
    assert "Keep what you saved" in page


def test_conflict_with_ones_own_map_id_says_so(visitor):
    device = make_device("ZEPH", None)
    stale = form_of(device, map_id="ZMAB")
    confirmed(visitor, device, map_id="ZMAP")

    page = visitor.submit(edit(device), stale).text

    assert "You saved this in another tab at" in page
    assert "MAP ID: changed in both tabs" in page


def test_conflict_with_somebody_else_does_not_say_that_it_was_oneself(visitor, supplier, sign_in):
    device = make_device("ZEPH", None, msn="")
    stale = form_of(device, msn="Z3")
    sign_in(supplier, Job.EDITOR).submit(edit(device), form_of(device, msn="Z2"))

    page = visitor.submit(edit(device), stale).text

    assert "This device has been updated since you opened it" in page
    assert "another tab" not in page


# Removal of an MSN


def test_administrator_removes_a_wrong_msn_with_a_reason(supplier, asset_provider, sign_in):
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    administrator = sign_in(supplier, Job.ADMINISTRATOR)
    where = f"/devices/{device.device_id}/remove-msn/"

    assert where in administrator.get(f"/devices/{device.device_id}/").text
    assert where in administrator.get(edit(device)).text
    assert administrator.submit(where, {"version": 1}).status_code == 400
    assert administrator.submit(where, {"version": 2, "reason": "of another meter"}).status_code == 409
    done = administrator.submit(where, {"version": 1, "reason": "of another meter"}, follow=True)

    assert "MSN removed: Z1." in done.text
    device.refresh_from_db()
    assert (device.msn, device.version) == ("", 2)
    history = administrator.get(f"/devices/{device.device_id}/history/").text
    assert "MSN removed" in history
    assert "Reason: of another meter" in history
    assert AuditRow.objects.filter(kind="items_recorded").latest("pk").details["items"] == ["msn"]
    assert administrator.get(where).status_code == 404


@pytest.mark.parametrize(
    ("job", "typed", "sentence"),
    [
        (Job.EDITOR, {"msn": ""}, "You cannot remove an MSN. Enter the correct one, or leave Z1."),
        (Job.EDITOR, {"map_id": ""}, "You cannot remove a MAP ID. Enter the correct one, or leave ZMAP."),
        (Job.ADMINISTRATOR, {"msn": ""}, "To remove Z1, use “Remove the MSN”."),
        (Job.ADMINISTRATOR, {"map_id": ""}, "To remove ZMAP, use “Remove the MAP ID”."),
    ],
)
def test_only_administrators_are_sent_to_where_values_are_removed(
    supplier, asset_provider, sign_in, job, typed, sentence
):
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    browser = sign_in(supplier, job)

    page = browser.submit(edit(device), form_of(device, **typed)).text

    assert sentence in page
    may = job == Job.ADMINISTRATOR
    assert ("/remove-msn/" in page, "/blank-map-id/" in page) == (may, may)
    assert browser.get(f"/devices/{device.device_id}/remove-msn/").status_code == (200 if may else 403)


def test_form_left_as_it_was_saves_nothing(visitor):
    device = make_device("ZEPH", "ZMAP", msn="Z1")
    page = visitor.get(edit(device))

    response = visitor.post(edit(device), hidden_fields(page) | visible_fields(page))

    assert response.status_code == 400
    assert "You have not changed anything." in response.text


def visible_fields(response) -> dict[str, str]:
    main = response.text[response.text.index("<main") :]
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", main)]
    return {i["name"]: i.get("value", "") for i in inputs if i["type"] == "text"}


def test_replacement_is_shown_before_and_after_and_saved_when_confirmed(visitor):
    device = make_device("ZEPH", "ZMAP")
    typed = form_of(device, map_id="ZMAB", kind="correction", source="letter 4417")

    asked = visitor.submit(edit(device), typed)

    page = asked.content.decode()
    assert asked.status_code == 200
    assert "Nothing has been saved yet" in page
    assert page.index("before: ") < page.index(">ZMAP<") < page.index("after: ") < page.index(">ZMAB<")
    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"

    saved = visitor.post(f"{edit(device)}confirm/", hidden_fields(asked))

    assert saved.status_code == 302
    device.refresh_from_db()
    assert (device.asset_provider.code, device.version) == ("ZMAB", 2)
    assert device.providerperiods.known_now().get().source == "letter 4417"


def test_doubtful_day_is_confirmed(visitor):
    device = make_device("ZEPH", None)
    typed = form_of(device, map_id="ZMAP", map_from="01/01/2020")

    asked = visitor.submit(edit(device), typed)

    assert "before the meter was installed" in asked.content.decode()
    visitor.post(f"{edit(device)}confirm/", hidden_fields(asked))
    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_errors_stand_in_a_summary_with_links_and_the_title_begins_with_error(visitor):
    device = make_device("ZEPH", None, msn="")

    response = visitor.submit(edit(device), form_of(device, map_id="ZMA", msn="Z21E 104477", map_from="31/02/2024"))

    page = response.content.decode()
    assert response.status_code == 400
    assert "<title>Error: Record or correct" in page
    assert "Nothing has been saved" in page
    assert all(f'<a href="#id_{name}">' in page for name in ("msn", "map_id", "map_from"))


def test_what_was_typed_stays_after_an_error(visitor):
    device = make_device("ZEPH", None, msn="")

    page = visitor.submit(edit(device), form_of(device, map_id="ZZZ9", msn="Z77")).content.decode()

    assert 'value="ZZZ9"' in page
    assert 'value="Z77"' in page


def test_stale_form_shows_base_theirs_and_yours(visitor):
    device = make_device("ZEPH", None, msn="Z1")
    typed = form_of(device, msn="Z3", kind="correction", source="sheet")
    Device.objects.filter(pk=device.pk).update(msn="Z2", version=2)

    response = visitor.submit(edit(device), typed)

    page = response.content.decode()
    assert response.status_code == 409
    assert "MSN: both of you changed it" in page
    assert all(f">{value}<" in page for value in ("Z1", "Z2", "Z3"))
    assert 'id="id_keep_msn_theirs" name="keep_msn" type="radio" value="theirs" checked' in page


def test_conflict_is_resolved_by_keeping_yours_on_the_new_version(visitor):
    device = make_device("ZEPH", None, msn="Z1")
    typed = form_of(device, msn="Z3", kind="correction", source="sheet")
    Device.objects.filter(pk=device.pk).update(msn="Z2", version=2)
    conflict = visitor.submit(edit(device), typed)

    asked = visitor.post(edit(device), hidden_fields(conflict) | {"keep_msn": "yours", "keep_map_id": "theirs"})
    visitor.post(f"{edit(device)}confirm/", hidden_fields(asked))

    device.refresh_from_db()
    assert (device.msn, device.version) == ("Z3", 3)


def test_conflict_resolved_by_keeping_theirs_leaves_it(visitor):
    device = make_device("ZEPH", None, msn="Z1")
    typed = form_of(device, msn="Z3", map_id="ZMAP", kind="correction", source="sheet")
    Device.objects.filter(pk=device.pk).update(msn="Z2", version=2)
    conflict = visitor.submit(edit(device), typed)

    asked = visitor.post(edit(device), hidden_fields(conflict) | {"keep_msn": "theirs", "keep_map_id": "yours"})
    visitor.post(f"{edit(device)}confirm/", hidden_fields(asked))

    device.refresh_from_db()
    assert (device.msn, device.asset_provider.code) == ("Z2", "ZMAP")


def test_device_that_was_lost_is_not_found_rather_than_in_conflict(visitor, rival):
    device = make_device("ZEPH", None, msn="Z1")
    typed = form_of(device, msn="Z3")
    supplied_by(device, "ZODI")

    assert visitor.submit(edit(device), typed).status_code == 404


def test_confirming_a_stale_form_is_a_conflict_too(visitor):
    device = make_device("ZEPH", "ZMAP")
    typed = form_of(device, map_id="ZMAB", kind="correction", source="letter")
    asked = visitor.submit(edit(device), typed)
    Device.objects.filter(pk=device.pk).update(version=2)

    assert visitor.post(f"{edit(device)}confirm/", hidden_fields(asked)).status_code == 409


def test_confirming_runs_every_rule_again(visitor):
    """A form that was altered on its way to the second step is no way around the first."""
    device = make_device("ZEPH", "ZMAP")

    response = visitor.submit(f"{edit(device)}confirm/", form_of(device, map_id="ZZZZ", kind="correction", source="x"))

    assert response.status_code == 400
    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_smets1_meter_has_no_field_for_the_map_id(visitor):
    device = make_device("ZEPH", None, smets_generation=1, msn="")

    page = visitor.get(edit(device)).content.decode()
    visitor.submit(edit(device), form_of(device, msn="Z1", map_id="ZMAP"))

    assert 'name="map_id"' not in page
    device.refresh_from_db()
    assert (device.msn, device.asset_provider) == ("Z1", None)


def test_hub_has_no_edit_page(visitor):
    assert visitor.get(edit(make_hub("ZEPH"))).status_code == 404


def test_form_without_version_is_refused(visitor):
    device = make_device("ZEPH", None, msn="")

    assert visitor.submit(edit(device), {"msn": "Z1"}).status_code == 400


def test_blanking_asks_for_day_reason_and_source(supplier, asset_provider, sign_in):
    device = make_device("ZEPH", "ZMAP")
    administrator = sign_in(supplier, Job.ADMINISTRATOR)
    path = f"/devices/{device.device_id}/blank-map-id/"

    assert administrator.submit(path, {"version": 1}).status_code == 400
    day = timezone.localdate().strftime("%d/%m/%Y")
    given = {"kind": "ended", "day": day, "reason": "never so", "source": "letter"}
    done = administrator.submit(path, {"version": 1} | given)

    assert done.status_code == 302
    device.refresh_from_db()
    assert device.asset_provider is None
    page = administrator.get(f"/devices/{device.device_id}/").content.decode()
    assert "never so" in page


def test_blanking_a_stale_version_or_a_wrong_day_saves_nothing(supplier, asset_provider, sign_in):
    device = make_device("ZEPH", "ZMAP", version=2)
    administrator = sign_in(supplier, Job.ADMINISTRATOR)
    path = f"/devices/{device.device_id}/blank-map-id/"
    early = (INSTALLED - timedelta(days=1)).isoformat()

    for data, status in (({"version": 1, "day": INSTALLED.isoformat()}, 409), ({"version": 2, "day": early}, 400)):
        given = {"kind": "ended", "reason": "x", "source": "y"} | data
        assert administrator.submit(path, given).status_code == status

    device.refresh_from_db()
    assert device.asset_provider is not None


def test_blanking_where_nothing_is_recorded_is_not_found(supplier, sign_in):
    device = make_device("ZEPH", None)

    assert sign_in(supplier, Job.ADMINISTRATOR).get(f"/devices/{device.device_id}/blank-map-id/").status_code == 404


def test_history_names_the_maps_beside_their_codes(visitor, words):
    confirmed(visitor, words, map_id="ZMAP", kind="correction", source="x")

    page = visitor.get(f"/devices/{words.device_id}/history/").text

    assert re.search(r">ZLEA</span> Zenith \(Leasing\)</dd>.*>ZMAP</span> Zenith Meter Assets</dd>", page)
