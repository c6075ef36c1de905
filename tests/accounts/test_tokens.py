"""API tokens: their form, who can create and revoke which, and which ones the API accepts."""

import json
import logging
import re
from datetime import timedelta
from ipaddress import ip_network

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.acting import Acting, Origin, scope
from accounts.actions import change_job
from accounts.actions.tokens import MOST, make_token, revoke_token, revoke_tokens_made_by
from accounts.errors import NotAllowed
from accounts.models import Membership, Organisation, ServiceToken
from accounts.models.audit import AuditRow, AuditValue
from accounts.roles import Job
from accounts.sign_in import tokens
from accounts.sign_in.networks import lies_within, parse_networks
from accounts.sign_in.tokens import hash_of, is_well_formed, new_secret
from inventory.models import Device
from tests.as_owner import overwrite
from tests.conftest import System
from tests.factories import make_device, make_membership, make_organisation, make_user
from tests.factories import make_token as given_token
from tests.scopes import become_operator

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


# How one looks


def test_token_has_a_mark_a_secret_and_a_checksum():
    assert re.fullmatch(r"smi_[A-Za-z0-9_-]{43}[0-9a-f]{8}", new_secret())
    assert len({new_secret() for _ in range(100)}) == 100


def test_well_formed_is_what_was_made():
    assert all(is_well_formed(new_secret()) for _ in range(50))


@given(st.integers(0, 54), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_known_without_the_database(place, character):
    secret = new_secret()

    slip = secret[:place] + character + secret[place + 1 :]

    assert is_well_formed(slip) == (slip == secret)


@given(st.text(max_size=80))
def test_any_other_text_is_not_well_formed(text):
    assert not is_well_formed(text)


@pytest.mark.parametrize(
    "change", [str.upper, lambda s: s + "\n", lambda s: " " + s, lambda s: s[:-1], lambda s: s * 2]
)
def test_nearly_a_token_is_none(change):
    assert not is_well_formed(change(new_secret()))


# Networks


@pytest.mark.parametrize(
    ("text", "networks"),
    [
        ("", []),
        ("192.0.2.0/24", ["192.0.2.0/24"]),
        ("192.0.2.7", ["192.0.2.7/32"]),
        ("2001:DB8:0::/32", ["2001:db8::/32"]),
        ("2001:db8::1", ["2001:db8::1/128"]),
        ("192.0.2.0/255.255.255.0", ["192.0.2.0/24"]),
        (" 192.0.2.0/24\r\n198.51.100.7, ::1;192.0.2.0/24 ", ["192.0.2.0/24", "198.51.100.7/32", "::1/128"]),
    ],
)
def test_networks_are_read_in_canonical_form_and_once(text, networks):
    assert parse_networks(text) == networks


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("office", "“office” is not a network in CIDR notation"),
        ("192.0.2.0/33", "is not a network"),
        ("192.0.2.256", "is not a network"),
        ("010.0.0.1", "is not a network"),
        ("2001:db8::/129", "is not a network"),
        ("192.0.2.7/24", "Do you mean 192.0.2.0/24, or 192.0.2.7 alone?"),
        ("2001:db8::1/32", "Do you mean 2001:db8::/32, or 2001:db8::1 alone?"),
        ("0.0.0.0/0", "allows every address"),
        ("::/0", "allows every address"),
        ("::ffff:192.0.2.7", "stands for IPv4 addresses"),
        (" ".join(f"192.0.2.{n}" for n in range(21)), "You entered 21 networks"),
        ("192.0.2.0/24'; DROP TABLE x", "is not a network"),
    ],
)
def test_what_is_no_network_is_refused_with_a_sentence(text, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        parse_networks(text)


@given(st.ip_addresses())
def test_every_network_that_is_read_is_read_again_and_fits_its_column(address):
    (network,) = parse_networks(str(address)) if getattr(address, "ipv4_mapped", None) is None else ("192.0.2.0/24",)

    assert parse_networks(network) == [network]
    assert len(network) <= 43
    assert str(ip_network(network)) == network


@pytest.mark.parametrize(
    ("address", "lies"),
    [
        ("192.0.2.0", True),
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.9", True),
        ("::ffff:192.0.3.9", False),
        ("2001:db8:ffff::1", True),
        ("2001:db9::1", False),
        ("::c000:0209", False),
        ("", False),
        ("unix", False),
    ],
)
def test_address_lies_in_a_network_of_its_version(address, lies):
    assert lies_within(address, ["192.0.2.0/24", "2001:db8::/32"]) is lies


# Making

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]


@pytest.fixture
def ada(supplier) -> Acting:
    return Acting.under(make_membership(supplier, Job.ADMINISTRATOR, make_user("Ada Pemberton")))


def refusal_of(**asked: object) -> tuple[str | None, str]:
    with pytest.raises(NotAllowed) as refused:
        make_token(**{"name": "Asset register", "job": Job.VIEWER} | asked)
    return refused.value.field, str(refused.value)


def test_token_is_kept_as_its_hash_and_first_characters(ada, supplier):
    before = timezone.now()

    token, secret = make_token(name=" Asset  register ", job=Job.EDITOR, networks=["192.0.2.0/24"], by=ada)

    token.refresh_from_db()
    assert is_well_formed(secret)
    assert (token.secret_hash, token.prefix) == (hash_of(secret), secret[:12])
    assert (token.name, token.job, token.networks) == ("Asset register", Job.EDITOR, ["192.0.2.0/24"])
    assert (token.organisation, token.created_by) == (supplier, ada.user)
    assert timedelta(days=90) <= token.expires_at - before < timedelta(days=90, minutes=1)
    assert (token.last_used_at, token.revoked_at, token.warned_at) == (None, None, None)


def test_secret_stands_nowhere_in_the_database(ada, client):
    _, secret = make_token(name="Asset register", job=Job.VIEWER, by=ada)
    client.get("/api/v1/devices/x/", headers={"Authorization": f"Bearer {secret}"})

    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [name for (name,) in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s', [f"%{secret[12:47]}%"])
            assert cursor.fetchone() == (0,), table


@pytest.mark.parametrize("days", [1, 365])
def test_token_is_valid_for_a_day_or_a_year_at_most(ada, days):
    token, _ = make_token(name="Asset register", job=Job.VIEWER, days=days, by=ada)

    assert token.expires_at - token.created_at == timedelta(days=days)


@pytest.mark.parametrize("days", [-1, 0, 366, 10**9])
def test_other_lengths_are_refused(ada, days):
    assert refusal_of(days=days, by=ada) == ("days", f"Enter a number of days from 1 to 365, not {days}.")


def test_administrator_is_no_job_for_a_system(ada):
    assert refusal_of(job=Job.ADMINISTRATOR, by=ada)[0] == "job"


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_job_is_never_above_the_makers_own(acting, supplier, job):
    viewer = acting(supplier, Job.VIEWER)

    field, sentence = refusal_of(job=job, by=viewer)

    assert (field == "job") is (job == Job.EDITOR)
    assert sentence.startswith("You are a Viewer, so you cannot" if job == Job.EDITOR else "Only an administrator")


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "a\u200bb", "x" * 121])
def test_bad_name_is_refused(ada, name):
    assert refusal_of(name=name, by=ada)[0] == "name"


def test_bad_network_is_refused_by_the_action_too(ada):
    assert refusal_of(networks=["192.0.2.7/24"], by=ada)[0] == "networks"


def test_name_of_another_token_is_refused_until_that_is_revoked(ada, rival):
    given_token(rival, name="Asset register")
    token, _ = make_token(name="Asset register", job=Job.VIEWER, by=ada)

    assert refusal_of(by=ada)[0] == "name"
    revoke_token(token=token, by=ada)

    assert make_token(name="Asset register", job=Job.VIEWER, by=ada)[0].pk != token.pk


def test_organisation_has_so_many_tokens_at_most(ada, supplier, rival):
    for _ in range(MOST):
        given_token(supplier)
    assert "at most 50" in refusal_of(by=ada)[1]

    ServiceToken.objects.of(supplier).filter(pk=ServiceToken.objects.first().pk).update(revoked_at=timezone.now())

    assert make_token(name="Asset register", job=Job.VIEWER, by=ada)


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
def test_others_than_administrators_make_none(acting, supplier, job):
    assert "Only an administrator" in refusal_of(by=acting(supplier, job))[1]
    assert not ServiceToken.objects.exists()


def test_who_has_lost_the_job_meanwhile_neither_makes_nor_revokes(ada, supplier, acting):
    token = given_token(supplier)
    change_job(
        membership=Membership.objects.get(pk=ada.membership_id), job=Job.EDITOR, by=acting(supplier, Job.ADMINISTRATOR)
    )

    assert "Only an administrator" in refusal_of(by=ada)[1]
    with pytest.raises(NotAllowed, match="Only an administrator"):
        revoke_token(token=token, by=ada)


def test_system_and_command_make_none(supplier, ada):
    system = Acting.by_token(given_token(supplier, Job.EDITOR), Origin("api"))

    assert "Only an administrator" in refusal_of(by=system)[1]
    assert "Only a person can create" in refusal_of(by=Acting(supplier, Job.ADMINISTRATOR))[1]


def test_making_and_revoking_stand_in_the_trail_with_the_name_beside_the_row(ada, supplier):
    token, _ = make_token(name="Asset register", job=Job.EDITOR, by=ada)
    revoke_token(token=token, by=ada)

    revoked, made = AuditRow.objects.all()[:2]
    assert (made.kind, revoked.kind) == ("token_made", "token_revoked")
    assert made.details == {"token": token.pk, "job": "editor", "days": 90}
    assert revoked.details == {"token": token.pk}
    assert {made.person_id, revoked.person_id} == {ada.user.pk}
    assert (
        list(AuditValue.objects.filter(row__in=[made, revoked]).values_list("name", "value"))
        == [("name", "Asset register")] * 2
    )
    assert "Asset register" not in json.dumps([made.details, revoked.details])


# Revoking


def test_revoking_twice_revokes_once(ada, supplier):
    token = given_token(supplier)

    assert revoke_token(token=token, by=ada) is True
    assert revoke_token(token=token, by=ada) is False
    assert AuditRow.objects.filter(kind="token_revoked").count() == 1


def test_token_of_another_organisation_cannot_be_revoked(ada, rival):
    token = given_token(rival)

    with pytest.raises(NotAllowed, match="not an API token of Zephyr Energy"):
        revoke_token(token=token, by=ada)

    token.refresh_from_db()
    assert token.revoked_at is None


def test_leavers_tokens_end_and_no_others(ada, supplier, rival):
    leaver = make_user()
    own = [given_token(supplier, created_by=leaver) for _ in range(2)]
    given_token(supplier, created_by=leaver, revoked_at=timezone.now())
    others = [given_token(supplier), given_token(rival, created_by=leaver)]

    assert revoke_tokens_made_by(user=leaver, organisation=supplier, by=ada) == 2

    assert [System(token).get("/api/v1/devices/x/").status_code for token in own] == [401, 401]
    assert [System(token).get("/api/v1/devices/x/").status_code for token in others] == [404, 404]
    assert AuditRow.objects.filter(kind="token_revoked", person_id=ada.user.pk).count() == 2


def test_operator_ends_a_leavers_tokens_for_their_organisation_to_see(supplier):
    token = given_token(supplier)

    revoke_tokens_made_by(user=token.created_by, organisation=supplier, by=None)

    row = AuditRow.objects.get(kind="token_revoked")
    assert (row.organisation_id, row.person_id, row.via) == (supplier.pk, None, "command")


# The door


@pytest.fixture
def device(supplier) -> Device:
    return make_device("ZEPH")


@pytest.fixture
def address(device) -> str:
    return f"/api/v1/devices/{device}/"


def answer_to(client, address: str, header: str, **extra: str):
    return client.get(address, headers={"Authorization": header}, **extra)


def test_scheme_is_taken_in_any_case(client, address, supplier):
    secret = given_token(supplier).secret

    assert answer_to(client, address, f"bearer {secret}").status_code == 200
    assert answer_to(client, address, f"BEARER  {secret} ").status_code == 200


NO_TOKENS = [
    "", "Bearer", "Bearer ", "Bearer x", "Basic dXNlcjpwYXNz", "Token {}", "{}", "Bearer {}x", "Bearer {} {}",
    "Bearer\t{}", "Bearer smi_", "Bearer é", "Bearer {},Bearer {}", "Bearer " + "x" * 5000,
]  # fmt: skip


@pytest.mark.parametrize("header", NO_TOKENS)
def test_what_is_no_token_is_refused_without_asking_the_database(client, address, supplier, header):
    header = header.replace("{}", given_token(supplier).secret)

    with CaptureQueriesContext(connection) as queries:
        answer = answer_to(client, address, header)

    assert answer.status_code == 401
    assert not [query for query in queries if "servicetoken" in query["sql"]]


def closed(supplier: Organisation) -> dict[str, ServiceToken]:
    """Tokens that open nothing, by the reason."""
    now = timezone.now()
    stopped = make_organisation("Zonda Supply")
    overwrite(stopped, is_active=False)
    return {
        "revoked": given_token(supplier, revoked_at=now),
        "expired": given_token(supplier, created_at=now - timedelta(days=9), expires_at=now),
        "inactive": given_token(stopped),
        "network": given_token(supplier, networks=["192.0.2.0/24", "2001:db8::/32"]),
        "both": given_token(supplier, networks=["192.0.2.0/24"], revoked_at=now),
    }


def test_every_refusal_is_the_same_answer(client, address, supplier):
    headers = ["", "Bearer nonsense", f"Bearer {new_secret()}"]
    headers += [f"Bearer {token.secret}" for token in closed(supplier).values()]

    answers = [client.get(address), *(answer_to(client, address, header) for header in headers)]

    def said(answer) -> tuple[object, ...]:
        kept = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
        return answer.status_code, kept, answer.json() | {"reference": ""}

    assert {answer.status_code for answer in answers} == {401}
    assert all(said(answer) == said(answers[0]) for answer in answers)
    assert answers[0].headers["WWW-Authenticate"] == "Bearer"


def test_every_refusal_of_a_token_takes_the_same_work(client, address, supplier):
    """But for the first on a day from an address, which is noted."""
    secrets = [new_secret(), *(token.secret for token in closed(supplier).values())]
    costs = []
    for secret in secrets:
        answer_to(client, address, f"Bearer {secret}")
        with CaptureQueriesContext(connection) as queries:
            answer_to(client, address, f"Bearer {secret}")
        asked = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
        costs.append([re.sub(r"'[0-9a-f]{64}'", "", statement) for statement in asked])

    assert len(costs[0]) == 1
    assert all(cost == costs[0] for cost in costs)


def test_refused_reads_nothing_whatever_it_asks_for(client, address, supplier):
    for token in closed(supplier).values():
        answer_to(client, address, f"Bearer {token.secret}")
        token.refresh_from_db()
        assert token.last_used_at is None

    assert not AuditRow.objects.filter(kind="device_read").exists()


@pytest.mark.parametrize("from_where", ["192.0.2.77", "2001:db8:1::7", "::ffff:192.0.2.3"])
def test_token_opens_from_its_networks(client, address, supplier, from_where):
    token = given_token(supplier, networks=["192.0.2.0/24", "2001:db8::/32"])

    assert answer_to(client, address, f"Bearer {token.secret}", REMOTE_ADDR=from_where).status_code == 200


@pytest.mark.parametrize("from_where", ["192.0.3.1", "2001:db9::1", "", "127.0.0.1"])
def test_token_opens_from_no_other_network(client, address, supplier, from_where):
    token = given_token(supplier, networks=["192.0.2.0/24", "2001:db8::/32"])

    assert answer_to(client, address, f"Bearer {token.secret}", REMOTE_ADDR=from_where).status_code == 401


def test_header_that_a_client_makes_up_is_not_its_address(client, address, supplier):
    token = given_token(supplier, networks=["192.0.2.0/24"])
    lies = {"X-Forwarded-For": "192.0.2.1", "X-Real-IP": "192.0.2.1", "Forwarded": "for=192.0.2.1"}

    answer = client.get(address, headers={"Authorization": f"Bearer {token.secret}"} | lies)

    assert answer.status_code == 401


@pytest.mark.parametrize("path", ["/devices/", "/", "/organisation/tokens/", "/audit/", "/health/live"])
def test_token_opens_no_page(supplier, path):
    answer = System(given_token(supplier, Job.EDITOR)).get(path)

    assert answer.status_code == (200 if path == "/health/live" else 302)


def test_token_beside_a_session_changes_nothing_on_pages(sign_in, supplier, rival):
    browser = sign_in(supplier)

    answer = browser.get("/devices/", headers={"Authorization": f"Bearer {given_token(rival).secret}"})

    assert answer.status_code == 200
    assert answer.context["acting"].organisation == supplier


def test_end_of_an_organisation_ends_its_tokens_at_the_next_call(address, supplier):
    system = System(given_token(supplier))
    assert system.get(address).status_code == 200

    overwrite(supplier, is_active=False)

    assert system.get(address).status_code == 401


def test_revoked_token_is_refused_at_the_next_call(address, supplier, ada):
    token = given_token(supplier)
    system = System(token)
    assert system.get(address).status_code == 200

    revoke_token(token=token, by=ada)

    assert system.get(address).status_code == 401


def test_token_acts_in_its_job_and_for_its_organisation_alone(supplier):
    request = RequestFactory().get("/api/v1/", headers={"Authorization": f"Bearer {given_token(supplier).secret}"})

    who = tokens.authenticate(request)

    assert (who.organisation, who.job, who.user, who.membership_id) == (supplier, Job.VIEWER, None, None)
    assert (who.origin.via, who.origin.address) == ("api", "127.0.0.1")


# What is kept of its use


def test_last_use_is_written_at_most_once_a_minute(address, supplier):
    token = given_token(supplier)
    system = System(token)
    system.get(address)
    token.refresh_from_db()
    first = token.last_used_at

    with CaptureQueriesContext(connection) as queries:
        system.get(address)
    token.refresh_from_db()

    assert timezone.now() - first < timedelta(minutes=1)
    assert token.last_used_at == first
    assert not [query for query in queries if query["sql"].startswith("UPDATE")]


def test_last_use_is_written_again_after_a_minute(address, supplier):
    long_ago = timezone.now() - timedelta(minutes=1)
    token = given_token(supplier, last_used_at=long_ago)

    System(token).get(address)

    token.refresh_from_db()
    assert token.last_used_at > long_ago


def test_use_stands_in_the_trail_once_a_day_token_and_address(address, supplier):
    one, other = System(given_token(supplier)), System(given_token(supplier))

    for _ in range(3):
        one.get(address)
        other.get(address)
        one.get(address, REMOTE_ADDR="192.0.2.1")
        tokens.noted.clear()  # as another process knows nothing of it

    rows = AuditRow.objects.filter(kind="token_used").order_by("pk")
    addresses = list(
        AuditValue.objects.filter(row__in=rows, name="address").order_by("pk").values_list("value", flat=True)
    )
    assert [row.details for row in rows] == [
        {"token": one.token.pk},
        {"token": other.token.pk},
        {"token": one.token.pk},
    ]
    assert addresses == ["127.0.0.1", "127.0.0.1", "192.0.2.1"]
    assert {(row.organisation_id, row.person_id, row.via) for row in rows} == {(supplier.pk, None, "api")}


def test_use_on_another_day_stands_there_again(address, supplier, monkeypatch):
    system = System(given_token(supplier))
    system.get(address)

    later = timezone.localdate() + timedelta(days=1)
    monkeypatch.setattr(timezone, "localdate", lambda *given: later)
    tokens.noted.clear()
    system.get(address)

    assert AuditRow.objects.filter(kind="token_used").count() == 2


def test_what_a_process_remembers_is_bounded(address, supplier, monkeypatch):
    monkeypatch.setattr(tokens, "MOST_NOTED", 2)
    system = System(given_token(supplier))

    for number in range(5):
        system.get(address, REMOTE_ADDR=f"192.0.2.{number}")

    assert len(tokens.noted) <= 2
    assert AuditRow.objects.filter(kind="token_used").count() == 5


@pytest.mark.parametrize("reason", ["revoked", "expired", "inactive", "network"])
def test_administrators_see_that_a_token_was_refused_and_why(client, address, supplier, reason):
    token = closed(supplier)[reason]

    for _ in range(2):
        answer_to(client, address, f"Bearer {token.secret}", REMOTE_ADDR="198.51.100.9")

    row = AuditRow.objects.get(kind="token_used")
    assert row.details == {"token": token.pk, "refused": reason}
    assert row.organisation_id == token.organisation_id
    assert list(row.values.values_list("name", "value")) == [("address", "198.51.100.9")]


def test_unknown_token_leaves_no_trace_in_anybodys_trail(client, address, supplier):
    answer_to(client, address, f"Bearer {new_secret()}")

    assert not AuditRow.objects.exists()


def test_token_is_in_no_log_not_even_from_an_address(client, address, supplier, caplog):
    caplog.set_level(logging.DEBUG)
    secret = given_token(supplier).secret
    answer_to(client, address, f"Bearer {secret}")
    answer_to(client, address, f"Bearer {secret[:-1]}")
    client.get(f"{address}?token={secret}")
    client.get(f"/api/v1/devices/{secret}/", headers={"Authorization": f"Bearer {secret}"})
    written = next(handler for handler in logging.getLogger().handlers if handler.name == "json")

    lines = [written.format(logging.makeLogRecord(record.__dict__)) for record in caplog.records]

    assert any("request_finished" in line for line in lines)
    assert any(json.loads(line)["event"] == "Not Found: /api/v1/devices/smi_***/" for line in lines)
    assert not [line for line in lines if secret[:20] in line]


def test_log_says_which_token_it_was(address, supplier, caplog):
    caplog.set_level(logging.INFO)
    token = given_token(supplier)

    System(token).get(address)

    finished = [record.msg for record in caplog.records if "request_finished" in str(record.msg)]
    assert [line["token_id"] for line in finished] == [token.pk]


# The database's own lock


def test_scope_of_a_token_reads_what_row_security_lets_through(supplier, rival, asset_provider, rival_provider):
    own, foreign = make_device("ZEPH", "ZMAB"), make_device("ZODI", "ZMAP")
    seen = {}
    become_operator("")
    for organisation in (supplier, asset_provider):
        with scope(Acting.by_token(given_token(organisation), Origin("api"))), connection.cursor() as cursor:
            cursor.execute("SELECT device_id FROM inventory_device")
            seen[organisation] = [device_id for (device_id,) in cursor]

    assert seen == {supplier: [own.device_id], asset_provider: [foreign.device_id]}


def test_history_names_the_token_that_wrote(supplier, device):
    token = given_token(supplier, Job.EDITOR)

    with scope(Acting.by_token(token, Origin("api"))):
        Device.objects.filter(pk=device.pk).update(msn="Z9")

    context = device.history.order_by("-pgh_id").first().pgh_context
    assert (context["token"], context["person"], context["via"]) == (token.pk, None, "api")
