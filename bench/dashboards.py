"""The first page of each role over HTTP, beside its list page; last of all, that of a supplier of every device."""

from datetime import date

from accounts.acting import Acting, scope
from accounts.models import Binding, Organisation, Participant
from accounts.operator import system_scope
from accounts.owner import ask_owner
from accounts.roles import Job, Role
from bench.measure import Outcome, compare, in_turn
from inventory.models import Device
from tests.server import Visitor, running

NAME = "Dashboards"
ROUNDS = 9
SUPPLIER = "Bench supplier"
FROM = date(2015, 1, 1)  # the codes are bound


def run() -> list[Outcome]:
    """Last of all: from then on the supplier of the benchmarks has every code of suppliers."""
    outcomes = [*of("dcc", "DCC"), *of("map", "Bench MAP"), *of("supplier", SUPPLIER)]
    give_all_codes()
    return outcomes + of("supplier", SUPPLIER)


def of(person: str, name: str) -> list[Outcome]:
    acting = Acting(Organisation.objects.get(name=name), Job.VIEWER)
    with scope(acting):
        devices = Device.objects.visible_to(acting).count()
    with running(WEB_CONCURRENCY="1") as server:
        visitor = Visitor(server).sign_in(f"{person}@demo.example")
        who = f"{name}, {devices:,} devices"
        pages = {f"list, {who}": lambda: read(visitor, "/devices/"), f"dashboard, {who}": lambda: read(visitor, "/")}
        listed, dashboard = in_turn(NAME, pages, ROUNDS).values()
    return [listed, compare(dashboard, listed)]


def read(visitor: Visitor, path: str) -> None:
    with visitor.get(path) as answer:
        answer.read()


def give_all_codes() -> None:
    """Bind those codes that no organisation has yet."""
    with system_scope("bench"):
        organisation = Organisation.objects.get(name=SUPPLIER)
        bound = Binding.objects.filter(role=Role.SUPPLIER).values_list("code", flat=True)
        for participant in Participant.objects.filter(role=Role.SUPPLIER).exclude(code__in=list(bound)):
            ask_owner("bind_code", organisation.pk, participant.fuel, participant.code, FROM, None, None)
