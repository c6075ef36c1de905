"""Invitations by email, and who can accept them."""

import hashlib
import re
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from accounts.actions import end_membership, invitations
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.models import Invitation, Membership, Organisation, User
from accounts.models.audit import AuditRow, AuditValue
from accounts.roles import Job
from tests.accounts.oversight_help import no_mail_server
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_invitation, make_membership, make_user
from tests.mail_sink import mail_sink
from tests.queued_mail import make_due, send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
NEW = {"email": "nadia.okafor@demo.example", "name": "Nadia Okafor"}
PASSWORD = "four-green-kettles"


@pytest.fixture
def admin(supplier, sign_in) -> Browser:
    return sign_in(supplier, Job.ADMINISTRATOR)


def invited(admin: Browser, job: str = "viewer", **given: str) -> str:
    """The path of the link in the mail."""
    answer = admin.submit("/organisation/members/invite/", NEW | {"job": job} | given)
    assert answer.status_code == 302, answer.content.decode()
    return link_in(mail.outbox[-1])


def link_in(message) -> str:
    return urlsplit(re.search(r"http\S+", message.body).group()).path


def accepted(client: Client, path: str, **given: str):
    return client.post(path, {"name": "Nadia Okafor", "password": PASSWORD} | given)


# The mail


def test_mail_says_who_invites_to_what_and_until_when(admin, supplier):
    invited(admin, "editor")

    (message,) = mail.outbox
    assert message.to == ["nadia.okafor@demo.example"]
    assert message.subject == "You have been invited to act for Zephyr Energy on the SMI portal"
    invited_to = "act for Zephyr Energy on the SMI portal as an Editor.\n"
    assert f"{admin.membership.user} has invited you to {invited_to}" in message.body


def test_link_is_of_the_portals_own_name_whatever_host_was_asked(admin):
    admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"}, headers={"host": "localhost"})

    assert "http://127.0.0.1:8000/accounts/invitation/" in mail.outbox[0].body


def test_secret_is_kept_as_a_hash_and_stands_in_no_audit_row(admin):
    secret = invited(admin).split("/")[-2]

    invitation = Invitation.objects.get()
    assert invitation.secret_hash == hashlib.sha256(secret.encode()).hexdigest()
    assert len(secret) >= 43
    assert not [row for row in AuditRow.objects.values_list("details", "hashes") if secret in str(row)]
    assert not AuditValue.objects.filter(value__contains=secret).exists()


def test_mail_server_that_is_away_holds_nobody_up_and_gets_the_mail_later(admin):
    with no_mail_server():
        answer = admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"}, follow=True)

    assert "We will email a link to nadia.okafor@demo.example" in answer.text
    make_due()
    send_queued()
    (message,) = mail.outbox
    assert Client().get(link_in(message)).status_code == 200


def test_invitation_reaches_a_real_mail_server(admin, settings):
    with mail_sink() as (sink, url):
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", urlsplit(url).port
        admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"})

    assert sink.last_to("nadia.okafor@demo.example")["Subject"].startswith("You have been invited")
    assert sink.link_to("nadia.okafor@demo.example").startswith("/accounts/invitation/")


def test_invitation_revoked_before_it_was_sent_is_not_sent(admin):
    with no_mail_server():
        admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"})
    admin.submit(f"/organisation/invitations/{Invitation.objects.get().pk}/revoke/")

    make_due()
    send_queued()

    assert mail.outbox == []


# Whom


@pytest.mark.parametrize(
    ("given", "field"), [({"email": "no address"}, "email"), ({"name": ""}, "name"), ({"job": "owner"}, "job"),
    ({"email": "nadiа@demo.example"}, "email")],
)  # fmt: skip
def test_form_names_the_field_that_is_wrong(admin, given, field):
    answer = admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"} | given)

    assert answer.status_code == 400
    assert f'href="#id_{field}' in answer.content.decode()
    assert mail.outbox == []


def test_member_is_not_invited(admin, supplier):
    make_membership(supplier, user=make_user(email=NEW["email"]))

    answer = admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"})

    assert "is already a member of Zephyr Energy" in answer.content.decode()


def test_member_of_others_is_invited_without_a_word_about_it(admin, rival):
    make_membership(rival, user=make_user(email=NEW["email"]))

    invited(admin)

    assert Invitation.objects.get().email == NEW["email"]


def test_nobody_is_invited_twice(admin):
    invited(admin)

    answer = admin.submit("/organisation/members/invite/", NEW | {"job": "editor"})

    assert "has already been invited. Send the invitation again, or revoke it." in answer.content.decode()
    assert Invitation.objects.get().job == Job.VIEWER


def test_organisation_invites_no_crowd(admin, supplier, monkeypatch):
    monkeypatch.setattr(invitations, "MOST_OPEN", 1)
    make_invitation(supplier)

    answer = admin.submit("/organisation/members/invite/", NEW | {"job": "viewer"})

    assert "1 invitations of Zephyr Energy are open" in answer.content.decode()


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_administrators_invite(supplier, sign_in, job):
    assert sign_in(supplier, job).submit("/organisation/members/invite/", NEW | {"job": "viewer"}).status_code == 403


def test_administrator_who_is_one_no_longer_invites_nobody(supplier, acting):
    by = acting(supplier, Job.ADMINISTRATOR)
    overwrite(Membership.objects.filter(pk=by.membership_id), job=Job.EDITOR)

    with pytest.raises(NotAllowed, match="Only an administrator of Zephyr Energy can invite people"):
        invitations.invite(**NEW, job=Job.VIEWER, by=by)


# Accepting


def test_opening_the_link_changes_nothing(admin):
    path = invited(admin)

    page = Client().get(path).content.decode()

    assert "Act for Zephyr Energy" in page
    assert not User.objects.filter(email=NEW["email"]).exists()
    assert Invitation.objects.open().exists()


def test_new_person_accepts_sets_a_password_and_is_signed_in(admin, supplier):
    path, client = invited(admin, "editor"), Client()

    answer = accepted(client, path)

    membership = Membership.objects.get(user__email=NEW["email"])
    assert (membership.organisation, membership.job) == (supplier, Job.EDITOR)
    assert membership.user.emailaddress_set.get().verified
    assert answer.status_code == 302
    assert "Acting for <b>Zephyr Energy" in client.get("/").content.decode()
    assert Client().login(email=NEW["email"], password=PASSWORD)


@pytest.mark.parametrize("password", ["short", "nadia.okafor", "123456789012", "password1234"])
def test_weak_password_is_refused_and_named(admin, password):
    path = invited(admin)

    answer = accepted(Client(), path, password=password)

    assert answer.status_code == 400
    assert 'href="#id_password"' in answer.content.decode()
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_link_works_once(admin):
    path = invited(admin)
    accepted(Client(), path)

    again = accepted(Client(), path, name="Somebody Else")

    assert again.status_code == 404
    assert User.objects.filter(email=NEW["email"]).count() == 1


def test_person_with_an_account_signs_in_first(admin, rival):
    make_membership(rival, user=make_user(email=NEW["email"], password=PASSWORD))
    path = invited(admin)

    page, posted = Client().get(path), accepted(Client(), path)

    for answer in (page, posted):
        assert f"/accounts/login/?next={path.replace('/', '%2F')}" in answer.content.decode()
    assert Membership.objects.filter(user__email=NEW["email"]).count() == 1


def test_person_with_an_account_accepts_a_second_membership(admin, rival, supplier):
    own = make_membership(rival, user=make_user(email=NEW["email"]))
    path, browser = invited(admin), Browser(own)

    assert browser.post(path).status_code == 302

    assert set(own.user.memberships.values_list("organisation__name", flat=True)) == {"Zephyr Energy", "Zodiac Power"}


def test_somebody_else_cannot_accept(admin, rival, sign_in):
    path, thief = invited(admin), sign_in(rival)

    answer = thief.post(path)

    assert answer.status_code == 403
    assert "for another person" in answer.content.decode()
    assert thief.membership.user.memberships.count() == 1


def test_member_of_the_dcc_joins_nobody_else(admin, dcc):
    own = make_membership(dcc, user=make_user(email=NEW["email"]))
    path = invited(admin)

    answer = Browser(own).post(path)

    assert answer.status_code == 400
    assert "A member of the DCC cannot also act for others." in answer.content.decode()


@pytest.mark.parametrize("path", ["/accounts/invitation/guess/", "/accounts/invitation/" + "A" * 43 + "/"])
def test_guess_finds_what_an_old_link_finds(admin, path):
    old = invited(admin)
    Invitation.objects.update(expires_at=timezone.now())

    answers = [Client().get(where) for where in (path, old)]

    assert {answer.status_code for answer in answers} == {404}
    assert "This invitation does not work" in answers[0].content.decode()


def dead(how: str, supplier: Organisation) -> None:
    if how == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    elif how == "revoked":
        Invitation.objects.update(revoked_at=timezone.now())
    else:
        overwrite(Organisation.objects.filter(pk=supplier.pk), is_active=False)


@pytest.mark.parametrize("how", ["expired", "revoked", "deactivated"])
def test_link_that_died_opens_no_account(admin, supplier, how):
    path = invited(admin)
    dead(how, supplier)

    assert accepted(Client(), path).status_code == 404
    assert not User.objects.filter(email=NEW["email"]).exists()


def test_link_works_for_72_hours(admin):
    invited(admin)

    invitation = Invitation.objects.get()

    beyond = invitation.expires_at - invitation.sent_at - timedelta(hours=72)
    assert timedelta(0) <= beyond < timedelta(minutes=1)


# Sending again, revoking


def test_sent_again_the_earlier_link_is_dead(admin):
    old = invited(admin)
    Invitation.objects.update(sent_at=timezone.now() - timedelta(hours=1))

    admin.submit(f"/organisation/invitations/{Invitation.objects.get().pk}/send/")

    new = link_in(mail.outbox[-1])
    assert Client().get(old).status_code == 404
    assert Client().get(new).status_code == 200


def test_it_is_not_sent_twice_within_a_minute(admin):
    invited(admin)

    answer = admin.submit(f"/organisation/invitations/{Invitation.objects.get().pk}/send/", follow=True)

    assert "We have just sent this invitation to" in answer.content.decode()
    assert len(mail.outbox) == 1


def test_revoked_it_is_dead_and_another_can_be_sent(admin):
    path = invited(admin)

    admin.submit(f"/organisation/invitations/{Invitation.objects.get().pk}/revoke/")

    assert Client().get(path).status_code == 404
    assert Client().get(invited(admin)).status_code == 200


@pytest.mark.parametrize("verb", ["send", "revoke"])
def test_invitation_of_another_organisation_is_not_found(admin, rival, verb):
    foreign = make_invitation(rival)

    assert admin.submit(f"/organisation/invitations/{foreign.pk}/{verb}/").status_code == 404
    assert Invitation.objects.open().filter(pk=foreign.pk).exists()


@pytest.mark.parametrize("verb", ["send", "revoke"])
def test_what_was_accepted_is_neither_sent_nor_revoked(admin, verb):
    path = invited(admin)
    accepted(Client(), path)

    assert admin.submit(f"/organisation/invitations/{Invitation.objects.get().pk}/{verb}/").status_code == 404


# A leaver's


def test_invitations_of_a_leaver_end_at_once(supplier, acting):
    by, leaver = acting(supplier, Job.ADMINISTRATOR), make_membership(supplier, Job.ADMINISTRATOR)
    own, other = make_invitation(supplier, invited_by=leaver.user), make_invitation(supplier, invited_by=by.user)

    end_membership(membership=leaver, by=by)

    assert list(Invitation.objects.open()) == [other]
    assert AuditRow.objects.filter(kind=AuditKind.INVITATION_REVOKED, details__invitation=own.pk).exists()


def test_all_of_it_stands_in_the_trail(admin, supplier):
    path = invited(admin)
    accepted(Client(), path)

    kinds = list(AuditRow.objects.filter(organisation_id=supplier.pk).order_by("pk").values_list("kind", flat=True))
    admin.get("/organisation/members/")  # shows what was said about the mail
    page = admin.get("/audit/").content.decode()

    assert [k for k in kinds if k in (AuditKind.INVITED, AuditKind.MEMBER_ADDED, AuditKind.INVITATION_ACCEPTED)] == [
        "invited",
        "member_added",
        "invitation_accepted",
    ]
    assert "to act for Zephyr Energy as a Viewer" in page
    assert "nadia.okafor" not in page
