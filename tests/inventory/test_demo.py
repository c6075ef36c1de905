from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import Count, Q

from accounts.models import Binding, Membership, Organisation, Participant, User
from accounts.roles import Role
from inventory.demo.setup import LOGINS, PASSWORD
from inventory.models import Device, DeviceEvent, ProviderPeriod, SupplyPeriod
from tests.factories import make_organisation, make_participant

EVERYTHING = (
    *(Participant, Organisation, Binding, User, EmailAddress, Membership),
    *(Device, DeviceEvent, ProviderPeriod, SupplyPeriod),
)
DESIGNED = {  # design.md 6.4
    "supplier.editor@demo.example": {("supplier", "editor")},
    "supplier.viewer@demo.example": {("supplier", "viewer")},
    "supplier.admin@demo.example": {("supplier", "administrator")},
    "rival.editor@demo.example": {("supplier", "editor")},
    "map.analyst@demo.example": {("map", "viewer")},
    "map.admin@demo.example": {("map", "administrator")},
    "rival.map@demo.example": {("map", "viewer")},
    "dual.role@demo.example": {("supplier", "editor"), ("map", "editor")},
    "dcc.viewer@demo.example": {("dcc", "viewer")},
    "dcc.admin@demo.example": {("dcc", "administrator")},
    "dcc.second@demo.example": {("dcc", "administrator")},
}

pytestmark = [pytest.mark.django_db(databases=["default", "owner"]), pytest.mark.usefixtures("operator")]


@pytest.fixture(autouse=True)
def demo_settings(settings) -> None:
    settings.DEMO = True


def load_demo(devices: int = 50) -> str:
    """What the command prints."""
    out = StringIO()
    call_command("load_demo", "--devices", str(devices), stdout=out)
    return out.getvalue()


def refusal() -> str:
    """The sentence with which the demo is refused, after which nothing has changed."""
    before = counts()
    with pytest.raises(CommandError) as error:
        load_demo()
    assert counts() == before
    return str(error.value)


def counts() -> list[int]:
    return [model.objects.count() for model in EVERYTHING]


def organisation_of(email: str) -> str:
    return User.objects.get(email=email).memberships.get().organisation.name


def test_everybody_of_the_design_is_there_in_their_job():
    load_demo()

    jobs: dict[str, set[tuple[str, str]]] = {}
    for email, role, job in Membership.objects.values_list("user__email", "organisation__role", "job"):
        jobs.setdefault(email, set()).add((role, job))
    assert jobs == DESIGNED


def test_colleagues_share_an_organisation_and_rivals_do_not():
    load_demo()

    assert organisation_of("supplier.editor@demo.example") == organisation_of("supplier.viewer@demo.example")
    assert organisation_of("supplier.editor@demo.example") == organisation_of("supplier.admin@demo.example")
    assert organisation_of("map.analyst@demo.example") == organisation_of("map.admin@demo.example")
    assert organisation_of("rival.editor@demo.example") != organisation_of("supplier.editor@demo.example")
    assert organisation_of("rival.map@demo.example") != organisation_of("map.analyst@demo.example")


def test_everybody_has_the_one_password_and_a_verified_address():
    load_demo()

    hashes = set(User.objects.values_list("password", flat=True))
    assert len(hashes) == 1
    assert User.objects.first().check_password(PASSWORD)
    assert EmailAddress.objects.filter(verified=True, primary=True).count() == User.objects.count()


def test_signing_in_works(client):
    load_demo()

    answer = client.post("/accounts/login/", {"login": "map.analyst@demo.example", "password": PASSWORD})

    assert (answer.status_code, answer.url) == (302, "/")


def test_list_holds_enough_made_up_codes_of_each_fuel():
    load_demo(0)

    live = Participant.objects.filter(kind="live", effective_to=None)
    in_force = live.values_list("fuel", "role").annotate(Count("code", distinct=True))
    assert {(fuel, role): count for fuel, role, count in in_force} == {
        ("E", "supplier"): 7,
        ("G", "supplier"): 6,
        ("E", "map"): 8,
        ("G", "map"): 8,
    }
    assert not Participant.objects.filter(~Q(code__startswith="Z")).exists()
    assert Participant.objects.filter(role=Role.MAP).exclude(effective_to=None).exists()
    assert Participant.objects.filter(role=Role.MAP, kind="dummy").exists()


def test_every_organisation_but_the_dcc_acts_under_a_code_of_each_fuel():
    load_demo(0)

    for organisation in Organisation.objects.exclude(role=Role.DCC):
        assert set(organisation.bindings.values_list("fuel", flat=True)) == {"E", "G"}
    zenith = Organisation.objects.get(name="Zenith Meter Assets")
    assert {"ZMAP", "ZMG"} <= set(zenith.bindings.values_list("code", flat=True))


def test_devices_are_made():
    printed = load_demo(50)

    assert Device.objects.count() == 50
    assert printed.endswith("Demo data loaded: 50 devices.\n")


def test_logins_are_printed():
    printed = load_demo(0)

    assert f"Logins, all with the password {PASSWORD}:" in printed
    for login in LOGINS:
        assert f"{login.job.label} of {login.organisation}" in printed
        assert login.email in printed


def test_loading_again_changes_nothing_and_says_so():
    load_demo()
    before = counts()

    printed = load_demo(70)

    assert counts() == before
    assert printed.endswith("The demo data has already been loaded. Nothing changed.\n")
    assert "supplier.editor@demo.example" in printed


def test_list_that_holds_a_code_of_the_demo_refuses_it():
    make_participant("ZMAP")

    assert "The list of participants holds ZMAP already, which the demo makes up." in refusal()


def test_other_codes_in_the_list_do_not_matter():
    make_participant("UFUN")

    load_demo(0)

    assert Participant.objects.filter(code="UFUN").exists()


def test_organisation_of_a_name_of_the_demo_refuses_it():
    make_organisation("zodiac METERING")

    assert "There is already an organisation named “Zodiac Metering”." in refusal()


def test_portal_that_is_no_demo_refuses_it(settings):
    settings.DEMO = False

    assert "This is not a demo" in refusal()


def test_fewer_than_no_devices_are_refused():
    with pytest.raises(CommandError, match="cannot be below 0"):
        load_demo(-1)
