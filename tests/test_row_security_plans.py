"""Row security does not cost the lists their indexes."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta

import pytest
from django.db import connection, connections
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts import clock
from accounts.acting import Acting, scope
from accounts.files.paging import how_many, keyset_page
from accounts.models import Participant
from accounts.operator import system_scope
from accounts.roles import Job, Role
from inventory.demo.generation import generate_devices
from inventory.devices.filters import DeviceFilter
from inventory.devices.search import sought
from inventory.devices.worklists import WORKLISTS
from inventory.loads.statistics import count_values
from inventory.models import WATCHED, Device
from inventory.querysets import NO_MSN, by_device_id
from tests.as_owner import overwrite
from tests.factories import bind, listed, make_membership, make_organisation, make_participant

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator"),
]
DEVICES = 24_000
SUPPLIERS, PROVIDERS = ([f"Z{letter}{number:02}" for number in range(12)] for letter in "SM")


@pytest.fixture
def who() -> dict[str, Acting]:
    """A supplier, a MAP, a supplier of two codes and the DCC, among others with some thousands of devices."""
    for role, codes in ((Role.SUPPLIER, SUPPLIERS), (Role.MAP, PROVIDERS)):
        for code in codes:
            make_participant(code, role=role)
    with system_scope("tests"):
        generate_devices(count=DEVICES, seed=1, today=timezone.localdate())
    count_values()
    return {
        "supplier": bound("One", Role.SUPPLIER, SUPPLIERS[0]),
        "map": bound("Two", Role.MAP, PROVIDERS[0]),
        "several": bound("Three", Role.SUPPLIER, *SUPPLIERS[1:3]),
        "dcc": bound("Four", Role.DCC),
    }


def bound(name: str, role: Role, *codes: str) -> Acting:
    organisation = make_organisation(name, role)
    for code in codes:
        bind(organisation, listed(code, role))
    return Acting.under(make_membership(organisation, Job.VIEWER))


def plan_of(act: Callable[..., object], *given: object, **asked: str) -> str:
    """How the last statement on devices that it asks is carried out."""
    return plans_of(act, *given, **asked)[-1]


def plans_of(act: Callable[..., object], *given: object, **asked: str) -> list[str]:
    """How each statement on devices that it asks is carried out."""
    with CaptureQueriesContext(connection) as captured:
        act(*given, **asked)
    on_devices = [query["sql"] for query in captured if 'FROM "inventory_device"' in query["sql"]]
    return [explained(statement) for statement in on_devices]


def explained(statement: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {statement}")
        return "\n".join(line for (line,) in cursor.fetchall())


def list_page(acting: Acting, **asked: str) -> list[int]:
    """The rows of the list page, as its view finds them."""
    query = QueryDict(mutable=True)
    query.update(asked)
    search = DeviceFilter(query, Device.objects.visible_to(acting), acting)
    assert search.is_valid()
    return [row.pk for row in keyset_page(by_device_id(search.qs, acting), query).rows]


def test_list_page_reads_the_index_of_its_scope_in_order(who):
    for word, index in (("supplier", "device_supplier_scope"), ("map", "device_map_scope")):
        for plan in plans_of_pages(who[word]):
            assert re.search(rf"Index (Only )?Scan (Backward )?using {index}", plan), plan
            assert "Sort" not in plan, plan
            assert plan.count("Scan") == 1


def plans_of_pages(acting: Acting) -> list[str]:
    """Of the first page, and of those after and before a device in the middle; on a disk that does not seek."""
    with scope(acting), connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1.1")
        middle = by_device_id(Device.objects, acting).sealed(Device.objects.order_by("device_id")[200].device_id)
        return [plan_of(list_page, acting, **asked) for asked in ({}, {"after": middle}, {"before": middle})]


def test_list_page_is_read_as_it_is_without_row_security(who, unprotected):
    for word in ("supplier", "map"):
        protected = [nodes(plan) for plan in plans_of_pages(who[word])]
        with unprotected():
            assert [nodes(plan) for plan in plans_of_pages(who[word])] == protected


@pytest.fixture
def unprotected() -> Callable[[], AbstractContextManager]:
    """`unprotected()`: a block in which devices are under no row security."""

    @contextmanager
    def switched_off() -> Iterator[None]:
        with connections["owner"].cursor() as cursor:
            cursor.execute("ALTER TABLE inventory_device DISABLE ROW LEVEL SECURITY")
            try:
                yield
            finally:
                cursor.execute("ALTER TABLE inventory_device ENABLE ROW LEVEL SECURITY")

    return switched_off


def nodes(plan: str) -> list[str]:
    """How rows are found, without what it costs and what the policies ask."""
    return [line.split("(")[0].strip() for line in plan.splitlines() if re.search("Scan|Sort|Limit|Append", line)]


def test_list_page_of_several_codes_merges_the_pages_of_each(who):
    with scope(who["several"]), connection.cursor() as cursor:
        cursor.execute("SET LOCAL random_page_cost = 1.1")
        plan = plan_of(list_page, who["several"])

    assert plan.count("using device_supplier_scope") == 2, plan
    assert plan.count("Scan") == 2
    assert plan.count("Sort  ") <= 1, plan  # of the few rows found


BY_IDENTIFIER = {
    "msn": {"device_msn_key", "device_supplier_msn", "device_map_msn"},
    "mpxn": {"device_mpxn"},
    "device_id": {"device_id_unique", "device_supplier_scope", "device_map_scope"},
}


def test_look_up_by_an_identifier_reads_its_index(who):
    for word, acting in who.items():
        for item, indexes in BY_IDENTIFIER.items():
            with scope(acting):
                device = Device.objects.exclude(**{item: ""}).order_by("?").first()
                asked = {item: getattr(device, item)}
                assert list_page(acting, **asked) == [device.pk]
                plan = plan_of(list_page, acting, **asked)

            assert set() < indexes_of(plan) <= indexes, (word, plan)
            assert "Seq Scan" not in plan, (word, plan)


def test_search_of_the_header_reads_an_index_for_each_identifier(who):
    """A number of eight digits can be all three."""
    asked = {"Z99E 00000": ["msn"], "00-DB-12-34-56-78-90-A0": ["device_id"], "12345678": [*BY_IDENTIFIER]}

    for word, acting in who.items():
        for text, items in asked.items():
            with scope(acting):
                plan = plan_of(search_page, acting, text)

            each = [BY_IDENTIFIER[item] for item in items]
            assert all(indexes_of(plan) & indexes for indexes in each), (word, plan)
            assert indexes_of(plan) <= set().union(*each), (word, plan)
            assert "Seq Scan" not in plan, (word, plan)


def search_page(acting: Acting, text: str) -> list[int]:
    visible = Device.objects.visible_to(acting)
    return [
        row.pk for row in keyset_page(by_device_id(visible, acting, sought(text, acting.role).chosen.listed), {}).rows
    ]


def test_scope_is_asked_once_for_a_statement_and_not_for_each_row(who):
    for acting in who.values():
        with scope(acting):
            plan = plan_of(lambda: list(Device.objects.all()))

        assert "InitPlan" in plan
        assert not [line for line in plan.splitlines() if "Filter" in line and "acting_" in line]


BY_SUPPLIER = {
    "map-id": {"device_map_id_missing", "device_supplier_and_map"},
    "msn": {"device_msn_missing"},
    "duplicate-msn": {"device_supplier_msn", "inventory_device_pkey"},
}
NUMBERS = {
    "supplier": BY_SUPPLIER,
    "several": BY_SUPPLIER,
    "map": {"msn": {"device_map_msn_missing"}, "duplicate-msn": {"device_map_msn", "inventory_device_pkey"}},
    "dcc": {"map-id": {"device_map_id_missing"}, "msn": {"device_msn_missing"}},
}


@pytest.fixture
def ended(who) -> None:
    """The code of a MAP is in force no longer, each has two devices of one MSN, and the table is tidied up."""
    with system_scope("tests"):
        overwrite(Participant.objects.filter(code=PROVIDERS[1]), effective_to=clock.today() - timedelta(days=1))
        for acting in (who["supplier"], who["map"], who["several"]):
            two = Device.objects.visible_to(acting).exclude(msn_key="").filter(device_type="ESME").order_by("pk")[:2]
            Device.objects.filter(pk__in=[device.pk for device in two]).update(msn="Z1", manufacturer="ZT20")
    with connections["owner"].cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) inventory_device")


@pytest.mark.usefixtures("ended")
def test_numbers_of_worklists_are_read_from_indexes_of_their_own(who):
    for word, numbers in NUMBERS.items():
        for name, indexes in numbers.items():
            plans = plans_of_number(who[word], name)

            assert set().union(*map(indexes_of, plans)) == indexes, (word, name, plans)
            assert "Seq Scan on inventory_device" not in "".join(plans), (word, name, plans)


def plans_of_number(acting: Acting, name: str) -> list[str]:
    with scope(acting):
        return plans_of(lambda: how_many(Device.objects.visible_to(acting), WORKLISTS[name].choose(acting).counted))


def indexes_of(plan: str) -> set[str]:
    return set(re.findall(r"(?:Scan (?:Backward )?using|Bitmap Index Scan on) ((?:inventory_)?device_\w+)", plan))


@pytest.mark.usefixtures("ended")
def test_shared_msns_are_found_by_one_walk_in_order_without_the_rows(who):
    for word, walks in (("supplier", 1), ("map", 1), ("several", 2)):
        walk, _ = plans_of_number(who[word], "duplicate-msn")

        assert walk.count("Index Only Scan") == walk.count("Scan using") == walks, walk
        assert not re.search(r"Sort  |Hash", walk), walk


def test_page_of_meters_without_msn_is_read_in_order(who):
    for word, index in (("supplier", "device_msn_missing"), ("map", "device_map_msn_missing")):
        acting = who[word]
        with scope(acting):
            rows = by_device_id(Device.objects.visible_to(acting), acting, [NO_MSN])
            plan = plan_of(lambda rows=rows: keyset_page(rows, {}))

        assert indexes_of(plan) == {index}, plan


def test_devices_of_a_map_in_a_status_to_watch_are_counted_from_an_index(who):
    with scope(who["map"]):
        for status in WATCHED:
            plan = plan_of(lambda status=status: how_many(Device.objects.visible_to(who["map"]).filter(status=status)))

            assert indexes_of(plan) == {"device_map_status"}, plan
