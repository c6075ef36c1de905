"""Second factors: enrolling, recovering, removing, and being required to have one."""

import json
import re

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client

from accounts.audit.kinds import AuditKind
from accounts.models import Membership, User
from accounts.models.audit import AuditRow
from accounts.roles import Job
from accounts.sign_in.encryption import decrypt
from accounts.sign_in.factors import has_factor
from accounts.sign_in.mfa import FactorAdapter
from tests.accounts.sign_in_help import (
    APP,
    CODE,
    CODES,
    PASSWORD,
    SECURITY,
    code_of,
    enrol_app,
    enrol_passkey,
    give_password,
    is_signed_in,
    recovery_codes_of,
    set_up_app,
    shown_codes,
)
from tests.conftest import Browser
from tests.factories import make_membership, make_sign_on, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def membership(supplier) -> Membership:
    return make_membership(supplier, Job.EDITOR, make_user(password=PASSWORD))


@pytest.fixture
def user(membership) -> User:
    return membership.user


@pytest.fixture
def visitor(membership) -> Browser:
    return Browser(membership)


# An authenticator app


def test_app_is_set_up_and_asked_for(visitor, user):
    secret = set_up_app(visitor)

    client = Client()
    assert give_password(client, user).url == CODE
    client.post(CODE, {"code": code_of(secret, 1)})
    assert is_signed_in(client)


def test_code_to_scan_stands_in_the_page_and_its_secret_beside_it(visitor):
    page = visitor.get(APP).text

    assert "<svg" in page
    assert "data:" not in page
    assert " style=" not in page
    assert visitor.session["mfa.totp.secret"] in page
    assert visitor.get(APP).headers["Cache-Control"] == "max-age=0, no-cache, no-store, must-revalidate, private"


def test_wrong_code_sets_nothing_up(operator, visitor, user):
    visitor.get(APP)

    answer = visitor.post(APP, {"code": "000000"})

    assert "The app is not set up yet" in answer.text
    assert not has_factor(user)


def test_secrets_are_not_kept_in_the_clear(visitor, user):
    secret = set_up_app(visitor)
    codes = shown_codes(visitor.get(CODES).text)

    kept = json.dumps(list(user.authenticator_set.values_list("data", flat=True)))
    assert secret not in kept
    assert not [code for code in codes if code in kept]
    assert kept.count('"gAAAA') == 2


def test_secret_outlives_a_change_of_the_key(user, settings):
    secret = enrol_app(user)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "another key", [settings.SECRET_KEY]
    kept = user.authenticator_set.get()

    assert TOTP(kept).validate_code(code_of(secret))


def test_former_key_may_go_once_encryption_is_renewed(operator, supplier, user, settings, capsys):
    secret = enrol_app(user)
    codes = recovery_codes_of(user)
    sign_on = make_sign_on(supplier)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another key"
    settings.SECRET_KEY_FALLBACKS = [former]
    client_secret = decrypt(sign_on.app.settings["encrypted_secret"])

    call_command("renew_encryption")

    settings.SECRET_KEY_FALLBACKS = []
    app, kept_codes = (user.authenticator_set.get(type=t) for t in ("totp", "recovery_codes"))
    assert TOTP(app).validate_code(code_of(secret))
    assert kept_codes.wrap().get_unused_codes() == codes
    sign_on.app.refresh_from_db()
    assert decrypt(sign_on.app.settings["encrypted_secret"]) == client_secret
    assert "3 secrets" in capsys.readouterr().out


def test_app_is_removed(operator, visitor, user):
    enrol_app(user)

    answer = visitor.post(f"{APP}remove/")

    assert answer.url == SECURITY
    assert not has_factor(user)


def test_app_of_nobody_is_not_removed(visitor):
    assert visitor.get(f"{APP}remove/").status_code == 404


def test_setting_up_and_removing_asks_who_it_is_after_a_while(operator, membership, user):
    visitor = Browser(membership)
    session = visitor.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()
    enrol_app(make_user())

    for path in (APP, f"{SECURITY}passkeys/add/", f"{CODES}new/"):
        answer = visitor.get(path)
        assert answer.status_code == 302, path
        assert answer.url.startswith("/accounts/reauthenticate/?next="), path


def test_code_confirms_who_it_is(operator, visitor, user):
    secret = enrol_app(user)
    session = visitor.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()
    way = visitor.get(f"{APP}remove/").url.replace("reauthenticate/", "reauthenticate/code/")

    code = code_of(secret)
    answers = [visitor.post(way, {"code": "000000", "next": f"{APP}remove/"})]
    answers.append(visitor.post(way, {"code": code, "next": f"{APP}remove/"}))
    cache.delete(f"allauth.mfa.totp.used?user={user.pk}&code={code}")
    answers.append(visitor.post(way, {"code": code, "next": f"{APP}remove/"}))

    assert [answer.status_code for answer in answers] == [200, 302, 200]
    assert "use your password" in visitor.get(way).text
    assert "use a code" in visitor.get(way.replace("/code/", "/")).text


# Passkeys; their ceremony is tested in a browser


def test_passkeys_are_listed_renamed_and_removed(visitor, user):
    enrol_app(user)
    key = enrol_passkey(user, "Blue key")

    assert "Blue key" in visitor.get(f"{SECURITY}passkeys/").text
    visitor.post(f"{SECURITY}passkeys/{key.pk}/name/", {"name": "Red key"})
    assert "Red key" in visitor.get(SECURITY).text
    assert visitor.post(f"{SECURITY}passkeys/{key.pk}/remove/").status_code == 302
    assert not user.authenticator_set.filter(pk=key.pk).exists()


@pytest.mark.parametrize("act", ["name", "remove"])
def test_passkey_of_somebody_else_is_not_there(operator, visitor, act):
    key = enrol_passkey(make_user())

    for pk in (key.pk, 999_999):
        assert visitor.get(f"{SECURITY}passkeys/{pk}/{act}/").status_code == 404
        assert visitor.post(f"{SECURITY}passkeys/{pk}/{act}/", {"name": "x"}).status_code == 404
    assert Authenticator.objects.filter(pk=key.pk).exists()


def test_passkeys_get_names_of_their_own(user):
    names = []
    for _ in range(2):
        names.append(FactorAdapter().generate_authenticator_name(user, Authenticator.Type.WEBAUTHN))
        enrol_passkey(user)

    assert names == ["Passkey", "Passkey 2"]


def test_made_up_passkey_opens_nothing(client, user):
    key = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": "AAAA"}}

    for credential in ("", "{}", "[]", '"x"', json.dumps(key), "not json"):
        answer = client.post("/accounts/login/passkey/", {"credential": credential})
        assert answer.status_code == 302
        assert answer.url == "/accounts/login/"
    assert not is_signed_in(client)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "[::1]:8000"])
@pytest.mark.parametrize("path", ["/accounts/login/", f"{SECURITY}passkeys/add/"])
def test_page_opened_by_an_address_says_that_passkeys_do_not_work(visitor, client, settings, host, path):
    settings.ALLOWED_HOSTS = ["127.0.0.1", "[::1]", "localhost"]
    visitor = client if "login" in path else visitor

    by_address, by_name = visitor.get(path, HTTP_HOST=host).text, visitor.get(path, HTTP_HOST="localhost:8000").text

    assert "Passkeys do not work at this address" in by_address
    assert "webauthn.js" not in by_address
    assert "Passkeys do not work at this address" not in by_name
    assert "webauthn" in by_name
    assert "Passkeys need JavaScript" in by_name


def test_passkey_button_is_hidden_until_the_script_shows_it(client):
    assert re.search(r'id="passkey-button"[^>]* hidden', client.get("/accounts/login/", HTTP_HOST="localhost").text)


# Recovery codes


def test_recovery_codes_are_shown_once_and_downloaded_with_that(visitor):
    set_up_app(visitor)

    first, file, second = visitor.get(CODES), visitor.get(f"{CODES}download/"), visitor.get(CODES)

    codes = shown_codes(first.text)
    assert len(set(codes)) == 10
    assert file.content.decode().split() == codes
    assert file.headers["Content-Disposition"] == 'attachment; filename="recovery-codes.txt"'
    assert "no-store" in file.headers["Cache-Control"]
    assert shown_codes(second.text) == []


def test_recovery_codes_are_not_downloaded_elsewhere_or_later(operator, visitor, user):
    set_up_app(visitor)
    visitor.get(CODES)
    elsewhere = Browser(user.memberships.get())

    assert elsewhere.get(f"{CODES}download/").status_code == 404
    session = visitor.session
    session["recovery_codes_shown_at"] -= 601
    session.save()
    assert visitor.get(f"{CODES}download/").status_code == 404


def test_no_recovery_codes_without_a_factor(visitor, user):
    assert visitor.get(CODES).status_code == 404
    assert visitor.get(f"{CODES}download/").status_code == 404
    visitor.post(f"{CODES}new/")
    assert not user.authenticator_set.exists()


def test_new_recovery_codes_take_the_place_of_the_former(visitor, user):
    enrol_app(user)
    former = recovery_codes_of(user)

    answer = visitor.post(f"{CODES}new/")

    codes = shown_codes(visitor.get(answer.url).text)
    assert len(codes) == 10
    assert not set(codes) & set(former)
    client = Client()
    give_password(client, user)
    client.post(CODE, {"code": former[0]})
    assert not is_signed_in(client)


def test_recovery_codes_go_with_the_last_factor(visitor, user):
    set_up_app(visitor)

    visitor.post(f"{APP}remove/")

    assert not user.authenticator_set.exists()


# Told and noted


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_change_of_factors_is_mailed(visitor, user):
    set_up_app(visitor)
    visitor.post(f"{CODES}new/")
    visitor.post(f"{APP}remove/")

    assert [message.to for message in mail.outbox] == [[user.email]] * 3
    assert [message.subject for message in mail.outbox] == [
        "Authenticator app added to your account",
        "New recovery codes for your account",
        "Authenticator app removed from your account",
    ]
    assert "From network address: 127.0.0.1" in mail.outbox[0].body
    assert "http://testserver" not in "".join(message.body for message in mail.outbox)


def test_mail_server_that_is_away_stops_no_change(visitor, user, settings):
    enrol_app(user)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    assert visitor.post(f"{APP}remove/").url == SECURITY


def test_change_of_factors_stands_in_the_audit_trail(operator, supplier, visitor, user):
    set_up_app(visitor)
    visitor.post(f"{APP}remove/")

    rows = AuditRow.objects.filter(kind__in=[AuditKind.FACTOR_ADDED, AuditKind.FACTOR_REMOVED]).order_by("pk")
    assert [(row.kind, row.details["factor"]) for row in rows] == [
        ("factor_added", "totp"),
        ("factor_added", "recovery_codes"),
        ("factor_removed", "totp"),
        ("factor_removed", "recovery_codes"),
    ]
    assert {(row.person_id, row.organisation_id) for row in rows} == {(user.pk, supplier.pk)}


def test_audit_page_tells_of_factors_in_plain_words(supplier, visitor, sign_in):
    set_up_app(visitor)

    page = sign_in(supplier, Job.ADMINISTRATOR).get("/audit/").text

    assert "added an authenticator app" in page
    assert "added recovery codes" in page
