"""What administrators see of their members."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format

from accounts.roles import Job
from tests.accounts.oversight_help import ago, give_factor, member_of
from tests.conftest import Browser
from tests.factories import make_membership, make_user

MEMBERS = "/organisation/members/"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def administrator(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))


def row_of(html: str, name: str) -> str:
    """The words in the row of one member."""
    (row,) = [row for row in re.findall(r"<tr>.*?</tr>", html, re.S) if f">{name}" in row]
    return " ".join(re.sub(r"<[^>]*>", " ", row).split())


@pytest.mark.parametrize(
    ("kinds", "says"),
    [
        ([], "Not set up"),
        (["recovery_codes"], "Not set up"),
        (["totp"], "Authenticator app"),
        (["webauthn"], "Passkey"),
        (["totp", "webauthn", "webauthn"], "Passkey"),
    ],
)
def test_second_factor_of_each_member(administrator, supplier, kinds, says):
    member = member_of(supplier, "Owen Price")
    for kind in kinds:
        give_factor(member.user, kind)

    assert says in row_of(administrator.get(MEMBERS).text, "Owen Price")


def test_job_last_sign_in_state_and_day_of_review(administrator, supplier):
    member = member_of(supplier, "Owen Price", Job.EDITOR, used=3, confirmed=100)
    member_of(supplier, "Priya Shah")

    html = administrator.get(MEMBERS).text

    row = row_of(html, "Owen Price")
    due = date_format(member.review_due_on, "DATE_FORMAT")
    assert "Editor" in row
    assert date_format(timezone.localdate(ago(3)), "DATE_FORMAT") in row
    assert f"Active {due}" in row
    assert "Not yet" in row_of(html, "Priya Shah")


def test_suspended_member_can_be_reinstated_from_here(administrator, supplier):
    member = member_of(supplier, "Owen Price", suspended=5)

    html = administrator.get(MEMBERS).text

    assert f"Suspended since {date_format(ago(5), 'DATE_FORMAT')}" in row_of(html, "Owen Price")
    assert f'href="/organisation/members/{member.pk}/reinstate/"' in html
    assert html.count("/reinstate/") == 1


def test_warned_member_is_shown_as_such(administrator, supplier):
    member_of(supplier, "Owen Price", warned=2)

    assert f"told on {date_format(ago(2), 'DATE_FORMAT')} to sign in" in row_of(
        administrator.get(MEMBERS).text, "Owen Price"
    )


def test_ended_and_foreign_members_are_not_listed(administrator, supplier, rival):
    member_of(supplier, "Owen Price", ended=5)
    member_of(rival, "Rhys Calloway")

    html = administrator.get(MEMBERS).text

    assert "Owen Price" not in html
    assert "Rhys Calloway" not in html


def test_ended_member_has_no_page(administrator, supplier):
    assert administrator.get(f"{MEMBERS}{member_of(supplier, ended=5).pk}/").status_code == 404


def test_fifty_members_cost_as_many_queries_as_two(administrator, supplier):
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert administrator.get(MEMBERS).status_code == 200
        return len(captured)

    give_factor(member_of(supplier).user, "totp")
    queries()
    few = queries()
    for _ in range(48):
        give_factor(member_of(supplier, used=1).user, "webauthn")

    assert queries() == few


def test_review_that_is_near_is_announced(administrator, supplier):
    member = member_of(supplier, confirmed=340)
    member_of(supplier, confirmed=300)

    html = administrator.get(MEMBERS).text

    assert f"1 member is to be confirmed or ended; due by {date_format(member.review_due_on, 'DATE_FORMAT')}." in html
    assert 'href="/organisation/review/"' in html


def test_review_that_is_overdue_is_announced_as_such(administrator, supplier):
    member_of(supplier, confirmed=366)
    member_of(supplier, confirmed=340)

    assert "2 members are to be confirmed or ended; this is overdue since" in administrator.get(MEMBERS).text


def test_nothing_is_announced_before(administrator, supplier):
    member_of(supplier, confirmed=334)

    assert "to be confirmed or ended" not in administrator.get(MEMBERS).text
