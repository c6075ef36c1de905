"""Requests that nothing could read, and values near the ends of what there is: refused, never a failure."""

import pytest
from allauth.account.adapter import get_adapter
from django.test import Client
from django.urls import converters

from accounts.bounds import Day, RowNumber
from accounts.dates import NO_DATE
from accounts.roles import Job
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_device, make_membership
from tests.test_access import patterns

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"
NOT_TEXT = ["/devices/?msn=%00", "/devices/?a%00=1", "/nowhere/?a=%00", "/api/v1/devices/?msn=a%00b"]


@pytest.fixture
def administrator(supplier) -> Browser:
    return Browser(make_membership(supplier, Job.ADMINISTRATOR))


@pytest.mark.parametrize("path", NOT_TEXT)
def test_nul_in_a_parameter_is_refused(administrator, path):
    for visitor in (Client(), administrator):
        answer = visitor.get(path)
        assert answer.status_code == 400
        assert "a character that is not text" in answer.text
        assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("path", ["/%00/", "/devices/a%00b/", "/api/v1/devices/%00/", "/static/%00"])
def test_nul_in_an_address_is_not_found(administrator, path):
    assert {visitor.get(path).status_code for visitor in (Client(), administrator)} == {404}


def test_nul_in_a_form_is_refused(administrator):
    answer = administrator.submit("/organisation/members/invite/", {"name": "Ada\0", "email": "a@b.example"})

    assert answer.status_code == 400
    assert "a character that is not text" in answer.text


@pytest.mark.parametrize("cookie", ['sessionid="abcdefgh\\000"', "sessionid=../../x", "sessionid=" + "a" * 5000])
def test_session_of_another_form_is_no_session(cookie, django_assert_num_queries):
    client = Client(headers={"Cookie": cookie})

    with django_assert_num_queries(0):
        answer = client.get("/devices/")

    assert (answer.status_code, answer.url) == (302, "/accounts/login/?next=/devices/")


@pytest.mark.parametrize("path", ["/accounts/login/", "/nowhere/", "/devices/", "/organisation/members/1/end/"])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"xxxxx", "multipart/form-data"),
        (b"xxxxx", "multipart/form-data; boundary="),
        (b"a=1&" * 300, FORM),
        (b"a" * 2_000_000, FORM),
    ],
    ids=["no boundary", "an empty boundary", "many fields", "too large"],
)
def test_form_that_cannot_be_read_is_refused_wherever_it_is_sent(administrator, path, body, kind):
    for host in ("127.0.0.1", "evil.example"):
        assert administrator.generic("POST", path, body, kind, HTTP_HOST=host).status_code == 400


@pytest.mark.parametrize("path", ["/devices/", "/nowhere/", "/api/v1/devices/"])
def test_address_with_too_many_parameters_is_refused(administrator, path):
    assert administrator.get(path + "?" + "a&" * 400).status_code == 400


@pytest.mark.parametrize("path", ["/devices/", "/privacy/", "/accounts/login/", "/nowhere/", "/api/v1/devices/"])
@pytest.mark.parametrize("length", [1_950, 3_000, 60_000])
def test_long_address_is_refused_or_too_long_to_come_back_to(administrator, path, length):
    """Django refuses to redirect so far: the page about that does not either."""
    for visitor in (Client(), administrator):
        assert visitor.get(path, {"msn": '"' * (length // 3)}).status_code in (200, 302, 400, 401, 404)


@pytest.mark.parametrize("kind", ["text/plain; charset=rot13", "text/plain; charset*=nope''x", "x; charset=undefined"])
def test_content_type_that_names_an_odd_charset_is_no_failure(client, kind):
    """Django reads all parameters of such a request before any middleware could answer."""
    assert client.generic("GET", "/accounts/login/", b"", kind, QUERY_STRING="next=/devices/").status_code == 200


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("198.51.100.7, 10.0.0.1", "198.51.100.7"),
        ("203.0.113.9, 198.51.100.7, 10.0.0.1", "198.51.100.7"),
        ("198.51.100.7", "198.51.100.7"),
        ("", "127.0.0.1"),
        ("[2001:db8::1]:443, 10.0.0.1", "2001:db8::1"),
        ("nonsense, 10.0.0.1", ""),
        (", ,", "127.0.0.1"),
    ],
)
def test_address_of_a_visitor_is_read_as_far_back_as_there_are_proxies(rf, client, settings, forwarded, address):
    """A request that did not come through all of them has fewer addresses: a check by the inner proxy, for example."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 2
    headers = {"X-Forwarded-For": forwarded}

    assert get_adapter().get_client_ip(rf.get("/", headers=headers)) == address
    assert client.post("/accounts/login/", {"login": "x@demo.example"}, headers=headers).status_code == 200


def test_every_part_of_an_address_has_bounds():
    """No address takes any number or any date; other texts are as long as a line of a request."""
    bounded = (Day, RowNumber, converters.UUIDConverter, converters.StringConverter)  # a slug is a string
    found = {(p.name, type(c)) for p in patterns() for c in p.pattern.converters.values() if not isinstance(c, bounded)}

    assert found == set()


@pytest.mark.parametrize("number", ["9" * 18, "9" * 19, "9" * 3000, "٣", "-1", "0"])
def test_number_beyond_the_table_is_not_found(administrator, number):
    assert administrator.get(f"/organisation/members/{number}/").status_code == 404


DATES = ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31", "31/12/9999", "2026-02-30", "infinity"]


@pytest.mark.parametrize("day", DATES)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/audit/", "from_day"),
        ("/audit/", "to_day"),
        ("/audit/download/", "to_day"),
        ("/devices/", "installed_from"),
        ("/devices/download/", "installed_to"),
        ("/api/v1/devices/", "installed_to"),
    ],
)
def test_date_outside_the_bounds_is_refused(administrator, path, name, day):
    answer = administrator.get(path, {name: day})

    assert answer.status_code == 400
    assert "Enter a real date" in answer.text


@pytest.mark.parametrize("day", ["1900-01-01", "2199-12-31"])
@pytest.mark.parametrize("name", ["from_day", "to_day"])
def test_first_and_last_date_are_taken(administrator, day, name):
    assert administrator.get("/audit/", {name: day}).status_code == 200


@pytest.mark.parametrize("day", DATES)
def test_date_outside_the_bounds_is_refused_in_a_body(supplier, administrator, day):
    device = make_device("ZEPH", None)
    body = {"map_id": "ZMAP", "map_from": day}

    answer = administrator.patch(
        f"/api/v1/devices/{device}/", body, content_type="application/json", headers={"If-Match": '"1"'}
    )

    assert answer.status_code == 400
    refusal = {
        "pointer": "/map_from",
        "code": "invalid",
        "detail": NO_DATE,
    }
    assert refusal in answer.json()["errors"]


def test_trail_is_filtered_by_somebody_who_left_and_came_back(operator, supplier, administrator):
    membership = make_membership(supplier)
    overwrite(membership, ended_at=membership.began_at)
    make_membership(supplier, user=membership.user)

    answer = administrator.get("/audit/", {"person": membership.user_id})

    assert answer.status_code == 200
    assert answer.text.count(f'<option value="{membership.user_id}"') == 1
