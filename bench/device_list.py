"""The device list over HTTP: first page and 100,000 rows deep, in a small and a large inventory; beside OFFSET."""

from django.core.paginator import Paginator

from accounts.acting import Acting, scope
from accounts.files.paging import PAGE_SIZE, keyset_page
from accounts.models import Membership, Organisation
from accounts.operator import system_scope
from accounts.roles import Job
from bench.measure import Outcome, compare, in_turn
from inventory.models import Device
from inventory.querysets import by_device_id
from tests.server import Visitor, running

NAME = "Device list"
DEPTH = 100_000
REPEATS = 20  # pages in one round: a single page is too short to time


def run(count: int, small: int, environment: dict[str, str]) -> list[Outcome]:
    """`environment` leads to the small inventory."""
    depth = min(DEPTH, count * 9 // 10)
    with system_scope("bench"):
        place = Device.objects.order_by("device_id")[depth].device_id
        visiting = Acting.under(Membership.objects.select_related("organisation").get(user__email="dcc@demo.example"))
        deep = by_device_id(Device.objects, visiting).sealed(place)
    with running(WEB_CONCURRENCY="1") as large, running(WEB_CONCURRENCY="1", **environment) as little:
        many, few = (Visitor(server).sign_in("dcc@demo.example") for server in (large, little))
        pages = in_turn(
            NAME,
            {
                f"first page of {small:,}": lambda: read(few, "/devices/"),
                f"first page of {count:,}": lambda: read(many, "/devices/"),
                f"{depth:,} deep in {count:,}": lambda: read(many, f"/devices/?after={deep}"),
            },
        )
    first, *others = (per_page(outcome) for outcome in pages.values())
    return [first, *(compare(outcome, first) for outcome in others), *queries(depth, place)]


def read(visitor: Visitor, path: str) -> None:
    for _ in range(REPEATS):
        with visitor.get(path) as answer:
            answer.read()


def per_page(outcome: Outcome) -> Outcome:
    outcome.seconds = [seconds / REPEATS for seconds in outcome.seconds]
    return outcome


def queries(depth: int, place: str) -> list[Outcome]:
    """Only what finds the rows: by position, and by Django's Paginator (COUNT and OFFSET); all in one scope."""
    acting = Acting(Organisation.objects.get(name="DCC"), Job.VIEWER)
    devices = Device.objects.visible_to(acting)
    deep = by_device_id(devices, acting).sealed(place)

    def paginated(number: int) -> None:
        paginator = Paginator(devices.order_by("device_id").values_list("pk", "device_id"), PAGE_SIZE)
        list(paginator.page(number))

    with scope(acting):
        found = in_turn(
            f"{NAME}, the rows of a page",
            {
                "by position, first page": lambda: keyset_page(by_device_id(devices, acting), {}),
                f"by position, {depth:,} deep": lambda: keyset_page(by_device_id(devices, acting), {"after": deep}),
                "Django's Paginator, first page": lambda: paginated(1),
                f"Django's Paginator, {depth:,} deep": lambda: paginated(depth // PAGE_SIZE + 1),
            },
        )
    first, deep_one, django_first, django_deep = found.values()
    return [first, compare(deep_one, first), compare(django_first, first), compare(django_deep, deep_one)]
