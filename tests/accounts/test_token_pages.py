"""The pages of API tokens: what they show, once and later, and who is refused."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import ServiceToken
from accounts.models.audit import AuditRow
from accounts.roles import Job, Role
from accounts.sign_in.tokens import hash_of
from tests.conftest import Browser, System
from tests.factories import make_device, make_membership, make_organisation, make_token, make_user

LIST, ADD = "/organisation/tokens/", "/organisation/tokens/add/"
ASKED = {"name": "Asset register", "job": "viewer", "days": "90", "networks": ""}

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))


def revoke_page(token: ServiceToken) -> str:
    return f"/organisation/tokens/{token.pk}/revoke/"


def secret_in(answer) -> str:
    return re.search(r'class="smi-id smi-id--wrap">(smi_[\w-]{51})<', answer.text)[1]


# Making


def test_token_that_is_made_opens_the_door(operator, ada):
    device = make_device("ZEPH")

    made = ada.submit(ADD, ASKED)

    token = ServiceToken.objects.get()
    token.secret = secret_in(made)
    assert made.status_code == 200
    assert token.secret_hash == hash_of(token.secret)
    assert System(token).get(f"/api/v1/devices/{device}/").status_code == 200


def test_token_is_shown_on_the_answer_alone(operator, ada):
    made = ada.submit(ADD, ASKED)

    secret = secret_in(made)
    pages = [ada.get(path).text for path in (LIST, ADD, "/audit/", revoke_page(ServiceToken.objects.get()))]
    assert "no-store" in made.headers["Cache-Control"]
    assert "You cannot see it again" in made.text
    assert made.text.count(secret) == 1
    assert not [page for page in pages if secret[12:] in page]
    assert secret[:12] in pages[0]


def test_same_form_again_makes_no_second_token_and_shows_none(operator, ada):
    secret = secret_in(ada.submit(ADD, ASKED))

    again = ada.submit(ADD, ASKED)

    assert again.status_code == 400
    assert "There is already an API token named “Asset register”" in again.text
    assert secret[12:] not in again.text
    assert ServiceToken.objects.count() == 1


def test_form_is_filled_in_with_the_least(ada):
    html = ada.get(ADD).text

    assert re.search(r'value="viewer"[^>]*checked', html)
    assert 'value="90"' in html
    assert 'value="administrator"' not in html


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"name": ""}, "Name: Enter the name of the system that the API token is for."),
        ({"name": "x" * 61}, "Name: "),
        ({"name": "a\u200bb"}, "Name: "),
        ({"job": "administrator"}, "Access level: "),
        ({"job": ""}, "Access level: Choose Viewer or Editor."),
        ({"days": "0"}, "from 1 to 365"),
        ({"days": "366"}, "from 1 to 365"),
        ({"days": "1.5"}, "from 1 to 365"),
        ({"days": "ninety"}, "from 1 to 365"),
        ({"days": ""}, "from 1 to 365"),
        ({"networks": "192.0.2.7/24"}, "Do you mean 192.0.2.0/24, or 192.0.2.7 alone?"),
        ({"networks": "office"}, "Networks it can be used from (optional): "),
    ],
)
def test_error_names_its_field_and_keeps_what_was_typed(operator, ada, wrong, says):
    answer = ada.submit(ADD, ASKED | {"networks": "198.51.100.0/24"} | wrong)

    assert answer.status_code == 400
    assert "Nothing has been saved" in answer.text
    assert says in answer.text
    assert "name" in wrong or 'value="Asset register"' in answer.text
    assert not ServiceToken.objects.exists()


def test_all_errors_come_at_once(ada):
    answer = ada.submit(ADD, {"name": "", "job": "king", "days": "0", "networks": "office"})

    assert "Check 4 things" in answer.text


def test_fields_that_the_form_does_not_have_are_not_taken(operator, ada, rival):
    data = {"organisation": rival.pk, "created_by": 1, "expires_at": "2099-01-01", "secret_hash": "0" * 64}

    ada.submit(ADD, ASKED | data)

    token = ServiceToken.objects.get()
    assert token.organisation == ada.membership.organisation
    assert token.created_by == ada.membership.user
    assert token.expires_at < timezone.now() + timedelta(days=91)


PASSWORD = "quite a long password"


@pytest.fixture
def unproven(supplier) -> Browser:
    """An administrator whose password was asked for some time ago."""
    browser = Browser(make_membership(supplier, Job.ADMINISTRATOR, make_user(password=PASSWORD)))
    session = browser.session
    session.pop("account_authentication_methods")
    session.save()
    return browser


@pytest.mark.parametrize("method", ["get", "submit"])
def test_making_and_revoking_ask_for_the_password_again(operator, unproven, supplier, method):
    token = make_token(supplier)

    answers = [getattr(unproven, method)(path) for path in (ADD, revoke_page(token))]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert all(answer.url.startswith("/accounts/reauthenticate/") for answer in answers)
    assert not AuditRow.objects.filter(kind__in=["token_made", "token_revoked"]).exists()


def test_form_that_waited_for_the_password_makes_one_token(operator, unproven):
    again = unproven.submit(ADD, ASKED).url
    proof = {"password": PASSWORD, "next": ADD}

    made = unproven.post(again, proof)
    reloaded = unproven.post(again, proof)

    secret = secret_in(made)
    assert "no-store" in made.headers["Cache-Control"]
    assert reloaded.status_code == 302
    assert ServiceToken.objects.get().secret_hash == hash_of(secret)


# The list


def test_list_shows_name_beginning_state_and_use(ada, supplier):
    day = timezone.now()
    networks = ["192.0.2.0/24", "2001:db8::/32"]
    make_token(supplier, Job.EDITOR, name="Asset register", networks=networks, created_by=ada.membership.user)
    make_token(supplier, name="Old <one>", created_at=day - timedelta(days=9), expires_at=day)
    make_token(supplier, name="Soon gone", expires_at=day + timedelta(days=13))
    make_token(supplier, name="Lost", revoked_at=day, last_used_at=day)

    html = ada.get(LIST).text
    rows = [re.sub(r"<[^>]+>|\s+", " ", row) for row in html.split("<tr>")]

    def row(name: str) -> str:
        return " ".join(next(row for row in rows if name in row).split())

    assert "Valid Editor 192.0.2.0/24 2001:db8::/32 Ada Pemberton" in row("Asset register")
    assert "Never Revoke" in row("Asset register")
    assert "Expired Viewer Any network" in row("Old &lt;one&gt;")
    assert "Expires soon" in row("Soon gone")
    assert "Revoked" in row("Lost")
    assert "Never" not in row("Lost")


def test_list_without_a_token_says_so(ada):
    assert "Your organisation has no API tokens." in ada.get(LIST).text


def test_list_is_of_the_own_organisation(ada, rival):
    make_token(rival, name="Theirs")

    assert "Theirs" not in ada.get(LIST).text


def test_revoked_tokens_are_listed_up_to_a_bound(ada, supplier):
    for _ in range(51):
        make_token(supplier, revoked_at=timezone.now())

    assert ada.get(LIST).text.count('class="govuk-tag govuk-tag--grey">Revoked') == 50


def test_many_tokens_cost_as_many_queries_as_one(
    ada, supplier, django_assert_num_queries, django_assert_max_num_queries
):
    make_token(supplier)
    with django_assert_max_num_queries(16) as one:
        ada.get(LIST)
    for _ in range(20):
        make_token(supplier)

    with django_assert_num_queries(len(one)):
        ada.get(LIST)


# Revoking


def test_revoking_asks_first_and_then_ends_the_token(ada, supplier):
    token = make_token(supplier, name="Asset register")

    asked = ada.get(revoke_page(token))
    answer = ada.submit(revoke_page(token), follow=True)

    assert "Revoke the API token “Asset register”" in asked.text
    assert "The API token “Asset register” has been revoked" in answer.text
    assert System(token).get("/api/v1/devices/x/").status_code == 401


def test_revoking_what_is_revoked_says_so(operator, ada, supplier):
    token = make_token(supplier)
    ada.submit(revoke_page(token))

    assert "was revoked before" in ada.submit(revoke_page(token), follow=True).text
    assert AuditRow.objects.filter(kind="token_revoked").count() == 1


def test_who_loses_the_right_while_asked_is_refused(ada, supplier, monkeypatch):
    token = make_token(supplier)
    monkeypatch.setattr("accounts.actions.tokens.holds_still", lambda by, permission: False)

    answer = ada.submit(revoke_page(token))

    assert answer.status_code == 400
    assert "Only an administrator of Zephyr Energy" in answer.text


# For whom


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("role", Role)
def test_tokens_are_for_administrators_of_every_role(sign_in, role, job):
    organisation = make_organisation(role=role)
    browser, token = sign_in(organisation, job), make_token(organisation)
    expected = 200 if job == Job.ADMINISTRATOR else 403

    assert {browser.get(path).status_code for path in (LIST, ADD, revoke_page(token))} == {expected}
    assert (f'href="{LIST}"' in browser.get("/help/").text) is (job == Job.ADMINISTRATOR)
    assert browser.submit(ADD, ASKED).status_code == expected


@pytest.mark.parametrize("method", ["get", "submit"])
def test_token_of_another_and_unknown_one_are_not_found(operator, ada, rival, method):
    foreign = make_token(rival)

    answers = [getattr(ada, method)(path) for path in (revoke_page(foreign), f"{LIST}999999/revoke/")]

    assert {answer.status_code for answer in answers} == {404}
    foreign.refresh_from_db()
    assert foreign.revoked_at is None


def test_trail_tells_of_tokens_in_plain_words(operator, ada):
    secret = secret_in(ada.submit(ADD, ASKED | {"networks": "192.0.2.0/24"}))
    token = ServiceToken.objects.get()
    token.secret = secret
    System(token).get("/api/v1/devices/x/")
    System(token).get("/api/v1/devices/x/", REMOTE_ADDR="192.0.2.9")
    ada.submit(revoke_page(token))

    html = ada.get("/audit/").text

    assert "created the API token “Asset register”, which acts as a Viewer" in html
    assert "was refused because its API token does not allow the network it was used from" in html
    assert "used its API token" in html
    assert "revoked the API token “Asset register”" in html
    assert "The system “Asset register”</td>" in html
