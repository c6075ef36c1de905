"""Sealing, verifying, erasing and expiring, with transactions that really commit, and attackers who own the tables."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import Error, connection, connections, transaction
from django.utils import timezone

from accounts.acting import Acting
from accounts.audit import note
from accounts.audit.keeping import expire_audit
from accounts.audit.kinds import AuditKind
from accounts.audit.sealing import LOCK, lock
from accounts.models import Organisation
from accounts.models.audit import AuditCut, AuditHead, AuditRoot, AuditRow, AuditSeal, AuditValue
from accounts.operator import system_scope
from accounts.roles import Job, Role
from inventory.loads.devices import REQUIRED_HEADER
from inventory.models import DeviceReading
from inventory.trail.kinds import DeviceAuditKind
from inventory.trail.readings import expire_readings
from tests.accounts.audit_help import (
    found_broken,
    seal_audit,
    sealed_rows,
    take_roots,
    tamper,
    verified,
    write_rows,
)
from tests.factories import make_membership, make_organisation, make_participant
from tests.scopes import become_operator

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "owner"]),
    pytest.mark.usefixtures("operator", "first_numbers"),
]


def in_thread(work: Callable) -> object:
    """The result of `work`, done by a connection of its own."""

    def run() -> object:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result(timeout=30)


# Sealing


def test_rows_are_sealed_in_order_overall_and_by_organisation(supplier, rival):
    rows = [*write_rows(2, supplier), *write_rows(1, rival), *write_rows(1, supplier)]

    assert seal_audit() == 4
    seals = AuditSeal.objects.order_by("position").values_list("row_id", "position", "organisation_position")
    assert list(seals) == [(rows[0], 1, 1), (rows[1], 2, 2), (rows[2], 3, 1), (rows[3], 4, 3)]
    assert seal_audit() == 0
    assert AuditHead.objects.count() == 3


def test_changes_and_reads_have_chains_of_their_own(supplier):
    write_rows(2, supplier)
    write_rows(1, supplier, AuditKind.JOB_CHANGED)
    seal_audit()

    places = AuditSeal.objects.order_by("row_id").values_list("retention", "position")
    assert list(places) == [("short", 1), ("short", 2), ("long", 1)]


@contextmanager
def row_that_commits_late(organisation: Organisation) -> Iterator[None]:
    """Someone else writes a row before the block, and commits it at the end."""
    written, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with system_scope("a test", audited=False):
            note(DeviceAuditKind.DEVICE_READ, by=None, organisation=organisation)
            written.set()
            assert go_on.wait(20)
        connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(slow)
        assert written.wait(20)
        yield
        go_on.set()
        late.result(timeout=20)


def test_row_that_commits_late_is_sealed_late(supplier):
    with row_that_commits_late(supplier):
        (early,) = write_rows(1, supplier)
        assert seal_audit() == 1

    assert seal_audit() == 1
    assert list(AuditSeal.objects.order_by("position").values_list("row_id", flat=True)) == [early, early - 1]
    assert "2 rows verified, 0 not yet sealed." in verified()


def test_row_that_commits_very_late_is_sealed_before_the_daily_root(supplier, monkeypatch):
    monkeypatch.setattr("accounts.models.audit.LATECOMERS", 0)
    with row_that_commits_late(supplier):
        sealed_rows(1, supplier)

    assert seal_audit() == 0
    take_roots()

    assert not AuditRow.objects.unsealed().exists()
    assert "2 rows verified, 0 not yet sealed." in verified()


def test_sealing_leaves_another_one_alone():
    sealed_rows(1)

    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('portal.operator', 'a test', true)")
        lock(cursor)
        assert in_thread(seal_audit) is None

    assert seal_audit() == 0


def test_login_cannot_hold_up_the_sealing():
    sealed_rows(1)

    with pytest.raises(Error, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(LOCK)
    with pytest.raises(Error, match="permission denied"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("LOCK TABLE accounts_audittally IN SHARE MODE")


def test_sealings_at_once_while_rows_are_written_leave_one_whole_chain(supplier):
    def write() -> None:
        become_operator()
        for _ in range(40):
            write_rows(1, supplier)
        connections.close_all()

    def seal() -> None:
        for _ in range(20):
            seal_audit()
        connections.close_all()

    with ThreadPoolExecutor(5) as pool:
        for done in [pool.submit(work) for work in (write, write, seal, seal, seal)]:
            done.result(timeout=60)
    seal_audit()

    assert AuditSeal.objects.count() == 80
    assert "80 rows verified" in verified()


def test_sealing_leaves_no_row_of_its_own():
    seal_audit()
    take_roots()

    assert not AuditRow.objects.exists()


# Daily roots


def test_root_is_taken_once_a_day_of_all_chains_with_all_rows(supplier):
    write_rows(3, supplier)

    assert take_roots() == 2
    write_rows(1, supplier)
    assert take_roots() == 0

    yesterday = timezone.localdate() - timedelta(days=1)
    roots = AuditRoot.objects.order_by("pk").values_list("day", "organisation_id", "position")
    assert set(roots) == {(yesterday, None, 3), (yesterday, supplier.pk, 3)}


def test_noted_root_is_found_again(supplier):
    write_rows(3, supplier)
    take_roots()
    sealed_rows(2, supplier)
    overall, own = (AuditRoot.objects.get(organisation_id=number).hex for number in (None, supplier.pk))

    assert "is position 3 of the chain overall, short." in verified("--root", overall.upper())
    assert f"position 3 of the chain of organisation {supplier.pk}" in verified("--root", own)
    assert "position 3" in verified("--organisation", supplier.name, "--root", own)


def test_root_that_never_was_is_refused():
    sealed_rows(1)

    assert "does not match any chain" in found_broken("--root", "ab" * 32)


# What an attacker leaves


@pytest.mark.parametrize(
    "change",
    [
        "device_id = '00-DB-12-34-56-78-90-A1'",
        "at = at + interval '1 microsecond'",
        "person_id = 7",
        "organisation_id = organisation_id + 1",
        "kind = 'search'",
        "via = 'pagf'",
        "request_id = 'x'",
        "version = 2",
        """details = '{"keys": ["msn"]}'""",
        "hashes = '{}'",
    ],
)
def test_flipped_byte_in_a_row_is_found(change):
    _, row, _ = sealed_rows(3)

    tamper(f"UPDATE accounts_auditrow SET {change} WHERE id = {row}")

    assert f"row {row}, position 2 of the chain overall, short: the row or its seal was altered." in found_broken()


@pytest.mark.parametrize("column", ["hash", "organisation_hash"])
def test_flipped_byte_in_a_seal_is_found(column):
    _, row, _ = sealed_rows(3)

    tamper(f"UPDATE accounts_auditseal SET {column} = set_byte({column}, 31, 0) WHERE row_id = {row}")

    assert f"row {row}, position 2" in found_broken()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_removed_row_is_found(place):
    row = sealed_rows(3)[place]

    tamper(
        f"DELETE FROM accounts_auditvalue WHERE row_id = {row}",
        f"DELETE FROM accounts_auditrow WHERE id = {row}",
    )

    assert f"row {row}, position {place + 1} of the chain overall, short: the row is missing." in found_broken()


def remove(row: int, *more: str) -> None:
    """A row with all that is about it alone."""
    tamper(
        f"DELETE FROM accounts_auditvalue WHERE row_id = {row}",
        f"DELETE FROM accounts_auditrow WHERE id = {row}",
        f"DELETE FROM accounts_auditseal WHERE row_id = {row}",
        *more,
    )


def test_row_removed_with_its_seal_is_found_by_the_gap():
    _, row, last = sealed_rows(3)

    remove(row)

    assert f"row {last}, position 3 of the chain overall, short: positions 2 to 2 before it" in found_broken()


def test_last_row_removed_with_its_seal_is_found_by_where_the_sealing_ended():
    *_, last = sealed_rows(3)

    remove(last)

    found = found_broken()
    assert "the chain overall, short: a sealing reached position 3, which is missing or another now." in found
    sealed_rows(2)
    assert "position 4 of the chain overall, short: positions 3 to 3 before it are missing" in found_broken()


def test_last_row_removed_with_seal_and_heads_is_found_by_the_daily_root():
    *_, last = sealed_rows(3)
    take_roots()

    remove(last, "DELETE FROM accounts_audithead")

    assert "a daily root reached position 3, which is missing or another now." in found_broken()


def test_chain_made_anew_as_a_whole_is_found_by_a_root_that_somebody_noted(supplier):
    row, _ = sealed_rows(2, supplier)
    take_roots()
    noted = AuditRoot.objects.get(organisation_id=supplier.pk).hex

    tamper(
        *(f"DELETE FROM accounts_{table}" for table in ("auditseal", "audithead", "auditroot")),
        f"UPDATE accounts_auditrow SET version = 9 WHERE id = {row}",
        "UPDATE accounts_audittally SET sealed = 0",
    )
    seal_audit()

    assert "The audit trail is intact." in verified()
    assert f"The root {noted} does not match any chain" in found_broken("--root", noted)


def test_trail_of_one_organisation_is_verified_alone(supplier, rival):
    (foreign,) = sealed_rows(1, rival)
    sealed_rows(2, supplier)
    tamper(f"UPDATE accounts_auditrow SET version = 9 WHERE id = {foreign}")

    assert "2 rows verified" in verified("--organisation", "zephyr energy")
    assert f"row {foreign}" in found_broken("--organisation", rival.name)


@pytest.mark.parametrize(
    "change",
    ["SET value = '9910000001007'", "SET salt = '\\x00'", "SET erased_at = now(), value = NULL, salt = NULL"],
)
def test_value_changed_without_a_row_that_tells_of_it_is_found(change):
    (row,) = sealed_rows(1)

    tamper(f"UPDATE accounts_auditvalue {change}")

    assert f"row {row}: its value mpxn was altered or removed, and no row tells of it." in found_broken()


def test_removed_and_added_values_are_found():
    (row,) = sealed_rows(1)

    tamper("UPDATE accounts_auditvalue SET name = 'email'")

    assert f"row {row}: its value mpxn was altered or removed" in found_broken()
    assert f"row {row}: it never had a value email." in found_broken()


def test_cut_that_no_root_stands_for_is_found(supplier):
    row, *_ = sealed_rows(2, supplier)

    remove(
        row,
        "INSERT INTO accounts_auditcut (at, organisation_id, retention, position, hash)"
        f" SELECT now(), o, 'short', 1, '\\x00' FROM unnest(ARRAY[NULL, {supplier.pk}]) AS o",
    )

    found = found_broken()
    assert "cut after position 1, where no daily root stands for it" in found
    assert "no row tells of the cut after position 1, or it was made too early" in found


def test_row_not_yet_sealed_is_counted():
    sealed_rows(1)
    write_rows(2)

    assert "1 rows verified, 2 not yet sealed." in verified()


def test_verification_is_itself_recorded():
    verified()

    assert AuditRow.objects.get().details == {"reason": "verify_audit"}


def test_findings_are_told_up_to_a_hundred():
    sealed_rows(120)
    tamper("UPDATE accounts_auditrow SET version = 9")

    lines = found_broken().splitlines()

    assert len(lines) == 102
    assert lines[-1] == "… and 20 more."


# Erasing and correcting


def printed(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def searched(supplier) -> Acting:
    """A person who has searched by an MPxN, as has someone else."""
    for membership in (make_membership(supplier), make_membership(supplier)):
        acting = Acting.under(membership)
        note(DeviceAuditKind.SEARCH, by=acting, keys=["mpxn"], personal={"mpxn": "9910000001006"})
    note(AuditKind.MEMBER_ADDED, by=None, personal={"email": acting.user.email}, member=acting.user.pk, job="viewer")
    seal_audit()
    return acting


@pytest.mark.parametrize("how", ["--person", "--email"])
def test_values_of_a_person_are_erased_with_their_salts_and_named(searched, how):
    person = searched.user
    given = {"--person": str(person.pk), "--email": person.email.upper()}[how]

    assert printed("erase_audit_values", how, given) == f"2 values of {person} erased.\n"

    erased = AuditValue.objects.exclude(erased_at=None).order_by("row_id")
    assert [(value.name, value.value, value.salt) for value in erased] == [("mpxn", None, None), ("email", None, None)]
    assert AuditValue.objects.filter(erased_at=None).get().value == "9910000001006"
    rows = verified()
    assert [f"row {value.row_id}, {value.name}: erased" in rows for value in erased] == [True, True]


def test_erasure_is_recorded_without_what_was_erased(searched):
    printed("erase_audit_values", "--person", str(searched.user.pk))

    row = AuditRow.objects.filter(kind="values_erased").get()
    assert row.details == {"member": searched.user.pk}
    assert set(AuditValue.objects.exclude(erased_at=None).values_list("told_in", flat=True)) == {row.pk}


def test_erasing_twice_finds_nothing_more(searched):
    printed("erase_audit_values", "--person", str(searched.user.pk))

    assert printed("erase_audit_values", "--person", str(searched.user.pk)).startswith("0 values")
    assert "intact" in verified()


@pytest.mark.parametrize("given", [("--person", "999999"), ("--email", "nobody@demo.example")])
def test_unknown_person_is_refused(given):
    with pytest.raises(CommandError, match="Person not found"):
        printed("erase_audit_values", *given)


def test_corrected_value_is_named_and_the_trail_is_intact(searched):
    row = AuditRow.objects.filter(kind="member_added").get()

    printed("correct_audit_value", str(row.pk), "email", "right@demo.example")

    assert row.values.get().value == "right@demo.example"
    assert f"row {row.pk}, email: corrected" in verified()
    assert (
        AuditRow.objects.filter(kind="value_corrected").get().details.items()
        >= {"row": row.pk, "name": "email"}.items()
    )


def test_value_that_is_not_there_is_not_corrected(searched):
    row = AuditRow.objects.filter(kind="member_added").get()

    with pytest.raises(CommandError, match="has no value named phone"):
        printed("correct_audit_value", str(row.pk), "phone", "1")

    assert not AuditRow.objects.filter(kind="value_corrected").exists()


@pytest.mark.parametrize("statement", ["UPDATE accounts_auditvalue SET value = ''", "DELETE FROM accounts_auditrow"])
def test_even_the_owner_changes_nothing_without_saying_what_for(statement):
    write_rows(1)

    with pytest.raises(Error, match="its rows are never changed or removed"), transaction.atomic(using="owner"):
        connections["owner"].cursor().execute(statement)


# Expiry


@pytest.fixture
def two_days(supplier, rival) -> list[int]:
    """Rows under a daily root, reads and one change; then more of them. The ids of the reads under the root."""
    old = write_rows(3, supplier) + write_rows(1, rival)
    write_rows(1, supplier, AuditKind.JOB_CHANGED)
    take_roots()
    sealed_rows(2, supplier)
    return old


def test_reads_expire_up_to_a_daily_root_and_changes_stay(settings, two_days):
    settings.AUDIT_KEEP_SHORT_DAYS = 0

    assert expire_audit() == 4

    assert not AuditRow.objects.filter(pk__in=two_days).exists()
    assert not AuditValue.objects.filter(row_id__in=two_days).exists()
    kinds = list(AuditRow.objects.order_by("pk").values_list("kind", flat=True))
    assert kinds == ["job_changed", "device_read", "device_read", "expired"]
    seal_audit()
    assert "4 earlier rows have expired, at an age of at least 0 days; a daily root stands for them." in verified()


def test_chain_goes_on_after_its_front_has_expired(settings, two_days, supplier, rival):
    settings.AUDIT_KEEP_SHORT_DAYS = 0
    expire_audit()

    sealed_rows(2, rival)  # of its chain nothing was left
    sealed_rows(1, supplier)

    assert "The audit trail is intact." in verified()
    assert "intact" in verified("--organisation", supplier.name)
    assert "intact" in verified("--organisation", rival.name)


def test_root_that_stands_for_expired_rows_is_found_again(settings, two_days, supplier):
    settings.AUDIT_KEEP_SHORT_DAYS = 0
    expire_audit()

    root = AuditRoot.objects.get(organisation_id=supplier.pk, retention="short")

    assert AuditCut.objects.get(organisation_id=supplier.pk).hex == root.hex
    assert f"The root {root.hex} is position 3" in verified("--root", root.hex)


def test_row_altered_after_the_cut_is_found(settings, two_days):
    settings.AUDIT_KEEP_SHORT_DAYS = 0
    expire_audit()
    row = AuditSeal.objects.filter(retention="short").order_by("position").first().row_id

    tamper(f"UPDATE accounts_auditrow SET version = 9 WHERE id = {row}")

    assert f"row {row}, position 5 of the chain overall, short: the row or its seal was altered." in found_broken()


def test_nothing_expires_twice(settings, two_days):
    settings.AUDIT_KEEP_SHORT_DAYS = 0
    expire_audit()

    assert expire_audit() == 0
    assert AuditRow.objects.filter(kind="expired").count() == 1


@pytest.mark.parametrize("days", [730, None])
def test_rows_that_are_kept_longer_stay(settings, two_days, days):
    settings.AUDIT_KEEP_SHORT_DAYS = days

    assert expire_audit() == 0
    assert AuditRow.objects.filter(pk__in=two_days).count() == 4


def test_rows_under_no_root_stay(settings, supplier):
    settings.AUDIT_KEEP_SHORT_DAYS = 0
    sealed_rows(2, supplier)

    assert expire_audit() == 0


# The ends of sealings


@pytest.fixture
def many_ends(supplier) -> list[int]:
    """Three sealings before a daily root, two after it; the rows in order."""
    before = [row for _ in range(3) for row in sealed_rows(1, supplier)]
    take_roots()
    return before + [row for _ in range(2) for row in sealed_rows(1, supplier)]


def ends(organisation: Organisation | None = None) -> list[int]:
    heads = AuditHead.objects.filter(organisation_id=organisation and organisation.pk).order_by("position")
    return list(heads.values_list("position", flat=True))


@pytest.mark.parametrize("days", [730, None])
def test_only_the_ends_of_sealings_since_the_last_daily_root_are_kept(settings, many_ends, supplier, days):
    settings.AUDIT_KEEP_SHORT_DAYS = days

    expire_audit()

    assert ends() == ends(supplier) == [3, 4, 5]
    sealed_rows(1, supplier)
    assert "6 rows verified, 0 not yet sealed." in verified()


def test_chain_goes_on_where_a_daily_root_is_its_end(supplier):
    sealed_rows(2, supplier)
    take_roots()

    expire_audit()

    assert ends() == [2]
    sealed_rows(1, supplier)
    assert "3 rows verified" in verified()


def test_end_that_no_longer_fits_its_seal_stays_as_evidence(settings, many_ends):
    remove(many_ends[1])
    tamper("DELETE FROM accounts_auditroot")
    take_roots()

    expire_audit()

    assert ends() == [2, 5]
    assert "a sealing reached position 2, which is missing or another now." in found_broken()


def test_readings_expire_too(settings, supplier):
    settings.AUDIT_KEEP_SHORT_DAYS = 730
    today = timezone.localdate()
    for day in (today, today - timedelta(days=731)):
        DeviceReading.objects.create(day=day, reader_id=1, subject_id=supplier.pk, how="page")

    expire_readings()

    assert [reading.day for reading in DeviceReading.objects.all()] == [today]


# Days


def test_rows_are_found_by_their_uk_days(supplier):
    write_rows(3, supplier)
    tamper(
        "UPDATE accounts_auditrow SET at = '2026-06-01 22:59:59+00' WHERE id = (SELECT min(id) FROM accounts_auditrow)",
        "UPDATE accounts_auditrow SET at = '2026-06-01 23:00+00' WHERE id = (SELECT max(id) FROM accounts_auditrow)",
    )

    def found(first: date | None, last: date | None) -> int:
        return AuditRow.objects.between(first, last).count()

    first, second = date(2026, 6, 1), date(2026, 6, 2)
    assert found(first, first) == found(second, second) == 1
    assert found(first, second) == 2
    assert found(None, first) == 1
    assert found(second, None) == 2
    assert found(None, None) == 3


# Loads, which need the owner


def test_load_of_devices_is_recorded_with_its_file_as_a_personal_value(tmp_path: Path):
    make_participant("ZEPH", role=Role.SUPPLIER)
    hub = "00-DB-12-34-56-78-90-A2,CHF,,,ZT10,010A030B,0002012F,,Commissioned,2024-03-02,,,,ZEPH,2024-03-01,2024-03-02,"
    path = tmp_path / "devices ZEPH.csv"
    path.write_text(f"{','.join(REQUIRED_HEADER)}\r\n{hub}\r\n")

    call_command("load_devices", str(path), verbosity=0, stdout=StringIO())

    rows = AuditRow.objects.order_by("pk")
    assert [row.kind for row in rows] == ["system_scope", "devices_loaded"]
    assert (rows[1].details, rows[1].values.get().value) == ({}, "devices ZEPH.csv")


def test_generated_devices_are_work_of_the_operator():
    make_participant("ZEPH", role=Role.SUPPLIER)
    make_participant("ZMAP")

    call_command("generate_devices", "--count", "10", "--seed", "1", verbosity=0, stdout=StringIO())

    assert AuditRow.objects.get().details == {"reason": "generate_devices"}


def test_organisation_can_be_verified_before_anything_happened():
    make_organisation("Zeal Energy")
    make_membership(make_organisation("Zest Power"), Job.VIEWER)

    assert verified("--organisation", "Zeal Energy").startswith("0 rows verified, 0 not yet sealed.")
