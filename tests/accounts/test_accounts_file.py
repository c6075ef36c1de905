"""The file of all user accounts, for the DCC."""

import csv
import io

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.audit.kinds import AuditKind
from accounts.models import Organisation
from accounts.models.audit import AuditRow
from accounts.roles import Job
from smi_portal.oversight.accounts_file import HEADER
from tests.accounts.oversight_help import ago, give_factor, member_of
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_membership, make_user

FILE = "/organisations/accounts/download/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def overseer(dcc) -> Browser:
    return Browser(make_membership(dcc, Job.ADMINISTRATOR, make_user("Dilip Hartley")))


def lines(browser: Browser) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(browser.get(FILE)).decode())))


def line_of(browser: Browser, name: str) -> dict[str, str]:
    (line,) = [line for line in lines(browser) if line["name"] == name]
    return line


def utc(days: float) -> str:
    return f"{ago(days):%Y-%m-%dT%H:%M:%SZ}"


def test_line_says_who_does_what_since_when_and_how_they_sign_in(operator, overseer, supplier):
    member = member_of(supplier, "Owen Price", Job.EDITOR, used=3, confirmed=100)
    give_factor(member.user, "webauthn")

    assert line_of(overseer, "Owen Price") == {
        "person": str(member.user_id),
        "name": "Owen Price",
        "email": member.user.email,
        "organisation": "Zephyr Energy",
        "role": "supplier",
        "job": "editor",
        "began_at": utc(400),
        "confirmed_at": utc(100),
        "last_sign_in": utc(3),
        "second_factor": "passkey",
        "state": "active",
        "ended_at": "",
    }


def test_states_are_told_apart(operator, overseer, supplier, rival):
    member_of(supplier, "Active")
    member_of(supplier, "Suspended", suspended=3)
    member_of(supplier, "Ended", suspended=3, ended=2)
    member_of(rival, "Deactivated")
    overwrite(rival, is_active=False)
    closed = member_of(supplier, "Closed").user
    overwrite(closed, is_active=False)

    states = {line["name"]: line["state"] for line in lines(overseer)}

    names = ("Active", "Suspended", "Ended", "Deactivated", "Closed")
    assert {name: states[name] for name in names} == {name: name.lower() for name in names}
    assert line_of(overseer, "Ended")["ended_at"] == utc(2)


def test_each_membership_is_a_line_and_so_is_an_account_without_one(overseer, supplier, asset_provider):
    member = make_membership(supplier)
    make_membership(asset_provider, user=member.user)
    make_user("Nobody Yet")

    found = lines(overseer)

    assert [line["organisation"] for line in found if line["person"] == str(member.user_id)] == [
        "Zephyr Energy",
        "Zenith Meter Assets",
    ]
    assert line_of(overseer, "Nobody Yet")["state"] == "no membership"


def test_no_cell_is_taken_for_a_formula(operator, overseer, supplier):
    overwrite(Organisation.objects.filter(pk=supplier.pk), name="+Energy")
    make_membership(supplier, user=make_user('=HYPERLINK("http://evil.example")', "=a@demo.example"))
    make_user("@SUM(A1)", "-b@demo.example")

    cells = [cell for line in lines(overseer) for cell in line.values()]

    assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))] == []
    assert '\'=HYPERLINK("http://evil.example")' in cells


def test_file_is_a_csv_named_by_its_day(overseer):
    answer = overseer.get(FILE)

    text = b"".join(answer).decode()
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert f"accounts_{timezone.localdate():%Y-%m-%d}.csv" in answer.headers["Content-Disposition"]
    assert text.splitlines()[0] == ",".join(HEADER)
    assert text.endswith("\r\n")


def test_download_stands_in_the_trail(operator, overseer):
    overseer.head(FILE)
    assert not AuditRow.objects.filter(kind=AuditKind.ACCOUNTS_DOWNLOADED).exists()

    b"".join(overseer.get(FILE))

    row = AuditRow.objects.get(kind=AuditKind.ACCOUNTS_DOWNLOADED)
    assert row.person_id == overseer.membership.user_id
    assert "downloaded the list of all accounts" in overseer.get("/audit/").text


def test_many_accounts_cost_as_many_queries_as_few(operator, overseer, supplier):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            lines(overseer)
        return len(captured)

    queries()
    few = queries()
    for _ in range(20):
        member_of(supplier)

    assert queries() == few


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_dcc_administrators_take_it(sign_in, dcc, supplier, job):
    assert sign_in(dcc, job).get(FILE).status_code == 403
    assert sign_in(supplier, Job.ADMINISTRATOR).get(FILE).status_code == 403


def test_file_is_only_read(overseer):
    assert overseer.submit(FILE).status_code == 405


def test_unknown_parameter_is_refused(overseer):
    assert overseer.get(FILE, {"organisation": "1"}).status_code == 400
