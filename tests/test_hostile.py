"""Whatever is sent, by whomever: nothing makes the portal fail."""

import traceback
from itertools import islice

import pytest
from django.test import Client

from accounts.files import places
from accounts.models import Organisation
from accounts.roles import Job
from tests.conftest import Browser, System
from tests.drills import sized
from tests.factories import make_membership, make_token
from tests.hostile import OWN, Asked, Requests
from tests.test_access import world  # noqa: F401  (a fixture)

pytestmark = pytest.mark.django_db
REQUESTS, SEED = sized((800, 20_261_128), (20_000, 2_026))
RENEWED_AFTER = 5  # requests of each visitor: some of them sign out, or end the membership


@pytest.fixture
def organisations(supplier, asset_provider, dcc) -> dict[str, Organisation]:
    return {"supplier": supplier, "MAP": asset_provider, "DCC": dcc}


class Visitors:
    """Nobody, each role as a person and as a system; signed in anew from time to time."""

    def __init__(self, organisations: dict[str, Organisation]) -> None:
        self.organisations, self.clients, self.asked = organisations, {}, 0
        self.names = ["nobody", *organisations, *(f"system of {name}" for name in organisations)]

    def send(self, asked: Asked):
        client = self._client(asked.who)
        given = {"REMOTE_ADDR": "192.0.2.1"}
        for name, value in asked.headers.items():
            plain = name.upper().replace("-", "_")
            given[plain if plain.startswith("CONTENT") else f"HTTP_{plain}"] = value
        path, _, query = asked.path.partition("?")
        own = str(client.membership.pk) if isinstance(client, Browser) else "1"
        body = asked.body.replace(OWN, own.encode())
        return client.generic(asked.method, path, body, asked.content_type, QUERY_STRING=query, **given)

    def _client(self, who: str) -> Client:
        if self.asked % (RENEWED_AFTER * len(self.names)) == 0:
            self.clients.clear()
        self.asked += 1
        if who not in self.clients:
            self.clients[who] = self._new(who)
        return self.clients[who]

    def _new(self, who: str) -> Client:
        if who == "nobody":
            return Client(raise_request_exception=False)
        if who in self.organisations:
            membership = make_membership(self.organisations[who], Job.ADMINISTRATOR)
            return Browser(membership, raise_request_exception=False)
        organisation = self.organisations[who.removeprefix("system of ")]
        return System(make_token(organisation, Job.EDITOR), raise_request_exception=False)


def failure_of(asked: Asked, answer) -> str:
    told = "".join(traceback.format_exception(*answer.exc_info)[-12:]) if answer.exc_info else ""
    return f"{answer.status_code} {asked}\n{told}"


@pytest.mark.drill
@pytest.mark.timeout(7200)
def test_no_request_makes_the_portal_fail(operator, organisations, world, settings, monkeypatch):  # noqa: F811
    settings.API_RATE = settings.API_RATE_OF_ORGANISATION = settings.LOOK_UPS_IN_VAIN = 10**6
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    for bound in ("OF_ONE_SUBJECT", "OF_ONE_MACHINE", "OF_ONE_PROCESS"):
        monkeypatch.setattr(places, bound, 100_000)
    visitors = Visitors(organisations)
    device, membership, run = world[organisations["supplier"].role]
    numbers = [str(pk) for pk in (run.pk, membership.pk, organisations["supplier"].pk, organisations["DCC"].pk)]
    known = {
        "device_id": [str(device)],
        "pk": numbers,
        "id": [str(run.pk)],
        "domain": ["zephyr.example"],
        "name": ["msn"],
    }

    failures, statuses = [], set()
    for asked in islice(Requests(SEED, visitors.names, known), REQUESTS):
        answer = visitors.send(asked)
        statuses.add(answer.status_code)
        if answer.status_code >= 500:
            failures.append(failure_of(asked, answer))
    assert not failures, f"{len(failures)} of {REQUESTS}\n" + "\n".join(failures[:40])
    # They came as far as each of these; a few hundred may miss those that only some operations of the API answer.
    assert statuses >= {200, 302, 400, 401, 403, 404, 405} | sized(set(), {412, 415})
