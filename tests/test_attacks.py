"""What somebody would try at the doors: forged forms, other hosts, ways out to other sites."""

import re

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Organisation
from accounts.roles import Job, Permission, Role, allows
from tests.conftest import Browser
from tests.factories import make_membership, make_user
from tests.test_access import NAMES, address, organisations, permission_of, world  # noqa: F401  (fixtures)

pytestmark = pytest.mark.django_db
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "javascript:alert(1)",
    "https:evil.example",
    "http://127.0.0.1@evil.example/",
    "/accounts/login/?next=//evil.example/",
]
PASSWORD = "four-green-kettles"


def who_may(name: str) -> Role:
    right = permission_of(name)
    return next(r for r in Role if not isinstance(right, Permission) or allows(r, Job.ADMINISTRATOR, right))


# What a load balancer asks is answered before anything else, and takes no form.
@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("health-")])
def test_form_without_its_token_is_refused(operator, organisations, world, name):  # noqa: F811
    """By every address that takes a POST, for somebody who may."""
    role = who_may(name)
    browser = Browser(make_membership(organisations[role], Job.ADMINISTRATOR), enforce_csrf_checks=True)
    path = address(name, *world[role])

    answer = browser.submit(path, {"decision": "approved", "job": "administrator"})

    assert answer.status_code == 403
    assert "This form can no longer be sent" in answer.content.decode()


@pytest.mark.parametrize(
    "name", ["account_login", "account_logout", "account_reset_password", "account_reauthenticate"]
)
def test_sign_in_form_without_its_token_is_refused(supplier, name):
    browser = Browser(make_membership(supplier), enforce_csrf_checks=True)
    client = Client(enforce_csrf_checks=True) if name in ("account_login", "account_reset_password") else browser

    assert client.post(reverse(name), {"login": "x@demo.example", "password": PASSWORD}).status_code == 403


@pytest.mark.parametrize("onward", ELSEWHERE)
def test_signing_in_leads_nowhere_else(supplier, onward):
    person = make_user(password=PASSWORD)
    make_membership(supplier, user=person)

    answer = Client().post("/accounts/login/", {"login": person.email, "password": PASSWORD, "next": onward})

    assert answer.status_code == 302
    assert "evil" not in answer.url.split("?")[0]
    assert answer.url.startswith("/")
    assert not answer.url.startswith(("//", "/\\"))


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "127.0.0.1:8000@evil.example"])
def test_password_reset_for_another_host_sends_nothing(supplier, host):
    make_membership(supplier, user=make_user(email="nadia@demo.example", password=PASSWORD))

    answer = Client(headers={"host": host}).post("/accounts/password/reset/", {"email": "nadia@demo.example"})

    assert answer.status_code == 400
    assert mail.outbox == []


@pytest.mark.parametrize("headers", [{"host": "localhost"}, {"x-forwarded-host": "evil.example"}])
def test_link_that_sets_a_password_is_of_the_portals_own_name(supplier, headers):
    make_membership(supplier, user=make_user(email="nadia@demo.example", password=PASSWORD))

    Client(headers=headers).post("/accounts/password/reset/", {"email": "nadia@demo.example"})

    (link,) = re.findall(r"https?://\S+", mail.outbox[0].body)
    assert link.startswith("http://127.0.0.1:8000/accounts/password/reset/key/")


def test_names_in_a_form_that_are_none_of_its_fields_change_nothing(operator, supplier, dcc, sign_in):
    """Neither organisation, person, role nor state can be slipped in."""
    admin, member = sign_in(supplier, Job.ADMINISTRATOR), make_membership(supplier)
    slipped = {"organisation": dcc.pk, "organisation_id": dcc.pk, "user": 1, "user_id": 1, "ended_at": "2020-01-01"}

    admin.submit(f"/organisation/members/{member.pk}/", {"job": "editor", "job_shown": "viewer"} | slipped)

    member.refresh_from_db()
    assert (member.job, member.organisation, member.ended_at) == (Job.EDITOR, supplier, None)
    assert Organisation.objects.get(pk=dcc.pk).memberships.count() == 0
