"""One device through the API: who sees it, which of its items, and what each refusal says."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Organisation
from accounts.models.audit import AuditRow
from accounts.roles import Job, Role
from inventory.data_items import BY_NAME, DEVICE_LIST, ITEMS
from inventory.models import Device, DeviceReading
from inventory.reports.catalogue import CATALOGUE
from smi_portal.refusals.table import PROBLEMS
from tests.accounts.audit_help import linked
from tests.conftest import Browser, System
from tests.factories import MPANS, make_device, make_hub, make_membership, make_token, make_user

UNKNOWN = "00-DB-12-FF-FF-FF-FF-FF"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisations(supplier, asset_provider, dcc) -> dict[Role, Organisation]:
    return {Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}


@pytest.fixture
def device(supplier, asset_provider, rival, rival_provider) -> Device:
    return make_device("ZEPH", "ZMAP", msn="Z21E 10447", mpxn=MPANS[0])


@pytest.fixture
def system(supplier) -> System:
    return System(make_token(supplier))


def address(device: Device | str) -> str:
    return f"/api/v1/devices/{device}/"


def problem(answer) -> dict[str, object]:
    """The body of a refusal, without what differs each time."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    return {name: value for name, value in answer.json().items() if name != "reference"}


# What is given


def test_device_is_given_under_the_names_of_files(system, device):
    answer = system.get(address(device))

    body = answer.json()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert body["device_id"] == device.device_id
    assert (body["map_id"], body["map_from"], body["msn"]) == ("ZMAP", "2024-03-01", "Z21E 10447")
    assert (body["fuel"], body["smets_generation"], body["smi_status"]) == ("E", 2, "Commissioned")
    assert (body["supplier_id"], body["mpxn"]) == ("ZEPH", MPANS[0])
    assert (body["quality_flags"], body["version"]) == ([], device.version)


def test_values_are_those_of_the_file(sign_in, supplier, system, device):
    """Except for numbers, flags and empty values, which JSON writes in its own way."""
    lines = b"".join(sign_in(supplier).get("/devices/download/")).decode().splitlines()

    in_file = dict(zip(lines[0].split(","), lines[1].split(","), strict=True))
    given = system.get(address(device)).json()

    header = CATALOGUE[DEVICE_LIST].header
    assert set(header) <= given.keys()
    for name in header:
        value = ";".join(given[name]) if name == "quality_flags" else given[name]
        assert in_file[name] == ("" if value is None else str(value)), name


def test_what_is_not_recorded_is_null(system, device):
    bare = make_device("ZEPH", None, msn="", firmware="")

    body = system.get(address(bare)).json()

    assert [body[name] for name in ("map_id", "map_from", "msn", "firmware", "map_recorded_at", "hub_id")] == [None] * 6
    assert body["quality_flags"] == ["no_map_id", "no_msn"]


def test_device_that_is_no_meter_has_the_same_items(system, device):
    hub = make_hub("ZEPH")

    body = system.get(address(hub)).json()

    assert body.keys() == system.get(address(device)).json().keys()
    assert (body["smets_generation"], body["fuel"]) == (None, None)


@pytest.mark.parametrize("role", Role)
def test_each_role_is_given_the_items_it_sees(organisations, device, role):
    system = System(make_token(organisations[role]))

    body = system.get(address(device)).json()

    items = {item.name for item in ITEMS if item.name != "as_of" and role in item.seen_by}
    assert body.keys() == items | {"version"}


@pytest.mark.parametrize("setting", ["MAP_SEES_MPXN", "MAP_SEES_SUPPLIER", "MAP_SEES_PREVIOUS_SUPPLIER"])
def test_what_an_installation_withholds_from_maps_is_null(asset_provider, supplier, device, settings, setting):
    setattr(settings, setting, False)
    withheld = [item.name for item in ITEMS if setting in item.withheld_by]

    body = System(make_token(asset_provider)).get(address(device)).json()
    of_supplier = System(make_token(supplier)).get(address(device)).json()

    assert [body[name] for name in withheld] == [None] * len(withheld)
    seen = [name for name in withheld if Role.SUPPLIER in BY_NAME[name].seen_by]
    assert bool(seen) is (setting != "MAP_SEES_PREVIOUS_SUPPLIER")
    assert all(of_supplier[name] for name in seen)


@pytest.mark.parametrize("form", ["00db1234567890a0", "00:DB:12:34:56:78:90:A0", "00-db-12-34-56-78-90-a0"])
def test_device_id_is_taken_in_any_form(system, device, form):
    make_device("ZEPH", device_id="00-DB-12-34-56-78-90-A0")

    assert system.get(address(form)).json()["device_id"] == "00-DB-12-34-56-78-90-A0"


def test_head_says_the_same_without_a_body_and_reads_nothing(operator, system, device):
    system.get(address(device))
    before = AuditRow.objects.count()

    answer = system.head(address(device))

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert AuditRow.objects.count() == before


def test_options_name_the_methods(system, device):
    answer = system.options(address(device))

    assert answer.status_code == 200
    assert answer.headers["Allow"] == "GET, PATCH, HEAD, OPTIONS"
    assert answer.json()["renders"] == ["application/json"]


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_other_methods_are_refused(system, device, method):
    answer = getattr(system, method)(address(device))

    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, PATCH, HEAD, OPTIONS"
    assert problem(answer)["type"].endswith("/help/api/#method-not-allowed")


# Whose devices

SEEN = {
    "supplier": {"own", "mixed"},
    "rival": {"foreign"},
    "asset_provider": {"own"},
    "rival_provider": {"mixed", "foreign"},
    "dcc": {"own", "mixed", "foreign"},
}


@pytest.fixture
def devices(supplier, rival, asset_provider, rival_provider, dcc) -> dict[str, Device]:
    return {
        "own": make_device("ZEPH", "ZMAP"),
        "mixed": make_device("ZEPH", "ZMAB"),
        "foreign": make_device("ZODI", "ZMAB"),
    }


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
@pytest.mark.parametrize("who", SEEN)
def test_system_sees_the_devices_in_its_scope_and_no_other(request, devices, who, job):
    system = System(make_token(request.getfixturevalue(who), job))

    statuses = {word: system.get(address(device)).status_code for word, device in devices.items()}

    assert {word for word, status in statuses.items() if status == 200} == SEEN[who]
    assert set(statuses.values()) <= {200, 404}


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("who", SEEN)
def test_person_sees_what_the_pages_show(request, devices, sign_in, who, job):
    browser = sign_in(request.getfixturevalue(who), job)

    for device in devices.values():
        page, given = browser.get(f"/devices/{device}/"), browser.get(address(device))
        assert given.status_code == page.status_code


@pytest.mark.parametrize("method", ["get", "head"])
def test_foreign_unknown_and_malformed_get_the_same_answer(system, devices, method):
    paths = [address(devices["foreign"]), address(UNKNOWN), address("nonsense"), address("ZMAB")]

    answers = [getattr(system, method)(path) for path in paths]
    asked_more = system.get(address(devices["foreign"]), {"surprise": "1"})

    assert {answer.status_code for answer in [*answers, asked_more]} == {404}
    if method == "get":
        assert len({str(problem(answer)) for answer in [*answers, asked_more]}) == 1


def test_address_that_there_is_not_is_a_problem_too(system, client):
    for visitor in (system, client):
        answer = visitor.get("/api/v1/no-such-thing/")

        assert answer.status_code == 404
        assert problem(answer)["title"] == "Not found"


@pytest.mark.parametrize("who", SEEN)
def test_database_lets_a_system_read_no_more_when_views_narrow_nothing(request, devices, who, monkeypatch):
    monkeypatch.setattr("inventory.querysets.DeviceQuerySet.visible_to", lambda self, *given: self.all())
    system = System(make_token(request.getfixturevalue(who)))

    found = {word for word, device in devices.items() if system.get(address(device)).status_code == 200}

    assert found == SEEN[who]


# Parameters


@pytest.mark.parametrize(
    "parameter", ["surprise", "map_id", "fields", "include", "ordering", "format", "as_of", "acting"]
)
def test_unknown_parameter_is_named_and_refused(system, device, parameter):
    answer = system.get(address(device), {parameter: "ZMAP"})

    said = problem(answer)
    assert answer.status_code == 400
    assert said["errors"][0]["detail"] == f"There is no parameter “{parameter}” here."
    assert said["status"] == 400


def test_refused_request_reads_no_device(operator, system, device):
    system.get(address(device), {"surprise": "1"})
    system.get(address(UNKNOWN))

    assert not AuditRow.objects.filter(kind="device_read").exists()


def test_other_forms_of_the_answer_are_not_to_be_had(system, device):
    answer = system.get(address(device), headers={"Accept": "text/html"})

    assert answer.status_code == 406
    assert problem(answer)["type"].endswith("#not-acceptable")


# Traces


def test_reading_leaves_the_same_traces_as_the_page(operator, system, device, supplier, asset_provider):
    system.get(address(device))

    row = AuditRow.objects.get(kind="device_read")
    assert (row.via, row.person_id, row.organisation_id) == ("api", None, supplier.pk)
    assert (row.device_id, row.version, row.details) == (device.device_id, device.version, {"token": system.token.pk})
    reading = DeviceReading.objects.get()
    assert (reading.reader_id, reading.subject_id, reading.how) == (supplier.pk, asset_provider.pk, "page")


def test_person_reading_by_session_is_named_in_the_trail(operator, sign_in, supplier, device):
    browser = sign_in(supplier)

    browser.get(address(device))

    row = AuditRow.objects.get(kind="device_read")
    assert (row.via, row.person_id, row.details) == ("api", browser.membership.user.pk, {})


def test_trail_names_the_system_in_plain_words(sign_in, supplier, device):
    System(make_token(supplier, name="Asset register")).get(address(device))

    html = sign_in(supplier, Job.ADMINISTRATOR).get("/audit/").text

    assert "The system “Asset register”</td>" in html
    assert f"looked at device {linked(device)}" in html


def test_token_costs_no_more_queries_than_a_session(system, sign_in, supplier, device):
    browser = sign_in(supplier)
    costs = []
    for visitor in (system, browser):
        visitor.get(address(device))
        with CaptureQueriesContext(connection) as queries:
            visitor.get(address(device))
        costs.append(len(queries))

    assert costs[0] <= costs[1]


def test_device_with_many_twins_costs_as_many_queries_as_one_without(system, device):
    alone, twins = make_device("ZEPH", "ZMAP"), [make_device("ZEPH", "ZMAP", msn="Z1") for _ in range(20)]
    costs = []
    for thing in (alone, twins[0]):
        system.get(address(thing))
        with CaptureQueriesContext(connection) as queries:
            system.get(address(thing))
        costs.append(len(queries))

    assert system.get(address(twins[0])).json()["quality_flags"] == ["duplicate_msn"]
    assert costs[0] == costs[1]


# Sessions


@pytest.mark.parametrize("method", METHODS)
def test_anonymous_is_refused_and_not_sent_to_sign_in(client, device, method):
    answer = getattr(client, method)(address(device))

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert method == "head" or problem(answer)["title"] == "The token is missing or not valid"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_session_writes_nothing_without_a_csrf_token(supplier, device, method):
    browser = Browser(make_membership(supplier, Job.EDITOR), enforce_csrf_checks=True)

    answer = getattr(browser, method)(address(device), {}, content_type="application/json")

    assert answer.status_code == 403
    assert problem(answer)["type"].endswith("#not-allowed")


def test_session_with_a_csrf_token_comes_to_what_the_address_takes(supplier, device):
    browser = Browser(make_membership(supplier, Job.EDITOR), enforce_csrf_checks=True)
    browser.get("/help/")
    browser.get("/devices/")
    token = browser.cookies["csrftoken"].value

    answer = browser.post(address(device), {}, content_type="application/json", headers={"X-CSRFToken": token})

    assert answer.status_code == 405


def test_system_needs_no_csrf_token(supplier, device):
    system = System(make_token(supplier), enforce_csrf_checks=True)

    assert system.post(address(device), {}, content_type="application/json").status_code == 405


def test_person_who_acts_for_nobody_is_forbidden(client, supplier, rival, device):
    undecided = make_membership(supplier)
    make_membership(rival, user=undecided.user)

    for user in (undecided.user, make_user()):
        client.force_login(user)
        assert client.get(address(device)).status_code == 403


def test_person_with_several_memberships_reads_as_the_one_acted_under(supplier, rival, devices):
    browser = Browser(make_membership(supplier))
    make_membership(rival, user=browser.membership.user)
    browser.post("/accounts/acting/", {"membership": browser.membership.pk})

    assert browser.get(address(devices["own"])).status_code == 200
    assert browser.get(address(devices["foreign"])).status_code == 404


def test_token_is_never_combined_with_a_session(operator, rival, supplier, devices):
    """The token's organisation counts, not the person's, and a session does not make up for a bad token."""
    browser = Browser(make_membership(supplier))
    own, bad = make_token(rival), make_token(rival)
    good = {"Authorization": f"Bearer {own.secret}"}

    assert browser.get(address(devices["foreign"]), headers=good).status_code == 200
    assert browser.get(address(devices["own"]), headers=good).status_code == 404
    assert browser.get(address(devices["own"]), headers={"Authorization": f"Bearer {bad.secret}x"}).status_code == 401
    assert AuditRow.objects.get(kind="device_read").person_id is None
    assert browser.get(address(devices["own"])).status_code == 200


def test_session_is_not_touched_by_a_request_with_a_token(supplier, device):
    browser = Browser(make_membership(supplier))

    answer = browser.get(address(device), headers={"Authorization": f"Bearer {make_token(supplier).secret}"})

    assert answer.status_code == 200
    assert not answer.cookies
    assert browser.get("/devices/").status_code == 200


# Failures


def test_failure_is_a_problem_with_the_reference_of_the_log(supplier, device, monkeypatch):
    def fail(*_given: object) -> None:
        raise RuntimeError("inner details")

    monkeypatch.setattr("inventory.api.devices.note_page", fail)
    system = System(make_token(supplier), raise_request_exception=False)

    answer = system.get(address(device))

    assert answer.status_code == 500
    assert problem(answer)["type"].endswith("#failed")
    assert len(answer.json()["reference"]) == 36
    assert "inner details" not in answer.text


def test_problem_names_a_section_of_the_guide(system, client, device):
    guide = client.get("/help/api/").text
    refusals = [client.get(address(device)), system.get(address(UNKNOWN)), system.post(address(device))]

    for refusal in refusals:
        name = json.loads(refusal.content)["type"].partition("#")[2]
        assert f'id="{name}"' in guide


def test_guide_has_a_section_for_every_problem(client):
    guide = client.get("/help/api/").text

    assert [name for name, _, _ in PROBLEMS.values() if f'id="{name}"' not in guide] == []
