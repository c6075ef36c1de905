"""Row security does not cost the lists their indexes."""

from collections.abc import Callable

import pytest
from django.db import connection, connections
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import Acting, system_scope
from accounts.roles import Job, Role
from inventory.filters import DeviceFilter
from inventory.generation import generate_devices
from inventory.models import Device
from inventory.paging import keyset_page
from inventory.querysets import scope_parts
from tests.factories import bind, listed, make_membership, make_organisation, make_participant

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])
DEVICES = 6_000
SUPPLIERS, PROVIDERS = ("ZEPH", "ZODI", "ZIRC"), ("ZMAP", "ZMAB", "ZMAC")


@pytest.fixture
def who() -> dict[str, Acting]:
    """A supplier, a MAP and a supplier of two codes, each with a third of some thousands of devices or more."""
    for role, codes in ((Role.SUPPLIER, SUPPLIERS), (Role.MAP, PROVIDERS)):
        for code in codes:
            make_participant(code, role=role)
    with system_scope("tests"):
        generate_devices(count=DEVICES, seed=1, today=timezone.localdate())
    with connections["owner"].cursor() as cursor:
        cursor.execute("SET portal.operator = 'tests'; VACUUM ANALYZE inventory_device; RESET portal.operator")
    return {
        "supplier": bound("One", Role.SUPPLIER, "ZEPH"),
        "map": bound("Two", Role.MAP, "ZMAP"),
        "several": bound("Three", Role.SUPPLIER, "ZODI", "ZIRC"),
    }


def bound(name: str, role: Role, *codes: str) -> Acting:
    organisation = make_organisation(name, role)
    for code in codes:
        bind(organisation, listed(code, role))
    return Acting.under(make_membership(organisation, Job.VIEWER))


def plan_of(act: Callable[[], object]) -> str:
    """How the last statement on devices is carried out."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        act()
    asked = [query["sql"] for query in captured if 'FROM "inventory_device"' in query["sql"]]
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {asked[-1]}")
        return "\n".join(line for (line,) in cursor.fetchall())


def list_page(acting: Acting, **asked: str) -> list[int]:
    """The rows of the list page, as its view finds them."""
    query = QueryDict(mutable=True)
    query.update(asked)
    search = DeviceFilter(query, Device.objects.visible_to(acting), acting)
    assert search.is_valid()
    return keyset_page(search.qs, scope_parts(acting), query).pks


def test_show(who):
    d = dict.fromkeys(who)
    for w, a in who.items():
        with scope(a):
            dev = Device.objects.exclude(msn="").filter(device_type="ESME").order_by("?").first()
            print(w, Device.objects.count())
            print(plan_of(lambda: list_page(a)))
            print(plan_of(lambda: list_page(a, after=__import__("django.core.signing").core.signing.dumps(dev.device_id, salt="inventory.paging"))))
            print(plan_of(lambda: list_page(a, msn=dev.msn)))
            print(plan_of(lambda: list_page(a, mpxn=dev.mpxn)))
            print(plan_of(lambda: list_page(a, device_id=dev.device_id[:14])))
            print(plan_of(lambda: Device.objects.visible_to(a).msn_missing().order_by("device_id")[:51]))
