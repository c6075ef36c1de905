"""One administrator of the DCC is never two: no sequence of pages gives them a session, a membership or an approval of
somebody else, with a provider of their own, DNS that says what they like, and an account of their own beside.

The provider is a real one in a process of its own (tests/oidc_provider). By its honest name it is the DCC's; by its
other name it is the administrator's, and says what they want it to say.
"""

import random
import re
from collections.abc import Callable, Iterator
from datetime import date

import pytest
from django.core import mail
from django.test import Client

from accounts.actions import sign_on as actions
from accounts.domain_records import TextRecord
from accounts.models import Binding, MailDomain, Membership, Organisation, Proposal, Session, SingleSignOn, User
from accounts.roles import Job, Role
from accounts.sign_in.provider_requests import host_of
from tests.accounts.test_single_sign_on import back, set_up
from tests.conftest import Browser
from tests.dns_server import NameServer
from tests.drills import sized
from tests.factories import make_domain, make_membership, make_organisation, make_participant, make_user
from tests.provider import CLIENT_ID, SECRET, Provider
from tests.scopes import as_nobody

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
PASSWORD = "four-green-kettles"
OWN = "ada@zephyr.example"  # how the administrator signs in at the provider of their own
BESIDE = "ada@own.example"  # a second account of theirs, whose mail they read
SECOND = "second@dcc.example"
INVITATION = re.compile(r"http://\S+(/accounts/invitation/\S+/)")


class Somebody:
    """A DCC administrator who tries to be two people. Each move is what one can do on pages; most are refused."""

    def __init__(self, dcc: Organisation, provider: Provider, name_server: NameServer) -> None:
        self.dcc, self.provider, self.name_server = dcc, provider, name_server
        self.browser = Browser(make_membership(dcc, Job.ADMINISTRATOR, make_user("First", "first@dcc.example")))
        self.second = make_membership(dcc, Job.ADMINISTRATOR, make_user("Second", SECOND, PASSWORD))
        self.partner = make_organisation("Zenobia Power", Role.SUPPLIER)
        make_membership(self.partner, Job.ADMINISTRATOR, make_user("Zoe", "zoe@zenobia.example"))
        make_participant("ZNEW", role=Role.SUPPLIER)
        self.accounts = [self.browser]
        ids = [actions.provider_id_of(organisation) for organisation in (dcc, self.partner)]
        self.callbacks = [f"http://testserver/accounts/oidc/{number}/login/callback/" for number in ids]
        provider.accept(*self.callbacks)

    @property
    def issuer(self) -> str:
        """The name under which the provider is theirs."""
        return self.provider.url.replace("127.0.0.1", "localhost")

    @property
    def organisations(self) -> list[Organisation]:
        return list(Organisation.objects.order_by("pk"))

    # Moves

    def name_own_provider(self) -> None:
        self.provider.want(metadata={"issuer": self.issuer})
        self._name(issuer=self.issuer, client_id=CLIENT_ID, secret=SECRET)
        self.provider.want(metadata={})

    def name_another_client(self) -> None:
        for client_id in ("another", CLIENT_ID):
            self._name(issuer=self.provider.url, client_id=client_id, secret=SECRET)

    def set_another_secret(self) -> None:
        for organisation in self.organisations:
            found = SingleSignOn.objects.select_related("app").filter(organisation=organisation).first()
            if found:
                given = {"issuer": found.issuer, "client_id": found.app.client_id, "secret": SECRET}
                self.browser.submit(f"/organisations/{organisation.pk}/sign-on/provider/", given)

    def _name(self, **given: str) -> None:
        for organisation in self.organisations:
            self.browser.submit(f"/organisations/{organisation.pk}/sign-on/provider/", given)

    def add_domains(self) -> None:
        for organisation in self.organisations:
            for domain in ("dcc.example", "own.example", "zenobia.example"):
                self.browser.submit(f"/organisations/{organisation.pk}/sign-on/domains/add/", {"domain": domain})

    def prove_domains(self) -> None:
        """Of own.example they set the records; those of others they only check."""
        for domain in MailDomain.objects.current().select_related("single_sign_on__app"):
            if domain.domain == "own.example":
                record = TextRecord.of(domain)
                self.name_server.records[record.name] = [record.value]
            path = f"/organisations/{domain.single_sign_on.organisation_id}/sign-on/domains/{domain}/check/"
            self.browser.submit(path)

    def switch_off(self) -> None:
        for organisation in self.organisations:
            self.browser.submit(f"/organisations/{organisation.pk}/sign-on/switch/", {"to": "off"})

    def switch_on(self) -> None:
        for organisation in self.organisations:
            self.browser.submit(f"/organisations/{organisation.pk}/sign-on/switch/", {"to": "on"})

    def give_domains_up(self) -> None:
        for domain in MailDomain.objects.current().select_related("single_sign_on"):
            path = f"/organisations/{domain.single_sign_on.organisation_id}/sign-on/domains/{domain}/give-up/"
            self.browser.submit(path)

    def propose_what_takes_two(self) -> None:
        bind = {"fuel": "E", "code": "ZNEW", "valid_from": date.today().strftime("%d/%m/%Y")}
        self.browser.submit(f"/organisations/{self.partner.pk}/bind/", bind)
        for organisation in self.organisations:
            whom = {"email": BESIDE, "name": "Ada Beside"}
            self.browser.submit(f"/organisations/{organisation.pk}/appoint/", whom)
        raised = {"job": "administrator", "job_shown": "editor"}
        for member in Membership.objects.filter(organisation=self.dcc, job=Job.EDITOR):
            self.browser.submit(f"/organisation/members/{member.pk}/", raised)
        self.browser.submit(f"/organisation/members/{self.second.pk}/end/")
        self.browser.submit(f"/organisation/members/{self.second.pk}/", {"job": "viewer", "job_shown": "administrator"})

    def approve_everything(self) -> None:
        """As whoever they are, and for whomever a form can say."""
        for account in self.accounts:
            for proposal in Proposal.objects.open():
                for acting in (account.membership.pk, self.second.pk):
                    given = {"decision": "approved", "acting": acting}
                    account.post(f"/organisations/proposals/{proposal.pk}/", given)

    def act_as_the_second(self) -> None:
        self.browser.post("/accounts/acting/", {"membership": self.second.pk})

    def reset_factors_of_the_second(self) -> None:
        reason = {"reason": "lost the phone"}
        self.browser.submit(f"/organisation/members/{self.second.pk}/reset-factors/", reason)
        self.browser.submit(f"/organisations/{self.dcc.pk}/reset-factors/", reason | {"email": SECOND})

    def reset_the_password_of_the_second(self) -> None:
        """The email with the link goes to the second administrator, whose mail they do not read."""
        Client().post("/accounts/password/reset/", {"email": SECOND})

    def invite_themselves(self) -> None:
        """To the DCC, with another address of theirs; where the email arrives, they accept."""
        mail.outbox.clear()
        form = {"email": BESIDE, "name": "Ada Beside", "job": "editor"}
        self.browser.submit("/organisation/members/invite/", form)
        self._accept()

    def invite_the_second(self) -> None:
        for job in ("viewer", "administrator"):
            form = {"email": SECOND, "name": "Second", "job": job}
            self.browser.submit("/organisation/members/invite/", form)

    def _accept(self) -> None:
        links = [INVITATION.search(m.body)[1] for m in mail.outbox if m.to == [BESIDE] and INVITATION.search(m.body)]
        for link in links:
            Client().post(link, {"name": "Ada Beside", "password": PASSWORD})
        if beside := Membership.objects.filter(user__email=BESIDE, organisation=self.dcc).first():
            self.accounts = [self.browser, Browser(beside)]

    def bring_a_token(self) -> None:
        form = {"name": f"Own {random.random()}", "job": "editor", "days": "90"}
        secret = re.search(r"smi_[\w-]{20,}", self.browser.submit("/organisation/tokens/add/", form).text)
        for proposal in Proposal.objects.open():
            header = {"HTTP_AUTHORIZATION": f"Bearer {secret[0] if secret else ''}"}
            Client().post(f"/organisations/proposals/{proposal.pk}/", {"decision": "approved"}, **header)

    def come_as_others(self) -> None:
        """Through every provider, the own one saying that it is them; and with passwords that they guess."""
        for email in (SECOND, "zoe@zenobia.example"):
            Client().post("/accounts/login/", {"login": email, "password": "guessed it perhaps"})
            for sign_on in SingleSignOn.objects.select_related("app"):
                self.come_as(email, sign_on)

    def come_as(self, email: str, sign_on: SingleSignOn) -> Client:
        client = Client()
        self.provider.want(claims={OWN: {"email": email}})
        with as_nobody():
            onward = client.get(f"/accounts/oidc/{sign_on.app.provider_id}/login/")
        if onward.status_code == 302 and host_of(onward.url) == host_of(self.issuer):
            back(client, self.provider.sign_in(onward.url, OWN))
        self.provider.want(claims={})
        return client


MOVES = [
    name for name, made in vars(Somebody).items() if not name.startswith("_") and isinstance(made, Callable)
]  # in the order of the class
MOVES.remove("come_as")


def standing() -> dict[str, object]:
    """All that could be got from somebody else, but for memberships of the account beside."""
    others = Membership.objects.exclude(user__email=BESIDE)
    return {
        "memberships": list(others.order_by("pk").values("pk", "user", "organisation", "job", "ended_at")),
        "beside": set(Membership.objects.filter(user__email=BESIDE).values_list("job", flat=True)) - {"editor"},
        "sessions": list(Session.objects.filter(user__email__in=[SECOND, "zoe@zenobia.example"])),
        "approved": list(Proposal.objects.filter(decision="approved")),
        "bound": list(Binding.objects.all()),
        "providers": list(SingleSignOn.objects.order_by("pk").values("organisation", "app__client_id", "named_by")),
        "must_enrol": list(User.objects.filter(must_enrol=True)),
    }


@pytest.fixture
def somebody(dcc, provider, name_server) -> Iterator[Somebody]:
    yield Somebody(dcc, provider, name_server)
    provider.want(claims={}, metadata={})


@pytest.fixture
def with_provider(somebody, dcc, provider, acting) -> SingleSignOn:
    """The DCC signs in through its provider, which two others set up."""
    named = set_up(dcc, provider, acting(dcc, Job.ADMINISTRATOR), "dcc.example")
    provider.accept(*somebody.callbacks)
    return named


@pytest.mark.parametrize("move", MOVES)
def test_no_move_and_its_approval_gets_anything_of_another(somebody, with_provider, move):
    before = standing()

    for step in (move, "prove_domains", "approve_everything", "come_as_others"):
        getattr(somebody, step)()
        assert standing() == before, step


@pytest.mark.parametrize("has_provider", [True, False])
@pytest.mark.parametrize("seed", range(sized(2, 60)))
def test_no_sequence_of_moves_gets_anything_of_another(somebody, request, has_provider, seed):
    if has_provider:
        request.getfixturevalue("with_provider")
    before, moves = standing(), random.Random(seed).sample(MOVES, len(MOVES))

    for number, move in enumerate(moves):
        getattr(somebody, move)()
        assert standing() == before, moves[: number + 1]


def test_script_that_was_two_people(somebody, with_provider):
    """Provider of the DCC's with a proven domain; its issuer changed by one; the second administrator of its saying."""
    before = standing()
    somebody.name_own_provider()

    came = somebody.come_as(SECOND, with_provider)
    somebody.propose_what_takes_two()
    for proposal in Proposal.objects.open():
        came.post(f"/organisations/proposals/{proposal.pk}/", {"decision": "approved", "acting": somebody.second.pk})

    assert "_auth_user_id" not in came.session
    assert standing() == before


def test_provider_of_another_organisation_says_nothing_of_dcc_people(somebody, with_provider, acting, dcc):
    """Even one that two people have set up, for a domain whose DNS is theirs."""
    somebody.provider.want(metadata={"issuer": somebody.issuer})
    by, first = acting(dcc, Job.ADMINISTRATOR), acting(dcc, Job.ADMINISTRATOR).user
    given = {"issuer": somebody.issuer, "client_id": CLIENT_ID, "secret": SECRET}
    own = actions.name_provider(organisation=somebody.partner, **given, named_by=first, by=by)
    somebody.provider.want(metadata={})
    make_domain(own, "own.example")
    before = standing()

    for move in ("invite_themselves", "add_domains", "prove_domains", "approve_everything", "come_as_others"):
        getattr(somebody, move)()
        assert standing() == before, move
    assert not Membership.objects.filter(user__email=BESIDE).exists()


def test_what_two_people_approve_is_done(somebody, dcc):
    """The same moves and a second administrator in person: so they fail above for want of one, and of nothing else."""
    second = Browser(somebody.second)

    somebody.name_own_provider()
    for proposal in Proposal.objects.open():
        second.submit(f"/organisations/proposals/{proposal.pk}/", {"decision": "approved"})
    somebody.add_domains()
    for proposal in Proposal.objects.open():
        second.submit(f"/organisations/proposals/{proposal.pk}/", {"decision": "approved"})
    sign_on = SingleSignOn.objects.get(organisation=dcc)
    record = TextRecord.of(sign_on.domains.get(domain="dcc.example"))
    somebody.name_server.records[record.name] = [record.value]
    somebody.prove_domains()
    somebody.provider.want(metadata={"issuer": somebody.issuer})

    came = somebody.come_as(SECOND, sign_on)

    assert came.session["_auth_user_id"] == str(somebody.second.user_id)
