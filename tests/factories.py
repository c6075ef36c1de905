"""Test data: plain functions with defaults. All of it is made up."""

from datetime import date, timedelta
from itertools import count

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialApp
from django.db import connection
from django.utils import timezone

from accounts.acting import explaining
from accounts.mail import queue_mail
from accounts.models import (
    Binding,
    Fuel,
    Invitation,
    MailDomain,
    Membership,
    Organisation,
    Participant,
    Proposal,
    ServiceToken,
    SingleSignOn,
    User,
)
from accounts.roles import Job, Role
from accounts.sign_in.encryption import encrypt
from accounts.sign_in.tokens import SHOWN, hash_of, new_secret
from inventory.models import Device, ProviderPeriod, StepKind, SupplyPeriod
from tests.as_owner import as_owner
from tests.scopes import as_operator_unless_in_scope

numbers = count(1)
INSTALLED = date(2024, 3, 1)
MPANS = ("9910000001006", "9910000002000", "9910000003003", "9910000004007", "9700200000071")


@as_operator_unless_in_scope()
@as_owner()
def make_organisation(name: str = "", role: Role = Role.SUPPLIER) -> Organisation:
    return Organisation.objects.create(name=name or f"Organisation {next(numbers)}", role=role)


@as_operator_unless_in_scope()
def make_user(name: str = "", email: str = "", password: str | None = None) -> User:
    """A person with an account, whose address counts as verified."""
    number = next(numbers)
    user = User.objects.create_user(email or f"person{number}@demo.example", name or f"Person {number}", password)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


@as_operator_unless_in_scope()
@as_owner()
def make_membership(organisation: Organisation, job: Job = Job.VIEWER, user: User | None = None) -> Membership:
    return Membership.objects.create(user=user or make_user(), organisation=organisation, job=job)


@as_operator_unless_in_scope()
def make_invitation(organisation: Organisation, job: Job = Job.VIEWER, **fields: object) -> Invitation:
    """Create an open invitation; the hash of its secret is its number, so that it is unique."""
    number = next(numbers)
    given = {"email": f"invited{number}@demo.example", "name": f"Invited {number}", "secret_hash": f"{number:064}"}
    given |= {"expires_at": timezone.now() + Invitation.VALID_FOR, "sent_at": timezone.now() - timedelta(hours=1)}
    return Invitation.objects.create(organisation=organisation, job=job, **given | fields)


@as_operator_unless_in_scope()
def make_unsent_email(user: User | None = None) -> int:
    """An email about reset factors, whose attempts have all failed; the id of its job."""
    user = user or make_user()
    queue_mail("factors_reset", to=user.pk)
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM procrastinate_jobs")
        (job,) = cursor.fetchone()
        cursor.execute("SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [job])
    return job


def make_proposal(organisation: Organisation, *, proposed_by: User, **fields: object) -> Proposal:
    """To deactivate the organisation, unless `fields` say otherwise."""
    given = {"act": Proposal.Act.DEACTIVATE, "expires_at": timezone.now() + Proposal.VALID_FOR}
    return Proposal.objects.create(organisation=organisation, proposed_by=proposed_by, **given | fields)


@as_operator_unless_in_scope()
def make_token(
    organisation: Organisation, job: Job = Job.VIEWER, *, secret: str = "", **fields: object
) -> ServiceToken:
    """A valid token of `organisation`; for tests it remembers its `secret`."""
    secret = secret or new_secret()
    given = {
        "name": f"System {next(numbers)}",
        "prefix": secret[:SHOWN],
        "secret_hash": hash_of(secret),
        "created_by": fields.pop("created_by", None) or make_user(),
        "expires_at": timezone.now() + timedelta(days=90),
    }
    token = ServiceToken.objects.create(organisation=organisation, job=job, **given | fields)
    token.secret = secret
    return token


@as_operator_unless_in_scope()
@as_owner()
def make_participant(code: str, *, role: Role = Role.MAP, name: str = "", **fields: object) -> Participant:
    """An entry of the list; the code's length says the fuel."""
    fuel = Fuel.ELECTRICITY if len(code) == 4 else Fuel.GAS
    given = {"name": name or f"{code} Limited", "effective_from": date(2010, 1, 1)} | fields
    return Participant.objects.create(code=code, fuel=fuel, role=role, **given)


@as_operator_unless_in_scope()
@as_owner()
def bind(organisation: Organisation, participant: Participant, **fields: object) -> Binding:
    given = {"valid_from": date(2015, 1, 1)} | fields
    return Binding.objects.create(
        fuel=participant.fuel, role=participant.role, code=participant.code, organisation=organisation, **given
    )


@as_operator_unless_in_scope()
def make_sign_on(organisation: Organisation, *domains: str) -> SingleSignOn:
    """Create single sign-on with proven domains, through a provider that nobody asks and two people named."""
    issuer = f"https://login{organisation.pk}.demo.example"
    settings = {"server_url": issuer, "issuer": issuer, "hosts": [issuer[8:]], "encrypted_secret": encrypt("unused")}
    provider = {"provider": "openid_connect", "provider_id": f"provider-{organisation.pk}", "client_id": "portal"}
    app = SocialApp.objects.create(name=organisation.name, settings=settings, **provider)
    two = {"named_by": make_user(), "approved_by": make_user()}
    sign_on = SingleSignOn.objects.create(organisation=organisation, app=app, **two)
    for domain in domains:
        make_domain(sign_on, domain)
    return sign_on


@as_operator_unless_in_scope()
def make_domain(sign_on: SingleSignOn, domain: str, **fields: object) -> MailDomain:
    two = {"added_by": sign_on.named_by, "approved_by": sign_on.approved_by}
    given = two | {"proven_at": timezone.now()} | fields
    return MailDomain.objects.create(single_sign_on=sign_on, domain=domain, **given)


def listed(code: str, role: Role = Role.MAP) -> Participant:
    """Return the entry of `code`, created at first use."""
    found = Participant.objects.filter(code=code, role=role).first()
    return found or make_participant(code, role=role)


@as_operator_unless_in_scope()
def make_device(supplier: str = "ZEPH", map_id: str | None = "ZMAP", **fields: object) -> Device:
    """An installed SMETS2 electricity meter of `supplier` (a code) with `map_id` (a code, or None)."""
    number = next(numbers)
    digits = f"00DB12{number:010X}"
    given = {
        "device_id": "-".join(digits[i : i + 2] for i in range(0, 16, 2)),
        "device_type": "ESME",
        "smets_generation": 2,
        "smets_version": "4.2",
        "manufacturer": "ZT10",
        "model": "010A030B",
        "firmware": "0002012F",
        "status": "Commissioned",
        "status_from": INSTALLED,
        "installed_on": INSTALLED,
        "commissioned_on": INSTALLED,
        "msn": f"Z{number:08d}",
        "supplier": listed(supplier, Role.SUPPLIER),
        "supplier_from": INSTALLED,
    }
    recorded = {"map_recorded_at": timezone.now(), "map_recorded_for": "ZEPH"}
    given |= {"asset_provider": listed(map_id), "map_from": INSTALLED, **recorded} if map_id else {}
    with explaining(via="load", source="device load test.csv"):
        return Device.objects.create(**given | fields)


@as_operator_unless_in_scope()
def make_hub(supplier: str = "ZEPH", **fields: object) -> Device:
    """A communications hub: no meter, so neither MAP ID nor MSN."""
    bare = {"device_type": "CHF", "smets_generation": None, "smets_version": "", "msn": ""}
    return make_device(supplier, None, **bare | fields)


@as_operator_unless_in_scope()
def supplied_by(
    device: Device, code: str, day: date = INSTALLED, *, kind: StepKind = StepKind.CHANGE, source: str = ""
) -> SupplyPeriod:
    """Another responsible supplier from `day`, as a load records it."""
    with explaining(via="load", code="DCC", source=source):
        add_step("supply", device, day, listed(code, Role.SUPPLIER), kind)
    return SupplyPeriod.objects.get(device=device, valid_from=day, known__upper_inf=True)


@as_operator_unless_in_scope()
def provided_by(
    device: Device,
    code: str | None,
    day: date = INSTALLED,
    *,
    kind: StepKind = StepKind.CHANGE,
    recorded_for: str = "ZEPH",
) -> ProviderPeriod:
    """Another MAP from `day`, or none, as a supplier records it."""
    kind = StepKind.ENDED if code is None and kind == StepKind.CHANGE else kind
    with explaining(via="page", code=recorded_for):
        add_step("provider", device, day, code and listed(code), kind)
    return ProviderPeriod.objects.get(device=device, valid_from=day, known__upper_inf=True)


def add_step(track: str, device: Device, day: date, participant: Participant | None, kind: StepKind) -> None:
    with connection.cursor() as cursor:
        given = [[device.pk], [day], [participant and participant.pk], [str(kind)]]
        cursor.execute("SELECT write_steps(%s, %s::bigint[], %s::date[], %s::bigint[], %s::text[])", [track, *given])
