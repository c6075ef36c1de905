"""The DCC's pages of single sign-on, the domains that a provider vouches for, and the emails about them."""

import re
from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.acting import Origin
from accounts.actions import sign_on as actions
from accounts.errors import NotAllowed
from accounts.mail_domains import clean_domain
from accounts.models import MailDomain, SingleSignOn
from accounts.models.audit import AuditRow, AuditValue
from accounts.roles import Job
from accounts.sign_in.encryption import Unreadable, decrypt, encrypt
from tests.accounts.oversight_help import no_mail_server
from tests.factories import make_membership, make_sign_on, make_user
from tests.provider import CLIENT_ID, SECRET
from tests.queued_mail import make_due, send_queued

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
LINK = re.compile(r"http://\S+/accounts/mail-domains/([\w-]+)/")


@pytest.fixture
def admin(sign_in, dcc):
    return sign_in(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def by(acting, dcc):
    return acting(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def sign_on(supplier) -> SingleSignOn:
    return make_sign_on(supplier, "zephyr.example")


@pytest.fixture
def page(supplier) -> str:
    return f"/organisations/{supplier.pk}/sign-on/"


def given(provider, **changes: str) -> dict[str, str]:
    return {"issuer": provider.url, "client_id": CLIENT_ID, "secret": SECRET} | changes


def kinds() -> list[str]:
    return list(AuditRow.objects.order_by("pk").exclude(kind="log_in").values_list("kind", flat=True))


# The provider


def test_provider_is_asked_and_saved(admin, provider, page, supplier):
    answer = admin.submit(f"{page}provider/", given(provider), follow=True)

    assert answer.redirect_chain == [(page, 302)]
    saved = SingleSignOn.objects.get(organisation=supplier)
    assert saved.is_active
    assert (saved.app.provider, saved.app.client_id) == ("openid_connect", CLIENT_ID)
    assert saved.app.settings["hosts"] == [provider.url.removeprefix("http://")]


def test_page_shows_the_redirect_uri_before_and_after(admin, provider, page, supplier):
    before = admin.get(f"{page}provider/").text
    admin.submit(f"{page}provider/", given(provider))

    callback = actions.callback_address(supplier)
    assert callback.startswith("http://127.0.0.1:8000/accounts/oidc/")
    assert callback in before
    assert callback in admin.get(page).text


def test_secret_is_in_no_page_no_mail_no_audit_and_not_readable_in_the_database(admin, provider, page, supplier):
    make_membership(supplier, Job.ADMINISTRATOR)
    admin.submit(f"{page}provider/", given(provider))
    admin.submit(f"{page}provider/", given(provider, client_id=""))

    pages = admin.get(page).text + admin.get(f"{page}provider/").text + admin.get("/audit/").text
    with connection.cursor() as cursor:
        cursor.execute("SELECT array_agg(a::text)::text FROM socialaccount_socialapp AS a")
        stored = cursor.fetchone()[0]
    audited = [list(AuditRow.objects.values()), list(AuditValue.objects.values("value"))]
    assert SECRET not in pages + stored + str(audited) + str([m.message() for m in mail.outbox])
    assert decrypt(SocialApp.objects.get().settings["encrypted_secret"]) == SECRET


def test_refused_form_does_not_give_the_secret_back(admin, provider, page):
    answer = admin.submit(f"{page}provider/", given(provider, issuer="not an address"))

    assert answer.status_code == 400
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    ("issuer", "says"),
    [
        ("http://login.zephyr.example", "does not begin with https://"),
        ("https://ada@login.zephyr.example", "does not begin with https://"),
        ("ftp://login.zephyr.example", "does not begin with https://"),
        ("login zephyr", "Enter a valid URL"),
        ("http://127.0.0.1:9", "No discovery document answers at http://127.0.0.1:9/.well-known/openid-configuration"),
        ("", "required"),
    ],
)
def test_issuer_that_does_not_answer_is_refused(admin, provider, page, issuer, says):
    answer = admin.submit(f"{page}provider/", given(provider, issuer=issuer))

    assert answer.status_code == 400
    assert says in answer.text
    assert not SingleSignOn.objects.exists()


def test_issuer_must_be_named_as_it_names_itself(admin, provider, page):
    answer = admin.submit(f"{page}provider/", given(provider, issuer=f"{provider.url}/"))

    assert answer.status_code == 400
    assert f"The provider names itself “{provider.url}”" in answer.text


def test_provider_with_a_trailing_slash_in_its_name_is_found(admin, provider, page):
    provider.want(metadata={"issuer": f"{provider.url}/"})

    assert admin.submit(f"{page}provider/", given(provider, issuer=f"{provider.url}/")).status_code == 302
    assert SocialApp.objects.get().settings["server_url"] == f"{provider.url}/.well-known/openid-configuration"


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", [None, "http://elsewhere.example/", "file:///etc/passwd", 7, "https://[", {}])
def test_provider_whose_endpoints_are_not_https_is_refused(admin, provider, page, endpoint, address):
    provider.want(metadata={endpoint: address})

    answer = admin.submit(f"{page}provider/", given(provider))

    assert answer.status_code == 400
    assert f"does not name a {endpoint} with https" in answer.text


def test_portal_with_tls_asks_no_provider_without(provider, by, supplier, settings):
    settings.PORTAL_HTTPS = True

    with pytest.raises(NotAllowed, match="does not begin with https"):
        actions.set_provider(organisation=supplier, **given(provider), by=by)


def test_hosts_that_the_provider_names_are_shown(admin, provider, page):
    provider.want(metadata={"token_endpoint": "https://tokens.zephyr.example:8443/t"})
    admin.submit(f"{page}provider/", given(provider))

    assert "tokens.zephyr.example:8443" in admin.get(page).text


def test_empty_secret_keeps_the_one_that_is_set(admin, provider, page):
    admin.submit(f"{page}provider/", given(provider))

    assert admin.submit(f"{page}provider/", given(provider, secret="")).status_code == 302
    assert decrypt(SocialApp.objects.get().settings["encrypted_secret"]) == SECRET


@pytest.mark.parametrize("change", [{"client_id": "another"}, {"issuer": "http://localhost"}])
def test_secret_goes_to_no_other_issuer_or_client(admin, provider, page, change):
    admin.submit(f"{page}provider/", given(provider))
    if "issuer" in change:
        change = {"issuer": provider.url.replace("127.0.0.1", "localhost")}
        provider.want(metadata=change)

    answer = admin.submit(f"{page}provider/", given(provider, secret="", **change))

    assert answer.status_code == 400
    assert "Give the secret" in answer.text
    assert SocialApp.objects.get().settings["issuer"] == provider.url


def test_first_time_needs_a_secret(admin, provider, page):
    assert admin.submit(f"{page}provider/", given(provider, secret="")).status_code == 400
    assert not SocialApp.objects.exists()


def test_another_client_recognises_everybody_anew_and_keeps_the_redirect_uri(provider, by, supplier):
    saved = actions.set_provider(organisation=supplier, **given(provider), by=by)
    known = {"user": make_user(), "provider": saved.app.provider_id, "uid": "1"}
    SocialAccount.objects.create(**known)
    callback = actions.callback_address(supplier)

    for client_id in ("another", CLIENT_ID):
        actions.set_provider(organisation=supplier, **given(provider, client_id=client_id), by=by)

    assert not SocialAccount.objects.filter(provider=saved.app.provider_id).exists()
    assert SocialAccount.objects.get().provider.startswith(f"{saved.app.provider_id}-until-")
    assert actions.callback_address(supplier) == callback


def test_provider_ids_are_not_guessed_from_one_another(supplier, rival):
    ids = {actions.provider_id_of(organisation) for organisation in (supplier, rival)}

    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{20}", number) for number in ids)


# On and off


def test_switch_asks_first_and_says_what_follows(admin, sign_on, page):
    assert "signed out at their next click" in admin.get(f"{page}switch/").text
    assert SingleSignOn.objects.get().is_active

    admin.submit(f"{page}switch/", {"to": "off"})
    assert not SingleSignOn.objects.get().is_active

    assert "no longer with a password" in admin.get(f"{page}switch/").text
    admin.submit(f"{page}switch/", {"to": "on"})
    assert SingleSignOn.objects.get().is_active


@pytest.mark.parametrize("to", ["", "maybe"])
def test_switch_that_says_neither_is_refused(admin, sign_on, page, to):
    assert admin.submit(f"{page}switch/", {"to": to}).status_code == 400
    assert SingleSignOn.objects.get().is_active


@pytest.mark.parametrize("path", ["switch/", "domains/add/", "domains/zodiac.example/give-up/"])
def test_what_is_not_set_up_has_no_page(admin, page, path):
    assert admin.get(f"{page}{path}").status_code == 404


def test_unknown_organisation_has_no_page(admin):
    assert admin.get("/organisations/999999/sign-on/").status_code == 404


# Domains


@pytest.mark.parametrize(
    ("typed", "domain"),
    [
        ("Zephyr.Example", "zephyr.example"),
        (" @zephyr.example. ", "zephyr.example"),
        ("xn--zphyr-bsa.example", "xn--zphyr-bsa.example"),
        ("a-b.c1.co.uk", "a-b.c1.co.uk"),
    ],
)
def test_domain_is_read(typed, domain):
    assert clean_domain(typed) == domain


@pytest.mark.parametrize(
    "typed",
    [
        "", "example", "localhost", "-a.example", "a-.example", "a..example", ".example", "a b.example",
        "ada@zephyr.example", "https://zephyr.example", "192.0.2.1", "[::1]", "zephyr.example/x", "a\n.example",
        f"{'a' * 64}.example", ".".join(["a" * 60] * 5), "zephyr_energy.example", "zephyr.example\n.evil.example",
        "zéphyr.example",
    ],
)  # fmt: skip
def test_what_is_no_domain_is_refused(typed):
    with pytest.raises(NotAllowed, match="is not an email domain"):
        clean_domain(typed)


@pytest.mark.parametrize("typed", ["gmail.com", "Outlook.COM", "mail.yahoo.co.uk", "a.b.btinternet.com"])
def test_public_mail_domain_is_refused_with_all_below_it(admin, sign_on, page, typed):
    answer = admin.submit(f"{page}domains/add/", {"domain": typed})

    assert answer.status_code == 400
    assert "is a public email domain: anyone can have an address there" in answer.text
    assert not mail.outbox


def test_domain_that_merely_ends_like_a_public_one_is_taken():
    assert clean_domain("mygmail.com") == "mygmail.com"


def test_domain_of_another_organisation_is_refused(admin, sign_on, rival, page):
    make_sign_on(rival, "zodiac.example")

    answer = admin.submit(f"{page}domains/add/", {"domain": "ZODIAC.example"})

    assert answer.status_code == 400
    assert "zodiac.example is a domain of Zodiac Power already" in answer.text


def test_domain_that_was_given_up_is_free(admin, sign_on, rival, by, page):
    actions.give_up_domain(domain=make_sign_on(rival, "zodiac.example").domains.get(), by=by)

    assert admin.submit(f"{page}domains/add/", {"domain": "zodiac.example"}).status_code == 302


def test_two_who_add_the_same_domain_at_once_are_one_too_many(sign_on, rival, by, monkeypatch):
    make_sign_on(rival, "zodiac.example")
    monkeypatch.setattr(MailDomain.objects, "current", MailDomain.objects.none)

    with pytest.raises(NotAllowed, match="has been added in the meantime"):
        actions.add_domain(sign_on=sign_on, domain="zodiac.example", by=by)


def add(admin, page: str, domain: str = "zephyr-energy.example") -> str:
    """The secret of the link that went to the postmaster."""
    mail.outbox.clear()
    admin.submit(f"{page}domains/add/", {"domain": domain})
    (sent,) = [m for m in mail.outbox if m.to == [f"postmaster@{domain}"]]
    return LINK.search(sent.body)[1]


def prove(client, secret: str, method: str = "post"):
    return getattr(client, method)(f"/accounts/mail-domains/{secret}/")


def test_link_shows_what_it_proves_and_the_button_proves_it(admin, client, sign_on, page):
    secret = add(admin, page)

    shown = prove(client, secret, "get")
    assert "the domain <b>zephyr-energy.example</b> belongs to <b>Zephyr Energy</b>" in shown.text
    assert MailDomain.objects.proven().count() == 1

    assert "zephyr-energy.example is confirmed" in prove(client, secret).text
    assert MailDomain.objects.proven().filter(domain="zephyr-energy.example").exists()


def test_link_works_once(admin, client, sign_on, page):
    secret = add(admin, page)
    prove(client, secret)

    assert [prove(client, secret, method).status_code for method in ("get", "post")] == [404, 404]


def test_link_works_for_72_hours(admin, client, sign_on, page):
    secret = add(admin, page)
    MailDomain.objects.update(added_at=timezone.now() - timedelta(hours=72))

    assert prove(client, secret).status_code == 404
    assert admin.get(page).text.count("Link expired") == 1  # not of the proven one, which is as old


@pytest.mark.parametrize("guess", ["x", "a" * 43, "..", "%00"])
def test_guess_proves_nothing(admin, client, sign_on, page, guess):
    add(admin, page)

    assert prove(client, guess).status_code == 404
    assert MailDomain.objects.proven().count() == 1


def test_secret_of_the_link_is_kept_as_its_hash_alone(admin, sign_on, page):
    secret = add(admin, page)

    kept = list(MailDomain.objects.values()) + list(AuditRow.objects.values()) + list(AuditValue.objects.values())
    assert secret not in str(kept)
    assert secret not in admin.get(page).text


@pytest.mark.parametrize("act", ["send", "give-up"])
def test_domain_that_cannot_be_one_is_not_found(admin, sign_on, page, act):
    assert admin.submit(f"{page}domains/%00/{act}/").status_code == 404


def test_link_of_a_domain_given_up_works_no_longer(admin, client, sign_on, page):
    secret = add(admin, page)
    admin.submit(f"{page}domains/zephyr-energy.example/give-up/")

    assert prove(client, secret).status_code == 404


def test_link_that_was_used_in_the_meantime_proves_nothing(admin, sign_on, page):
    secret = add(admin, page)
    actions.prove_domain(secret=secret, origin=Origin("page"))

    with pytest.raises(NotAllowed, match="used or replaced"):
        actions.prove_domain(secret=secret, origin=Origin("page"))


def test_link_can_be_sent_again_and_the_earlier_one_ends(admin, client, sign_on, page):
    first = add(admin, page)
    MailDomain.objects.update(added_at=timezone.now() - timedelta(hours=73))
    mail.outbox.clear()

    answer = admin.submit(f"{page}domains/zephyr-energy.example/send/", follow=True)

    assert "We will email a link to postmaster@zephyr-energy.example" in answer.text
    second = LINK.search(mail.outbox[0].body)[1]
    assert prove(client, first).status_code == 404
    assert prove(client, second).status_code == 200


def test_link_is_not_sent_twice_in_a_minute(admin, sign_on, page):
    add(admin, page)
    mail.outbox.clear()

    answer = admin.submit(f"{page}domains/zephyr-energy.example/send/", follow=True)

    assert "Wait a minute" in answer.text
    assert not mail.outbox


def test_proven_domain_is_not_proved_again(admin, sign_on, page):
    answer = admin.submit(f"{page}domains/zephyr.example/send/", follow=True)

    assert "has been proved already. Nothing was changed." in answer.text


def test_mail_server_that_is_away_gets_the_link_later(admin, client, sign_on, page):
    with no_mail_server():
        answer = admin.submit(f"{page}domains/add/", {"domain": "zephyr-energy.example"}, follow=True)

    assert "We will email a link to postmaster@zephyr-energy.example" in answer.text
    make_due()
    send_queued()
    sent = next(m for m in mail.outbox if m.to == ["postmaster@zephyr-energy.example"])
    assert prove(client, LINK.search(sent.body)[1], "get").status_code == 200


def test_domain_is_given_up_after_a_page_that_says_what_follows(admin, sign_on, page):
    path = f"{page}domains/zephyr.example/give-up/"
    assert "no longer vouch for anyone at zephyr.example" in admin.get(path).text

    admin.submit(path)

    assert not MailDomain.objects.current().exists()
    assert admin.get(path).status_code == 404


def test_domain_given_up_in_the_meantime_is_told(sign_on, by):
    domain = sign_on.domains.get()
    actions.give_up_domain(domain=domain, by=by)

    for act in (actions.give_up_domain, actions.send_proof):
        with pytest.raises(NotAllowed, match="removed in the meantime"):
            act(domain=domain, by=by)


@pytest.mark.parametrize("path", ["provider/", "switch/", "domains/add/", "domains/zephyr.example/give-up/"])
def test_form_that_does_not_say_for_whom_is_refused(admin, sign_on, page, path):
    assert admin.post(f"{page}{path}").status_code == 400
    assert SingleSignOn.objects.get().is_active
    assert MailDomain.objects.current().exists()


@pytest.mark.parametrize("path", ["provider/", "switch/", "domains/add/", "domains/zephyr.example/give-up/"])
def test_what_changes_something_asks_who_it_is_again(admin, sign_on, page, path):
    admin.membership.user.set_password("quite a long password")
    admin.membership.user.save()
    admin.force_login(admin.membership.user)
    admin.prove_identity()
    session = admin.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()

    assert admin.get(f"{page}{path}").url.startswith("/accounts/reauthenticate/?next=")


def test_organisations_page_leads_here(admin, sign_on, supplier, page):
    assert f'href="{page}"' in admin.get(f"/organisations/{supplier.pk}/").text


# Who learns of it


def test_each_change_stands_in_the_organisations_audit_trail(admin, client, provider, supplier, page, sign_in):
    admin.submit(f"{page}provider/", given(provider))
    prove(client, add(admin, page))
    admin.submit(f"{page}domains/zephyr-energy.example/give-up/")
    admin.submit(f"{page}switch/", {"to": "off"})

    assert kinds() == ["sign_on_changed", "domain_added", "domain_proven", "domain_given_up", "sign_on_changed"]
    assert set(AuditRow.objects.exclude(kind="log_in").values_list("organisation_id", flat=True)) == {supplier.pk}
    trail = sign_in(supplier, Job.ADMINISTRATOR).get("/audit/").text
    assert "changed single sign-on of Zephyr Energy: issuer, client ID and client secret" in trail
    assert "changed single sign-on of Zephyr Energy: switched off" in trail
    assert "confirmed an email domain of Zephyr Energy" in trail


def test_each_change_is_mailed_to_the_organisations_and_the_other_dcc_administrators(
    admin, sign_on, supplier, dcc, rival, page
):
    make_membership(supplier, Job.ADMINISTRATOR, make_user("", "admin@zephyr.example"))
    make_membership(supplier, Job.EDITOR)
    make_membership(rival, Job.ADMINISTRATOR)
    make_membership(dcc, Job.ADMINISTRATOR, make_user("", "second@dcc.example"))
    make_membership(dcc, Job.EDITOR)

    admin.submit(f"{page}switch/", {"to": "off"})

    assert [m.to for m in mail.outbox] == [["admin@zephyr.example"], ["second@dcc.example"]]
    assert "Single sign-on of Zephyr Energy has been changed: changed single sign-on." in mail.outbox[0].body


# Encryption


def test_what_is_encrypted_is_read_again_after_a_change_of_keys(settings):
    kept = encrypt("a secret")
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"

    assert decrypt(kept) == "a secret"
    assert "a secret" not in kept


def test_what_was_encrypted_under_a_forgotten_key_is_not_read(settings):
    kept = encrypt("a secret")
    settings.SECRET_KEY = "another key"

    with pytest.raises(Unreadable):
        decrypt(kept)
