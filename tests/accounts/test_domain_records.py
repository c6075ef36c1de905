"""The DNS record of an email domain, asked for at a real name server on this machine."""

import time

import dns.rcode
import pytest

from accounts import name_servers
from accounts.domain_records import TextRecord
from accounts.errors import NotAllowed
from smi_portal import checks
from tests.dns_server import SILENT
from tests.factories import make_domain, make_sign_on

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("operator")]
RECORD = TextRecord("_smi-portal.zephyr.example", "smi-portal=1234")


def test_record_with_the_value_is_found(name_server):
    name_server.records[RECORD.name] = [RECORD.value]

    RECORD.check()

    assert name_server.asked == [RECORD.name]


def test_value_in_several_parts_is_one(name_server):
    name_server.records[RECORD.name] = ['"smi-por" "tal=1234"']

    RECORD.check()


@pytest.mark.parametrize("records", [{}, {RECORD.name: []}])
def test_missing_record_is_told(name_server, records):
    name_server.records |= records

    with pytest.raises(NotAllowed, match=f"There is no TXT record at {RECORD.name} yet"):
        RECORD.check()


@pytest.mark.parametrize("value", ["smi-portal=12345", "smi-portal=123", "SMI-PORTAL=1234", "héllo"])
def test_other_value_is_told(name_server, value):
    name_server.records[RECORD.name] = [f'"{value}"']

    with pytest.raises(NotAllowed, match=f"The TXT record at {RECORD.name} says “"):
        RECORD.check()


@pytest.mark.parametrize("code", ["REFUSED", "SERVFAIL", "NOTIMP"])
def test_refusal_is_told(name_server, code):
    name_server.says = dns.rcode.from_text(code)

    with pytest.raises(NotAllowed, match=rf"refused to answer for {RECORD.name} \({code}\)"):
        RECORD.check()


def test_name_server_out_of_reach_is_told(settings):
    settings.DNS_RESOLVERS = ["255.255.255.255"]

    with pytest.raises(NotAllowed, match="The portal cannot reach its name servers"):
        RECORD.check()


def test_silence_has_an_end(name_server, monkeypatch):
    monkeypatch.setattr(name_servers, "SECONDS", 1)
    name_server.says = SILENT
    began = time.monotonic()

    with pytest.raises(NotAllowed, match="did not answer within 1 seconds"):
        RECORD.check()

    assert time.monotonic() - began < 3


def test_second_name_server_answers_for_a_silent_first(name_server, settings):
    settings.DNS_RESOLVERS = ["127.0.0.1:9", name_server.address]
    name_server.records[RECORD.name] = [RECORD.value]

    RECORD.check()


@pytest.mark.parametrize("domain", [".".join(["a" * 60] * 4) + ".example", "a..b"])
def test_name_that_no_dns_has_is_told(name_server, domain):
    with pytest.raises(NotAllowed, match="cannot be looked up"):
        TextRecord(f"_smi-portal.{domain}", "x").check()


def test_machine_without_resolvers_is_told(settings, monkeypatch, tmp_path):
    settings.DNS_RESOLVERS = []
    monkeypatch.setattr(name_servers.dns.resolver.Resolver.__init__, "__defaults__", (str(tmp_path / "none"), True))

    with pytest.raises(NotAllowed, match="cannot be looked up"):
        RECORD.check()


def test_each_portal_organisation_domain_issuer_and_client_has_its_own_value(supplier, rival, settings):
    domain = make_domain(make_sign_on(supplier), "zephyr.example", proven_at=None)
    values = [TextRecord.of(domain).value]
    for change in ("issuer", "client", "domain", "organisation", "portal"):
        match change:
            case "issuer":
                domain.single_sign_on.app.settings["issuer"] += "/"
            case "client":
                domain.single_sign_on.app.client_id += "2"
            case "domain":
                domain.domain = "zephyr.test"
            case "organisation":
                domain.single_sign_on.organisation = rival
            case _:
                settings.PORTAL_URL = "https://portal.example"
        values.append(TextRecord.of(domain).value)

    assert len(set(values)) == len(values)


@pytest.mark.parametrize("address", ["192.0.2.53", "192.0.2.53:5353", "[2001:db8::53]", "[2001:db8::53]:5353"])
def test_addresses_of_name_servers_are_taken(settings, address):
    settings.DNS_RESOLVERS = [address]

    assert checks.name_servers_are_addresses() == []


@pytest.mark.parametrize("address", ["ns1.example", "2001:db8::53:x", "192.0.2.53:dns", ""])
def test_what_is_no_address_of_a_name_server_is_refused(settings, address):
    settings.DNS_RESOLVERS = [address]

    assert [message.id for message in checks.name_servers_are_addresses()] == ["smi_portal.E002"]
