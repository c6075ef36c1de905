"""Who gets in where: every URL × role × job × method, the declared permissions, and the MAP ID at every door."""

import re
from collections.abc import Iterator
from datetime import date

import pytest
from django.db.models import Model
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from procrastinate.contrib.django.models import ProcrastinateJob

from accounts.access import Open
from accounts.models import Binding, Invitation, Membership, Organisation, Proposal, ServiceToken, User
from accounts.roles import GRANTS, Job, Permission, Role, allows
from accounts.sign_in.enrolment import PAGES
from inventory.models import Device, ReportRun
from tests.accounts.sign_in_help import enrol_app
from tests.as_owner import overwrite
from tests.conftest import Browser, System, end
from tests.factories import (
    make_device,
    make_domain,
    make_invitation,
    make_membership,
    make_proposal,
    make_sign_on,
    make_token,
    make_unsent_email,
    make_user,
    provided_by,
)

# Views of libraries that the portal serves: each for a reason.
THIRD_PARTY = {
    "account_login",  # whoever is not signed in
    "account_logout",
    "account_inactive",
    "account_reauthenticate",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key",
    "account_reset_password_from_key_done",
    "mfa_login_webauthn",
    "mfa_authenticate",  # whoever has given the password
    "mfa_reauthenticate",  # whoever is signed in, about themselves
    "mfa_reauthenticate_webauthn",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_generate_recovery_codes",
    "mfa_list_webauthn",
    "mfa_add_webauthn",
    "mfa_edit_webauthn",
}
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def patterns(resolver: URLResolver | None = None) -> Iterator[URLPattern]:
    for pattern in (resolver or get_resolver()).url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        else:
            yield pattern


API = [pattern for pattern in patterns() if hasattr(pattern.callback, "cls")]  # of Django REST framework
OWN = [pattern for pattern in patterns() if pattern.name not in THIRD_PARTY and pattern not in API]
NAMES = [pattern.name for pattern in OWN]
GUARDED = [p.name for p in OWN if isinstance(p.callback.permission, Permission)]


def rights_of(pattern: URLPattern) -> set[Permission | Open]:
    """What the actions of an address of the API ask for."""
    declared, actions = pattern.callback.cls.permission, set(pattern.callback.actions.values())
    return {declared[action] for action in actions} if isinstance(declared, dict) else {declared}


def permission_of(name: str) -> Permission | Open:
    return next(pattern.callback.permission for pattern in OWN if pattern.name == name)


# Of a secret or a provider that the walk does not know.
PROVIDER_PAGES = ("sign-on-provider", "openid_connect_login", "openid_connect_callback")
BY_GUESS = ("invitation-accept", *PROVIDER_PAGES)
OF_DEVICE = (
    "device-detail",
    "device-edit",
    "device-edit-confirm",
    "device-history",
    "map-id-blank",
    "msn-remove",
    "api-device-detail",
    "api-device-history",
    "api-device-as-of",
)
OF_MEMBER = ("member-edit", "member-reinstate", "member-end", "factors-reset")
OF_ORGANISATION = (
    "organisation-detail", "code-bind", "administrator-appoint", "organisation-activity", "member-factors-reset",
    "sign-on", "sign-on-edit", "sign-on-switch", "mail-domain-add",
)  # fmt: skip
OF_DOMAIN = ("mail-domain-check", "mail-domain-give-up")
OF_INVITATION = ("invitation-send", "invitation-revoke")
TO_COME = date(2099, 12, 31)  # from when each device of the world has another MAP


def address(name: str, device: Device, membership: Membership, run: ReportRun) -> str:
    """The address of a page, about these objects where it is about one."""
    supplier, of_own = first(Organisation, role=Role.SUPPLIER), {"organisation": membership.organisation_id}
    arguments = {
        OF_DEVICE: {"device_id": device.device_id},
        OF_MEMBER: {"pk": membership.pk},
        OF_ORGANISATION: {"pk": supplier},
        OF_DOMAIN: {"pk": supplier, "domain": "zephyr.example"},
        OF_INVITATION: {"pk": first(Invitation, **of_own)},
        PROVIDER_PAGES: {"provider_id": "a-guess"},
        ("invitation-accept",): {"secret": "a-guess"},
        ("mfa_remove_webauthn", "mfa_edit_webauthn"): {"pk": 1},
        ("map-step-take-back",): {"device_id": device.device_id, "day": TO_COME},
        ("report-run-manifest", "api-run-detail", "api-run-manifest"): {"pk": run.pk},
        ("token-revoke",): {"pk": first(ServiceToken, **of_own)},
        ("code-unbind",): {"pk": first(Binding, valid_to=None)},
        ("proposal-detail",): {"pk": first(Proposal)},
        ("unsent-email-send",): {"pk": first(ProcrastinateJob, status="failed")},
        ("worklist",): {"name": "msn"},
    }
    return reverse(name, kwargs=next((given for names, given in arguments.items() if name in names), None))


def first(model: type[Model], **given: object) -> int | None:
    return model.objects.filter(**given).order_by("pk").values_list("pk", flat=True).first()


@pytest.fixture
def world(supplier, rival, asset_provider, rival_provider, dcc) -> dict[str, tuple]:
    """Per organisation a device, a member, an invitation, a token and a report run of its own; and a proposal."""
    device, foreign = make_device("ZEPH", "ZMAP"), make_device("ZODI", "ZMAB")
    provided_by(device, "ZMAB", TO_COME)
    provided_by(foreign, "ZMAP", TO_COME)
    made = {}
    for organisation, thing in ((supplier, device), (asset_provider, device), (dcc, device), (rival, foreign)):
        run = ReportRun.objects.create(organisation=organisation, report="map-portfolio", as_of="2026-01-01")
        made[organisation.role if organisation != rival else "rival"] = (thing, make_membership(organisation), run)
    for organisation in (supplier, rival, asset_provider, rival_provider, dcc):
        make_invitation(organisation)
        make_token(organisation)
    make_proposal(supplier, proposed_by=make_user())
    make_unsent_email()
    make_domain(make_sign_on(supplier), "zephyr.example", proven_at=None)
    rival_run = ReportRun.objects.create(organisation=rival_provider, report="map-portfolio", as_of="2026-01-01")
    made["rival"] = (foreign, made["rival"][1], rival_run)
    return made


@pytest.fixture
def organisations(supplier, asset_provider, dcc) -> dict[Role, Organisation]:
    return {Role.SUPPLIER: supplier, Role.MAP: asset_provider, Role.DCC: dcc}


def test_every_view_is_named_and_declares_its_permission():
    assert all(NAMES)
    assert not [p.name for p in OWN if not isinstance(getattr(p.callback, "permission", None), Permission | Open)]


def test_third_party_views_are_those_we_know():
    assert {p.name for p in patterns() if not hasattr(p.callback, "permission") and p not in API} == THIRD_PARTY


def test_every_address_of_the_api_lies_below_it_and_declares_what_each_action_asks_for():
    assert all(reverse_of(pattern).startswith("/api/v1/") for pattern in API)
    assert all(isinstance(right, Permission | Open) for pattern in API for right in rights_of(pattern))


def reverse_of(pattern: URLPattern) -> str:
    examples = {"device_id": "x", "pk": "00000000-0000-4000-8000-000000000000"}
    return reverse(pattern.name, kwargs={name: examples[name] for name in pattern.pattern.converters})


def test_anonymous_system_is_refused_by_every_method(operator, client, world):
    for pattern in API:
        if Open.TO_ALL not in rights_of(pattern):
            path = address(pattern.name, *world[Role.SUPPLIER])
            answers = [getattr(client, method)(path) for method in METHODS]
            assert {answer.status_code for answer in answers} == {401}, path
            assert {answer.headers["WWW-Authenticate"] for answer in answers} == {"Bearer"}, path


@pytest.mark.parametrize("job", [Job.VIEWER, Job.EDITOR])
@pytest.mark.parametrize("role", Role)
def test_system_is_forbidden_exactly_what_its_job_does_not_include(operator, organisations, world, role, job):
    system = System(make_token(organisations[role], job))

    for pattern in API:
        path = address(pattern.name, *world[role])
        statuses = {getattr(system, method)(path).status_code for method in METHODS}
        may = all(right in Open or allows(role, job, right) for right in rights_of(pattern))
        assert (403 in statuses) is not may, pattern.name
        assert statuses <= {200, 400, 403, 405, 415, 428}, pattern.name


def test_every_permission_is_declared_by_a_view_and_every_job_has_its_row():
    """A right stands on "Who may do what" once a page declares it, not before."""
    assert {permission_of(name) for name in GUARDED} == set(Permission)
    assert {(role, job) for role, jobs in GRANTS.items() for job in jobs} == {(r, j) for r in Role for j in Job}


def test_each_job_may_all_that_the_one_before_may():
    for role in Role:
        assert GRANTS[role][Job.VIEWER] <= GRANTS[role][Job.EDITOR] <= GRANTS[role][Job.ADMINISTRATOR]


def test_anonymous_is_sent_to_sign_in(operator, client, world):
    for name in NAMES:
        if permission_of(name) != Open.TO_ALL:
            path = address(name, *world[Role.SUPPLIER])
            answers = [getattr(client, method)(path) for method in METHODS]
            assert {answer.status_code for answer in answers} == {302}, name
            assert all(answer.url.startswith("/accounts/login/?next=") for answer in answers), name


@pytest.mark.parametrize("name", [n for n in NAMES if permission_of(n) == Open.TO_ALL and n not in BY_GUESS])
def test_public_pages_open_without_signing_in(client, db, name):
    answer = client.get(reverse(name), follow=True)

    assert answer.status_code == 200
    end(answer)  # of a file, which the client does not read


@pytest.mark.parametrize("job", Job)
@pytest.mark.parametrize("role", Role)
def test_missing_right_is_forbidden_by_every_method(operator, organisations, world, sign_in, role, job):
    """403 exactly where the table of rights says no; never a page, a file or a change."""
    browser = sign_in(organisations[role], job)

    for name in GUARDED:
        path = address(name, *world[role])
        statuses = {getattr(browser, method)(path).status_code for method in METHODS}
        statuses.add(browser.submit(path).status_code)
        if allows(role, job, permission_of(name)):
            assert 403 not in statuses, name
        else:
            assert statuses <= {403, 405}, name
            assert 403 in statuses, name


@pytest.mark.parametrize("role", Role)
def test_no_page_is_stored(operator, organisations, world, sign_in, role):
    """Each shows who is signed in: those open to all too, those of libraries, and whatever refuses."""
    keys = {"account_reset_password_from_key": {"uidb36": "1", "key": "a-guess"}, "mfa_edit_webauthn": {"pk": 1}}
    paths = [reverse(name, kwargs=keys.get(name)) for name in THIRD_PARTY - {"account_logout"}]
    paths += [address(name, *world[role]) for name in NAMES]

    browser = sign_in(organisations[role], Job.ADMINISTRATOR)
    for path in [*paths, "/nowhere/", "/devices", "/devices/?msn=%00", "/accounts/logout/"]:
        for answer in (browser.get(path), browser.put(path)):
            assert "no-store" in answer.headers["Cache-Control"], (path, answer.status_code)
    assert "no-store" in browser.submit("/accounts/logout/").headers["Cache-Control"]


@pytest.mark.parametrize("role", [Role.SUPPLIER, Role.MAP])
def test_foreign_and_unknown_objects_get_the_same_answer(operator, organisations, world, sign_in, role):
    browser = sign_in(organisations[role], Job.ADMINISTRATOR)
    about_objects = [
        name
        for name in GUARDED
        if address(name, *world["rival"]) != address(name, *world[role])
        and allows(role, Job.ADMINISTRATOR, permission_of(name))
    ]

    assert about_objects
    for name in about_objects:
        assert_same_answer(browser, name, *world["rival"])


def assert_same_answer(browser: Browser, name: str, foreign: Device, membership: Membership, run: ReportRun) -> None:
    """For what is another organisation's as for what is not there."""
    path = address(name, foreign, membership, run)
    unknown = path.replace(foreign.device_id, "00-DB-12-FF-FF-FF-FF-FF").replace(f"/{membership.pk}/", "/999999/")
    unknown = re.sub(r"/(invitations|tokens)/\d+/", r"/\1/999999/", unknown)
    unknown = unknown.replace(str(run.pk), "00000000-0000-4000-8000-000000000000")

    answers = [browser.get(where) for where in (path, unknown)] + [browser.submit(where) for where in (path, unknown)]

    assert {answer.status_code for answer in answers} <= {404, 405}, name
    assert same_words(answers[0]) == same_words(answers[1]), name


def same_words(answer) -> str:
    """A page without what differs each time: reference, time, tokens."""
    differing = r"[0-9a-f]{8}-[0-9a-f-]{27}|(value|data-seconds)=\"[^\"]+\"|at \d\d:\d\d|next=[^\"]+"
    return re.sub(differing, "", answer.content.decode())


def test_unknown_parameter_is_named_and_refused(operator, organisations, world, sign_in):
    browsers = {role: sign_in(organisation, Job.ADMINISTRATOR) for role, organisation in organisations.items()}

    for name in NAMES:
        if (right := permission_of(name)) not in (Open.TO_ALL, Open.SIGNED_IN):
            role = next(r for r in Role if not isinstance(right, Permission) or allows(r, Job.ADMINISTRATOR, right))
            path = address(name, *world[role])
            response = browsers[role].get(path, {"surprise": "1"})
            if response.status_code == 405:
                response = browsers[role].submit(f"{path}?surprise=1")
            assert response.status_code == 400, name
            assert "surprise" in response.content.decode(), name


FORMS = [
    "device-edit", "device-edit-confirm", "map-id-blank", "msn-remove", "map-step-take-back", "member-edit",
    "member-end", "factors-reset", "invitation-add", "invitation-send", "invitation-revoke", "token-add",
    "token-revoke",
]  # fmt: skip


def test_form_that_does_not_say_for_whom_is_refused(operator, organisations, world, sign_in):
    browser = sign_in(organisations[Role.SUPPLIER], Job.ADMINISTRATOR)

    for name in FORMS:
        assert browser.post(address(name, *world[Role.SUPPLIER])).status_code == 400, name


def test_person_without_membership_gets_in_nowhere(operator, client, world):
    client.force_login(make_user())

    for name in NAMES:
        if permission_of(name) not in (Open.TO_ALL, Open.SIGNED_IN):
            assert client.get(address(name, *world[Role.SUPPLIER])).status_code in (403, 405), name


def test_member_of_an_inactive_organisation_gets_in_nowhere(operator, supplier, sign_in):
    browser = sign_in(supplier)
    overwrite(supplier, is_active=False)

    assert browser.get("/devices/").status_code == 403


# Nobody acts without their second factor --------------------------------------------------------------------------

CLOSED = [p.name for p in patterns() if getattr(p.callback, "login_required", True)]


def test_password_alone_opens_no_page(operator, client, world, supplier):
    """With the code still to give, every address leads back to the sign-in."""
    user = make_user(password="quite a long password")
    make_membership(supplier, Job.ADMINISTRATOR, user)
    enrol_app(user)

    given = client.post("/accounts/login/", {"login": user.email, "password": "quite a long password"})

    assert given.url == "/accounts/login/code/"
    for name in CLOSED:
        path = address(name, *world[Role.SUPPLIER])
        answers = [getattr(client, method)(path) for method in METHODS]
        assert {answer.status_code for answer in answers} == {302}, name
        assert all(answer.url.startswith("/accounts/login/?next=") for answer in answers), name


@pytest.mark.parametrize("why", ["setting", "reset"])
def test_who_lacks_a_factor_is_led_to_enrol_from_every_page(operator, settings, world, supplier, why):
    """Also in a session that was open before; by every method."""
    browser = Browser(make_membership(supplier, Job.ADMINISTRATOR))
    assert browser.get("/devices/").status_code == 200
    settings.MFA_REQUIRED = why == "setting"
    User.objects.update(must_enrol=why == "reset")

    for name in sorted({*CLOSED} - PAGES):
        path = address(name, *world[Role.SUPPLIER])
        answers = [getattr(browser, method)(path) for method in METHODS] + [browser.submit(path)]
        assert {answer.status_code for answer in answers} == {302}, name
        assert all(answer.url.startswith("/accounts/security/enrol/?next=") for answer in answers), name


def test_who_lacks_a_factor_may_read_what_is_open_to_all_and_leave(operator, settings, world, supplier):
    settings.MFA_REQUIRED = True
    browser = Browser(make_membership(supplier))

    for path in ("/help/", "/privacy/", "/health/live", "/who-may-do-what/", "/accounts/logout/"):
        assert browser.get(path).status_code == 200, path
    assert "Acting for" not in browser.get("/help/").text
    assert browser.post("/accounts/logout/").status_code == 302
    assert browser.get("/devices/").url.startswith("/accounts/login/")


@pytest.mark.parametrize(
    "path",
    ["signup/code/", "email/", "confirm-email/", "login/code/confirm/", "password/set/", "phone/verify/", "2fa/",
     "sessions/", "2fa/webauthn/signup/", "login/code/request/"],
)  # fmt: skip
def test_what_is_not_offered_is_not_there(client, db, path):
    assert client.get(f"/accounts/{path}").status_code == 404


# Nobody searches by MAP ID ---------------------------------------------------------------------------------------

ATTACKS = [
    {name: value}
    for name in (
        "map_id", "map_id__in", "asset_provider", "asset_provider_id", "asset_provider__code", "asset_provider__name",
        "map", "mapid", "MAP_ID", "map_from", "map_from__gte", "map_recorded_by", "q", "search", "query", "filter",
        "supplier", "supplier_id", "quality_flags", "group_by", "fields", "include", "format", "page", "offset",
        "limit", "device_id__in", "msn__contains", "status", "o",
    )
    for value in ("ZMAP", "1")
] + [
    {name: value}
    for name in ("ordering", "order_by", "sort", "order")
    for value in ("map_id", "-asset_provider__code", "device_id")
]  # fmt: skip


@pytest.fixture
def devices_of_two_maps(supplier, asset_provider, rival_provider) -> list[Device]:
    return [make_device("ZEPH", code) for code in ("ZMAP", "ZMAB", "ZMAP", None)]


def found(response) -> list[str]:
    return re.findall(r"/devices/(00-[0-9A-F-]{20})/\"", response.content.decode())


ASKED_BY_MAP_ID = [
    "/devices/",
    "/search/",
    "/devices/download/",
    "/devices/to-do/msn/",
    "/",
    "/api/v1/devices/{device}/",
]


@pytest.mark.parametrize("path", ASKED_BY_MAP_ID)
@pytest.mark.parametrize("role", Role)
def test_no_parameter_selects_or_orders_by_map_id(organisations, devices_of_two_maps, sign_in, role, path):
    browser = sign_in(organisations[role], Job.ADMINISTRATOR)
    path = path.format(device=devices_of_two_maps[0])

    attacks = [attack for attack in ATTACKS if path != "/search/" or "q" not in attack]
    statuses = {str(attack): browser.get(path, attack).status_code for attack in attacks}

    refused = {400} if browser.get(path).status_code == 200 else {403}
    assert set(statuses.values()) == refused, statuses


@pytest.mark.parametrize("parameter", ["msn", "device_id", "mpxn", "device_type", "smi_status", "installed_from"])
@pytest.mark.parametrize("role", Role)
def test_map_id_as_the_value_of_another_parameter_finds_nothing(
    organisations, devices_of_two_maps, sign_in, role, parameter
):
    browser = sign_in(organisations[role])

    for value in ("ZMAP", "ZMA", "Z", "%", "ZMA%", "ZM_P", "*", "ZMAP OR 1=1", "' OR ''='", "\x00"):
        response = browser.get("/devices/", {parameter: value})
        assert response.status_code in (200, 400), value
        assert found(response) == [], value


@pytest.mark.parametrize("role", Role)
def test_tampered_cursor_is_refused(organisations, devices_of_two_maps, sign_in, role):
    browser = sign_in(organisations[role])

    for cursor in ("ZMAP", "1", "eyJtYXBfaWQiOiAiWk1BUCJ9", "a:b:c", "IlpNQVAi:1abcde:xxxxxxxxxxx", "\x00"):
        for direction in ("after", "before"):
            assert browser.get("/devices/", {direction: cursor}).status_code == 400


@pytest.mark.parametrize("role", Role)
def test_a_body_changes_nothing_about_what_is_found(organisations, devices_of_two_maps, sign_in, role):
    browser = sign_in(organisations[role])
    plain = found(browser.get("/devices/"))

    assert browser.submit("/devices/", {"map_id": "ZMAP"}).status_code == 405
    request = {"data": b"map_id=ZMAP", "content_type": "application/x-www-form-urlencoded"}
    assert found(browser.generic("GET", "/devices/", **request)) == plain
    assert found(browser.get("/devices/", headers={"X-Filter": "map_id=ZMAP"})) == plain


def test_participants_are_searched_by_name_and_show_no_device(organisations, devices_of_two_maps, sign_in):
    response = sign_in(organisations[Role.MAP]).get("/participants/", {"name": "ZMAP"})

    assert "Zenith Meter Assets" in response.content.decode()
    assert found(response) == []


# Acting for one organisation at a time ---------------------------------------------------------------------------


@pytest.fixture
def dual(supplier, asset_provider) -> Browser:
    """Somebody who is a member of a supplier and of a MAP, acting for the supplier."""
    membership = make_membership(supplier, Job.EDITOR)
    make_membership(asset_provider, Job.EDITOR, membership.user)
    browser = Browser(membership)
    browser.post("/accounts/acting/", {"membership": membership.pk})
    return browser


def membership_of(browser: Browser, organisation: Organisation) -> Membership:
    return browser.membership.user.memberships.get(organisation=organisation)


def test_person_with_two_memberships_chooses_first(supplier, asset_provider):
    membership = make_membership(supplier)
    make_membership(asset_provider, user=membership.user)

    response = Browser(membership).get("/devices/?device_type=ESME")

    assert response.status_code == 302
    assert response.url == "/accounts/acting/?next=%2Fdevices%2F%3Fdevice_type%3DESME"


def test_rights_are_never_the_union(dual, asset_provider):
    assert dual.get("/devices/").status_code == 200
    assert dual.get("/reports/map-portfolio/").status_code == 403


def test_form_of_another_membership_gets_the_way_back_with_all_that_was_typed(operator, dual, supplier, asset_provider):
    device = make_device("ZEPH", None, msn="")
    path = f"/devices/{device.device_id}/edit/"
    dual.post("/accounts/acting/", {"membership": membership_of(dual, asset_provider).pk})

    stopped = dual.submit(path, {"msn": "Z21E 10447", "version": 1})

    assert stopped.status_code == 409
    page = stopped.content.decode()
    assert "Switch back and continue" in page
    assert 'value="Z21E 10447"' in page
    device.refresh_from_db()
    assert device.msn == ""


def test_switching_back_saves_the_form(operator, dual, supplier, asset_provider):
    device = make_device("ZEPH", None, msn="")
    path = f"/devices/{device.device_id}/edit/"
    own = membership_of(dual, supplier)
    dual.post("/accounts/acting/", {"membership": membership_of(dual, asset_provider).pk})
    form = {"acting": own.pk, "msn": "Z21E 10447", "version": 1, "membership": own.pk, "replay": 1}

    dual.post(f"/accounts/acting/?next={path}", form, follow=True)

    device.refresh_from_db()
    assert device.msn == "Z21E 10447"


def test_file_link_of_another_membership_is_stopped(operator, dual, supplier, asset_provider):
    link = f"/reports/map-portfolio/download/?format=csv&acting={membership_of(dual, asset_provider).pk}"

    response = dual.get(link)

    assert response.status_code == 409
    assert "Switch back and continue" in response.content.decode()


def test_membership_of_somebody_else_offers_no_way_back(dual, rival):
    response = dual.get(f"/devices/download/?acting={make_membership(rival).pk}")

    assert response.status_code == 409
    assert "Switch back and continue" not in response.content.decode()


def test_switch_takes_own_memberships_only_and_leads_nowhere_else(dual, rival):
    foreign = make_membership(rival)

    assert dual.post("/accounts/acting/", {"membership": foreign.pk}).status_code == 404
    for onward in ("https://evil.example/", "//evil.example/", "javascript:alert(1)", "\\\\evil.example"):
        chosen = dual.post(f"/accounts/acting/?next={onward}", {"membership": dual.membership.pk})
        assert chosen.url == "/"


def test_acting_organisation_stands_in_title_and_file_name(dual, supplier):
    make_device("ZEPH")

    assert "<title>1 device – Devices – Zephyr Energy – " in dual.get("/devices/").content.decode()
    assert "zephyr-energy" in dual.get("/devices/download/").headers["Content-Disposition"]


def test_addresses_of_searches_work_for_a_colleague(supplier, rival, sign_in):
    """Further pages, too; for another organisation they do not."""
    made = sorted(make_device("ZEPH", None, msn="Z77").device_id for _ in range(51))
    page = sign_in(supplier, Job.EDITOR).get("/devices/?msn=Z77").content.decode()
    onward = re.search(r'href="(\?[^"]*after=[^"]+)"', page)[1].replace("&amp;", "&")

    shared = sign_in(supplier).get(f"/devices/{onward}")

    assert (shared.status_code, found(shared)) == (200, made[50:])
    assert sign_in(rival).get(f"/devices/{onward}").status_code == 400


def test_every_form_that_writes_and_every_file_link_carries_the_membership(operator, organisations, world, sign_in):
    """A search does not: its address can be shared. Forms of django-allauth, and the switch, are not for anyone."""
    for role in Role:
        browser = sign_in(organisations[role], Job.ADMINISTRATOR)
        for name in NAMES:
            page = browser.get(address(name, *world[role]))
            if page.status_code != 200 or page.streaming or "html" not in page.headers["Content-Type"]:
                continue
            html = page.content.decode()
            for form in re.findall(r"<form.*?</form>", html, re.S):
                if 'method="get"' in form and "/download/" not in form:
                    assert 'name="acting"' not in form, (role, name)
                elif 'action="/accounts/' not in form:
                    assert f'name="acting" value="{browser.membership.pk}"' in form, (role, name)
            for link in re.findall(r'href="([^"]*(?:/download/|/manifest/)[^"]*)"', html):
                assert f"acting={browser.membership.pk}" in link, (role, name)
