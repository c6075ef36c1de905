"""Signing in through an organisation's own provider: a real one, in a process of its own (tests/oidc_provider)."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest
from allauth.account.internal.flows.login import perform_password_login, record_authentication
from allauth.account.models import Login
from allauth.socialaccount.models import SocialAccount
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.acting import Acting, memberships_of
from accounts.actions import sign_on as actions
from accounts.models import Membership, Session, SingleSignOn
from accounts.models.audit import AuditRow
from accounts.roles import Job
from accounts.sign_in.single_sign_on import remember_provider
from tests.as_owner import overwrite
from tests.factories import make_domain, make_membership, make_sign_on, make_user
from tests.provider import CLIENT_ID, SECRET
from tests.scopes import as_nobody

ADA, EVE, BOB = "ada@zephyr.example", "eve@zephyr.example", "bob@zodiac.example"
PASSWORD = "quite a long password"
LOGIN = "/accounts/login/"
HERE = "http://testserver"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


def set_up(organisation, provider, by, *domains: str) -> SingleSignOn:
    """Named by two administrators of the DCC, with domains that are proven."""
    given = {"issuer": provider.url, "client_id": CLIENT_ID, "secret": SECRET}
    first = make_membership(by.organisation, Job.ADMINISTRATOR).user
    sign_on = actions.name_provider(organisation=organisation, **given, named_by=first, by=by)
    for domain in domains:
        make_domain(sign_on, domain)
    provider.accept(f"{HERE}/accounts/oidc/{sign_on.app.provider_id}/login/callback/")
    return sign_on


@pytest.fixture
def administrator(acting, dcc):
    return acting(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def sign_on(supplier, provider, administrator) -> SingleSignOn:
    """Zephyr Energy's, for zephyr.example."""
    return set_up(supplier, provider, administrator, "zephyr.example")


@pytest.fixture
def ada(supplier) -> Membership:
    return make_membership(supplier, Job.EDITOR, make_user("Ada Pemberton", ADA, PASSWORD))


def start(client, sign_on: SingleSignOn, onward: str = "") -> str:
    """The address at the provider to which the portal sends."""
    with as_nobody():
        answer = client.get(f"/accounts/oidc/{sign_on.app.provider_id}/login/", {"next": onward} if onward else {})
    assert answer.status_code == 302
    return answer.url


def back(client, address: str):
    with as_nobody():
        return client.get(address.removeprefix(HERE))


def come(client, sign_on: SingleSignOn, provider, email: str = ADA, onward: str = ""):
    """From the portal to the provider, signed in there, and back."""
    return back(client, provider.sign_in(start(client, sign_on, onward), email))


def signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def last_failure() -> dict:
    return AuditRow.objects.filter(kind="failed_log_in").first().details


# The way in


def test_person_of_the_domain_signs_in_through_the_provider(client, sign_on, provider, ada):
    answer = come(client, sign_on, provider)

    assert (answer.status_code, answer.url) == (302, "/")
    assert client.get("/devices/").status_code == 200


def test_sign_in_goes_on_to_where_the_person_was(client, sign_on, provider, ada):
    assert come(client, sign_on, provider, onward="/devices/?device_type=ESME").url == "/devices/?device_type=ESME"


def test_sign_in_opens_the_organisation_of_the_provider_alone(client, sign_on, provider, ada, supplier, asset_provider):
    other = make_membership(asset_provider, Job.EDITOR, ada.user)
    come(client, sign_on, provider)

    page = client.get("/devices/")

    assert page.status_code == 200
    assert "Acting for <b>Zephyr Energy</b>" in page.text
    assert "Zenith Meter Assets" not in page.text
    assert client.post("/accounts/acting/", {"membership": other.pk}).status_code == 404
    assert client.get(f"/devices/download/?acting={other.pk}").status_code == 409


def test_address_is_compared_in_any_case(client, sign_on, provider, ada):
    provider.want(claims={ADA: {"email": "Ada@Zephyr.EXAMPLE"}})

    come(client, sign_on, provider)

    assert signed_in(client)


def test_subject_counts_once_it_is_known(client, sign_on, provider, ada):
    come(client, sign_on, provider)
    provider.want(claims={ADA: {"email": "ada.married@zephyr.example"}})

    newcomer = Client()
    come(newcomer, sign_on, provider)

    assert newcomer.session["_auth_user_id"] == str(ada.user.pk)


def test_nothing_that_the_provider_tells_is_kept_but_the_subject(client, sign_on, provider, ada):
    for _ in range(2):
        come(Client(), sign_on, provider)

    account = SocialAccount.objects.get()
    assert (account.user, account.provider, account.extra_data) == (ada.user, sign_on.app.provider_id, {})


def test_sign_in_names_the_provider_in_the_audit_trail(client, sign_on, provider, ada, supplier):
    come(client, sign_on, provider)

    row = AuditRow.objects.get(kind="log_in")
    assert row.details == {"provider": sign_on.pk}
    assert (row.person_id, row.organisation_id) == (ada.user.pk, supplier.pk)


def test_session_gets_another_key(client, sign_on, provider, ada):
    client.get(LOGIN)
    address = start(client, sign_on)
    before = client.session.session_key

    back(client, provider.sign_in(address))

    assert client.session.session_key != before


def test_portal_proves_that_the_code_came_to_it(client, sign_on):
    asked = parse_qs(urlsplit(start(client, sign_on)).query)

    assert asked["code_challenge_method"] == ["S256"]
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    assert asked["redirect_uri"] == [f"{HERE}/accounts/oidc/{sign_on.app.provider_id}/login/callback/"]


# Who is not let in


NO_ACCESS = "Ask an administrator of Zephyr Energy in the SMI portal to invite you"
NOT_VOUCHED_FOR = "has not confirmed that you have an email address in one of its domains"


def refused(client, answer, sentence: str, status: int = 403) -> bool:
    return answer.status_code == status and sentence in answer.text and not signed_in(client)


def test_unknown_person_learns_whom_to_ask(client, sign_on, provider, ada):
    answer = come(client, sign_on, provider, EVE)

    assert refused(client, answer, NO_ACCESS)
    assert "no-store" in answer.headers["Cache-Control"]
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize("state", ["closed", "ended", "suspended", "elsewhere"])
def test_who_has_no_access_gets_the_same_answer(client, sign_on, provider, ada, rival, state):
    stranger = come(Client(), sign_on, provider, EVE)
    if state == "closed":
        overwrite(ada.user, is_active=False)
    elif state == "elsewhere":
        overwrite(Membership.objects.filter(pk=ada.pk), organisation=rival)
    else:
        overwrite(Membership.objects.filter(pk=ada.pk), **{f"{state}_at": "2026-01-01T00:00Z"})

    answer = come(client, sign_on, provider)

    assert refused(client, answer, NO_ACCESS)
    assert answer.text == stranger.text


def test_failure_stands_in_the_organisations_audit_trail(client, sign_on, provider, supplier):
    come(client, sign_on, provider, EVE)

    row = AuditRow.objects.get(kind="failed_log_in")
    assert row.organisation_id == supplier.pk
    assert (row.details["provider"], row.details["why"]) == (sign_on.pk, "no_access")
    assert EVE not in str([row.details, row.hashes, list(row.values.values_list("value", flat=True))])


@pytest.mark.parametrize("claim", [False, None, "true", 1])
def test_address_must_be_verified(client, sign_on, provider, ada, claim):
    provider.want(claims={ADA: {"email_verified": claim}})

    assert refused(client, come(client, sign_on, provider), NOT_VOUCHED_FOR)
    assert last_failure()["why"] == "not_vouched_for"


@pytest.mark.parametrize("email", [None, "", "ada@elsewhere.example", "ada@mail.zephyr.example", "аda@zephyr.example"])
def test_address_must_be_of_a_proven_domain(client, sign_on, provider, ada, email):
    provider.want(claims={ADA: {"email": email}})

    assert refused(client, come(client, sign_on, provider), NOT_VOUCHED_FOR)


@pytest.mark.parametrize("fields", [{"proven_at": None}, {"given_up_at": "2026-01-01T00:00Z"}])
def test_domain_without_proof_or_given_up_is_not_vouched_for(client, sign_on, provider, ada, fields):
    sign_on.domains.update(**fields)

    assert refused(client, come(client, sign_on, provider), NOT_VOUCHED_FOR)


def test_provider_vouches_for_no_address_of_another_organisation(client, sign_on, provider, rival):
    bob = make_membership(rival, Job.ADMINISTRATOR, make_user("Bob", BOB))
    make_sign_on(rival, "zodiac.example")
    make_membership(sign_on.organisation, user=bob.user)

    assert refused(client, come(client, sign_on, provider, BOB), NOT_VOUCHED_FOR)


def test_provider_opens_no_account_with_an_address_elsewhere(client, sign_on, provider, ada):
    """Known by its subject, but the account's own address is in no domain of the organisation."""
    come(Client(), sign_on, provider)
    type(ada.user).objects.filter(pk=ada.user.pk).update(email="ada@elsewhere.example")

    assert refused(client, come(client, sign_on, provider), NO_ACCESS)


def test_known_subject_opens_no_other_account(client, sign_on, provider, ada, supplier):
    eve = make_membership(supplier, Job.ADMINISTRATOR, make_user("Eve", EVE))
    come(Client(), sign_on, provider)
    provider.want(claims={ADA: {"email": EVE}})

    come(client, sign_on, provider)

    assert client.session["_auth_user_id"] == str(ada.user.pk)
    assert not SocialAccount.objects.filter(user=eve.user).exists()


def test_account_is_not_opened_by_another_subject_with_its_address(client, sign_on, provider, ada):
    """Someone who was given the address of a leaver."""
    come(Client(), sign_on, provider)
    provider.want(claims={EVE: {"email": ADA}})

    assert refused(client, come(client, sign_on, provider, EVE), NO_ACCESS)


def test_user_info_about_somebody_else_is_refused(client, sign_on, provider, ada):
    provider.want(claims={f"userinfo {ADA}": {"sub": "somebody else"}})

    assert refused(client, come(client, sign_on, provider), NOT_VOUCHED_FOR)


def test_second_organisations_provider_with_the_same_subjects_opens_nothing_of_the_first(
    client, sign_on, provider, ada, rival, administrator
):
    """The same provider, set up for two organisations: each knows its own people alone."""
    come(Client(), sign_on, provider)
    other = set_up(rival, provider, administrator, "zodiac.example")

    assert refused(client, come(client, other, provider), NOT_VOUCHED_FOR)


# What goes wrong between portal and provider


FAILED = "did not finish"


def test_person_who_gives_up_at_the_provider_is_told_so(client, sign_on):
    state = parse_qs(urlsplit(start(client, sign_on)).query)["state"][0]

    callback = f"/accounts/oidc/{sign_on.app.provider_id}/login/callback/"
    answer = back(client, f"{callback}?error=access_denied&error_description=<b>inner</b>&state={state}")

    assert refused(client, answer, "was cancelled or refused there")
    assert "inner" not in answer.text
    assert last_failure()["why"] == "cancelled"


@pytest.mark.parametrize("query", ["", "code=x", "code=x&state=x", "error=server_error"])
def test_callback_that_nobody_asked_for_is_refused(client, sign_on, query):
    answer = back(client, f"/accounts/oidc/{sign_on.app.provider_id}/login/callback/?{query}")

    assert refused(client, answer, FAILED, 400)


def test_answer_of_the_provider_is_taken_once(client, sign_on, provider, ada):
    address = provider.sign_in(start(client, sign_on))
    back(client, address)
    client.logout()

    assert refused(client, back(client, address), FAILED, 400)


def test_answer_is_taken_in_the_session_that_asked_for_it(client, sign_on, provider, ada):
    """Otherwise someone could sign another person in as themselves."""
    address = provider.sign_in(start(Client(), sign_on))

    assert refused(client, back(client, address), FAILED, 400)


def test_answer_is_taken_by_the_provider_that_was_asked(client, sign_on, provider, ada, rival):
    other = make_sign_on(rival, "zodiac.example")
    address = provider.sign_in(start(client, sign_on))

    answer = back(client, address.replace(sign_on.app.provider_id, other.app.provider_id))

    assert refused(client, answer, FAILED, 400)


def test_code_of_another_sign_in_is_refused_by_the_provider(client, sign_on, provider, ada):
    stolen = parse_qs(urlsplit(provider.sign_in(start(Client(), sign_on))).query)["code"][0]
    own = urlsplit(provider.sign_in(start(client, sign_on)))
    state = parse_qs(own.query)["state"][0]

    assert refused(client, back(client, f"{own.path}?code={stolen}&state={state}"), FAILED, 400)


def test_provider_that_names_itself_otherwise_by_now_is_refused(client, sign_on, provider, ada):
    provider.want(metadata={"token_endpoint": "https://evil.example/token"})
    address = start(client, sign_on)

    assert refused(client, back(client, provider.sign_in(address)), FAILED, 400)


@pytest.mark.parametrize(
    "metadata",
    [{"token_endpoint": None}, {"token_endpoint": 7}, {"userinfo_endpoint": None}, {"userinfo_endpoint": []}],
)
def test_provider_that_talks_nonsense_gives_a_page_of_ours(client, sign_on, provider, ada, metadata):
    address = provider.sign_in(start(client, sign_on))
    provider.want(metadata=metadata)

    assert refused(client, back(client, address), FAILED, 400)


@pytest.mark.parametrize("endpoint", [None, 7, "/here", "http://evil.example/", "javascript:alert(1)", "https://a@b/"])
def test_provider_sends_nobody_to_a_place_that_is_none(client, sign_on, provider, endpoint):
    provider.want(metadata={"authorization_endpoint": endpoint})

    answer = back(client, f"/accounts/oidc/{sign_on.app.provider_id}/login/")

    assert answer.status_code == 400
    assert "Location" not in answer.headers


def test_token_for_another_client_is_refused(client, sign_on, provider, ada):
    provider.want(claims={f"id_token {ADA}": {"aud": "another client"}})

    assert refused(client, come(client, sign_on, provider), FAILED, 400)


def test_token_of_another_issuer_is_refused(client, sign_on, provider, ada):
    provider.want(claims={f"id_token {ADA}": {"iss": "https://evil.example"}})

    assert refused(client, come(client, sign_on, provider), FAILED, 400)


def test_provider_that_does_not_answer_gives_a_page_of_ours(client, supplier):
    sign_on = make_sign_on(supplier, "zephyr.example")
    sign_on.app.settings |= {"server_url": "http://127.0.0.1:9/.well-known/x", "hosts": ["127.0.0.1:9"]}
    sign_on.app.save()

    answer = back(client, f"/accounts/oidc/{sign_on.app.provider_id}/login/")

    assert refused(client, answer, FAILED, 400)


def test_secret_that_can_no_longer_be_read_gives_a_page_of_ours(client, sign_on, settings):
    settings.SECRET_KEY = "another"

    assert refused(client, back(client, f"/accounts/oidc/{sign_on.app.provider_id}/login/"), FAILED, 400)


# What the address may say


@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_next_leads_nowhere_else(client, sign_on, provider, ada, onward):
    assert come(client, sign_on, provider, onward=onward).url == "/"


@pytest.mark.parametrize("name", ["process", "scope", "auth_params", "action", "login_hint"])
def test_address_of_the_login_says_nothing_but_next(client, sign_on, name):
    answer = client.get(f"/accounts/oidc/{sign_on.app.provider_id}/login/", {name: "connect"})

    assert answer.status_code == 400
    assert name in answer.text


@pytest.mark.parametrize("page", ["sign-on/{}/", "oidc/{}/login/", "oidc/{}/login/callback/"])
@pytest.mark.parametrize("state", ["unknown", "off", "inactive"])
def test_provider_that_is_not_on_has_no_pages(client, sign_on, page, state):
    provider_id = "unknown" if state == "unknown" else sign_on.app.provider_id
    if state == "off":
        SingleSignOn.objects.update(is_active=False)
    elif state == "inactive":
        overwrite(type(sign_on.organisation).objects.filter(pk=sign_on.organisation_id), is_active=False)

    assert client.get(f"/accounts/{page.format(provider_id)}").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/3rdparty/", "/accounts/3rdparty/signup/", "/accounts/3rdparty/login/cancelled/",
        "/accounts/social/connections/",
    ],
)  # fmt: skip
def test_what_is_not_offered_is_not_routed(client, sign_on, path):
    assert client.get(path).status_code == 404


# Passwords and the provider


def test_address_of_the_domain_leads_to_the_provider(client, sign_on):
    answer = client.post("/accounts/sign-on/", {"email": "Anybody@Zephyr.example", "next": "/devices/"}, follow=True)

    assert answer.redirect_chain == [(f"/accounts/sign-on/{sign_on.app.provider_id}/?next=%2Fdevices%2F", 302)]
    assert "Continue to Zephyr Energy’s sign-in" in answer.text
    assert f'href="/accounts/oidc/{sign_on.app.provider_id}/login/?next=%2Fdevices%2F"' in answer.text


def test_other_addresses_get_one_neutral_sentence(client, sign_on, ada):
    answer = client.post("/accounts/sign-on/", {"email": "ada@elsewhere.example"})

    assert answer.status_code == 400
    assert "No organisation’s sign-in is set up for this address. Sign in with your password." in answer.text


@pytest.mark.parametrize("password", [PASSWORD, "a wrong password", ""])
@pytest.mark.parametrize("email", [ADA, "ADA@ZEPHYR.EXAMPLE", "nobody@zephyr.example"])
def test_password_of_the_domains_people_is_not_looked_at(client, sign_on, ada, email, password):
    answer = client.post(LOGIN, {"login": email, "password": password, "next": "/devices/"})

    assert answer.url == f"/accounts/sign-on/{sign_on.app.provider_id}/?next=%2Fdevices%2F"
    assert not signed_in(client)
    assert not AuditRow.objects.filter(kind="failed_log_in").exists()


def test_no_other_way_of_signing_in_passes_the_provider_by(rf, sign_on, ada):
    """Passkeys and links in mails end in the same place of django-allauth."""
    request = rf.post("/")
    request.session, request.user = Client().session, ada.user

    answer = perform_password_login(request, {"email": ADA}, Login(user=ada.user))

    assert answer.url == f"/accounts/sign-on/{sign_on.app.provider_id}/"


def test_password_counts_again_once_the_provider_is_off(client, sign_on, ada, administrator):
    actions.switch_off(sign_on=sign_on, by=administrator)

    client.post(LOGIN, {"login": ADA, "password": PASSWORD})

    assert signed_in(client)
    assert "signed_in_through" not in client.session


def test_sign_in_page_offers_the_way(client, db):
    assert 'href="/accounts/sign-on/?next=/devices/"' in client.get(LOGIN, {"next": "/devices/"}).text


# Asked again


@pytest.fixture
def clerk(client, provider, dcc, administrator) -> Client:
    """An administrator of the DCC who came through its provider and has no password, six minutes ago."""
    sign_on = set_up(dcc, provider, administrator, "zephyr.example")
    make_membership(dcc, Job.ADMINISTRATOR, make_user("Ada Pemberton", ADA))
    come(client, sign_on, provider)
    wait(client)
    client.sign_on = sign_on
    return client


def wait(client, seconds: int = 360) -> None:
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= seconds
    session.save()


def confirm(client, provider, onward: str, email: str = ADA):
    """At the provider, and back to where the person was."""
    with as_nobody():
        address = client.get("/accounts/sign-on/again/go/", {"next": onward}).url
    assert parse_qs(urlsplit(address).query)["prompt"] == ["login"]
    answer = back(client, provider.sign_in(address, email))
    return client.get(answer.url) if answer.status_code == 302 else answer


def test_what_asks_again_asks_at_the_provider(clerk):
    path = f"/organisations/{clerk.sign_on.organisation_id}/sign-on/switch/"

    answer = clerk.get(path, follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/sign-on/again/?next=")
    assert "Sign in at DCC again to continue" in answer.text
    assert f'href="/accounts/sign-on/again/go/?next={path.replace("/", "%2F")}"' in answer.text


def test_form_that_was_sent_goes_on_after_the_provider_was_asked(clerk, provider):
    membership = Membership.objects.get(user__email=ADA)
    path = f"/organisations/{clerk.sign_on.organisation_id}/sign-on/switch/"
    clerk.post(path, {"acting": membership.pk, "to": "off"})
    assert SingleSignOn.objects.get().is_active

    confirm(clerk, provider, path)

    assert not SingleSignOn.objects.get().is_active


def test_nobody_else_confirms_it(clerk, provider, dcc):
    make_membership(dcc, Job.ADMINISTRATOR, make_user("Eve", EVE))

    answer = confirm(clerk, provider, "/", EVE)

    assert answer.status_code == 400
    assert "That did not work" in answer.text
    assert clerk.get(f"/organisations/{dcc.pk}/sign-on/switch/").status_code == 302


@pytest.mark.parametrize(("ago", "status"), [(10, 200), (3600, 302), ("now", 302)])
def test_provider_that_says_when_it_asked_must_have_asked_now(clerk, provider, dcc, ago, status):
    asked = ago if ago == "now" else int(time.time()) - ago
    provider.want(claims={f"id_token {ADA}": {"auth_time": asked}})

    confirm(clerk, provider, "/")

    assert clerk.get(f"/organisations/{dcc.pk}/sign-on/switch/").status_code == status


def test_address_alone_confirms_nothing(clerk, dcc):
    for path in ("again/resume/?next=/", "again/resume/", "again/"):
        clerk.get(f"/accounts/sign-on/{path}")

    assert clerk.get(f"/organisations/{dcc.pk}/sign-on/switch/").status_code == 302


@pytest.mark.parametrize("path", ["again/", "again/go/"])
def test_who_came_with_a_password_confirms_it_elsewhere(sign_in, supplier, path):
    assert sign_in(supplier).get(f"/accounts/sign-on/{path}").status_code == 404


def test_second_factor_after_the_provider_changes_nothing_of_where_one_came_from(rf, client, sign_on, ada):
    request = rf.get("/")
    request.session = client.session
    record_authentication(request, ada.user, "socialaccount", provider=sign_on.app.provider_id, uid="1")
    record_authentication(request, ada.user, "mfa", type="totp")

    remember_provider(request=request, user=ada.user)

    assert request.session["signed_in_through"] == sign_on.pk


def test_provider_that_is_not_known_any_more_opens_nothing(rf, client, ada):
    request = rf.get("/")
    request.session = client.session
    record_authentication(request, ada.user, "socialaccount", provider="forgotten", uid="1")

    remember_provider(request=request, user=ada.user)

    assert memberships_of(ada.user, request.session["signed_in_through"]) == []


# The end of a session


@pytest.mark.parametrize("what", ["off", "domain", "organisation"])
def test_session_ends_with_what_it_came_through(client, sign_on, provider, ada, administrator, what):
    come(client, sign_on, provider)
    if what == "off":
        actions.switch_off(sign_on=sign_on, by=administrator)
    elif what == "domain":
        actions.give_up_domain(domain=sign_on.domains.get(), by=administrator)
    else:
        overwrite(type(sign_on.organisation).objects.filter(pk=sign_on.organisation_id), is_active=False)

    answer = client.get("/devices/")

    assert answer.url == "/accounts/login/?next=/devices/"
    assert not signed_in(client)


def test_sessions_end_with_what_they_came_through_in_one_statement(client, sign_on, provider, ada, administrator):
    """Before anybody comes back to them."""
    come(client, sign_on, provider)
    other = Client()
    other.force_login(ada.user)
    assert Session.objects.get(signed_in_through=sign_on).user == ada.user

    with CaptureQueriesContext(connection) as asked:
        actions.switch_off(sign_on=sign_on, by=administrator)

    assert len([query["sql"] for query in asked if query["sql"].startswith("DELETE")]) == 1
    assert list(Session.objects.values_list("pk", flat=True)) == [other.session.session_key]
    assert AuditRow.objects.get(kind="sign_on_changed", details__items=["switched_off"]).details["sessions"] == 1


def test_domain_that_is_given_up_ends_the_sessions_of_its_people_alone(client, sign_on, provider, ada, administrator):
    other = make_domain(sign_on, "zephyr.test")
    come(client, sign_on, provider)

    actions.give_up_domain(domain=other, by=administrator)
    assert Session.objects.filter(user=ada.user).exists()
    actions.give_up_domain(domain=sign_on.domains.current().get(), by=administrator)

    assert not Session.objects.exists()


def test_other_client_of_the_provider_ends_the_sessions_that_came_through_the_former(
    client, sign_on, provider, ada, administrator, supplier
):
    come(client, sign_on, provider)

    actions.renew_secret(sign_on=sign_on, secret="another", by=administrator)
    assert Session.objects.filter(user=ada.user).exists()
    set_up_another_client(sign_on, administrator)

    assert not Session.objects.filter(user=ada.user).exists()


def set_up_another_client(sign_on: SingleSignOn, by, client_id: str = "another") -> SingleSignOn:
    first = make_membership(by.organisation, Job.ADMINISTRATOR).user
    given = {"issuer": sign_on.issuer, "client_id": client_id, "secret": SECRET, "named_by": first, "by": by}
    return actions.name_provider(organisation=sign_on.organisation, **given)


def test_other_client_has_proved_no_domain(client, sign_on, provider, ada, administrator):
    set_up_another_client(sign_on, administrator)

    assert not sign_on.domains.proven().exists()
    assert client.post(LOGIN, {"login": ADA, "password": PASSWORD}).url == "/"


def test_session_of_whoever_names_another_client_ends_though_the_domain_is_proved_for_that(clerk, dcc):
    """The row of their session is spared, so that they read what was done; it opens nothing more."""
    own = Acting.under(Membership.objects.get(user__email=ADA))
    set_up_another_client(clerk.sign_on, own)
    assert Session.objects.filter(user=own.user).exists()
    clerk.sign_on.domains.update(proven_at=timezone.now())

    assert clerk.get("/organisations/").url.startswith("/accounts/login/")


def test_whoever_switches_it_off_sees_that_it_is_off(clerk):
    membership = Membership.objects.get(user__email=ADA)
    switch = f"/organisations/{clerk.sign_on.organisation_id}/sign-on/switch/"
    wait(clerk, -360)

    answer = clerk.post(switch, {"acting": membership.pk, "to": "off"})

    assert answer.status_code == 302
    assert not SingleSignOn.objects.get().is_active
    assert clerk.get(answer.url).url.startswith("/accounts/login/")


def test_session_loses_access_with_the_membership(client, sign_on, provider, ada, asset_provider):
    make_membership(asset_provider, Job.EDITOR, ada.user)
    come(client, sign_on, provider)
    overwrite(Membership.objects.filter(pk=ada.pk), ended_at="2026-01-01T00:00Z")

    assert client.get("/devices/").status_code == 403


def test_session_of_somebody_else_ends_when_a_person_comes_from_the_provider(client, sign_on, provider, ada, rival):
    client.force_login(make_membership(rival).user)

    come(client, sign_on, provider)

    assert client.session["_auth_user_id"] == str(ada.user.pk)
    assert client.session["signed_in_through"] == sign_on.pk


def test_command_switches_off_when_nobody_can(sign_on, ada, client, capsys):
    call_command("switch_off_sign_on", "zephyr energy")

    assert not SingleSignOn.objects.get().is_active
    assert "Zephyr Energy" in capsys.readouterr().out


def test_command_names_an_organisation_without_a_provider(supplier):
    with pytest.raises(CommandError, match="has no single sign-on"):
        call_command("switch_off_sign_on", "Zephyr Energy")
