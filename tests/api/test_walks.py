"""Every endpoint × role × access level × method × object: who is let in, that others' objects are 404, no MAP ID."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import resolve

from accounts.access import Open
from accounts.models import Organisation
from accounts.roles import Job, Permission, Role, allows
from inventory.api.description import described
from inventory.models import Device, ReportRun
from tests.api.sending import entry
from tests.conftest import Browser, System
from tests.factories import MPANS, make_device, make_membership, make_token
from tests.test_access import ATTACKS

METHODS = ("get", "head", "options", "post", "put", "patch", "delete", "trace")
OPERATIONS = [(path, method) for path, methods in described()["paths"].items() for method in methods]
PATHS = sorted({path for path, _ in OPERATIONS})
UNKNOWN_RUN = "00000000-0000-4000-8000-000000000000"
UNKNOWN_DEVICE = "00-DB-12-FF-FF-FF-FF-FF"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@dataclass(frozen=True)
class Thing:
    """A device and a run, by what paths and bodies say of them."""

    device: str
    run: str
    version: int = 1

    def path(self, template: str) -> str:
        return template.format(device_id=self.device, id=self.run)


@pytest.fixture
def organisations(supplier, asset_provider, dcc) -> dict[Role, Organisation]:
    return {Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}


@pytest.fixture
def things(organisations, rival, rival_provider) -> dict[str, Thing]:
    """Objects of a supplier and of a MAP, objects outside the scope of both (not of the DCC), and unknown ones."""
    own, foreign = make_device("ZEPH", "ZMAP", msn="Z1"), make_device("ZODI", "ZMAB", msn="Z2", mpxn=MPANS[0])
    runs = [
        ReportRun.objects.create(organisation=organisation, report="map-portfolio", as_of="2026-01-01")
        for organisation in (organisations[Role.MAP], rival_provider)
    ]
    return {
        "own": Thing(str(own), str(runs[0].pk)),
        "foreign": Thing(str(foreign), str(runs[1].pk)),
        "unknown": Thing(UNKNOWN_DEVICE, UNKNOWN_RUN),
    }


def visitors(organisations: dict[Role, Organisation]) -> Iterator[tuple[Role, Job, Client]]:
    """Systems of both jobs, and an administrator in person."""
    for role, organisation in organisations.items():
        for job in (Job.VIEWER, Job.EDITOR):
            yield role, job, System(make_token(organisation, job))
        yield role, Job.ADMINISTRATOR, Browser(make_membership(organisation, Job.ADMINISTRATOR))


def right_of(path: str, method: str) -> Permission | Open | None:
    """What the endpoint asks for; None for a method that it does not take."""
    view = resolve(path).func
    action = view.actions.get("get" if method == "head" else method)
    declared = view.cls.permission
    return action and (declared[action] if isinstance(declared, dict) else declared)


def ask(visitor: Client, template: str, method: str, thing: Thing, role: Role, **query: str):
    """Return a request that succeeds for its own visitor."""
    words = {"kind": "correction", "source": "walk", "reason": "walk", "msn": "Z3"}
    body: dict[str, Any] = {}
    if method == "patch":
        body = words
    elif method == "post":
        body = {"devices": [entry_of(thing) | words]}
    if template.endswith("/as-of/"):
        query = {"as_of": "2024-05-01"} | query
    more = {"headers": {"If-Match": f'"{thing.version}"'}, "query_params": query}
    if method in ("get", "head", "options", "trace"):
        return getattr(visitor, method)(thing.path(template), **more)
    return getattr(visitor, method)(thing.path(template), json.dumps(body), content_type="application/json", **more)


def entry_of(thing: Thing) -> dict[str, Any]:
    return {"device_id": thing.device, "version": thing.version}


def about(template: str, method: str) -> str:
    """What kind of object a request names."""
    if "{id}" in template:
        return "run"
    return "device" if "{device_id}" in template or method == "post" else ""


def expected(template: str, method: str, role: Role, job: Job, whose: str) -> set[int]:
    right = right_of(template.format(device_id=UNKNOWN_DEVICE, id=UNKNOWN_RUN), method)
    if right is None or method == "options":
        return {403} if not any_right(template, role, job) else {200 if method == "options" else 405}
    if right not in Open and not allows(role, job, right):
        return {403}
    seen = whose == "own" or (whose == "foreign" and role == Role.DCC and about(template, method) == "device")
    if seen or not about(template, method):
        return {200}
    return {400} if method == "post" else {404}


def any_right(template: str, role: Role, job: Job) -> bool:
    """A method without an action is refused to anyone with none of the address's rights; if there is one, that."""
    declared = resolve(template.format(device_id=UNKNOWN_DEVICE, id=UNKNOWN_RUN)).func.cls.permission
    rights = declared.values() if isinstance(declared, dict) else [declared]
    return any(right in Open or allows(role, job, right) for right in rights)


@pytest.mark.parametrize("whose", ["own", "foreign", "unknown"])
def test_every_endpoint_role_job_method_and_object(organisations, things, whose):
    for role, job, visitor in visitors(organisations):
        for template in PATHS:
            taken = [method for path, method in OPERATIONS if path == template]
            for method in METHODS if whose == "own" else [*taken, "head"]:
                if method in ("patch", "post"):
                    restore(things)
                answer = ask(visitor, template, method, things[whose], role)
                case = (template, method, role, job, whose)
                assert answer.status_code in expected(*case), (case, answer.status_code)


def restore(things: dict[str, Thing]) -> None:
    """As each was made: version and MSN; the owner's triggers would raise the version again."""
    for name, msn in (("own", "Z1"), ("foreign", "Z2")):
        device = Device.objects.get(device_id=things[name].device)
        if device.msn != msn:
            Device.objects.filter(pk=device.pk).update(msn=msn)
            device.refresh_from_db()
        things[name] = Thing(things[name].device, things[name].run, device.version)


@pytest.mark.parametrize("template", [path for path in PATHS if "{" in path or path.endswith("/batch/")])
def test_what_is_foreign_answers_as_what_is_not_there(organisations, things, template):
    for role, job, visitor in visitors(organisations):
        methods = [method for path, method in OPERATIONS if path == template]
        for method in methods if role != Role.DCC else []:
            answers = [ask(visitor, template, method, things[whose], role) for whose in ("foreign", "unknown")]
            told = [strip(answer.json()) for answer in answers]
            assert told[0] == told[1], (template, method, role, job)


def strip(problem: dict[str, Any]) -> dict[str, Any]:
    return problem | {"reference": ""}


# No MAP ID --------------------------------------------------------------------------------------------------------


def one_who_may(organisations: dict[Role, Organisation], template: str, method: str) -> tuple[Role, Client]:
    """Return the first visitor whom the endpoint lets in."""
    path = template.format(device_id=UNKNOWN_DEVICE, id=UNKNOWN_RUN)
    right = right_of(path, method)
    return next((r, v) for r, j, v in visitors(organisations) if right in Open or allows(r, j, right))


@pytest.mark.parametrize(("template", "method"), OPERATIONS)
def test_no_parameter_of_any_endpoint_selects_or_orders_by_map_id(organisations, things, template, method):
    role, visitor = one_who_may(organisations, template, method)

    for attack in ATTACKS:
        answer = ask(visitor, template, method, things["own"], role, **attack)
        assert answer.status_code == 400, attack
        assert {error["parameter"] for error in answer.json()["errors"]} == set(attack)


def test_no_parameter_or_header_is_about_the_map_id():
    """Nor one whose name could be taken for it, in the whole description."""
    for path, method in OPERATIONS:
        names = [p["name"] for p in described()["paths"][path][method].get("parameters", [])]
        assert not [n for n in names if re.search("map|asset|provider|order|sort|field|include|group", n)], path


FIELDS = ("asset_provider", "map_id__in", "where", "filter", "select", "map", "current_map_id", "if_map_id")


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_of_a_body_selects_by_map_id(supplier, things, field):
    system, device = System(make_token(supplier, Job.EDITOR)), Device.objects.get(device_id=things["own"].device)
    asked = {"devices": [entry(device, msn="Z9") | {field: "ZMAP"}], field: "ZMAP"}

    one = system.patch(f"/api/v1/devices/{device}/", {field: "ZMAP"}, "application/json", headers={"If-Match": '"1"'})
    many = system.post("/api/v1/devices/batch/", asked, content_type="application/json")

    for answer, pointers in ((one, {f"/{field}"}), (many, {f"/{field}", f"/devices/0/{field}"})):
        assert {e["pointer"] for e in answer.json()["errors"] if e["code"] == "unknown_field"} == pointers
    assert Device.objects.get(pk=device.pk).msn == "Z1"


@pytest.mark.parametrize("parameter", ["msn", "device_id", "mpxn", "device_type", "smi_status", "installed_from"])
@pytest.mark.parametrize("path", ["/api/v1/devices/", "/api/v1/reports/device-list/download/"])
def test_map_id_as_the_value_of_another_parameter_finds_nothing(dcc, things, path, parameter):
    system = System(make_token(dcc))

    for value in ("ZMAP", "ZMA", "%", "ZMA%", "ZM_P", "*", "ZMAP OR 1=1", "' OR ''='", "\x00"):
        answer = system.get(path, {parameter: value})
        assert answer.status_code in (200, 400), value
        content = b"".join(answer) if answer.streaming else answer.content
        assert b"00-DB-" not in content, value


def test_every_list_and_file_is_ordered_by_device_id(dcc, supplier, asset_provider, rival_provider):
    codes = ["ZMAP", "ZMAB", None, "ZMAB", "ZMAP"]
    ids = [str(make_device("ZEPH", code)) for code in codes]

    for organisation in (dcc, supplier):
        system = System(make_token(organisation))
        listed = [device["device_id"] for device in system.get("/api/v1/devices/").json()["results"]]
        lines = b"".join(system.get("/api/v1/reports/device-list/download/")).decode().splitlines()[1:]
        assert listed == [line.partition(",")[0] for line in lines] == ids
