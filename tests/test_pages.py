"""Pages about the portal, the pages that refuse or fail, and the health of the portal."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.http import Http404, HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from accounts.access import Open, allow
from accounts.errors import BadRequest, OtherMembership
from accounts.roles import Job
from accounts.sign_in.known_browsers import COOKIE
from inventory.quality import FLAGS
from smi_portal.refusals import pages as errors
from smi_portal.urls import urlpatterns as portal
from tests.factories import make_membership

STATIC_PAGES = ["/help/", "/help/api/", "/help/api/reference/", "/accessibility/", "/privacy/"]


@allow(Open.TO_ALL, "GET", "POST")
def fail(request: HttpRequest, how: str) -> HttpResponse:
    """Stands in for any view that refuses or fails."""
    made_for = request.GET.get("made_for", "")
    raise {
        "bad": BadRequest("There is no parameter “map_id” here.", "Accepted are: msn."),
        "suspicious": SuspiciousOperation("inner details"),
        "denied": PermissionDenied("You do not have permission to do this."),
        "missing": Http404("inner details"),
        "other": OtherMembership(made_for),
        "broken": RuntimeError("inner details"),
    }[how]


@allow(Open.SIGNED_IN)
def succeed(request: HttpRequest) -> HttpResponse:
    messages.success(request, "Saved: <MSN>.")
    messages.info(request, "Something else.")
    return errors.page_not_found(request, Http404())


@allow(Open.TO_ALL)
def too_many(request: HttpRequest) -> HttpResponse:
    return errors.too_many_requests(request)


urlpatterns = [
    path("fail/<slug:how>/", fail),
    path("succeed/", succeed),
    path("too-many/", too_many),
    *portal,
]
handler400, handler403 = errors.bad_request, errors.permission_denied
handler404, handler500 = errors.page_not_found, errors.server_error


@pytest.fixture
def failing(settings) -> None:
    """The site with views that fail."""
    settings.ROOT_URLCONF = __name__


@pytest.fixture
def quiet_client() -> Client:
    """Answers 500 as a server does, where the test client would raise."""
    return Client(raise_request_exception=False)


# Static pages


@pytest.mark.parametrize("url", STATIC_PAGES)
def test_page_is_open_to_all(client, db, url):
    assert client.get(url).status_code == 200


@pytest.mark.parametrize("url", STATIC_PAGES)
def test_page_is_only_read(client, db, url):
    assert client.post(url).status_code == 405


def test_page_shows_for_whom_one_acts(sign_in, supplier):
    html = sign_in(supplier).get("/help/").text

    assert "Acting for <b>Zephyr Energy</b>, Supplier, Editor" in html
    assert "<title>Get help – Zephyr Energy – SMI portal</title>" in html


def test_help_explains_every_flag(client, db):
    html = client.get("/help/").text

    assert [code for code in FLAGS if code not in html] == []


def test_help_says_who_records_the_map_id(client, db):
    html = client.get("/help/").text

    assert re.search(
        r"The responsible supplier, in the SMI portal</th>\s*<td[^>]*>MAP ID, MAP ID applies from, MSN<", html
    )


def test_privacy_page_names_the_cookies(client, db):
    html = client.get("/privacy/").text

    assert [
        name for name in (settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME, COOKIE) if name not in html
    ] == []


# The frame


def test_signed_out_page_has_neither_account_nor_menu(client, db):
    html = client.get("/help/").text

    assert "Sign out" not in html
    assert 'aria-label="Main"' not in html


def test_person_with_two_memberships_may_switch(sign_in, supplier, rival):
    browser = sign_in(supplier)
    make_membership(rival, Job.VIEWER, user=browser.membership.user)

    html = browser.get("/help/").text

    assert "Choose who you act for" in html
    assert 'action="/accounts/acting/?next=/help/"' in html


def test_switch_marks_the_membership_acted_under(sign_in, supplier, rival):
    browser = sign_in(supplier)
    make_membership(rival, Job.VIEWER, user=browser.membership.user)
    browser.post("/accounts/acting/", {"membership": browser.membership.pk})

    html = browser.get("/help/").text

    assert f'value="{browser.membership.pk}" class="smi-choice" aria-current="true"' in html


def test_person_with_one_membership_sees_no_switch(sign_in, supplier):
    assert "smi-acting" not in sign_in(supplier).get("/help/").text


def test_menu_marks_the_page_above(sign_in, supplier):
    html = sign_in(supplier).get("/devices/no-such-device/").text

    assert 'href="/devices/" aria-current="true"' in html


def test_success_is_said_in_a_banner(failing, sign_in, supplier):
    html = sign_in(supplier).get("/succeed/").text

    assert "govuk-notification-banner--success" in html
    assert "Saved: &lt;MSN&gt;." in html


def test_two_banners_have_ids_of_their_own(failing, sign_in, supplier):
    html = sign_in(supplier).get("/succeed/").text

    assert re.findall(r'id="(notification-\d)"', html) == ["notification-1", "notification-2"]


# Files of our own, and data that such a file reads: neither is script that stands in the page.
NO_INLINE_SCRIPT = (
    r"""<script src="\{% static '[\w/.-]+' %\}"( defer)?></script>|<script [^>]*type="application/json">"""
)


def test_templates_hold_neither_script_nor_style():
    templates = Path(settings.BASE_DIR / "templates").rglob("*.html")

    texts = {template.name: re.sub(NO_INLINE_SCRIPT, "", template.read_text()) for template in templates}

    assert [name for name, text in texts.items() if re.search(r"<script|<style|\sstyle=|\son[a-z]+=", text)] == []


# Refusals and failures


WAYS_TO_FAIL = ["bad", "suspicious", "denied", "missing", "other", "broken"]


@pytest.fixture(params=WAYS_TO_FAIL)
def refusal(request, failing, quiet_client, supplier) -> HttpResponse:
    """The answer of a view that refuses or fails, to somebody signed in."""
    quiet_client.force_login(make_membership(supplier).user)
    return quiet_client.get(f"/fail/{request.param}/")


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("bad", 400, "There is no parameter “map_id” here."),
        ("suspicious", 400, "The address or the form contains something"),
        ("denied", 403, "You do not have permission to do this."),
        ("missing", 404, "Page not found"),
        ("other", 409, "This page was made for another organisation"),
        ("broken", 500, "Sorry, there is a problem with the portal"),
    ],
)
def test_refusal_says_what_happened(failing, quiet_client, supplier, how, status, says):
    quiet_client.force_login(make_membership(supplier).user)

    answer = quiet_client.get(f"/fail/{how}/")

    assert answer.status_code == status
    assert says in answer.text


def test_refusal_keeps_inner_details_to_itself(refusal):
    assert "inner details" not in refusal.text


def test_refusal_is_not_stored(refusal):
    assert refusal.headers["Cache-Control"] == "no-store"


def test_refusal_gives_the_reference_of_the_log(refusal):
    assert re.search(r'this reference: <span class="smi-id">[0-9a-f-]{36}</span>', refusal.text)


def test_refused_form_says_that_nothing_was_saved(failing, client, db):
    assert "Nothing has been saved." in client.post("/fail/bad/").text


def test_unknown_address_is_answered_by_our_page(client, db):
    answer = client.get("/no-such-page/")

    assert answer.status_code == 404
    assert "Go to the dashboard" in answer.text


def test_person_without_membership_learns_whom_to_ask(operator, client, db, django_user_model):
    client.force_login(django_user_model.objects.create_user("lost@demo.example", "Lost"))

    answer = client.get("/devices/")

    assert answer.status_code == 403
    assert "can invite you" in answer.text


def test_failure_page_needs_no_database(failing, quiet_client):
    answer = quiet_client.get("/fail/broken/")

    assert answer.status_code == 500


def test_form_without_csrf_token_is_refused_in_our_style(client, db):
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "a@b.example"})

    assert answer.status_code == 403
    assert "This form can no longer be sent" in answer.text


def test_too_many_requests_are_refused_in_our_style(failing, client, db):
    answer = client.get("/too-many/")

    assert answer.status_code == 429
    assert "Too many attempts" in answer.text


# Made for another membership


@pytest.fixture
def two_hats(supplier, rival, sign_in):
    """Somebody who acts for Zodiac Power, and is a member of Zephyr Energy too."""
    browser = sign_in(rival)
    browser.other = make_membership(supplier, user=browser.membership.user)
    browser.post("/accounts/acting/", {"membership": browser.membership.pk})
    return browser


def test_form_for_another_membership_offers_to_switch_back(failing, two_hats):
    html = two_hats.post(f"/fail/other/?made_for={two_hats.other.pk}", {"msn": "Z21E 10447"}).text

    assert f'action="/accounts/acting/?next=/fail/other/%3Fmade_for%3D{two_hats.other.pk}"' in html
    assert f'<input type="hidden" name="membership" value="{two_hats.other.pk}">' in html


def test_form_for_another_membership_loses_nothing_typed(failing, two_hats):
    data = {"msn": ["<1>", "2"], "csrfmiddlewaretoken": "old", "membership": "9"}

    html = two_hats.post(f"/fail/other/?made_for={two_hats.other.pk}", data).text

    assert '<input type="hidden" name="msn" value="&lt;1&gt;"><input type="hidden" name="msn" value="2">' in html
    assert '<input type="hidden" name="replay" value="1">' in html


def test_form_for_another_membership_keeps_neither_its_token_nor_a_choice(failing, two_hats):
    data = {"csrfmiddlewaretoken": "old", "membership": "9"}

    html = two_hats.post(f"/fail/other/?made_for={two_hats.other.pk}", data).text

    assert 'value="old"' not in html
    assert 'value="9"' not in html


def test_link_for_another_membership_is_not_replayed(failing, two_hats):
    html = two_hats.get(f"/fail/other/?made_for={two_hats.other.pk}").text

    assert "Switch back and continue" in html
    assert "replay" not in html


@pytest.mark.parametrize("rubbish", ["", "0", "x", "999999999999999999999", "1' or 1=1"])
def test_membership_of_nobody_offers_no_switch(failing, two_hats, rubbish):
    answer = two_hats.get("/fail/other/", {"made_for": rubbish})

    assert answer.status_code == 409
    assert "Switch back" not in answer.text


# Health


@pytest.mark.parametrize("cookie", [None, 32 * "a"])
def test_live_asks_nothing_of_the_database(client, cookie):
    """Not for the session of a browser either."""
    if cookie:
        client.cookies["sessionid"] = cookie

    answer = client.get("/health/live")

    assert (answer.status_code, answer.text, answer.headers["Content-Length"]) == (200, "ok", "2")


def test_ready_when_all_migrations_are_there(client, db):
    answer = client.get("/health/ready")

    assert (answer.status_code, answer.text) == (200, "ok")


def test_not_ready_without_the_database(client, db, monkeypatch):
    def refuse(*_args: object) -> None:
        raise OperationalError("connection refused")

    with monkeypatch.context() as away:
        away.setattr(connection, "cursor", refuse)
        client.cookies["sessionid"] = 32 * "a"
        answer = client.get("/health/ready")

    assert (answer.status_code, answer.text) == (503, "The database does not answer.")


def test_not_ready_while_migrations_are_missing(client, db, monkeypatch):
    applied = MigrationRecorder(connection).migration_qs.exclude(app="inventory")
    monkeypatch.setattr(MigrationRecorder, "migration_qs", applied)

    answer = client.get("/health/ready")

    assert (answer.status_code, answer.text) == (503, "The database needs migrations. Run manage.py migrate.")


def test_not_ready_where_the_database_is_empty(client, db):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path TO pg_catalog")

    answer = client.get("/health/ready")

    assert (answer.status_code, answer.text) == (503, "The database needs migrations. Run manage.py migrate.")


def test_readiness_is_one_query(client, db, django_assert_num_queries):
    client.get("/health/ready")

    with django_assert_num_queries(1):
        client.get("/health/ready")


@pytest.mark.parametrize(("path", "work"), [
    ("/health/ready", "django.db.migrations.loader.MigrationLoader.load_disk"),
    ("/help/api/", "markdown.Markdown.convert"),
    ("/help/api/reference/", "smi_portal.docs.reference.form_of"),
    ("/api/v1/schema/", "drf_spectacular.generators.SchemaGenerator.get_schema"),
])  # fmt: skip
def test_what_anybody_may_ask_for_is_made_once(client, db, monkeypatch, path, work):
    first = client.get(path)

    monkeypatch.setattr(work, None)

    assert client.get(path).content == first.content


@pytest.mark.parametrize("url", ["/health/live", "/health/ready"])
def test_health_is_only_read(client, db, url):
    assert client.post(url).status_code == 405


@pytest.mark.parametrize("url", ["/health/live", "/health/ready"])
def test_health_answers_head(client, db, url):
    assert client.head(url).status_code == 200


@pytest.mark.parametrize("url", ["/health/live", "/health/ready"])
def test_health_opens_no_transaction(client, url):
    view = next(pattern.callback for pattern in portal if f"/{pattern.pattern}" == url)

    assert view._non_atomic_requests == {"default"}
