"""A form that is sent as it was shown says so, and writes nothing: every page with a form, found by its address."""

import re

import pytest
from allauth.mfa.models import Authenticator

from accounts.forms.edit import UNCHANGED, EditForm
from accounts.models.audit import AuditRow
from accounts.roles import Job, Permission
from accounts.sign_in.mfa import PasskeyNameForm
from inventory.forms.recording import DeviceEditForm
from tests.conftest import Browser
from tests.factories import make_membership
from tests.test_access import OWN, address, organisations, world  # noqa: F401  (fixtures)
from tests.test_attacks import who_may

pytestmark = pytest.mark.usefixtures("operator")

EDITS = {"device-edit", "member-edit", "root-emails", "sign-on-edit"}
# Forms that show nothing recorded: each sends something new, or does what its button says.
NEW = {
    "administrator-appoint", "code-bind", "code-unbind", "factors-reset", "invitation-add", "mail-domain-add",
    "mail-domain-give-up", "map-id-blank", "map-step-take-back", "member-end", "member-factors-reset",
    "member-reinstate", "member-review", "msn-remove", "organisation-activity", "organisation-add",
    "proposal-detail", "sign-on-switch", "token-add", "token-revoke",
}  # fmt: skip
PAGES = {
    pattern.name
    for pattern in OWN
    if {"GET", "POST"} <= set(pattern.callback.methods) and isinstance(pattern.callback.permission, Permission)
}


def test_each_page_with_a_form_is_one_of_these():
    assert PAGES == EDITS | NEW


@pytest.mark.parametrize("name", sorted(EDITS))
def test_form_sent_as_it_was_shown_says_so_and_writes_nothing(organisations, world, name):  # noqa: F811
    role = who_may(name)
    browser = Browser(make_membership(organisations[role], Job.ADMINISTRATOR))
    page = address(name, *world[role])
    shown = browser.get(page)
    before = written()

    answer = browser.submit(page, as_shown(shown.text))

    assert answer.status_code == 400
    assert UNCHANGED in answer.text
    assert written() == before


@pytest.mark.parametrize("name", sorted(NEW))
def test_other_pages_show_no_form_of_what_is_recorded(organisations, world, name):  # noqa: F811
    role = who_may(name)
    context = Browser(make_membership(organisations[role], Job.ADMINISTRATOR)).get(address(name, *world[role])).context

    assert not isinstance((context or {}).get("form"), EditForm | DeviceEditForm)


def as_shown(page: str) -> dict[str, str]:
    """What a browser sends of the fields of the page, if nobody touches them."""
    main = page[page.index("<main") :]
    inputs = [(dict(re.findall(r'(\w+)="([^"]*)"', tag)), tag) for tag in re.findall(r"<input[^>]*>", main)]
    chosen = [given for given, tag in inputs if given["type"] not in ("radio", "checkbox") or " checked" in tag]
    return {given["name"]: given.get("value", "") for given in chosen if "name" in given}


def written() -> int:
    """The number of audit rows of what was written; reading a page leaves its own."""
    return AuditRow.objects.exclude(kind__in=("device_read", "devices_read")).count()


def test_name_of_a_passkey_left_as_it_was_is_refused(settings):
    assert settings.MFA_FORMS["edit_webauthn"] == f"{PasskeyNameForm.__module__}.{PasskeyNameForm.__qualname__}"
    passkey = Authenticator(type=Authenticator.Type.WEBAUTHN, data={"name": "Blue key"})

    same = PasskeyNameForm({"name": "Blue key"}, instance=passkey)
    other = PasskeyNameForm({"name": "Red key"}, instance=passkey)

    assert same.non_field_errors() == [UNCHANGED]
    assert other.is_valid()
