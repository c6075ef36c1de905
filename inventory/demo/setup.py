"""The demo: made-up participants, organisations, people and devices, to try the portal with (design.md 6.4)."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts import clock
from accounts.actions import add_member, add_organisation, bind_code
from accounts.errors import NotAllowed
from accounts.models import Fuel, Organisation, Participant, User
from accounts.participants.loading import load_participants, lock_list
from accounts.participants.reading import CODE_LENGTH, read_participants
from accounts.roles import Job, Role
from inventory.demo.generation import generate_devices

PASSWORD = "smart-metering-demo"  # noqa: S105  (printed for everybody, and for the demo only)
PARTICIPANTS = Path(__file__).with_name("participants.csv")
BOUND_FROM = date(2010, 4, 1)  # when the first demo codes begin: before any device


class DemoOrganisation(NamedTuple):
    """An organisation and its codes, all of its role; their length says the fuel."""

    name: str
    role: Role
    codes: tuple[str, ...] = ()


class DemoLogin(NamedTuple):
    """One membership of one person."""

    email: str
    name: str
    organisation: str
    job: Job


SUPPLIER = DemoOrganisation("Zephyr Energy", Role.SUPPLIER, ("ZEPH", "ZPG"))
RIVAL_SUPPLIER = DemoOrganisation("Zest Power", Role.SUPPLIER, ("ZEST", "ZSG"))
ASSET_PROVIDER = DemoOrganisation("Zenith Meter Assets", Role.MAP, ("ZMAP", "ZMAZ", "ZMG", "ZMZ"))
RIVAL_PROVIDER = DemoOrganisation("Zodiac Metering", Role.MAP, ("ZODM", "ZOM"))
# One company in two roles under the same codes, as 13 in the list of 2017 are.
DUAL_SUPPLIER = DemoOrganisation("Zircon Energy", Role.SUPPLIER, ("ZIRC", "ZIG"))
DUAL_PROVIDER = DemoOrganisation("Zircon Metering", Role.MAP, ("ZIRC", "ZIG"))
DCC = DemoOrganisation("DCC", Role.DCC)
ORGANISATIONS = (
    SUPPLIER,
    RIVAL_SUPPLIER,
    ASSET_PROVIDER,
    RIVAL_PROVIDER,
    DUAL_SUPPLIER,
    DUAL_PROVIDER,
    DCC,
)

LOGINS = (
    DemoLogin("supplier.viewer@demo.example", "Vera Lindqvist", SUPPLIER.name, Job.VIEWER),
    DemoLogin("supplier.editor@demo.example", "Edwin Okafor", SUPPLIER.name, Job.EDITOR),
    DemoLogin("supplier.admin@demo.example", "Ada Pemberton", SUPPLIER.name, Job.ADMINISTRATOR),
    DemoLogin("rival.editor@demo.example", "Rhys Calloway", RIVAL_SUPPLIER.name, Job.EDITOR),
    DemoLogin("map.analyst@demo.example", "Maya Sutcliffe", ASSET_PROVIDER.name, Job.VIEWER),
    DemoLogin("map.admin@demo.example", "Aidan Marlow", ASSET_PROVIDER.name, Job.ADMINISTRATOR),
    DemoLogin("rival.map@demo.example", "Rosa Templeton", RIVAL_PROVIDER.name, Job.VIEWER),
    DemoLogin("dual.role@demo.example", "Duncan Asante", DUAL_SUPPLIER.name, Job.EDITOR),
    DemoLogin("dual.role@demo.example", "Duncan Asante", DUAL_PROVIDER.name, Job.EDITOR),
    DemoLogin("dcc.viewer@demo.example", "Daisy Thornbury", DCC.name, Job.VIEWER),
    DemoLogin("dcc.admin@demo.example", "Dilip Hartley", DCC.name, Job.ADMINISTRATOR),
    DemoLogin("dcc.second@demo.example", "Sana Whitlock", DCC.name, Job.ADMINISTRATOR),
)


@transaction.atomic
def load_demo(*, devices: int, seed: int, tell: Callable[[str], object]) -> int | None:
    """Set the demo up, all or nothing: the number of devices made, or None if the demo is there already.

    `tell` is given a line before each long step. Raises NotAllowed if the list of participants or the organisations
    hold something of the demo's from elsewhere.
    """
    lock_list()
    if is_loaded():
        return None
    _refuse_codes_from_elsewhere()
    load_participants([PARTICIPANTS])
    organisations = {made.name: _organisation(made) for made in ORGANISATIONS}
    _people(organisations)
    tell(f"{len(ORGANISATIONS)} organisations with their codes and people are set up.")
    tell(f"Making {devices:,} devices …")
    favour = (*SUPPLIER.codes, *ASSET_PROVIDER.codes)
    return generate_devices(count=devices, seed=seed, today=clock.today(), favour=favour, tell=tell)


def is_loaded() -> bool:
    return User.objects.filter(email__in={login.email for login in LOGINS}).exists()


def _refuse_codes_from_elsewhere() -> None:
    codes = {entry.holder.code for entry in read_participants([PARTICIPANTS]).entries}
    taken = Participant.objects.filter(code__in=codes).order_by("code").values_list("code", flat=True).distinct()
    if taken:
        raise NotAllowed(
            f"The list of participants holds {', '.join(taken)} already, which the demo makes up. "
            "Load the demo into an empty database."
        )


def _organisation(made: DemoOrganisation) -> Organisation:
    organisation = add_organisation(name=made.name, role=made.role)
    fuels = {length: fuel for fuel, length in CODE_LENGTH.items()}
    for code in made.codes:
        bind_code(organisation=organisation, fuel=Fuel(fuels[len(code)]), code=code, valid_from=BOUND_FROM, by=None)
    return organisation


def _people(organisations: dict[str, Organisation]) -> None:
    """Everybody with the one password, hashed once: a good hash is slow."""
    for login in LOGINS:
        add_member(email=login.email, name=login.name, organisation=organisations[login.organisation], job=login.job)
    people = User.objects.filter(email__in={login.email for login in LOGINS})
    people.update(password=make_password(PASSWORD))
