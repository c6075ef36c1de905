"""The DCC's pages of single sign-on, the domains that a provider vouches for, and the emails about them."""

import re

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp
from django.core import mail
from django.db import IntegrityError, connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import sign_on as actions
from accounts.actions.members import join
from accounts.actions.secrets import renew_encryption
from accounts.domain_records import TextRecord
from accounts.errors import NotAllowed
from accounts.mail_domains import clean_domain
from accounts.models import MailDomain, Proposal, SingleSignOn
from accounts.models.audit import AuditRow, AuditValue
from accounts.roles import Job
from accounts.sign_in.encryption import Unreadable, decrypt, encrypt
from accounts.sign_in.provider_requests import discover
from tests.as_owner import overwrite
from tests.factories import make_domain, make_invitation, make_membership, make_sign_on, make_user
from tests.provider import CLIENT_ID, SECRET

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def admin(sign_in, dcc):
    return sign_in(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def second(sign_in, dcc):
    """Another administrator of the DCC."""
    return sign_in(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def by(acting, dcc):
    return acting(dcc, Job.ADMINISTRATOR)


@pytest.fixture
def first(acting, dcc):
    return acting(dcc, Job.ADMINISTRATOR).user


@pytest.fixture
def sign_on(supplier) -> SingleSignOn:
    return make_sign_on(supplier, "zephyr.example")


@pytest.fixture
def page(supplier) -> str:
    return f"/organisations/{supplier.pk}/sign-on/"


def given(provider, **changes: str) -> dict[str, str]:
    return {"issuer": provider.url, "client_id": CLIENT_ID, "secret": SECRET} | changes


def approve(second, decision: str = "approved"):
    """The answer to the decision on what waits."""
    (waiting,) = Proposal.objects.open()
    return second.submit(f"/organisations/proposals/{waiting.pk}/", {"decision": decision})


def name(organisation, provider, first, by, **changes: str) -> SingleSignOn:
    """By two people."""
    return actions.name_provider(organisation=organisation, **given(provider, **changes), named_by=first, by=by)


def kinds() -> list[str]:
    return list(AuditRow.objects.order_by("pk").exclude(kind="log_in").values_list("kind", flat=True))


# The provider


def test_provider_is_asked_and_saved_once_somebody_else_approves(admin, second, provider, page, supplier):
    answer = admin.submit(f"{page}provider/", given(provider), follow=True)

    assert answer.redirect_chain == [(page, 302)]
    assert "The provider answers, and its issuer matches. Approval requested: use " in answer.text
    assert f"Use {provider.url} (client the-portal) for single sign-on of Zephyr Energy" in answer.text
    assert not SocialApp.objects.exists()

    approve(second)
    saved = SingleSignOn.objects.get(organisation=supplier)
    assert saved.is_active
    assert (saved.named_by, saved.approved_by) == (admin.membership.user, second.membership.user)
    assert (saved.app.provider, saved.app.client_id) == ("openid_connect", CLIENT_ID)
    assert saved.app.settings["hosts"] == [provider.url.removeprefix("http://")]


def test_whoever_proposes_a_provider_does_not_approve_it(admin, provider, page):
    admin.submit(f"{page}provider/", given(provider))

    assert approve(admin).status_code == 400
    assert not SocialApp.objects.exists()


@pytest.mark.parametrize("decision", ["rejected", "approved"])
def test_proposal_forgets_the_secret_once_it_is_decided(admin, second, provider, page, decision):
    admin.submit(f"{page}provider/", given(provider))
    assert decrypt(Proposal.objects.get().secret) == SECRET

    approve(second, decision)

    assert Proposal.objects.get().secret == ""


def test_secret_of_a_proposal_under_a_forgotten_key_is_told(admin, second, provider, page):
    admin.submit(f"{page}provider/", given(provider))
    Proposal.objects.update(secret="damaged")

    answer = approve(second)

    assert answer.status_code == 400
    assert "The client secret can no longer be read. Reject this, and ask again." in answer.text


def test_page_shows_the_redirect_uri_before_and_after(admin, second, provider, page, supplier):
    before = admin.get(f"{page}provider/").text
    admin.submit(f"{page}provider/", given(provider))
    approve(second)

    callback = actions.callback_address(supplier)
    assert callback.startswith("http://127.0.0.1:8000/accounts/oidc/")
    assert callback in before
    assert callback in admin.get(page).text


def test_secret_is_in_no_page_no_mail_no_audit_and_not_readable_in_the_database(
    admin, second, provider, page, supplier
):
    make_membership(supplier, Job.ADMINISTRATOR)
    admin.submit(f"{page}provider/", given(provider))
    waiting = second.get(f"/organisations/proposals/{Proposal.objects.get().pk}/").text + all_that_is_stored()
    approve(second)
    admin.submit(f"{page}provider/", given(provider, client_id=""))

    pages = admin.get(page).text + admin.get(f"{page}provider/").text + admin.get("/audit/").text
    audited = [list(AuditRow.objects.values()), list(AuditValue.objects.values("value"))]
    assert SECRET not in waiting + pages + all_that_is_stored() + str(audited) + str([m.message() for m in mail.outbox])
    assert decrypt(SocialApp.objects.get().settings["encrypted_secret"]) == SECRET


def all_that_is_stored() -> str:
    """Of clients and proposals."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(array_agg(a::text)::text, '') FROM socialaccount_socialapp AS a"
            " UNION ALL SELECT coalesce(array_agg(p::text)::text, '') FROM accounts_proposal AS p"
        )
        return "".join(row for (row,) in cursor.fetchall())


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
        ("login zephyr", "Enter the issuer, an address that begins with https://."),
        ("http://127.0.0.1:9", "No discovery document answers at http://127.0.0.1:9/.well-known/openid-configuration"),
        ("", "Enter the issuer, an address that begins with https://."),
    ],
)
def test_issuer_that_does_not_answer_is_refused(admin, provider, page, issuer, says):
    answer = admin.submit(f"{page}provider/", given(provider, issuer=issuer))

    assert answer.status_code == 400
    assert says in answer.text
    assert not Proposal.objects.exists()


@pytest.mark.parametrize(
    "changed",
    [{"issuer": "https://l\u043egin.supplier.example"}, {"client_id": "the-p\u043ertal"}, {"client_id": "a\u200bb"}],
)
def test_letters_that_look_like_others_are_refused(admin, provider, page, changed):
    """One person would pass an own provider off as the organisation's to the person who approves it."""
    answer = admin.submit(f"{page}provider/", given(provider, **changed))

    assert answer.status_code == 400
    assert "has only ASCII characters, as others can look the same." in answer.text
    assert not Proposal.objects.exists()


def test_issuer_must_be_named_as_it_names_itself(admin, provider, page):
    answer = admin.submit(f"{page}provider/", given(provider, issuer=f"{provider.url}/"))

    assert answer.status_code == 400
    assert f"The provider names itself “{provider.url}”" in answer.text


def test_provider_with_a_trailing_slash_in_its_name_is_found(provider, supplier, first, by):
    provider.want(metadata={"issuer": f"{provider.url}/"})

    name(supplier, provider, first, by, issuer=f"{provider.url}/")

    assert SocialApp.objects.get().settings["server_url"] == f"{provider.url}/.well-known/openid-configuration"


@pytest.mark.parametrize("endpoint", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
@pytest.mark.parametrize("address", [None, "http://elsewhere.example/", "file:///etc/passwd", 7, "https://[", {}])
def test_provider_whose_endpoints_are_not_https_is_refused(admin, provider, page, endpoint, address):
    provider.want(metadata={endpoint: address})

    answer = admin.submit(f"{page}provider/", given(provider))

    assert answer.status_code == 400
    assert f"does not name a {endpoint} with https" in answer.text


def test_portal_with_tls_asks_no_provider_without(provider, first, by, supplier, settings):
    settings.PORTAL_HTTPS = True

    with pytest.raises(NotAllowed, match="does not begin with https"):
        name(supplier, provider, first, by)


def test_hosts_that_the_provider_names_are_shown(admin, provider, page, supplier, first, by):
    provider.want(metadata={"token_endpoint": "https://tokens.zephyr.example:8443/t"})
    name(supplier, provider, first, by)

    assert "tokens.zephyr.example:8443" in admin.get(page).text


def test_secret_alone_is_saved_by_one_person(admin, provider, page, supplier, first, by):
    named = name(supplier, provider, first, by)
    domain = make_domain(named, "zephyr.example")

    assert admin.submit(f"{page}provider/", given(provider, secret="another secret")).status_code == 302

    assert decrypt(SocialApp.objects.get().settings["encrypted_secret"]) == "another secret"
    assert MailDomain.objects.proven().get() == domain
    assert not Proposal.objects.exists()


def test_secret_that_can_no_longer_be_read_is_asked_for(admin, provider, page, supplier, first, by):
    named = name(supplier, provider, first, by)
    named.app.settings["encrypted_secret"] = "damaged"
    named.app.save()

    answer = admin.submit(f"{page}provider/", given(provider, secret=""))

    assert answer.status_code == 400
    assert "Enter the client secret. The one that is set can no longer be read." in answer.text


@pytest.mark.parametrize("change", ["client_id", "issuer"])
def test_secret_of_a_provider_that_was_replaced_meanwhile_is_not_saved(provider, supplier, first, by, change):
    shown = name(supplier, provider, first, by)
    changed = {"client_id": "another"} if change == "client_id" else {"issuer": local(provider)}
    provider.want(metadata=changed if change == "issuer" else {})
    name(supplier, provider, first, by, **changed)
    provider.want(metadata={})

    with pytest.raises(NotAllowed, match="has changed since you opened this page"):
        actions.renew_secret(sign_on=shown, secret="of the former", by=by)


def test_organisation_is_not_held_while_its_provider_is_asked(admin, provider, page, monkeypatch):
    """Others may change its members, codes and tokens, however long a provider takes."""
    held: list[list[str]] = []

    def slow(issuer: str) -> list[str]:
        held.append([query["sql"] for query in asked.captured_queries if " FOR NO KEY UPDATE" in query["sql"]])
        return discover(issuer)

    monkeypatch.setattr(actions, "discover", slow)
    with CaptureQueriesContext(connection) as asked:
        assert admin.submit(f"{page}provider/", given(provider)).status_code == 302

    assert held == [[]]


def local(provider) -> str:
    """The same provider under another name."""
    return provider.url.replace("127.0.0.1", "localhost")


@pytest.mark.parametrize("change", ["client_id", "issuer"])
def test_another_issuer_or_client_is_proposed(admin, second, provider, page, supplier, first, by, change):
    make_domain(name(supplier, provider, first, by), "zephyr.example")
    changed = {"client_id": "another"} if change == "client_id" else {"issuer": local(provider)}
    provider.want(metadata=changed if change == "issuer" else {})

    admin.submit(f"{page}provider/", given(provider, **changed))
    assert MailDomain.objects.proven().exists()
    shown = second.get(f"/organisations/proposals/{Proposal.objects.get().pk}/").text
    assert f"It replaces {provider.url} (client the-portal)." in shown
    approve(second)

    assert not MailDomain.objects.proven().exists()
    assert MailDomain.objects.current().exists()
    named = SingleSignOn.objects.get()
    assert {"issuer": named.issuer, "client_id": named.app.client_id}[change] == changed[change]


@pytest.mark.parametrize("change", [{"client_id": "another"}, {"issuer": "http://localhost"}])
def test_secret_goes_to_no_other_issuer_or_client(admin, provider, page, supplier, first, by, change):
    name(supplier, provider, first, by)
    if "issuer" in change:
        change = {"issuer": local(provider)}
        provider.want(metadata=change)

    answer = admin.submit(f"{page}provider/", given(provider, secret="", **change))

    assert answer.status_code == 400
    assert "Enter the client secret" in answer.text
    assert not Proposal.objects.exists()


def test_first_time_needs_a_secret(admin, provider, page):
    assert admin.submit(f"{page}provider/", given(provider, secret="")).status_code == 400
    assert not Proposal.objects.exists()


def test_same_issuer_and_client_are_not_named_twice(provider, supplier, first, by):
    name(supplier, provider, first, by)

    with pytest.raises(NotAllowed, match="already has this issuer and client"):
        name(supplier, provider, first, by)


def test_another_client_recognises_everybody_anew_and_keeps_the_redirect_uri(provider, first, by, supplier):
    saved = name(supplier, provider, first, by)
    known = {"user": make_user(), "provider": saved.app.provider_id, "uid": "1"}
    SocialAccount.objects.create(**known)
    callback = actions.callback_address(supplier)

    for client_id in ("another", CLIENT_ID):
        name(supplier, provider, first, by, client_id=client_id)

    assert not SocialAccount.objects.filter(provider=saved.app.provider_id).exists()
    assert SocialAccount.objects.get().provider.startswith(f"{saved.app.provider_id}-until-")
    assert actions.callback_address(supplier) == callback


def test_provider_ids_are_not_guessed_from_one_another(supplier, rival):
    ids = {actions.provider_id_of(organisation) for organisation in (supplier, rival)}

    assert len(ids) == 2
    assert all(re.fullmatch("[0-9a-f]{20}", number) for number in ids)


# On and off


def test_one_person_switches_off_and_two_switch_on(admin, second, sign_on, page):
    assert "signed out at their next click" in admin.get(f"{page}switch/").text
    assert SingleSignOn.objects.get().is_active

    admin.submit(f"{page}switch/", {"to": "off"})
    assert not SingleSignOn.objects.get().is_active

    assert "no longer with a password" in admin.get(f"{page}switch/").text
    admin.submit(f"{page}switch/", {"to": "on"})
    assert not SingleSignOn.objects.get().is_active
    assert approve(admin).status_code == 400
    approve(second)
    assert SingleSignOn.objects.get().is_active


def test_what_is_on_is_not_switched_on(admin, sign_on, page):
    answer = admin.submit(f"{page}switch/", {"to": "on"})

    assert answer.status_code == 400
    assert "Single sign-on of Zephyr Energy is already on." in answer.text


def test_what_is_off_is_not_switched_off_again(admin, sign_on, page):
    admin.submit(f"{page}switch/", {"to": "off"})
    noted = AuditRow.objects.count()

    answer = admin.submit(f"{page}switch/", {"to": "off"})

    assert answer.status_code == 400
    assert "Single sign-on of Zephyr Energy is already off." in answer.text
    assert AuditRow.objects.count() == noted


def test_provider_left_as_it_is_writes_nothing(admin, provider, page, supplier, first, by):
    name(supplier, provider, first, by)
    noted = AuditRow.objects.count()

    answer = admin.submit(f"{page}provider/", given(provider, secret=""))

    assert answer.status_code == 400
    assert "You have not changed anything." in answer.text
    assert AuditRow.objects.count() == noted


def test_provider_that_one_person_set_up_is_named_again_before_it_is_switched_on(
    admin, second, provider, page, supplier, first, by
):
    """As it was possible once."""
    actions.switch_off(sign_on=name(supplier, provider, first, by), by=by)
    SingleSignOn.objects.update(named_by=None, approved_by=None)
    assert "Only one person set up this provider." in admin.submit(f"{page}switch/", {"to": "on"}).text

    admin.submit(f"{page}provider/", given(provider))
    approve(second)

    assert admin.submit(f"{page}switch/", {"to": "on"}).status_code == 302


@pytest.mark.parametrize("path", ["switch/", "domains/add/"])
def test_what_was_proposed_for_one_provider_is_not_approved_for_the_next(
    admin, second, provider, page, supplier, first, by, path
):
    actions.switch_off(sign_on=name(supplier, provider, first, by), by=by)
    admin.submit(f"{page}{path}", {"to": "on", "domain": "zephyr.example"})
    name(supplier, provider, first, by, client_id="another")

    answer = approve(second)

    assert answer.status_code == 400
    assert "The provider has changed since this was requested." in answer.text


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
    assert "zodiac.example is already a domain of Zodiac Power" in answer.text


def test_domain_that_was_given_up_is_free(admin, sign_on, rival, by, page):
    actions.give_up_domain(domain=make_sign_on(rival, "zodiac.example").domains.get(), by=by)

    assert admin.submit(f"{page}domains/add/", {"domain": "zodiac.example"}).status_code == 302


def test_two_who_add_the_same_domain_at_once_are_one_too_many(sign_on, rival, first, by, monkeypatch):
    make_sign_on(rival, "zodiac.example")
    monkeypatch.setattr(MailDomain.objects, "current", MailDomain.objects.none)

    with pytest.raises(NotAllowed, match="has just added"):
        actions.add_domain(sign_on=sign_on, domain="zodiac.example", added_by=first, by=by)


def test_domain_takes_two_people(admin, second, sign_on, page):
    admin.submit(f"{page}domains/add/", {"domain": "Zephyr-Energy.example"})
    assert MailDomain.objects.count() == 1
    assert approve(admin).status_code == 400

    approve(second)

    added = MailDomain.objects.get(domain="zephyr-energy.example")
    assert (added.added_by, added.approved_by) == (admin.membership.user, second.membership.user)
    assert added.proven_at is None


# Nobody passes by the two people, whichever way an action is called


@pytest.mark.parametrize("act", ["provider", "domain", "switch"])
def test_one_person_for_both_is_refused(provider, sign_on, rival, by, act):
    acts = {
        "provider": lambda: name(rival, provider, by.user, by),
        "domain": lambda: actions.add_domain(sign_on=sign_on, domain="zephyr.test", added_by=by.user, by=by),
        "switch": lambda: actions.switch_on(sign_on=sign_on, proposed_by=by.user, by=by),
    }

    with pytest.raises(NotAllowed, match="A second DCC administrator must approve this"):
        acts[act]()


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_only_dcc_administrators_are_the_two_people(provider, rival, dcc, by, job):
    with pytest.raises(NotAllowed, match="Only administrators of the DCC"):
        name(rival, provider, make_membership(dcc, job).user, by)


@pytest.mark.parametrize("fields", [{"approved_by": None}, {"named_by": None}, {"named_by": "approved_by"}])
def test_database_switches_on_no_provider_that_one_person_named(sign_on, fields):
    given = {name: sign_on.approved_by if value else None for name, value in fields.items()}

    with pytest.raises(IntegrityError, match="sign_on_named_by_two"):
        SingleSignOn.objects.update(**given)


@pytest.mark.parametrize("fields", [{"approved_by": None}, {"added_by": None}, {"added_by": "approved_by"}])
def test_database_has_no_proof_of_a_domain_that_one_person_added(sign_on, fields):
    given = {name: sign_on.approved_by if value else None for name, value in fields.items()}

    with pytest.raises(IntegrityError, match="mail_domain_added_by_two"):
        MailDomain.objects.update(**given)


# Domains of DCC people


@pytest.mark.parametrize("who", ["member", "suspended", "invited"])
def test_domain_of_dcc_people_is_no_other_organisations(admin, sign_on, dcc, page, who):
    email = "nia@dcc.example"
    if who == "invited":
        make_invitation(dcc, email=email)
    else:
        fields = {"suspended_at": timezone.now()} if who == "suspended" else {}
        member = make_membership(dcc, Job.VIEWER, make_user("Nia", email))
        overwrite(member, **fields or {"suspended_at": None})

    answer = admin.submit(f"{page}domains/add/", {"domain": "dcc.example"})

    assert answer.status_code == 400
    assert "People of the DCC have addresses at dcc.example, so no other organisation can have it." in answer.text


def test_domain_of_somebody_who_joined_the_dcc_meanwhile_is_not_approved(admin, second, sign_on, dcc, page):
    admin.submit(f"{page}domains/add/", {"domain": "dcc.example"})
    make_membership(dcc, Job.VIEWER, make_user("Nia", "nia@dcc.example"))

    answer = approve(second)

    assert answer.status_code == 400
    assert "People of the DCC have addresses at dcc.example" in answer.text


@pytest.mark.parametrize("member", ["former", "of another", "below"])
def test_domain_of_other_people_is_free(admin, sign_on, dcc, rival, page, member):
    email = "nia@mail.dcc.example" if member == "below" else "nia@dcc.example"
    made = make_membership(rival if member == "of another" else dcc, Job.VIEWER, make_user("Nia", email))
    if member == "former":
        overwrite(made, ended_at=timezone.now())

    assert admin.submit(f"{page}domains/add/", {"domain": "dcc.example"}).status_code == 302


def test_dcc_has_the_domain_of_its_people(admin, dcc):
    make_sign_on(dcc)
    make_membership(dcc, Job.VIEWER, make_user("Nia", "nia@dcc.example"))

    answer = admin.submit(f"/organisations/{dcc.pk}/sign-on/domains/add/", {"domain": "dcc.example"})

    assert answer.status_code == 302


@pytest.mark.parametrize("proven", [True, False])
def test_nobody_in_another_organisations_domain_is_invited_to_the_dcc(admin, sign_on, proven):
    MailDomain.objects.update(proven_at=timezone.now() if proven else None)
    form = {"email": "nia@zephyr.example", "name": "Nia Newman", "job": "viewer"}

    answer = admin.submit("/organisation/members/invite/", form)

    assert answer.status_code == 400
    assert "zephyr.example is a domain of Zephyr Energy: its provider would say who this is." in answer.text


def test_nobody_in_another_organisations_domain_joins_the_dcc(supplier, dcc):
    """Invited before the other organisation had the domain."""
    nia = make_user("Nia", "nia@zephyr.example")
    make_sign_on(supplier, "zephyr.example")

    with pytest.raises(NotAllowed, match="is a domain of Zephyr Energy"):
        join(user=nia, organisation=dcc, job=Job.VIEWER)


def test_people_of_the_dccs_own_domain_join_it(dcc):
    make_sign_on(dcc, "dcc.example")

    assert join(user=make_user("Nia", "nia@dcc.example"), organisation=dcc, job=Job.VIEWER)


# The record in the DNS


@pytest.fixture
def domain(sign_on) -> MailDomain:
    return make_domain(sign_on, "zephyr-energy.example", proven_at=None)


@pytest.fixture
def record(domain) -> TextRecord:
    return TextRecord.of(domain)


def check(admin, page: str, domain: str = "zephyr-energy.example"):
    return admin.submit(f"{page}domains/{domain}/check/", follow=True)


def test_page_shows_the_record_to_add(admin, record, page):
    shown = admin.get(page).text

    assert record.name == "_smi-portal.zephyr-energy.example"
    assert f'<span class="smi-id smi-id--wrap">{record.name}</span>' in shown
    assert f'<span class="smi-id smi-id--wrap">{record.value}</span>' in shown


def test_record_that_is_found_proves_the_domain(admin, record, name_server, page):
    name_server.records[record.name] = ["of something else", record.value]

    answer = check(admin, page)

    assert "zephyr-energy.example is confirmed: now people with an address there sign in through Zephyr" in answer.text
    assert MailDomain.objects.proven().filter(domain="zephyr-energy.example").exists()
    assert record.value not in answer.text


def test_domain_is_proved_while_single_sign_on_is_off(admin, record, name_server, page):
    SingleSignOn.objects.update(is_active=False)
    name_server.records[record.name] = [record.value]

    assert "is confirmed: once single sign-on is switched on, people" in check(admin, page).text


def test_domain_is_checked_again_until_the_record_is_there(admin, record, name_server, page):
    for _ in range(2):
        answer = check(admin, page)
        assert f"There is no TXT record at {record.name} yet." in answer.text
        assert "Nothing has been changed." in answer.text
    name_server.records[record.name] = [record.value]

    assert "is confirmed" in check(admin, page).text


def test_proof_for_one_provider_is_none_for_the_next(admin, provider, name_server, supplier, first, by, page):
    domain = make_domain(name(supplier, provider, first, by), "zephyr-energy.example", proven_at=None)
    former = TextRecord.of(domain)
    name_server.records[former.name] = [former.value]
    check(admin, page)
    assert MailDomain.objects.proven().exists()

    name(supplier, provider, first, by, client_id="another")

    assert f"The TXT record at {former.name} says" in check(admin, page).text
    assert not MailDomain.objects.proven().exists()


def test_proof_while_the_provider_changes_is_none(provider, name_server, supplier, first, by):
    """The page was read for the former one."""
    domain = make_domain(name(supplier, provider, first, by), "zephyr-energy.example", proven_at=None)
    read = MailDomain.objects.select_related("single_sign_on__app").get(pk=domain.pk)
    name_server.records[TextRecord.of(read).name] = [TextRecord.of(read).value]
    name(supplier, provider, first, by, client_id="another")

    with pytest.raises(NotAllowed, match="has changed since you opened this page"):
        actions.prove_domain(domain=read, by=by)


def test_proven_domain_is_not_proved_again(admin, sign_on, name_server, page):
    record = TextRecord.of(sign_on.domains.get())
    name_server.records[record.name] = [record.value]

    assert "has already been confirmed. Nothing has been changed." in check(admin, page, "zephyr.example").text


@pytest.mark.parametrize("act", ["check", "give-up"])
def test_domain_that_cannot_be_one_is_not_found(admin, sign_on, page, act):
    assert admin.submit(f"{page}domains/%00/{act}/").status_code == 404


def test_domain_is_given_up_after_a_page_that_says_what_follows(admin, sign_on, page):
    path = f"{page}domains/zephyr.example/give-up/"
    assert "no longer vouch for anyone at zephyr.example" in admin.get(path).text

    admin.submit(path)

    assert not MailDomain.objects.current().exists()
    assert admin.get(path).status_code == 404


def test_domain_given_up_in_the_meantime_is_told(domain, record, name_server, by):
    name_server.records[record.name] = [record.value]
    actions.give_up_domain(domain=domain, by=by)

    for act in (actions.give_up_domain, actions.prove_domain):
        with pytest.raises(NotAllowed, match="removed since you opened this page"):
            act(domain=domain, by=by)


@pytest.mark.parametrize("path", ["provider/", "switch/", "domains/add/", "domains/zephyr.example/give-up/"])
def test_form_that_does_not_say_for_whom_is_refused(admin, sign_on, page, path):
    assert admin.post(f"{page}{path}").status_code == 400
    assert SingleSignOn.objects.get().is_active
    assert MailDomain.objects.current().exists()


@pytest.mark.parametrize("path", ["provider/", "switch/", "domains/add/", "domains/zephyr.example/give-up/"])
def test_what_changes_something_asks_who_it_is_again(admin, sign_on, page, path):
    admin.membership.user.set_password("quite a long password")
    admin.membership.user.save(update_fields=["password"])
    admin.force_login(admin.membership.user)
    admin.prove_identity()
    session = admin.session
    session["account_authentication_methods"][0]["at"] -= 3600
    session.save()

    assert admin.get(f"{page}{path}").url.startswith("/accounts/reauthenticate/?next=")


def test_organisations_page_leads_here(admin, sign_on, supplier, page):
    assert f'href="{page}"' in admin.get(f"/organisations/{supplier.pk}/").text


# Who learns of it


def test_each_change_stands_in_the_organisations_audit_trail(
    admin, second, provider, name_server, supplier, page, sign_in
):
    admin.submit(f"{page}provider/", given(provider))
    approve(second)
    admin.submit(f"{page}domains/add/", {"domain": "zephyr-energy.example"})
    approve(second)
    record = TextRecord.of(MailDomain.objects.get())
    name_server.records[record.name] = [record.value]
    check(admin, page)
    admin.submit(f"{page}domains/zephyr-energy.example/give-up/")
    admin.submit(f"{page}switch/", {"to": "off"})

    two = ["proposed", "decided"]
    expected = [*two, "sign_on_changed", *two, "domain_added", "domain_proven", "domain_given_up", "sign_on_changed"]
    assert kinds() == expected
    assert set(AuditRow.objects.exclude(kind="log_in").values_list("organisation_id", flat=True)) == {supplier.pk}
    trail = sign_in(supplier, Job.ADMINISTRATOR).get("/audit/").text
    assert "requested approval to use a provider for single sign-on of Zephyr Energy" in trail
    assert "changed single sign-on of Zephyr Energy: issuer, client ID and client secret" in trail
    assert "switched off single sign-on of Zephyr Energy" in trail
    assert "confirmed the email domain zephyr-energy.example of Zephyr Energy by its DNS record" in trail


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
    assert "Single sign-on of Zephyr Energy on the SMI portal: its settings have been changed." in mail.outbox[0].body


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


def test_secret_of_an_open_proposal_is_renewed_with_the_others(admin, provider, page, settings):
    admin.submit(f"{page}provider/", given(provider))
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another key"

    assert renew_encryption() == 1

    settings.SECRET_KEY_FALLBACKS = []
    assert decrypt(Proposal.objects.get().secret) == SECRET
