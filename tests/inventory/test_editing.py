"""The pages that record: form, confirmation, conflict, blanking."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from accounts.roles import Job
from inventory.models import Device
from tests.factories import INSTALLED, make_device, make_hub, supplied_by

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def visitor(supplier, asset_provider, rival_provider, sign_in):
    return sign_in(supplier, Job.EDITOR)


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


def test_first_recording_is_saved_at_once_and_said_so(visitor):
    device = make_device("ZEPH", None, msn="")

    response = visitor.submit(edit(device), form_of(device, map_id="ZMAP", msn="Z1"), follow=True)

    assert response.redirect_chain == [(f"/devices/{device.device_id}/", 302)]
    page = response.content.decode()
    assert "MSN saved: Z1. MAP ID saved: ZMAP, " in page
    assert f", from {date_format(device.installed_on, 'DATE_FORMAT')}." in page
    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_replacement_is_shown_before_and_after_and_saved_when_confirmed(visitor):
    device = make_device("ZEPH", "ZMAP")
    typed = form_of(device, map_id="ZMAB", kind="correction", source="letter 4417")

    asked = visitor.submit(edit(device), typed)

    page = asked.content.decode()
    assert asked.status_code == 200
    assert "Nothing has been saved yet" in page
    assert page.index(">ZMAP<") < page.index(">ZMAB<")
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

    visitor.post(edit(device), hidden_fields(conflict) | {"keep_msn": "theirs", "keep_map_id": "yours"})

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
