"""A membership ends, and with it at once all that its person could go on acting with."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.acting import Acting
from accounts.actions import change_job, end_membership
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.models import Membership, MembershipEvent, ServiceToken
from accounts.models.audit import AuditRow
from accounts.roles import Job
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_device, make_membership, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def by(supplier, acting) -> Acting:
    return acting(supplier, Job.ADMINISTRATOR)


def make_token(maker: Membership, name: str) -> ServiceToken:
    expires = timezone.now() + timedelta(days=90)
    return ServiceToken.objects.create(
        organisation=maker.organisation,
        name=name,
        job=Job.VIEWER,
        prefix="smi_abc",
        secret_hash=f"{name:0>64}",
        created_by=maker.user,
        expires_at=expires,
    )


def test_open_tab_loses_access_at_the_next_click(supplier, by, sign_in):
    device, browser = make_device("ZEPH"), sign_in(supplier)
    assert browser.get(f"/devices/{device.device_id}/").status_code == 200

    end_membership(membership=browser.membership, by=by)

    answer = browser.get(f"/devices/{device.device_id}/")
    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")


def test_other_organisation_stays_open_after_signing_in_again(supplier, rival, by):
    leaver = make_membership(supplier)
    other = make_membership(rival, user=leaver.user)

    end_membership(membership=leaver, by=by)

    assert Browser(other).get("/devices/").status_code == 200
    assert list(leaver.user.memberships.in_force()) == [other]


def test_demotion_counts_at_the_next_click(supplier, by, sign_in):
    browser = sign_in(supplier, Job.ADMINISTRATOR)
    assert browser.get("/organisation/members/").status_code == 200

    change_job(membership=browser.membership, job=Job.VIEWER, by=by)

    assert browser.get("/organisation/members/").status_code == 403


def test_tokens_the_leaver_made_end_and_others_stay(supplier, by):
    leaver = make_membership(supplier, Job.ADMINISTRATOR)
    own, other = make_token(leaver, "old"), make_token(Membership.objects.get(pk=by.membership_id), "new")

    end_membership(membership=leaver, by=by)

    assert list(ServiceToken.objects.valid()) == [other]
    assert AuditRow.objects.filter(kind=AuditKind.TOKEN_REVOKED, details__token=own.pk).exists()


def test_who_left_can_be_invited_again(supplier, by):
    leaver = make_membership(supplier)
    end_membership(membership=leaver, by=by)

    again = make_membership(supplier, user=leaver.user)

    assert list(Membership.objects.current().filter(user=leaver.user)) == [again]


def test_nothing_is_deleted_and_history_tells(supplier, by):
    leaver = make_membership(supplier, Job.EDITOR)

    end_membership(membership=leaver, by=by)

    events = MembershipEvent.objects.filter(pgh_obj=leaver).order_by("pgh_id")
    assert [bool(event.ended_at) for event in events] == [False, True]
    assert AuditRow.objects.get(kind=AuditKind.MEMBERSHIP_ENDED).details == {"member": leaver.user_id}


def test_last_administrator_stays(supplier, acting):
    by = acting(supplier, Job.ADMINISTRATOR)

    with pytest.raises(NotAllowed, match="is the last administrator of Zephyr Energy"):
        end_membership(membership=Membership.objects.get(pk=by.membership_id), by=by)


@pytest.mark.parametrize("state", ["suspended", "closed account", "ended"])
def test_administrator_who_cannot_act_does_not_count(supplier, by, state):
    other = make_membership(supplier, Job.ADMINISTRATOR)
    if state == "closed account":
        overwrite(other.user, is_active=False)
    else:
        overwrite(Membership.objects.filter(pk=other.pk), **{f"{state}_at": timezone.now()})

    with pytest.raises(NotAllowed, match="last administrator"):
        end_membership(membership=Membership.objects.get(pk=by.membership_id), by=by)


def test_administrator_may_leave_while_another_stays(supplier, by):
    make_membership(supplier, Job.ADMINISTRATOR)

    assert end_membership(membership=Membership.objects.get(pk=by.membership_id), by=by).ended_at


def test_membership_ends_once(supplier, by):
    leaver = make_membership(supplier)
    end_membership(membership=leaver, by=by)

    with pytest.raises(NotAllowed, match="has already ended"):
        end_membership(membership=leaver, by=by)


def test_member_of_another_organisation_is_none_of_ours(rival, by):
    with pytest.raises(NotAllowed, match="is not a member of Zephyr Energy"):
        end_membership(membership=make_membership(rival), by=by)


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_others_end_nothing(supplier, acting, job):
    with pytest.raises(NotAllowed, match="Only an administrator"):
        end_membership(membership=make_membership(supplier), by=acting(supplier, job))


def test_nobody_raises_their_own_job(supplier, acting):
    """Their right to manage existed when the request began, and is checked again, as is the level they change."""
    own = acting(supplier, Job.ADMINISTRATOR)
    membership = Membership.objects.get(pk=own.membership_id)
    overwrite(Membership.objects.filter(pk=membership.pk), job=Job.EDITOR)

    with pytest.raises(NotAllowed, match="Only an administrator"):
        change_job(membership=membership, job=Job.ADMINISTRATOR, by=own)


def test_dcc_administrator_alone_changes_no_dcc_administrator(dcc, acting):
    by, other = acting(dcc, Job.ADMINISTRATOR), make_membership(dcc, Job.ADMINISTRATOR)

    with pytest.raises(NotAllowed, match="A second DCC administrator must approve"):
        change_job(membership=other, job=Job.VIEWER, by=by)
    with pytest.raises(NotAllowed, match="A second DCC administrator must approve"):
        end_membership(membership=other, by=by)


# The page


def test_page_says_what_ends_and_ends_it(supplier, sign_in):
    admin, leaver = sign_in(supplier, Job.ADMINISTRATOR), make_membership(supplier, user=make_user("Nadia Okafor"))
    path = f"/organisation/members/{leaver.pk}/end/"
    assert "all sessions of Nadia Okafor" in admin.get(path).content.decode()

    answer = admin.submit(path, follow=True)

    assert "The membership of Nadia Okafor has ended." in answer.content.decode()
    assert "Nadia Okafor</th>" not in answer.content.decode()
    assert admin.get(path).status_code == 404


def test_page_says_why_the_last_administrator_stays(supplier, sign_in):
    admin = sign_in(supplier, Job.ADMINISTRATOR)

    answer = admin.submit(f"/organisation/members/{admin.membership.pk}/end/")

    assert answer.status_code == 400
    assert "Make someone else an administrator first." in answer.content.decode()


def test_job_in_the_form_is_one_of_the_jobs(supplier, sign_in):
    admin, member = sign_in(supplier, Job.ADMINISTRATOR), make_membership(supplier)

    answer = admin.submit(
        f"/organisation/members/{member.pk}/",
        {"job": "superuser", "job_shown": "viewer", "organisation": "1", "role": "dcc", "is_active": "1"},
    )

    assert answer.status_code == 400
    member.refresh_from_db()
    assert (member.job, member.organisation) == (Job.VIEWER, supplier)
