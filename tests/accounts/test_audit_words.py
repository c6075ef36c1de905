"""The trail names people and things: what its rows hold as ids, told to those who may see the names."""

import csv
import io
import re
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from accounts.acting import Acting, scope
from accounts.actions import add_member, change_job, end_membership, invitations, proposals, reviews
from accounts.actions.tokens import make_token as create_token
from accounts.audit import note
from accounts.audit.kinds import LABELS, AuditKind
from accounts.models import Invitation, Proposal
from accounts.models.audit import AuditRow
from accounts.roles import Job
from inventory.trail.kinds import DeviceAuditKind
from smi_portal.oversight.names import Names
from smi_portal.oversight.search import KINDS_THAT_OCCUR
from smi_portal.oversight.words import act_of
from tests.accounts.audit_help import linked, write_rows
from tests.conftest import Browser
from tests.factories import make_device, make_membership, make_participant, make_proposal, make_user, supplied_by

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
AUDIT, FILE = "/audit/", "/audit/download/"


@pytest.fixture
def ada(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))


@pytest.fixture
def dilip(dcc) -> Browser:
    return Browser(make_membership(dcc, Job.ADMINISTRATOR, make_user("Dilip Hartley")))


def words_of(browser: Browser, **asked: str) -> list[str]:
    """What the page says was done, newest first, without links."""
    cells = re.findall(r'<td class="smi-prose">(.*?)</td>', browser.get(AUDIT, asked).text)
    return [re.sub("<[^>]*>", "", cell) for cell in cells]


def lines_of(browser: Browser) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(b"".join(browser.get(FILE)).decode())))


# People and things


def test_invitations_are_told_by_the_name_of_who_is_invited(ada, dilip, supplier):
    by = Acting.under(ada.membership)
    invitation = invitations.invite(email="nell@demo.example", name="Nell Frost", job=Job.EDITOR, by=by)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(minutes=5))
    invitations.send_again(invitation=invitation, by=by)
    invitations.revoke(invitation=invitation, by=by)

    expected = [
        "revoked the invitation of Nell Frost to act for Zephyr Energy",
        "sent again the invitation of Nell Frost to act for Zephyr Energy",
        "invited Nell Frost to act for Zephyr Energy as an Editor",
    ]
    assert words_of(ada)[:3] == words_of(dilip)[:3] == expected
    assert [line["act"] for line in lines_of(ada) if "invit" in line["kind"]] == expected


def test_members_are_told_by_name_level_and_organisation(ada, supplier):
    by = Acting.under(ada.membership)
    nell = add_member(email="nell@demo.example", name="Nell Frost", organisation=supplier, job=Job.VIEWER)
    change_job(membership=nell, job=Job.EDITOR, by=by)
    reviews.review_members(decisions=[reviews.Decision(nell.pk, Job.EDITOR, keep=True)], by=by)
    end_membership(membership=nell, by=by)

    assert words_of(ada)[:4] == [
        "ended the membership of Nell Frost in Zephyr Energy",
        "confirmed the membership of Nell Frost in Zephyr Energy as an Editor",
        "made Nell Frost an Editor of Zephyr Energy",
        "added Nell Frost as a Viewer of Zephyr Energy",
    ]


def test_codes_and_requests_are_told_by_what_they_are(ada, dilip, supplier, acting, dcc):
    make_participant("ZNEW", role="supplier")
    details = {"fuel": "E", "code": "ZNEW", "valid_from": "2026-03-01"}
    proposal = proposals.propose(
        act=Proposal.Act.BIND, organisation=supplier, by=Acting.under(dilip.membership), **details
    )
    proposals.decide(proposal=proposal, decision=Proposal.Decision.APPROVED, by=acting(dcc, Job.ADMINISTRATOR))

    asked = "bind ZNEW (electricity) to Zephyr Energy from 1 March 2026"
    told = ["bound ZNEW to Zephyr Energy", f"approved the request to {asked}", f"requested approval to {asked}"]
    assert words_of(dilip)[:3] == told
    kind = "bind a code to Zephyr Energy"
    assert words_of(ada)[:3] == [told[0], f"approved the request to {kind}", f"requested approval to {kind}"]


def test_tokens_are_told_by_name(ada):
    create_token(name="Nightly sync", job=Job.VIEWER, networks=[], days=30, by=Acting.under(ada.membership))

    assert words_of(ada)[0] == "created the API token “Nightly sync”, which acts as a Viewer"


@pytest.mark.parametrize("kind", [AuditKind.INVITED, AuditKind.CODE_BOUND, AuditKind.PROPOSED, AuditKind.DOMAIN_ADDED])
def test_thing_that_is_not_there_is_told_by_what_it_was(supplier, kind):
    row = AuditRow(kind=kind, organisation_id=supplier.pk, details={"invitation": 9, "binding": 9, "proposal": 9})

    assert re.search("someone|a code|something|an email domain", act_of(row, Names()))
    assert "9" not in act_of(row, Names(organisations={supplier.pk: "Zephyr"}))


def test_as_many_queries_for_ten_requests_as_for_one(dilip, supplier, django_assert_max_num_queries):
    for number in range(10):
        member = make_membership(supplier, user=make_user(f"Member {number}"))
        asked = make_proposal(
            supplier,
            proposed_by=dilip.membership.user,
            act=Proposal.Act.RESET_FACTORS,
            details={"membership": member.pk},
        )
        note(AuditKind.PROPOSED, by=Acting.under(dilip.membership), about=supplier, proposal=asked.pk, act=asked.act)

    with django_assert_max_num_queries(20):
        told = words_of(dilip)
    assert told[0] == "requested approval to reset the second factors of Member 9, a member of Zephyr Energy"
    assert len([one for one in told if "to reset the second factors of Member" in one]) == 10


# When


def test_times_are_told_to_the_second(ada, supplier):
    (number,) = write_rows(1, supplier, DeviceAuditKind.SEARCH)
    at = timezone.localtime(AuditRow.objects.get(pk=number).at)

    html = ada.get(AUDIT).text

    assert f">{at.day} {at:%B %Y} at {at:%H:%M:%S}</time>" in html
    told = {datetime.fromisoformat(one) for one in re.findall('<time datetime="([^"]*)">', html)}
    assert at.replace(microsecond=0) in {one.replace(microsecond=0) for one in told}


# Links


def test_device_is_a_link_where_the_reader_sees_it(ada, dilip, supplier):
    device = make_device("ZEPH")
    ada.get(f"/devices/{device.device_id}/")

    assert f"looked at device {linked(device)}</td>" in ada.get(AUDIT).text
    assert f"looked at device {linked(device)}</td>" in dilip.get(AUDIT).text


def test_device_that_has_left_the_scope_is_named_without_a_link(ada, supplier, rival):
    device = make_device("ZEPH")
    ada.get(f"/devices/{device.device_id}/")
    supplied_by(device, "ZODI")

    html = ada.get(AUDIT).text

    assert f"looked at device {device.device_id}</td>" in html
    assert linked(device) not in html


def test_device_of_a_maps_people_is_a_link_for_that_map_alone(dilip, supplier, asset_provider):
    device = make_device("ZEPH", "ZMAP")
    analyst = Browser(make_membership(asset_provider, Job.ADMINISTRATOR))
    analyst.get(f"/devices/{device.device_id}/")

    assert linked(device) in analyst.get(AUDIT).text
    assert device.device_id not in dilip.get(AUDIT).text


def test_name_that_looks_like_markup_is_shown_as_it_is(ada, supplier):
    device = make_device("ZEPH")
    note(
        DeviceAuditKind.LIST_READ,
        by=Acting.under(ada.membership),
        device_id=device.device_id,
        worklist=f"<b>{device.device_id}",
    )

    assert f"“&lt;b&gt;{linked(device)}”" in ada.get(AUDIT).text


# Acting for


def acted_for(dilip: Browser, kind: str) -> set[str]:
    html = dilip.get(AUDIT, {"kind": kind}).text
    shown = re.findall(r'<td class="smi-prose">.*?</td>\s*<td class="smi-nowrap">(.*?)</td>', html)
    in_file = {line["acting_for"] for line in lines_of(dilip) if line["kind"] == kind}
    assert in_file == {"" if "Nobody" in one else one for one in shown}
    return in_file


def test_dcc_acts_for_itself_whomever_it_is_about(dilip, supplier):
    note(AuditKind.CODE_BOUND, by=Acting.under(dilip.membership), about=supplier)

    assert acted_for(dilip, "code_bound") == {"DCC"}


def test_member_acts_for_the_own_organisation(ada, dilip, supplier):
    member, by = make_membership(supplier), Acting.under(ada.membership)
    with scope(by):
        end_membership(membership=member, by=by)

    assert acted_for(dilip, "membership_ended") == {"Zephyr Energy"}


def test_operator_acts_for_nobody(dilip, supplier):
    add_member(email="nell@demo.example", name="Nell Frost", organisation=supplier, job=Job.VIEWER)

    assert acted_for(dilip, "member_added") == {""}


# The kinds to choose from


def offered(browser: Browser, **asked: str) -> list[str]:
    select = re.search(r'<select[^>]* name="kind".*?</select>', browser.get(AUDIT, asked).text, re.DOTALL)[0]
    return re.findall('<option value="([^"]*)"', select)


def test_kinds_to_choose_from_are_those_that_the_reader_has_rows_of(ada, dilip, supplier, rival):
    write_rows(1, supplier, DeviceAuditKind.SEARCH)
    write_rows(1, rival, DeviceAuditKind.LIST_READ)

    assert offered(ada) == [kind for kind in ("", *LABELS) if kind in ("", "log_in", "search")]
    assert {"search", "list_read"} < set(offered(dilip))
    assert "membership_ended" not in offered(dilip)


def test_link_with_a_kind_that_does_not_occur_finds_nothing(ada):
    assert "membership_ended" in offered(ada, kind="membership_ended")
    assert "No results. Remove a filter" in ada.get(AUDIT, {"kind": "membership_ended"}).text


@pytest.mark.parametrize("readable", ["true", "organisation_id = %(organisation)s"])
def test_kinds_are_found_by_an_index(supplier, rival, acting, readable):
    write_rows(300, rival, DeviceAuditKind.SEARCH)
    with scope(acting(supplier)), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        query = f"EXPLAIN {KINDS_THAT_OCCUR.format(readable=readable)}"
        cursor.execute(query, {"organisation": supplier.pk})
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert ("audit_of_kind" if readable == "true" else "audit_of_organisation_by_kind") in plan
    assert "Seq Scan on" not in plan
