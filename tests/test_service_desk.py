"""Where people are told to turn: the DCC service desk, as the installation gives it."""

import subprocess

import pytest
from django.conf import settings as site
from django.test import Client

from smi_portal.checks import service_desk_is_named
from smi_portal.refusals import pages
from smi_portal.service_desk import EXAMPLE, service_desk
from tests.factories import make_user
from tests.test_refusals import NAMES
from tests.test_refusals import urlpatterns as refusing

pytestmark = pytest.mark.django_db

urlpatterns = refusing
handler400, handler403 = pages.bad_request, pages.permission_denied
handler404, handler500 = pages.page_not_found, pages.server_error

SHOWN = [
    '<a class="govuk-link" href="mailto:help@desk.example">help@desk.example</a>',
    '<a class="govuk-link smi-nowrap" href="tel:+442079460999">+44 (20) 7946 0999</a>',
    '<a class="govuk-link" href="https://desk.example/smi/">',
]


@pytest.fixture(autouse=True)
def desk(settings) -> None:
    settings.ROOT_URLCONF = __name__
    settings.SERVICE_DESK = "help@desk.example, +44 (20) 7946 0999, https://desk.example/smi/"


def assert_shown(html: str) -> None:
    assert [one for one in SHOWN if one not in html] == []


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_each_refusal_says_whom_to_ask(sign_in, supplier, number):
    assert_shown(sign_in(supplier).get(f"/raise/{number}/").text)


@pytest.mark.parametrize("path", ["/help/", "/accessibility/", "/no-such-page/"])
def test_help_accessibility_and_unknown_pages_say_whom_to_ask(client, path):
    assert_shown(client.get(path).text)


def test_page_without_right_or_membership_says_whom_to_ask(operator, client, sign_in, supplier):
    assert_shown(sign_in(supplier).get("/audit/").text)
    client.force_login(make_user("Nobody In-Particular"))
    assert_shown(client.get("/").text)


def test_form_without_csrf_token_says_whom_to_ask(client):
    assert_shown(Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@b.example"}).text)


def test_failure_says_whom_to_ask_where_nothing_else_can_be_asked(rf):
    try:
        raise RuntimeError
    except RuntimeError:
        assert_shown(pages.server_error(rf.get("/")).text)


@pytest.mark.parametrize("given", ["", "help@desk.example", "help@desk.example, 020 7946 0999"])
def test_missing_part_is_an_error_of_the_deployment(settings, client, given):
    settings.SERVICE_DESK = given

    (error,) = service_desk_is_named()

    assert (error.id, EXAMPLE in error.hint) == ("smi_portal.E003", True)
    assert "it needs three parts" in error.msg
    assert "DCC service desk:" not in client.get("/help/").text


def test_each_wrong_part_is_named(settings):
    settings.SERVICE_DESK = "desk.example, extension two, javascript:alert(1)"

    assert [error.msg for error in service_desk_is_named()] == [
        "SERVICE_DESK: desk.example is not an email address.",
        "SERVICE_DESK: extension two is not a telephone number.",
        "SERVICE_DESK: javascript:alert(1) is not the address of a page.",
    ]
    assert service_desk() is None


def test_example_of_the_error_and_of_make_check_is_right(settings):
    settings.SERVICE_DESK = EXAMPLE
    dry = subprocess.run(["make", "-n", "check"], cwd=site.BASE_DIR, capture_output=True, text=True, check=True)

    assert service_desk_is_named() == []
    assert f'SERVICE_DESK="{EXAMPLE}"' in dry.stdout
