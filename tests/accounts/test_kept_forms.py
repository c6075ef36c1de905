"""Forms sent after their session has ended: filled in again for their user, for nobody else, and never submitted."""

import re
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest, JsonResponse
from django.test import Client, RequestFactory
from django.urls import path

from accounts.access import Open, allow
from accounts.actions import end_sessions_of
from accounts.models import Membership, Session
from accounts.roles import Job, Permission
from accounts.sign_in.kept_forms import KEPT, NOTHING_TYPED, WORDS, keeps, page_of, refilled, waiting
from inventory.models import Device
from smi_portal.urls import urlpatterns as portal
from tests.accounts.session_help import HOUR, MINUTE, age, idle_for, sign_in_by_form
from tests.accounts.test_single_sign_on import ADA, come, set_up
from tests.as_owner import overwrite
from tests.conftest import Browser
from tests.factories import make_device, make_membership, make_user, provided_by
from tests.inventory.test_editing import edit, form_of, hidden_fields
from tests.test_access import OWN, address, organisations, world  # noqa: F401  (fixtures)
from tests.test_attacks import who_may

pytestmark = pytest.mark.usefixtures("operator")

TO_COME = date(2099, 12, 31)


@pytest.fixture
def visitor(supplier, asset_provider, rival_provider, sign_in) -> Browser:
    return sign_in(supplier, Job.ADMINISTRATOR)


@pytest.fixture
def device(visitor) -> Device:
    return make_device("ZEPH", "ZMAP", msn="Z1")


def late(browser: Browser, path: str, data: dict | None = None, **kwargs: object) -> str:
    """Sends a form after its session has ended; the page to which sign-in is to lead back."""
    age(browser, idle=HOUR)
    answer = browser.submit(path, data, **kwargs)
    assert answer.status_code == 302
    return re.search('name="next" value="([^"]*)"', browser.get(answer.url).text)[1].replace("&amp;", "&")


def again(browser: Browser, onward: str, membership: Membership | None = None) -> str:
    """Signs in, as the same person unless another is given; the page one is led to."""
    answer = sign_in_by_form(browser, membership or browser.membership, next=onward)
    assert answer.url == onward
    return browser.get(onward).text


def kept_in_sessions() -> list[dict]:
    return [form for session in Session.objects.all() for form in session.get_decoded().get(KEPT, {}).values()]


# Each page with a form


def test_device_form_comes_back_as_it_was_typed(visitor, device):
    typed = form_of(device, map_id="ZMAB", map_from="31/02/2024", kind="change", source="letter <4417>")

    onward = late(visitor, edit(device), typed)
    page = again(visitor, onward)

    assert onward == f"{edit(device)}?acting={visitor.membership.pk}"
    assert WORDS in page
    assert all(f'value="{value}"' in page for value in ("ZMAB", "31/02/2024", "letter &lt;4417&gt;"))
    assert re.search(r'value="change"[^>]* checked', page)
    device.refresh_from_db()
    assert (device.asset_provider.code, device.version) == ("ZMAP", 1)


def test_form_that_came_back_is_saved_when_it_is_sent(visitor):
    device = make_device("ZEPH", None, msn="")
    typed = form_of(device, map_id="ZMAP")
    again(visitor, late(visitor, edit(device), typed))

    visitor.submit(f"{edit(device)}confirm/", typed)

    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_change_by_somebody_else_in_the_meantime_is_still_found(visitor, device):
    onward = late(visitor, edit(device), form_of(device, msn="Z 3", kind="correction", source="sheet"))
    Device.objects.filter(pk=device.pk).update(msn="Z2", version=2)

    page = again(visitor, onward)
    conflict = visitor.post(edit(device), typed_in(page) | {"kind": "correction"})

    assert conflict.status_code == 409
    assert "MSN: both of you changed it" in conflict.text
    assert all(f">{value}<" in conflict.text for value in ("Z1", "Z2", "Z 3"))


def typed_in(page: str) -> dict[str, str]:
    """The text fields of the page's form, hidden ones included."""
    main = page[page.index("<main") : page.index("</main>")]
    inputs = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in re.findall(r"<input[^>]*>", main)]
    return {i["name"]: i.get("value", "") for i in inputs if i["type"] in ("text", "hidden")}


def test_confirmation_leads_back_to_the_form(visitor, device):
    asked = visitor.submit(edit(device), form_of(device, map_id="ZMAB", kind="correction", source="letter 4417"))

    onward = late(visitor, f"{edit(device)}confirm/", hidden_fields(asked))
    page = again(visitor, onward)

    assert onward.startswith(f"{edit(device)}?")
    assert 'value="ZMAB"' in page
    assert 'value="letter 4417"' in page
    device.refresh_from_db()
    assert device.asset_provider.code == "ZMAP"


def test_choices_of_the_conflict_page_come_back_as_what_was_typed(visitor, device):
    """No hidden choice decides against what stands in the field."""
    typed = form_of(device, msn="Z 3", kind="correction", source="sheet", keep_msn="theirs")

    page = again(visitor, late(visitor, edit(device), typed))

    assert typed_in(page)["msn"] == "Z 3"
    assert typed_in(page)["keep_msn"] == ""


def test_blanking_form_comes_back(visitor, device):
    where = f"/devices/{device.device_id}/blank-map-id/"
    typed = {"kind": "ended", "day": "1/11/2026", "reason": "Sold", "source": "letter", "version": 1}

    page = again(visitor, late(visitor, where, typed))

    assert WORDS in page
    assert typed_in(page) | {"day": "1/11/2026", "reason": "Sold", "source": "letter"} == typed_in(page)
    device.refresh_from_db()
    assert device.asset_provider is not None


def test_taking_back_form_comes_back(visitor, device):
    provided_by(device, "ZMAB", TO_COME)
    where = f"/devices/{device.device_id}/take-back/{TO_COME}/"

    page = again(visitor, late(visitor, where, {"reason": "They stay", "version": 1}))

    assert 'value="They stay"' in page


def test_member_form_comes_back(visitor, supplier):
    member = make_membership(supplier, Job.VIEWER)

    page = again(
        visitor, late(visitor, f"/organisation/members/{member.pk}/", {"job": "editor", "job_shown": "viewer"})
    )

    assert re.search(r'value="editor"[^>]* checked', page)
    assert 'name="job_shown" value="viewer"' in page
    member.refresh_from_db()
    assert member.job == Job.VIEWER


def test_sign_in_page_says_that_what_was_typed_is_kept(visitor, device):
    age(visitor, idle=HOUR)

    page = visitor.submit(edit(device), form_of(device, msn="Z 3"), follow=True).text

    assert "Nothing has been saved, but we have kept what you typed for 30 minutes. Only you can see it" in page
    assert "Z 3" not in page


def test_form_of_another_tab_is_kept_after_the_session_has_been_ended(visitor, device):
    age(visitor, idle=HOUR)
    visitor.get("/devices/")

    visitor.submit(edit(device), form_of(device, msn="Z 3"))

    assert "Z 3" in again(visitor, f"{edit(device)}")


def test_form_sent_the_next_morning_is_kept(visitor, device):
    age(visitor, idle=16 * HOUR, signed_in=17 * HOUR)
    session = Session.objects.get(pk=visitor.session.session_key)
    session.expire_date -= timedelta(hours=17)
    session.save()

    visitor.submit(edit(device), form_of(device, msn="Z 3"))

    assert "Z 3" in again(visitor, edit(device))


def test_forms_of_several_tabs_are_kept(visitor, device):
    other = make_device("ZEPH", "ZMAP", msn="Z7")
    late(visitor, edit(device), form_of(device, msn="Z 3"))
    visitor.submit(edit(other), form_of(other, msn="Z 8"))

    page = again(visitor, edit(device))

    assert "Z 3" in page
    assert "Z 8" not in page
    assert "Z 8" in visitor.get(edit(other)).text


def test_form_comes_back_once(visitor, device):
    again(visitor, late(visitor, edit(device), form_of(device, msn="Z 3")))

    page = visitor.get(edit(device)).text

    assert "Z 3" not in page
    assert WORDS not in page


def test_form_is_not_filled_in_over_one_that_is_sent(visitor, device):
    late(visitor, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(visitor, visitor.membership)

    page = visitor.submit(edit(device), form_of(device, msn="much too long for it")).text

    assert "much too long for it" in page
    assert "Z 3" not in page


# Whom they are for


def test_somebody_else_never_sees_the_form(visitor, device, supplier):
    onward = late(visitor, edit(device), form_of(device, msn="Z 3")).partition("?")[0]

    page = again(visitor, onward, make_membership(supplier, Job.EDITOR))

    assert "Z 3" not in page
    assert WORDS not in page
    assert kept_in_sessions() == []


def test_person_does_not_find_it_after_somebody_else_had_signed_in(visitor, device, supplier):
    onward = late(visitor, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(visitor, make_membership(supplier, Job.EDITOR))
    visitor.post("/accounts/logout/")

    assert "Z 3" not in again(visitor, onward)


def test_form_without_a_session_to_know_whose_it_is_is_not_kept(visitor, device):
    stranger = Client()

    answer = stranger.post(edit(device), form_of(device, msn="Z 3"))

    assert answer.url == f"/accounts/login/?next={edit(device)}"
    assert kept_in_sessions() == []


def test_confirmation_without_a_session_leads_back_to_the_form_too(client, device):
    assert client.post(f"{edit(device)}confirm/").url == f"/accounts/login/?next={edit(device)}"


def test_form_of_somebody_who_signed_out_is_not_kept(visitor, device):
    visitor.post("/accounts/logout/")

    visitor.submit(edit(device), form_of(device, msn="Z 3"))

    assert kept_in_sessions() == []


def make_old(browser: Browser) -> None:
    """The forms kept for it, as if they had been sent half an hour ago."""
    session = browser.session
    for form in session[KEPT].values():
        form["at"] -= 30 * MINUTE
    session.save()


def test_form_is_kept_for_thirty_minutes(visitor, device):
    onward = late(visitor, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(visitor, visitor.membership)
    make_old(visitor)

    page = visitor.get(onward).text

    assert "Z 3" not in page


def test_form_that_nobody_asks_for_is_forgotten(visitor, device):
    late(visitor, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(visitor, visitor.membership)
    make_old(visitor)
    age(visitor, idle=2 * MINUTE)

    visitor.get("/help/")

    assert kept_in_sessions() == []


def test_form_that_grew_old_makes_no_activity_of_a_machines_question(visitor, device):
    late(visitor, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(visitor, visitor.membership)
    make_old(visitor)
    age(visitor, idle=10 * MINUTE)

    visitor.get("/accounts/session/")

    assert idle_for(visitor) > 9 * MINUTE


def test_form_is_not_kept_without_its_csrf_token(visitor, device):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = visitor.cookies
    age(visitor, idle=HOUR)

    answer = strict.post(edit(device), form_of(device, msn="Z 3"))

    assert answer.status_code == 403
    assert kept_in_sessions() == []


def test_person_who_comes_through_a_provider_finds_it(client, provider, supplier, acting, dcc):
    sign_on = set_up(supplier, provider, acting(dcc, Job.ADMINISTRATOR), "zephyr.example")
    ada = make_membership(supplier, Job.EDITOR, make_user("Ada Pemberton", ADA))
    device = make_device("ZEPH", None, msn="Z1")
    come(client, sign_on, provider)
    age(client, idle=HOUR)
    stopped = client.post(edit(device), form_of(device, msn="Z 3") | {"acting": ada.pk})

    onward = come(client, sign_on, provider, onward=parse_qs(urlsplit(stopped.url).query)["next"][0]).url
    page = client.get(onward).text

    assert WORDS in page
    assert "Z 3" in page


# A form that was opened before its person signed in again, in another tab


@pytest.fixture
def opened(visitor, device) -> tuple[Client, dict[str, object]]:
    """A browser that checks tokens of forms, and the form of a device as its tab will send it."""
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = visitor.cookies
    typed = form_of(device, msn="Z 3", source="photo")
    return browser, typed | {"csrfmiddlewaretoken": token_of(browser, edit(device)), "acting": visitor.membership.pk}


def token_of(browser: Client, page: str) -> str:
    return re.search('name="csrfmiddlewaretoken" value="([^"]+)"', browser.get(page).text)[1]


def sign_in_elsewhere(browser: Client, membership: Membership) -> None:
    """In another tab of the same browser, which makes the tokens of forms new."""
    token = token_of(browser, "/accounts/login/")
    assert sign_in_by_form(browser, membership, csrfmiddlewaretoken=token).status_code == 302


def send(browser: Client, path: str, form: dict[str, object], origin: str = "http://testserver"):
    return browser.post(path, form, headers={"Origin": origin})


@pytest.mark.parametrize("how", ["timed out", "ended"])
def test_form_opened_before_signing_in_again_is_given_back(visitor, device, opened, how):
    browser, typed = opened
    if how == "ended":
        end_sessions_of(visitor.membership.user)
    age(visitor, idle=HOUR)
    sign_in_elsewhere(browser, visitor.membership)

    sent = send(browser, edit(device), typed)
    page = browser.get(sent.url).text

    assert sent.url == f"{edit(device)}?acting={visitor.membership.pk}"
    assert WORDS in page
    assert typed_in(page)["msn"] == "Z 3"
    assert typed_in(page)["source"] == "photo"
    device.refresh_from_db()
    assert device.msn == "Z1"


def test_form_that_was_given_back_can_be_sent(visitor, device, opened):
    browser, typed = opened
    age(visitor, idle=HOUR)
    sign_in_elsewhere(browser, visitor.membership)
    page = browser.get(send(browser, edit(device), typed).url).text

    answer = send(browser, edit(device), typed_in(page) | {"kind": "correction"})

    assert answer.status_code == 200
    assert "confirm" in answer.text


@pytest.mark.parametrize("origin", ["http://evil.example", "https://testserver", "null", ""])
def test_form_of_another_site_is_not_given_back(visitor, device, opened, origin):
    browser, typed = opened
    age(visitor, idle=HOUR)
    sign_in_elsewhere(browser, visitor.membership)

    assert send(browser, edit(device), typed, origin).status_code == 403
    assert kept_in_sessions() == []


def test_form_of_somebody_else_is_not_given_back(visitor, device, opened, supplier):
    browser, typed = opened
    age(visitor, idle=HOUR)
    sign_in_elsewhere(browser, make_membership(supplier, Job.EDITOR))

    assert send(browser, edit(device), typed).status_code == 403
    assert kept_in_sessions() == []


def test_form_whose_tab_outlives_signing_out_is_not_given_back(visitor, device, opened):
    browser, typed = opened
    visitor.post("/accounts/logout/")
    browser.cookies["csrftoken"] = "x" * 32

    assert send(browser, edit(device), typed).status_code == 403
    assert kept_in_sessions() == []


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/password/change/", "/accounts/security/app/"])
def test_form_of_signing_in_is_not_given_back(visitor, opened, path):
    browser, typed = opened
    age(visitor, idle=HOUR)
    sign_in_elsewhere(browser, visitor.membership)

    send(browser, path, typed | {"oldpassword": "x", "code": "123456"})

    assert not any(form["fields"] for form in kept_in_sessions())


# What is kept


def test_secrets_tokens_and_files_are_dropped(visitor, device):
    secrets = {"password": "s1", "oldpassword": "s2", "new_Password1": "s3", "client_secret": "s4", "credential": "s5"}
    secrets |= {"csrfmiddlewaretoken": "s6", "code": "123456"}

    late(visitor, edit(device), {"msn": "Z 3", "file": SimpleUploadedFile("devices.csv", b"msn")} | secrets)

    (form,) = kept_in_sessions()
    assert form["fields"] == {"msn": ["Z 3"]}


def test_code_of_a_participant_is_no_secret(dcc, supplier, sign_in):
    administrator = sign_in(dcc, Job.ADMINISTRATOR)

    late(administrator, f"/organisations/{supplier.pk}/bind/", {"code": "ZMAP", "other": "x"})

    (form,) = kept_in_sessions()
    assert form["fields"] == {"code": ["ZMAP"]}


def test_password_field_of_a_form_is_never_kept(dcc, supplier, sign_in):
    administrator = sign_in(dcc, Job.ADMINISTRATOR)
    typed = {"issuer": "https://id.example", "client_id": "portal", "secret": "s3cr3t"}

    onward = late(administrator, f"/organisations/{supplier.pk}/sign-on/provider/", typed)

    (form,) = kept_in_sessions()
    assert form["fields"] == {"issuer": ["https://id.example"], "client_id": ["portal"]}
    page = again(administrator, onward)
    assert 'value="https://id.example"' in page
    assert "s3cr3t" not in page


def test_view_that_declares_no_form_has_nothing_kept(visitor):
    late(visitor, "/organisation/tokens/5/revoke/", {"anything": "x"})

    (form,) = kept_in_sessions()
    assert form["fields"] == {}


@pytest.mark.parametrize("path", ["/accounts/reauthenticate/", "/accounts/login/"])
def test_forms_of_sign_in_are_not_kept(visitor, path):
    age(visitor, idle=HOUR)

    visitor.post(path, {"login": "a@b.example", "other": "x"})

    assert kept_in_sessions() == []


def test_form_too_large_to_be_taken_is_not_kept(visitor, device, settings):
    age(visitor, idle=HOUR)

    answer = visitor.submit(edit(device), {"msn": "Z" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE})

    assert answer.status_code == 400
    assert kept_in_sessions() == []


def test_all_forms_together_are_no_larger_than_one_may_be(visitor, device, settings):
    other = make_device("ZEPH", "ZMAP", msn="Z7")
    large = "Z" * (settings.DATA_UPLOAD_MAX_MEMORY_SIZE * 2 // 3)
    late(visitor, edit(device), {"msn": large})

    visitor.submit(edit(other), {"msn": large})

    (form,) = kept_in_sessions()
    assert list(visitor.session[KEPT]) == [edit(other)]
    assert form["fields"] == {"msn": [large]}


def test_only_the_last_forms_are_kept(visitor, device):
    age(visitor, idle=HOUR)

    for number in range(7):
        visitor.submit(f"/devices/{number}/edit/", {"msn": "Z 3"})

    assert list(visitor.session[KEPT]) == [f"/devices/{number}/edit/" for number in range(2, 7)]


# For whom one acts


@pytest.fixture
def dual(supplier, asset_provider, sign_in) -> Browser:
    """A member of a supplier and of a MAP, who acts for the supplier."""
    browser = sign_in(supplier, Job.EDITOR)
    make_membership(asset_provider, Job.EDITOR, browser.membership.user)
    browser.post("/accounts/acting/", {"membership": browser.membership.pk})
    return browser


def other_membership(browser: Browser) -> Membership:
    return browser.membership.user.memberships.exclude(pk=browser.membership.pk).get()


def test_person_of_two_organisations_comes_straight_back(dual):
    device = make_device("ZEPH", None, msn="Z1")

    page = again(dual, late(dual, edit(device), form_of(device, msn="Z 3")))

    assert "Z 3" in page
    assert "Acting for <b>Zephyr Energy</b>" in page


def test_form_made_for_another_membership_is_stopped_and_then_filled_in(dual):
    device = make_device("ZEPH", None, msn="Z1")
    dual.post("/accounts/acting/", {"membership": other_membership(dual).pk})
    onward = late(dual, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(dual, dual.membership)

    stopped = dual.get(onward)
    back = dual.post(f"/accounts/acting/?next={onward}", {"membership": dual.membership.pk}, follow=True)

    assert stopped.status_code == 409
    assert "Switch back and continue" in stopped.text
    assert "Z 3" not in stopped.text
    assert "Z 3" in back.text
    assert WORDS in back.text


def test_form_made_for_another_membership_is_not_shown_under_this_one(dual, supplier, asset_provider):
    """Even at an address that does not name a membership."""
    member = make_membership(supplier, Job.VIEWER)
    where = f"/organisation/members/{member.pk}/"
    overwrite(Membership.objects.filter(user=dual.membership.user), job=Job.ADMINISTRATOR)
    late(dual, where, {"job": "editor", "job_shown": "viewer", "acting": other_membership(dual).pk})

    page = again(dual, where)

    assert WORDS not in page


def test_switch_that_would_send_the_form_leads_back_to_it(dual):
    device = make_device("ZEPH", None, msn="Z1")
    typed = form_of(device, msn="Z 3") | {"membership": dual.membership.pk, "replay": 1}

    onward = late(dual, f"/accounts/acting/?next={edit(device)}", typed)

    assert onward == f"{edit(device)}?acting={dual.membership.pk}"
    assert "Z 3" in again(dual, onward)


def test_switch_leads_to_no_other_site(dual):
    onward = late(dual, "/accounts/acting/?next=//evil.example/", {"replay": 1, "msn": "Z 3"})

    assert onward == f"/?acting={dual.membership.pk}"


# A form that is sent to be kept, when the page's script sees the time run out


def test_form_sent_to_be_kept_is_never_acted_on(visitor):
    device = make_device("ZEPH", None, msn="")

    answer = visitor.submit(edit(device), form_of(device, map_id="ZMAP"), headers={"X-Only-Keep": "1"})

    assert answer.status_code == 409
    device.refresh_from_db()
    assert device.asset_provider is None


def test_form_sent_to_be_kept_is_kept(visitor, device):
    onward = late(visitor, edit(device), form_of(device, msn="Z 3"), headers={"X-Only-Keep": "1"})

    assert "Z 3" in again(visitor, onward)


def test_form_open_to_all_sent_to_be_kept_is_not_acted_on_either(client, visitor):
    answer = client.post("/accounts/login/", {"login": "a@b.example"}, headers={"X-Only-Keep": "1"})

    assert answer.status_code == 409


# The page of a form


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/devices/1/edit/?acting=5", "/devices/1/edit/?acting=5"),
        ("/devices/1/edit/confirm/?x=1", "/devices/1/edit/"),
        ("/organisation/members/5/none/", "/organisation/members/5/"),
        ("/organisation/members/x/y/z", "/organisation/members/"),
        ("/nowhere/at/all/", "/"),
        ("//evil.example/", "/"),
    ],
)
def test_page_of_a_form_is_the_nearest_that_opens(address, page):
    assert page_of(RequestFactory().post(address)) == page


@pytest.mark.parametrize(
    ("address", "page"),
    [
        ("/organisation/invitations/5/revoke/", "/organisation/members/"),
        ("/organisation/invitations/5/send/", "/organisation/members/"),
        ("/organisations/5/sign-on/domains/zephyr.example/check/", "/organisations/5/sign-on/"),
        ("/accounts/session/extend/", "/"),
    ],
)
def test_form_that_is_only_sent_to_its_address_leads_back_to_its_page(address, page):
    """Whatever the browser says of where it comes from."""
    request = RequestFactory().post(address, headers={"Referer": "http://testserver/devices/"})

    assert page_of(request) == page


def test_no_form_leads_back_to_the_first_page_for_want_of_another():
    only_sent = [pattern for pattern in OWN if "GET" not in pattern.callback.methods]
    declared = {pattern.name for pattern in only_sent if hasattr(pattern.callback, "sent_from")}
    below_a_page = {"device-edit-confirm", "mail-domain-check", "unsent-email-send"}

    assert {pattern.name for pattern in only_sent} == declared | below_a_page


# Filling in any form


class AnyForm(forms.Form):
    text = forms.CharField(initial="shown")
    left_out = forms.CharField(initial="shown")
    chosen = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")])
    ticked = forms.BooleanField(initial=False)
    unticked = forms.BooleanField(initial=True)
    file = forms.FileField(required=False)


@allow(Open.MEMBERS, "GET", "HEAD", "POST")
@keeps(AnyForm)
def any_page(request: HttpRequest) -> JsonResponse:
    """Stands in for any view with a form; what it would show, and say."""
    form = refilled(request, AnyForm(request.POST or None), without=request.GET.getlist("without"))
    return JsonResponse({"initial": form.initial, "said": [str(message) for message in get_messages(request)]})


urlpatterns = [path("any/", any_page, name="any-page"), *portal]


def came_back(visitor: Browser, typed: dict[str, object], query: str = "") -> dict[str, object]:
    late(visitor, "/any/", typed)
    sign_in_by_form(visitor, visitor.membership)
    return visitor.get(f"/any/{query}").json()


@pytest.fixture
def any_site(settings) -> None:
    settings.ROOT_URLCONF = __name__


def test_every_kind_of_field_is_filled_in(visitor, any_site):
    page = came_back(visitor, {"text": "typed", "chosen": ["a", "b"], "ticked": "on"})

    assert page["initial"] == {"text": "typed", "chosen": ["a", "b"], "ticked": True, "unticked": False}
    assert page["said"] == [WORDS]


def test_field_that_the_page_makes_more_sense_of_is_left(visitor, any_site):
    page = came_back(visitor, {"text": "typed"}, "?without=text&without=chosen")

    assert page["initial"] == {"ticked": False, "unticked": False}


def test_only_a_page_that_is_opened_takes_the_form(visitor, device):
    late(visitor, edit(device), form_of(device, msn="Z 3"))
    sign_in_by_form(visitor, visitor.membership)

    visitor.head(edit(device))

    assert list(waiting(visitor.session)) == [edit(device)]


# The forms of all parts


# Pages with nothing but a button, and no form to fill in.
BUTTONS = {"member-reinstate", "token-revoke", "sign-on-switch", "mail-domain-give-up"}
PAGES = [
    pattern.name
    for pattern in OWN
    if {"GET", "POST"} <= set(pattern.callback.methods) and isinstance(pattern.callback.permission, Permission)
]


@pytest.mark.parametrize("name", [name for name in PAGES if name not in BUTTONS])
def test_every_page_with_a_form_gives_back_what_was_typed(organisations, world, name):  # noqa: F811
    role = who_may(name)
    browser = Browser(make_membership(organisations[role], Job.ADMINISTRATOR))
    form_page = address(name, *world[role])
    shown = typed_in(browser.get(form_page).text)
    unchanged = ("csrfmiddlewaretoken", "acting", "code", "keep_msn", "keep_map_id")
    fields = {name: "typed" for name in shown if name not in unchanged}

    onward = late(browser, form_page, shown | fields)
    page = again(browser, onward)

    assert onward == f"{form_page}?acting={browser.membership.pk}"
    assert WORDS in page or NOTHING_TYPED in page
    assert {name: typed_in(page)[name] for name in fields} == fields
