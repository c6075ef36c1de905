"""Pages by position, in both directions, through scopes of one code and of several."""

from itertools import chain
from urllib.parse import parse_qsl

import pytest
from django.db.models import Q

from accounts.errors import BadRequest
from accounts.files.paging import MANY, how_many, keyset_page
from accounts.roles import Role
from inventory.models import Device
from inventory.querysets import by_device_id
from tests.factories import bind, make_device, make_organisation, make_participant

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def many(db, acting):
    """A supplier with three codes and 130 devices, interleaved."""
    organisation = make_organisation(role=Role.SUPPLIER)
    for code in ("ZAAA", "ZBBB", "ZCCC"):
        bind(organisation, make_participant(code, role=Role.SUPPLIER))
    for number in range(130):
        make_device(("ZAAA", "ZBBB", "ZCCC")[number % 3], None)
    make_device("ZZZZ", None)
    return acting(organisation)


def walk(who, queryset, params: dict[str, str], direction: str) -> list[list[int]]:
    """All pages from `params` on, as lists of row ids."""
    pages = []
    while True:
        page = keyset_page(by_device_id(queryset, who), params)
        pages.append([row.pk for row in page.rows])
        url = page.next_url if direction == "after" else page.previous_url
        if not url:
            return pages
        params = dict(parse_qsl(url.removeprefix("?")))


def test_forward_walk_gives_every_device_once_in_order(many):
    devices = Device.objects.visible_to(many)

    pages = walk(many, devices, {}, "after")

    assert [len(page) for page in pages] == [50, 50, 30]
    assert list(chain.from_iterable(pages)) == list(devices.order_by("device_id").values_list("pk", flat=True))


def test_backward_walk_gives_the_same_pages(many):
    devices = Device.objects.visible_to(many)
    last = max(devices.values_list("device_id", flat=True))
    end = by_device_id(devices, many).sealed(last + "~")

    pages = walk(many, devices, {"before": end}, "before")

    everything = list(chain.from_iterable(reversed(pages)))
    assert everything == list(devices.order_by("device_id").values_list("pk", flat=True))


def test_first_page_has_no_previous(many):
    page = keyset_page(by_device_id(Device.objects.visible_to(many), many), {})

    assert page.previous_url == ""
    assert page.next_url.startswith("?after=")


def test_filters_stay_in_the_addresses_of_neighbours(many):
    page = keyset_page(by_device_id(Device.objects.visible_to(many), many), {"device_type": "ESME", "msn": ""})

    assert page.next_url.startswith("?device_type=ESME&after=")


def test_both_directions_at_once_are_refused(many):
    with pytest.raises(BadRequest):
        keyset_page(by_device_id(Device.objects.visible_to(many), many), {"after": "x", "before": "y"})


def test_count_stops_after_a_thousand(many):
    devices = Device.objects.visible_to(many)

    assert how_many(devices) == 130
    assert MANY == 1000


def test_conditions_are_counted_and_paged_together(many):
    devices = Device.objects.visible_to(many)
    low, high = (Q(supplier__code=code) for code in ("ZAAA", "ZCCC"))

    assert how_many(devices, [low, high]) == 87
    assert how_many(devices, [low, Q(pk__in=[])]) == 44
    assert how_many(devices, [Q(pk__in=[]), Q(pk__in=[])]) == 0
    rows = keyset_page(by_device_id(devices, many, [low, high]), {}).rows
    assert [row.device_id for row in rows] == list(
        devices.filter(low | high).order_by("device_id").values_list("device_id", flat=True)[:50]
    )


def test_scope_without_codes_has_an_empty_page(acting):
    nobody = acting(make_organisation(role=Role.SUPPLIER))

    assert keyset_page(by_device_id(Device.objects.visible_to(nobody), nobody), {}).rows == []
