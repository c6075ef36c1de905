"""The API keeps what its description says: thousands of requests that it allows, and many that it does not."""

import copy
from collections import Counter
from collections.abc import Iterator
from itertools import cycle

import pytest
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, settings
from schemathesis import openapi
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from accounts.files import places
from accounts.roles import Job
from inventory.api.description import described
from tests.drills import LONG, sized
from tests.factories import INSTALLED, make_device, make_token

OWN, FOREIGN, UNKNOWN = (f"00-DB-12-34-56-78-90-A{digit}" for digit in "012")
WHO = {
    "supplier": ("supplier", Job.EDITOR),
    "MAP": ("asset_provider", Job.EDITOR),
    "DCC": ("dcc", Job.EDITOR),
}
EXAMPLES = sized(10, 100)
# Not asked: that what the description allows is taken, as it cannot say which codes stand in the list of all MAPs; that
# generated credentials are refused, as the test brings good ones; that a missing header is 400, as If-Match is 428.
BEYOND = {"positive_data_acceptance", "ignored_auth", "missing_required_header"}
TAGS = cycle(['"1"', 'W/"1.0a"', '"2", "3"', '"99"', "*", "1"])
# A version that is not the current one is 412 before the body is judged.
REFUSALS = {"negative_data_rejection": {"expected-statuses": [400, 401, 403, 404, 406, 412, 415, 422, 428]}}
tried: Counter[str] = Counter()


def schema_of_tests():
    """The description, with devices that there are."""
    told = copy.deepcopy(described())
    for operations in told["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] == "device_id" and parameter["in"] == "path":
                    parameter["schema"]["enum"] = [OWN, FOREIGN, UNKNOWN, "nonsense"]
    schema = openapi.from_dict(told, config=SchemathesisConfig.from_dict({"checks": REFUSALS}))
    schema.app = get_wsgi_application()
    return schema


schema = schema_of_tests()


@pytest.fixture(autouse=True)
def world(supplier, rival, asset_provider, rival_provider, dcc, settings, monkeypatch) -> None:
    for bound in ("OF_ONE_SUBJECT", "OF_ONE_MACHINE", "OF_ONE_PROCESS"):
        monkeypatch.setattr(places, bound, 100_000)  # this client does not end what it reads
    settings.API_RATE = settings.API_RATE_OF_ORGANISATION = settings.LOOK_UPS_IN_VAIN = 1_000_000
    make_device("ZEPH", "ZMAP", device_id=OWN, mpxn="9910000001006", installed_on=INSTALLED)
    make_device("ZODI", "ZMAB", device_id=FOREIGN)


@pytest.fixture(autouse=True)
def connection_stays_open() -> Iterator[None]:
    """As Django's own test client leaves it: that of the test's transaction."""
    ends = (request_started, request_finished)
    for signal in ends:
        signal.disconnect(close_old_connections)
    yield
    for signal in ends:
        signal.connect(close_old_connections)


@pytest.mark.drill
@pytest.mark.parametrize("who", WHO)
@schema.parametrize()
@settings(
    max_examples=EXAMPLES, deadline=None, derandomize=not LONG, suppress_health_check=list(HealthCheck), database=None
)
def test_every_answer_is_one_that_the_description_allows(request, who, case):
    organisation, job = WHO[who]
    if not hasattr(request.node, "token"):
        request.node.token = make_token(request.getfixturevalue(organisation), job)
    tried[case.operation.label] += 1

    if "If-Match" in (case.headers or {}):
        case.headers["If-Match"] = next(TAGS)
    mine = {"Authorization": f"Bearer {request.node.token.secret}", "Accept-Encoding": "identity"}
    answer = case.call(headers=mine)

    case.validate_response(answer, excluded_checks=[c for c in CHECKS.get_all() if c.__name__ in BEYOND])


def test_those_were_thousands_of_requests():
    assert set(tried) == {operation.ok().label for operation in schema.get_all_operations()}
    assert sum(tried.values()) > 2_000
