"""The verbs on single sign-on: an organisation's provider, and the email domains that sign in through it.

A provider vouches for people. So whatever lets it do so takes two administrators of the DCC, by a proposal (`named_by`,
`added_by` or `proposed_by` one, approved `by` another), and a record in the organisation's own DNS. What stops it takes
one. Every change is emailed to the organisation's administrators and to the other administrators of the DCC.
"""

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.acting import Acting
from accounts.actions.dcc_domains import check_domain
from accounts.actions.sessions import end_sessions_through
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.domain_records import TextRecord
from accounts.errors import NotAllowed
from accounts.mail import link_to, queue_for
from accounts.mail_domains import clean_domain
from accounts.models import MailDomain, Membership, Organisation, SingleSignOn, User
from accounts.models.single_sign_on import SingleSignOnQuerySet
from accounts.participants.bindings import dcc_administrators
from accounts.roles import Role
from accounts.sign_in.encryption import Unreadable, decrypt, encrypt
from accounts.sign_in.provider_requests import WELL_KNOWN, discover


def provider_id_of(organisation: Organisation) -> str:
    """Under which the provider's pages stand: known before it is set up, and not to be guessed from another's."""
    if known := SingleSignOn.objects.select_related("app").filter(organisation=organisation).first():
        return known.app.provider_id
    return salted_hmac("accounts.sign_on", str(organisation.pk), algorithm="sha256").hexdigest()[:20]


def callback_address(organisation: Organisation) -> str:
    """What the provider must know as the client's redirect URI."""
    return link_to(reverse("openid_connect_callback", args=[provider_id_of(organisation)]))


def is_named(organisation: Organisation, *, issuer: str, client_id: str) -> bool:
    """Whether this very issuer and client are the organisation's provider now: then one person can renew the secret."""
    named = SingleSignOn.objects.select_related("app").filter(organisation=organisation).exclude(approved_by=None)
    return any((found.issuer, found.app.client_id) == (issuer, client_id) for found in named)


@transaction.atomic
def name_provider(
    *,
    organisation: Organisation,
    issuer: str,
    client_id: str,
    secret: str,
    named_by: User,
    rehearsal: bool = False,
    by: Acting,
) -> SingleSignOn:
    """Let people of `organisation` come in through this OpenID Connect client; switched on when it is the first.

    Asks the issuer, and refuses one that does not answer or names itself otherwise. A new issuer or client knows nobody
    and has proved nothing: the sessions through the former one end, and so do the proofs of its domains.
    """
    approved_by = _second_person(named_by, by, rehearsal=rehearsal)
    if is_named(organisation, issuer=issuer, client_id=client_id):
        raise NotAllowed(f"{organisation} already has this issuer and client.", "issuer")
    _check_plain(issuer, client_id)
    _need(secret)
    hosts = discover(issuer)
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    sign_on = _of(organisation)
    if rehearsal:
        return sign_on  # whatever refuses it has spoken
    changed = _changed(sign_on.app, issuer, client_id)
    sign_on.app.client_id, sign_on.app.settings = client_id, _settings(issuer, hosts, encrypt(secret))
    sign_on.app.save()
    sign_on.named_by, sign_on.approved_by, sign_on.named_at = named_by, approved_by, timezone.now()
    sign_on.save()
    ended = _forget_former(sign_on, by)
    _note(AuditKind.SIGN_ON_CHANGED, sign_on, by, items=[*changed, "secret"], sessions=ended)
    return sign_on


def _second_person(first: User, by: Acting, *, rehearsal: bool) -> User | None:
    """Whoever approves what `first` has proposed; nobody in a rehearsal. Both are administrators of the DCC."""
    people = {first, by.user}
    if not rehearsal and (None in people or len(people) < 2):
        raise NotAllowed("A second DCC administrator must approve this change of single sign-on.")
    if not all(dcc_administrators().filter(user=person).exists() for person in people):
        raise NotAllowed("Only administrators of the DCC can set up single sign-on.")
    return None if rehearsal else by.user


def _of(organisation: Organisation) -> SingleSignOn:
    """The one there is, held, or one that is not saved yet."""
    if found := _hold(SingleSignOn.objects.filter(organisation=organisation)):
        return found
    given = {"provider": "openid_connect", "provider_id": provider_id_of(organisation), "name": organisation.name[:40]}
    return SingleSignOn(organisation=organisation, app=SocialApp(**given))


def _changed(app: SocialApp, issuer: str, client_id: str) -> list[str]:
    """Names of what is to be another than it is."""
    now = {"issuer": app.settings.get("issuer"), "client_id": app.client_id}
    given = {"issuer": issuer, "client_id": client_id}
    return [name for name in given if given[name] != now[name]]


def _check_plain(issuer: str, client_id: str) -> None:
    """Whoever approves them judges them by sight, and letters of other alphabets look alike."""
    for name, label, text in (("issuer", "An issuer", issuer), ("client_id", "A client ID", client_id)):
        if not (text.isascii() and text.isprintable()):
            raise NotAllowed(
                f"{label} has only ASCII characters, as others can look the same. Of a domain with other letters,"
                " enter the ASCII form, xn--….",
                name,
            )


def _need(secret: str) -> None:
    """A secret goes to the issuer and client that it was given for, and to no other."""
    if not secret:
        raise NotAllowed("Enter the client secret. None is set for this issuer and client.", "secret")


def _forget_former(sign_on: SingleSignOn, by: Acting) -> int:
    """Of the issuer and client before: subjects stay on record under another name; how many sessions have ended."""
    provider_id = sign_on.app.provider_id
    former = f"{provider_id}-until-{sign_on.named_at:%Y%m%dT%H%M%S%f}"
    SocialAccount.objects.filter(provider=provider_id).update(provider=former)
    sign_on.domains.current().update(proven_at=None)
    return end_sessions_through(sign_on, but_of=by.user)


@transaction.atomic
def renew_secret(*, sign_on: SingleSignOn, secret: str, by: Acting) -> SingleSignOn:
    """Set another client secret; asks the issuer again. Without one, nothing is to be changed, which is refused.

    For one person: issuer and client, which vouch, stay as they are.
    """
    if not secret:
        _check_readable(sign_on.app)
        raise NotAllowed("You have not changed anything.")
    issuer, client_id = sign_on.issuer, sign_on.app.client_id
    hosts = discover(issuer)
    held = _held(sign_on)
    if (held.issuer, held.app.client_id) != (issuer, client_id):
        raise NotAllowed("The provider has changed since you opened this page. Reload the page and check it.")
    held.app.settings = _settings(issuer, hosts, encrypt(secret))
    held.app.save(update_fields=["settings"])
    _note(AuditKind.SIGN_ON_CHANGED, held, by, items=["secret"], sessions=0)
    return held


def _check_readable(app: SocialApp) -> None:
    """Refuse a secret that is damaged or encrypted under a key that is lost."""
    try:
        decrypt(app.settings["encrypted_secret"])
    except Unreadable as error:
        raise NotAllowed("Enter the client secret. The one that is set can no longer be read.", "secret") from error


def _settings(issuer: str, hosts: list[str], encrypted_secret: str) -> dict[str, object]:
    """As django-allauth reads them, `issuer`, `hosts` and `encrypted_secret` aside, which are ours."""
    return {
        "server_url": issuer.rstrip("/") + WELL_KNOWN,
        "openid_configuration_overrides": {"issuer": issuer},  # an ID token must name the one that was set
        "oauth_pkce_enabled": True,
        "issuer": issuer,
        "hosts": hosts,
        "encrypted_secret": encrypted_secret,
    }


@transaction.atomic
def switch_on(*, sign_on: SingleSignOn, proposed_by: User, rehearsal: bool = False, by: Acting) -> SingleSignOn:
    """People of its proven domains sign in through the provider alone."""
    _second_person(proposed_by, by, rehearsal=rehearsal)
    held = _held(sign_on)
    if held.is_active:
        raise NotAllowed(f"Single sign-on of {held.organisation} is already on.")
    if held.approved_by_id is None:
        raise NotAllowed("Only one person set up this provider. Enter the issuer, client ID and secret again first.")
    held.is_active = True
    held.save(update_fields=["is_active"])
    _note(AuditKind.SIGN_ON_CHANGED, held, by, items=["switched_on"], sessions=0)
    return held


@transaction.atomic
def switch_off(*, sign_on: SingleSignOn, by: Acting | None) -> SingleSignOn:
    """Its people sign in with their passwords; sessions that came through it end. Without `by`: the operator."""
    held = _held(sign_on)
    if not held.is_active:
        raise NotAllowed(f"Single sign-on of {held.organisation} is already off.")
    held.is_active = False
    held.save(update_fields=["is_active"])
    ended = end_sessions_through(held, but_of=by and by.user)
    _note(AuditKind.SIGN_ON_CHANGED, held, by, items=["switched_off"], sessions=ended)
    return held


@transaction.atomic
def add_domain(
    *, sign_on: SingleSignOn, domain: str, added_by: User, rehearsal: bool = False, by: Acting
) -> MailDomain:
    """Add a domain that the provider vouches for, once its record in the DNS proves it.

    Refuses values that are not a domain, public email domains, domains that an organisation already has, and domains of
    DCC people for other organisations.
    """
    approved_by = _second_person(added_by, by, rehearsal=rehearsal)
    name = clean_domain(domain)
    check_domain(name, sign_on.organisation)
    if held := MailDomain.objects.current().select_related("single_sign_on__organisation").filter(domain=name).first():
        raise NotAllowed(f"{name} is already a domain of {held.single_sign_on.organisation}.", "domain")
    added = MailDomain(single_sign_on=sign_on, domain=name, added_by=added_by, approved_by=approved_by)
    try:
        with transaction.atomic():
            added.save()
    except IntegrityError as error:
        raise NotAllowed(f"Someone else has just added {name}. Reload the page.", "domain") from error
    _note(AuditKind.DOMAIN_ADDED, sign_on, by, domain=added.pk)
    return added


@transaction.atomic
def prove_domain(*, domain: MailDomain, by: Acting) -> MailDomain:
    """From now on people of this domain sign in through the provider; refuses unless the DNS has its record."""
    record = TextRecord.of(domain)
    record.check()
    held = _held_domain(domain)
    if held.proven_at:
        raise NotAllowed(f"{held} has already been confirmed.")
    if TextRecord.of(held) != record:
        raise NotAllowed("The provider has changed since you opened this page. Reload the page and check the record.")
    held.proven_at = timezone.now()
    held.save(update_fields=["proven_at"])
    _note(AuditKind.DOMAIN_PROVEN, held.single_sign_on, by, domain=held.pk)
    return held


@transaction.atomic
def give_up_domain(*, domain: MailDomain, by: Acting) -> MailDomain:
    """The provider vouches for it no longer; its people sign in with their passwords, and another may have it."""
    held = _held_domain(domain)
    held.given_up_at = timezone.now()
    held.save(update_fields=["given_up_at"])
    ended = end_sessions_through(held.single_sign_on, domain=held.domain, but_of=by.user)
    _note(AuditKind.DOMAIN_GIVEN_UP, held.single_sign_on, by, domain=held.pk, sessions=ended)
    return held


def _held(sign_on: SingleSignOn) -> SingleSignOn:
    return _hold(SingleSignOn.objects.filter(pk=sign_on.pk))


def _hold(found: SingleSignOnQuerySet) -> SingleSignOn | None:
    """The one found, with its client, for update."""
    held = found.select_for_update(of=("self", "app"), no_key=True)
    return held.select_related("organisation", "app").first()


def _held_domain(domain: MailDomain) -> MailDomain:
    """While its provider stays as it is."""
    sign_on = _held(domain.single_sign_on)
    current = MailDomain.objects.current().select_for_update(no_key=True)
    found = current.filter(pk=domain.pk).first()
    if found is None:
        raise NotAllowed(f"{domain} has been removed since you opened this page.")
    found.single_sign_on = sign_on
    return found


def _note(kind: AuditKind, sign_on: SingleSignOn, by: Acting | None, **details: object) -> None:
    """In the organisation's trail, and by mail to those who must know: its administrators, and the DCC's others."""
    organisation = sign_on.organisation
    if by is None:
        note(kind, by=None, organisation=organisation, sign_on=sign_on.pk, **details)
    else:
        note(kind, by=by, about=organisation, sign_on=sign_on.pk, **details)
    concerned = Q(organisation=organisation) | Q(organisation__role=Role.DCC)
    administrators = Membership.objects.in_force().administrators().filter(concerned)
    others = administrators.exclude(user=by.user) if by and by.user else administrators
    users = others.order_by("user__email").values_list("user_id", flat=True).distinct()
    queue_for("sign_on_changed", users, act=str(kind), organisation=organisation.pk)
