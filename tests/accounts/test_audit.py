"""What the audit trail holds, and who can read and write it, as the portal's own login."""

import hashlib
import json
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.db import Error, ProgrammingError, connection, transaction

from accounts.acting import Acting, scope
from accounts.actions import add_administrator, add_member, add_organisation, bind_code, change_job
from accounts.audit.kinds import AuditKind
from accounts.audit.noting import note
from accounts.management.commands.add_administrator import link_to_set_password
from accounts.models import Fuel, Organisation
from accounts.models.audit import AuditRow, AuditValue
from accounts.operator import system_scope
from accounts.roles import Job, Role
from inventory.models import DeviceReading
from inventory.trail.kinds import DeviceAuditKind
from tests.accounts.audit_help import TABLES, write_rows
from tests.as_owner import overwrite
from tests.factories import (
    MPANS,
    make_device,
    make_membership,
    make_organisation,
    make_participant,
    make_user,
)
from tests.scopes import become_operator

PASSWORD = "quite a long password"
NEW_PASSWORD = "another long password"
LOGIN = "/accounts/login/"
ABOUT_ANOTHER = "An act about another organisation is noted by the DCC and the operator only"
PORTFOLIO = "/reports/map-portfolio/download/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


def kinds() -> list[str]:
    return list(AuditRow.objects.order_by("pk").values_list("kind", flat=True))


def last_row() -> AuditRow:
    return AuditRow.objects.first()


def refused(statement: str) -> bool:
    """Whether the login is refused, which is more than finding no row."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except ProgrammingError as error:
        return "permission denied" in str(error) or "is refused" in str(error)
    return False


def ids_in_scope(acting: Acting, table: str = "accounts_auditrow") -> list[int]:
    """Read with plain SQL, as the login, only in the scope of `acting`."""
    become_operator("")
    with scope(acting), connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM {table} ORDER BY id")
        found = [number for (number,) in cursor]
    become_operator()
    return found


# Grants, triggers and policies


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_login_changes_nothing_in_the_trail(table, statement):
    write_rows(1)
    statement = statement.replace("id = id", "row_id = row_id" if table == "accounts_auditseal" else "id = id")

    assert refused(statement.format(table))


@pytest.mark.parametrize("table", TABLES)
def test_trigger_refuses_whatever_is_granted(table):
    """The second lock, for a database in which the login owns the tables: it stands on every table."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgname LIKE 'append_only%%' ORDER BY 1",
            [table],
        )
        assert [name for (name,) in cursor] == ["append_only", "append_only_truncate"]


def test_organisation_reads_its_own_rows_alone(supplier, rival, dcc, acting):
    own, foreign = write_rows(2, supplier), write_rows(2, rival)
    nobodys = [note(AuditKind.FAILED_LOG_IN, by=None)]

    assert ids_in_scope(acting(supplier)) == own
    assert ids_in_scope(acting(rival)) == foreign
    assert ids_in_scope(acting(dcc)) == own + foreign + nobodys
    assert AuditValue.objects.count() == len(ids_in_scope(acting(dcc), "accounts_auditvalue")) == 4
    assert len(ids_in_scope(acting(supplier), "accounts_auditvalue")) == 2


def test_nobody_reads_nothing(supplier):
    write_rows(2, supplier)
    become_operator("")

    assert not AuditRow.objects.exists()
    assert not AuditValue.objects.exists()


def test_row_of_another_organisation_is_not_written(supplier, rival, acting):
    become_operator("")

    with scope(acting(supplier)), pytest.raises(Error, match=ABOUT_ANOTHER), transaction.atomic():
        note(DeviceAuditKind.DEVICE_READ, by=None, organisation=rival)


@pytest.mark.parametrize("table", [table for table in TABLES if table != "inventory_devicereading"])
def test_login_adds_to_the_trail_by_the_function_alone(table):
    """Not even as the operator; ids, moments, seals and marks are none of its business."""
    assert refused(f"INSERT INTO {table} DEFAULT VALUES")


@pytest.mark.parametrize("how", ["nextval('{}')", "setval('{}', 1000000)"])
def test_login_takes_no_number_of_a_row(how):
    assert refused(f"SELECT {how.format('accounts_auditrow_id_seq')}")


def test_rows_get_ids_in_order_and_the_moment_of_the_database(supplier):
    first, second = write_rows(2, supplier)

    row = AuditRow.objects.get(pk=second)
    assert second == first + 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp() - %s BETWEEN interval '0' AND interval '10 seconds'", [row.at])
        assert cursor.fetchone() == (True,)


def test_row_of_nobody_is_written_without_a_scope_and_not_read_back():
    become_operator("")

    note(AuditKind.FAILED_LOG_IN, by=None, personal={"address": "192.0.2.1"})

    assert not AuditRow.objects.exists()
    become_operator()
    assert last_row().values.get().value == "192.0.2.1"


# Rows and values


def test_row_holds_a_hash_and_the_value_lies_beside_it(supplier, acting):
    note(DeviceAuditKind.SEARCH, by=acting(supplier), keys=["mpxn"], personal={"mpxn": MPANS[0]})

    row, value = last_row(), AuditValue.objects.get()
    assert row.hashes == {"mpxn": hashlib.sha256(value.salt + MPANS[0].encode()).hexdigest()}
    assert value.value == MPANS[0]
    assert MPANS[0] not in json.dumps([row.details, row.hashes])


def test_same_value_twice_has_two_hashes(supplier, acting):
    for _ in range(2):
        note(DeviceAuditKind.SEARCH, by=acting(supplier), keys=["mpxn"], personal={"mpxn": MPANS[0]})

    assert len({row.hashes["mpxn"] for row in AuditRow.objects.all()}) == 2


def test_row_goes_with_the_transaction_it_describes(supplier):
    with transaction.atomic():
        write_rows(1, supplier)
        transaction.set_rollback(True)

    assert not AuditRow.objects.exists()


# Sign-in


@pytest.fixture
def person(supplier):
    membership = make_membership(supplier, user=make_user("Ada Pemberton", "ada@demo.example", PASSWORD))
    return membership.user


def sign_in_by_form(client, password: str = PASSWORD, **extra: str):
    return client.post(LOGIN, {"login": "ada@demo.example", "password": password}, **extra)


def test_sign_in_and_out_are_recorded_for_the_organisation(client, person, supplier):
    sign_in_by_form(client, REMOTE_ADDR="192.0.2.7")
    client.post("/accounts/logout/")

    rows = AuditRow.objects.filter(person_id=person.pk, organisation_id=supplier.pk, via="page")
    assert [row.kind for row in rows.order_by("pk")] == ["log_in", "log_out"]
    assert rows.last().values.get(name="address").value == "192.0.2.7"
    assert rows.last().request_id


def test_failed_sign_in_keeps_a_keyed_hash_of_what_was_typed_and_no_more(client, person):
    assert sign_in_by_form(client, "wrong password").status_code == 200

    row = last_row()
    assert (row.kind, row.person_id, row.organisation_id) == ("failed_log_in", None, None)
    assert set(row.details) == {"typed"}
    assert len(row.details["typed"]) == 64
    assert [value.name for value in row.values.all()] == ["address"]
    kept = json.dumps(list(AuditRow.objects.values("details", "hashes")))
    assert "ada@" not in kept
    assert not AuditValue.objects.filter(value__contains="ada@").exists()


def test_same_address_typed_is_known_again_in_any_case(client, person):
    for typed in ("ada@demo.example", "ADA@demo.example", "eve@demo.example"):
        client.post(LOGIN, {"login": typed, "password": "wrong password"})

    hashes = [row.details["typed"] for row in AuditRow.objects.order_by("pk")]
    assert hashes[0] == hashes[1] != hashes[2]


def test_switch_is_recorded_for_the_organisation_chosen(sign_in, supplier, asset_provider):
    browser = sign_in(supplier)
    other = make_membership(asset_provider, user=browser.membership.user)

    browser.post("/accounts/acting/", {"membership": other.pk})

    row = last_row()
    assert (row.kind, row.organisation_id, row.person_id) == ("switch", asset_provider.pk, other.user_id)


def test_sign_in_of_somebody_who_must_choose_first_is_of_no_organisation(client, person, asset_provider):
    make_membership(asset_provider, user=person)

    sign_in_by_form(client)

    assert (last_row().kind, last_row().person_id, last_row().organisation_id) == ("log_in", person.pk, None)


def test_password_set_anew_is_recorded(client, person, supplier):
    path = urlsplit(link_to_set_password(person)).path
    form = client.get(path, follow=True).request["PATH_INFO"]

    client.post(form, {"password1": NEW_PASSWORD, "password2": NEW_PASSWORD, "password": NEW_PASSWORD})

    row = AuditRow.objects.filter(kind="password_reset").get()
    assert (row.person_id, row.organisation_id, row.details) == (person.pk, supplier.pk, {})


def test_signing_out_without_having_signed_in_leaves_no_row(client, db):
    client.logout()

    assert not AuditRow.objects.exists()


# Rights and memberships


def test_acts_of_the_operator_are_shown_to_the_organisation_they_are_about():
    with system_scope("a test", audited=False):
        organisation = add_organisation(name="Zeal Energy", role=Role.SUPPLIER)
        make_participant("ZEAL", role=Role.SUPPLIER)
        bind_code(organisation=organisation, fuel=Fuel.ELECTRICITY, code="ZEAL", valid_from="2026-01-01", by=None)
        add_member(email="zoe@demo.example", name="Zoe Quill", organisation=organisation, job=Job.VIEWER)
        add_administrator(email="zoe@demo.example", organisation=organisation)

    assert kinds() == ["organisation_added", "code_bound", "member_added", "job_changed"]
    assert set(AuditRow.objects.values_list("organisation_id", flat=True)) == {organisation.pk}
    values = AuditValue.objects.order_by("name")
    assert [(value.name, value.value) for value in values] == [("email", "zoe@demo.example"), ("name", "Zoe Quill")]


def test_change_of_a_job_names_who_and_whom(supplier, acting):
    by, member = acting(supplier, Job.ADMINISTRATOR), make_membership(supplier)

    with scope(by):
        change_job(membership=member, job=Job.EDITOR, by=by)

    row = last_row()
    assert (row.person_id, row.details) == (by.user.pk, {"member": member.user_id, "job": "editor"})


def test_refused_change_leaves_no_row(supplier, acting):
    by = acting(supplier, Job.ADMINISTRATOR)

    with pytest.raises(Exception, match="last administrator"):
        change_job(membership=by.user.memberships.get(), job=Job.VIEWER, by=by)

    assert not AuditRow.objects.exists()


# Commands


def test_command_says_by_name_that_it_works_as_the_operator(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("code,fuel,role,name,effective_from,effective_to,kind\nZABC,E,map,Zed,2015-01-01,,\n")

    call_command("load_participants", str(path), verbosity=0)

    assert kinds() == ["system_scope", "participants_loaded"]
    assert last_row().values.get().value == "list.csv"
    assert AuditRow.objects.last().details == {"reason": "load_participants"}


def test_dry_run_is_recorded_as_work_of_the_operator_alone(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("code,fuel,role,name,effective_from,effective_to,kind\nZABC,E,map,Zed,2015-01-01,,\n")

    call_command("load_participants", str(path), "--dry-run", verbosity=0)

    assert kinds() == ["system_scope"]


# Reading devices


def test_page_of_a_device_is_recorded(sign_in, supplier):
    device = make_device("ZEPH")

    sign_in(supplier).get(f"/devices/{device.device_id}/")

    row = last_row()
    assert (row.kind, row.device_id, row.version, row.details) == ("device_read", device.device_id, 1, {})


def test_search_is_recorded_by_its_keys_and_an_mpxn_as_a_personal_value(sign_in, supplier):
    make_device("ZEPH", mpxn=MPANS[0], msn="Z21E10447")

    sign_in(supplier).get("/devices/", {"mpxn": MPANS[0], "msn": "Z21E 10447", "device_type": ""})

    row = last_row()
    assert (row.kind, row.details) == ("search", {"keys": ["mpxn", "msn"]})
    assert [(value.name, value.value) for value in row.values.all()] == [("mpxn", MPANS[0])]
    assert "Z21E" not in str(list(AuditRow.objects.values()))


@pytest.mark.parametrize(
    ("path", "kind", "details"),
    [
        ("/devices/", "list_read", {"keys": []}),
        ("/devices/to-do/msn/", "list_read", {"worklist": "msn"}),
        ("/devices/download/?device_type=ESME", "list_downloaded", {"keys": ["device_type"]}),
    ],
)
def test_lists_and_files_are_recorded(sign_in, supplier, path, kind, details):
    make_device("ZEPH")

    b"".join(sign_in(supplier).get(path))

    assert (last_row().kind, last_row().details) == (kind, details)


def test_report_is_recorded_with_its_run_and_parameters(sign_in, asset_provider):
    answer = sign_in(asset_provider).get(PORTFOLIO)
    b"".join(answer)

    row = last_row()
    assert row.kind == "report_downloaded"
    assert set(row.details) == {"report", "run", "as_of", "format"}
    assert row.details["run"] in answer.headers["Link"]


@pytest.mark.parametrize("path", ["/devices/", "/devices/download/", "/devices/to-do/msn/", "/audit/download/"])
def test_head_reads_nothing_and_leaves_no_row(sign_in, supplier, path):
    browser = sign_in(supplier, Job.ADMINISTRATOR)
    before = AuditRow.objects.count()

    assert browser.head(path).status_code == 200
    assert AuditRow.objects.count() == before


def test_refused_page_leaves_no_row(sign_in, supplier):
    browser = sign_in(supplier)
    before = AuditRow.objects.count()

    browser.get("/devices/", {"map_id": "ZMAP"})
    browser.get("/devices/00-DB-12-FF-FF-FF-FF-FF/")

    assert AuditRow.objects.count() == before


def test_no_row_holds_a_map_id(sign_in, supplier, asset_provider, dcc):
    """After acts that show, search, bind and report one."""
    device = make_device("ZEPH", "ZMAP")
    for organisation in (supplier, asset_provider, dcc):
        browser = sign_in(organisation, Job.ADMINISTRATOR)
        for path in (
            f"/devices/{device.device_id}/",
            "/devices/",
            "/devices/?msn=ZMAP",
            "/devices/download/",
            PORTFOLIO,
        ):
            answer = browser.get(path)
            b"".join(answer)
    make_participant("ZNEW")
    with system_scope("a test"):
        bind_code(organisation=asset_provider, fuel=Fuel.ELECTRICITY, code="ZNEW", valid_from="2026-01-01", by=None)

    rows = json.dumps(list(AuditRow.objects.values()), default=str) + str(list(AuditValue.objects.values()))

    assert AuditRow.objects.count() > 12
    assert "ZMAP" not in rows
    assert "ZNEW" not in rows


def test_mpxn_searched_for_is_not_in_the_log(sign_in, supplier, caplog):
    caplog.set_level(logging.DEBUG)

    sign_in(supplier).get("/devices/", {"mpxn": MPANS[0]})

    logged = "".join(str(note.__dict__) for note in caplog.records if note.name.startswith("django_structlog"))
    assert "/devices/" in logged
    assert MPANS[0] not in logged


# Who read whose devices


def readings(subject: Organisation) -> set[tuple[int | None, str]]:
    return set(DeviceReading.objects.filter(subject_id=subject.pk).values_list("reader_id", "how"))


@pytest.fixture
def read(sign_in) -> Callable[[Organisation, str], None]:
    def come(organisation: Organisation, path: str) -> None:
        b"".join(sign_in(organisation, Job.VIEWER).get(path))

    return come


def test_page_of_a_device_is_noted_for_its_other_parties(read, supplier, rival, asset_provider):
    device = make_device("ZEPH", "ZMAP")

    read(supplier, f"/devices/{device.device_id}/")

    assert readings(asset_provider) == {(supplier.pk, "page")}
    assert readings(supplier) == readings(rival) == set()


@pytest.mark.parametrize(
    ("query", "how"),
    [
        ("", "list"),
        ("?device_type=ESME", "list"),
        ("?device_id=00DB12", "list"),
        (f"?mpxn={MPANS[0]}", "look_up"),
        ("?msn=Z1", "look_up"),
    ],
)
def test_searches_by_an_identifier_are_look_ups(read, dcc, supplier, asset_provider, query, how):
    make_device("ZEPH", "ZMAP", mpxn=MPANS[0], msn="Z1")

    read(dcc, f"/devices/{query}")

    assert readings(supplier) == readings(asset_provider) == {(dcc.pk, how)}


def test_search_by_a_whole_device_id_is_a_look_up(read, dcc, supplier):
    device = make_device("ZEPH")

    read(dcc, f"/devices/?device_id={device.device_id}")

    assert readings(supplier) == {(dcc.pk, "look_up")}


def test_reading_a_hundred_times_is_noted_once(read, dcc, supplier):
    make_device("ZEPH")

    for _ in range(3):
        read(dcc, "/devices/")

    assert DeviceReading.objects.filter(subject_id=supplier.pk).count() == 1


def test_file_is_noted_for_all_whose_devices_stand_in_it(read, dcc, supplier, rival, rival_provider, asset_provider):
    make_device("ZEPH", "ZMAP")
    make_device("ZODI", None)

    read(dcc, "/devices/download/")

    assert readings(supplier) == readings(rival) == readings(asset_provider) == {(dcc.pk, "file")}
    assert readings(rival_provider) == set()


def test_portfolio_report_is_noted_for_suppliers_without_the_map(read, asset_provider, supplier, rival):
    make_device("ZEPH", "ZMAP")

    read(asset_provider, PORTFOLIO)

    assert readings(supplier) == {(None, "portfolio")}
    assert readings(rival) == set()


def test_only_the_subject_and_the_dcc_read_a_reading(read, supplier, asset_provider, rival, dcc, acting):
    make_device("ZEPH", "ZMAP")
    read(supplier, "/devices/")

    assert len(ids_in_scope(acting(asset_provider), "inventory_devicereading")) == 1
    assert len(ids_in_scope(acting(dcc), "inventory_devicereading")) == 1
    assert ids_in_scope(acting(supplier), "inventory_devicereading") == []
    assert ids_in_scope(acting(rival), "inventory_devicereading") == []


def test_reading_in_the_name_of_another_is_not_written(supplier, rival, asset_provider, acting):
    become_operator("")
    statement = "INSERT INTO inventory_devicereading (day, reader_id, subject_id, how) VALUES (now(), %s, %s, 'page')"

    with scope(acting(supplier)), pytest.raises(Error, match="row-level security"), transaction.atomic():
        connection.cursor().execute(statement, [rival.pk, asset_provider.pk])


def test_organisation_without_the_binding_today_is_not_noted(read, dcc, supplier):
    overwrite(supplier.bindings, valid_to="2020-01-01")
    make_device("ZEPH")

    read(dcc, "/devices/")

    assert readings(supplier) == set()


def test_new_organisation_is_made_by_the_operator_only():
    become_operator("")

    with pytest.raises(Error, match="for which you do not act"), transaction.atomic():
        add_organisation(name="Zeal Energy", role=Role.MAP)

    assert not Organisation.objects.filter(name="Zeal Energy").exists()
    assert make_organisation("Zeal Energy").pk
