"""Every page and file with the views' own scoping taken away: word for word what it is with it."""

import re
from collections.abc import Callable, Iterator

import pytest
from django.db.models import Q

from accounts.roles import Job, Role
from inventory import querysets
from inventory.models import Device, ReportRun
from inventory.querysets import DeviceQuerySet, ReportRunQuerySet
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import bind, listed, make_device, make_hub, make_organisation, provided_by, supplied_by

pytestmark = pytest.mark.usefixtures("operator")

WORK = ["msn", "map-id", "duplicate-msn"]
LISTS = ["/", "/devices/", "/devices/?device_type=ESME", *(f"/devices/to-do/{name}/" for name in WORK)]
FILES = ["/devices/download/", "/reports/map-portfolio/download/", "/reports/map-portfolio/download/?as_of=2025-01-01"]
OF_A_DEVICE_BY_API = "/api/v1/devices/{}/"
OF_A_DEVICE = ["", "history/", "history/?as_of=2025-01-01", "edit/", "blank-map-id/"]


@pytest.fixture
def devices(supplier, rival, asset_provider, rival_provider, dcc) -> dict[str, Device]:
    shared = {"msn": "Z12345678"}
    made = {
        "own": make_device("ZEPH", "ZMAP", **shared),
        "foreign": make_device("ZODI", "ZMAB", **shared),
        "mixed": make_device("ZEPH", "ZMAB", msn=""),
        "without a map": make_device("ZODI", None, msn=""),
        "hub": make_hub("ZODI"),
        "sold": make_device("ZEPH", "ZMAP"),
    }
    supplied_by(made["sold"], "ZODI")
    provided_by(made["sold"], "ZMAB")
    return made


@pytest.fixture
def visitors(supplier, asset_provider, rival_provider, dcc, sign_in) -> dict[str, Browser]:
    former = make_organisation("Zenobia Metering", Role.MAP)
    overwrite(rival_provider.bindings, valid_from="2020-01-02")
    bind(former, listed("ZMAB"), valid_from="2016-01-01", valid_to="2020-01-01")
    return {
        "supplier": sign_in(supplier, Job.ADMINISTRATOR),
        "map": sign_in(asset_provider, Job.ADMINISTRATOR),
        "map without a code": sign_in(make_organisation("Zulu Metering", Role.MAP), Job.VIEWER),
        "map with a former code": sign_in(former, Job.VIEWER),
        "dcc": sign_in(dcc, Job.VIEWER),
    }


HIDDEN = {
    "supplier": {"foreign", "without a map", "hub", "sold"},
    "map": {"foreign", "mixed", "without a map", "hub", "sold"},
    "map without a code": {"own", "foreign", "mixed", "without a map", "hub", "sold"},
    "map with a former code": {"own", "foreign", "mixed", "without a map", "hub", "sold"},
    "dcc": set(),
}


@pytest.fixture
def unscoped(monkeypatch) -> Callable[[], None]:
    """From the call on, no view narrows anything to whom it acts for."""

    def take_away() -> None:
        for queryset in (DeviceQuerySet, ReportRunQuerySet):
            monkeypatch.setattr(queryset, "visible_to", lambda self, *given: self.all())
        monkeypatch.setattr(querysets, "scope_parts", lambda acting: [Q()])

    return take_away


def addresses(devices: dict[str, Device]) -> Iterator[str]:
    yield from FILES  # first: the dashboard tells of the last download
    yield from LISTS
    for device in devices.values():
        yield from (f"/devices/{device.device_id}/{page}" for page in OF_A_DEVICE)
        yield OF_A_DEVICE_BY_API.format(device)
    for run in ReportRun.objects.all():
        yield f"/reports/runs/{run.pk}/manifest/"


def read(browser: Browser, path: str) -> tuple[int, str]:
    """Status and words, without what differs each time: references, times, tokens."""
    answer = browser.get(path)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    differing = r"[0-9a-f]{8}-[0-9a-f-]{27}|(value|data-seconds)=\"[^\"]+\"|(at )?\d\d:\d\d"
    words = re.sub(differing, "", body.decode())
    return answer.status_code, words


@pytest.mark.parametrize("who", HIDDEN)
def test_page_is_the_same_without_the_views_scoping(devices, visitors, unscoped, who):
    for organisation in {visitor.membership.organisation for visitor in visitors.values()}:
        ReportRun.objects.create(report="map-portfolio", organisation=organisation, as_of="2026-01-01")
    paths = list(addresses(devices))
    scoped = {path: read(visitors[who], path) for path in paths}
    unscoped()

    found = {path: read(visitors[who], path) for path in paths}

    assert [path for path in paths if found[path] != scoped[path]] == []
    assert {status for status, _ in found.values()} <= {200, 403, 404}
    assert {found[f"/devices/{devices[word].device_id}/"][0] for word in HIDDEN[who]} <= {404}


@pytest.mark.parametrize("who", HIDDEN)
def test_without_the_views_scoping_no_page_names_a_device_out_of_scope(devices, visitors, unscoped, who):
    unscoped()

    pages = {path: read(visitors[who], path) for path in [*LISTS, *FILES]}

    for word in HIDDEN[who]:
        assert [path for path, (_, words) in pages.items() if devices[word].device_id in words] == [], word


def test_without_the_views_scoping_only_own_runs_are_listed(visitors, unscoped):
    for organisation in {visitor.membership.organisation for visitor in visitors.values()}:
        ReportRun.objects.create(report="map-portfolio", organisation=organisation, as_of="2026-01-01")
    unscoped()

    _, words = read(visitors["map"], "/reports/map-portfolio/")

    assert words.count("1 January 2026") == 1


@pytest.mark.parametrize("word", ["foreign", "sold", "without a map"])
def test_without_the_views_scoping_a_device_of_another_is_not_written(devices, visitors, unscoped, word):
    device = Device.objects.get(pk=devices[word].pk)
    before = recorded(device)
    unscoped()

    typed = {"msn": "Z99", "map_id": "ZMAP", "map_from": "2025-01-01", "kind": "correction"}
    words = {"source": "x", "reason": "y", "day": "2025-02-02", "version": device.version}
    pages = ("edit/", "edit/confirm/", "blank-map-id/", "take-back/2099-01-01/")
    answers = [visitors["supplier"].submit(f"/devices/{device.device_id}/{page}", typed | words) for page in pages]

    assert {answer.status_code for answer in answers} == {404}
    assert recorded(device) == before


def recorded(device: Device) -> tuple:
    device.refresh_from_db()
    steps = list(device.providerperiods.values_list("valid_from", "participant", "known"))
    return device.msn, device.asset_provider_id, device.version, steps
