"""The verbs on single sign-on: an organisation's provider, and the email domains that sign in through it.

A provider vouches for people, so every change is mailed to the organisation's administrators and to the other
administrators of the DCC.
"""

from datetime import timedelta

from allauth.socialaccount.models import SocialAccount, SocialApp
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.acting import Acting, Origin, scope
from accounts.actions.sessions import end_sessions_through
from accounts.audit import note
from accounts.audit.kinds import AuditKind
from accounts.errors import NotAllowed
from accounts.mail import link_to, queue_for, queue_mail
from accounts.mail_domains import clean_domain
from accounts.models import MailDomain, Membership, Organisation, SingleSignOn
from accounts.roles import Job, Role
from accounts.sign_in.encryption import Unreadable, decrypt, encrypt
from accounts.sign_in.hashing import hash_of, hash_of_unknown, link_secret
from accounts.sign_in.provider_requests import WELL_KNOWN, discover

BETWEEN_MAILS = timedelta(minutes=1)


def provider_id_of(organisation: Organisation) -> str:
    """Under which the provider's pages stand: known before it is set up, and not to be guessed from another's."""
    if known := SingleSignOn.objects.select_related("app").filter(organisation=organisation).first():
        return known.app.provider_id
    return salted_hmac("accounts.sign_on", str(organisation.pk), algorithm="sha256").hexdigest()[:20]


def callback_address(organisation: Organisation) -> str:
    """What the provider must know as the client's redirect URI."""
    return link_to(reverse("openid_connect_callback", args=[provider_id_of(organisation)]))


@transaction.atomic
def set_provider(*, organisation: Organisation, issuer: str, client_id: str, secret: str, by: Acting) -> SingleSignOn:
    """Let people of `organisation` come in through this OpenID Connect client; switched on when it is new.

    Asks the issuer first. Refuses one that does not answer or names itself otherwise, and an empty secret unless one
    is set for this very issuer and client. Another issuer or client knows nobody yet: the sessions of the others end,
    and everyone is recognised by their email address again.
    """
    hosts = discover(issuer)
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    sign_on = SingleSignOn.objects.select_related("app").filter(organisation=organisation).first()
    app = sign_on.app if sign_on else SocialApp(provider="openid_connect", provider_id=provider_id_of(organisation))
    changed = _changed(app, issuer, client_id, secret)
    if {"issuer", "client_id"} & set(changed):
        _need(secret)
        _end_identities(app.provider_id)
    encrypted = encrypt(secret or _kept(app))
    app.name, app.client_id = organisation.name[:40], client_id
    app.settings = _settings(issuer, hosts, encrypted)
    app.save()
    sign_on = sign_on or SingleSignOn.objects.create(organisation=organisation, app=app)
    ended = end_sessions_through(sign_on, but_of=by.user) if {"issuer", "client_id"} & set(changed) else 0
    _note(AuditKind.SIGN_ON_CHANGED, sign_on, by, items=changed, sessions=ended)
    return sign_on


def _changed(app: SocialApp, issuer: str, client_id: str, secret: str) -> list[str]:
    """Names of what is to be another than it is."""
    now = {"issuer": app.settings.get("issuer"), "client_id": app.client_id}
    given = {"issuer": issuer, "client_id": client_id}
    return [name for name in given if given[name] != now[name]] + (["secret"] if secret else [])


def _need(secret: str) -> None:
    """A secret goes to the issuer and client that it was given for, and to no other."""
    if not secret:
        raise NotAllowed("Give the secret: none is set for this issuer and client.", "secret")


def _kept(app: SocialApp) -> str:
    """The secret that is set; encrypted anew, under the key of today."""
    try:
        return decrypt(app.settings["encrypted_secret"])
    except Unreadable as error:
        raise NotAllowed("Give the secret: the one that is set can no longer be read.", "secret") from error


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


def _end_identities(provider_id: str) -> None:
    """Subjects of a former issuer or client open nothing any more; they stay on record under another name."""
    former = f"{provider_id}-until-{timezone.now():%Y%m%dT%H%M%S%f}"
    SocialAccount.objects.filter(provider=provider_id).update(provider=former)


@transaction.atomic
def switch_sign_on(*, sign_on: SingleSignOn, on: bool, by: Acting | None) -> SingleSignOn:
    """On: people of its domains sign in there alone. Off: with their passwords; sessions that came through it end.

    Without `by`: the operator's command.
    """
    held = _held(sign_on)
    held.is_active = on
    held.save(update_fields=["is_active"])
    ended = 0 if on else end_sessions_through(held, but_of=by and by.user)
    _note(AuditKind.SIGN_ON_CHANGED, held, by, items=["switched_on" if on else "switched_off"], sessions=ended)
    return held


@transaction.atomic
def add_domain(*, sign_on: SingleSignOn, domain: str, by: Acting) -> MailDomain:
    """Add a domain that the provider vouches for, once the link emailed to its postmaster has been confirmed.

    Refuses values that are not a domain, public email domains, and domains that an organisation already has.
    """
    name = clean_domain(domain)
    if held := MailDomain.objects.current().select_related("single_sign_on__organisation").filter(domain=name).first():
        raise NotAllowed(f"{name} is a domain of {held.single_sign_on.organisation} already.", "domain")
    added = MailDomain(single_sign_on=sign_on, domain=name, added_by=by.user)
    try:
        with transaction.atomic():
            _mail_proof(added)
    except IntegrityError as error:
        raise NotAllowed(f"{name} has been added in the meantime. Look again.", "domain") from error
    _note(AuditKind.DOMAIN_ADDED, sign_on, by, domain=added.pk)
    return added


@transaction.atomic
def send_proof(*, domain: MailDomain, by: Acting) -> MailDomain:
    """Another link to the postmaster, for 72 hours from now; the earlier one no longer works."""
    held = _held_domain(domain)
    if held.proven_at:
        raise NotAllowed(f"{held} has been proved already.")
    if held.added_at > timezone.now() - BETWEEN_MAILS:
        raise NotAllowed(f"{held.postmaster} was sent it a moment ago. Wait a minute.")
    held.added_at = timezone.now()
    _mail_proof(held)
    return held


def _mail_proof(domain: MailDomain) -> None:
    """Save it, and queue the email with the link; an earlier link no longer works."""
    domain.secret_hash = hash_of_unknown()
    domain.save()
    queue_mail("domain_proof", domain=domain.pk)


def make_link(pk: int) -> tuple[MailDomain, str] | None:
    """Return a domain and the link that proves it; None if it can no longer be proved. For its email."""
    held = MailDomain.objects.provable().select_for_update(of=("self",), no_key=True).filter(pk=pk)
    found = held.select_related("single_sign_on__organisation").first()
    if found is None:
        return None
    secret = link_secret("accounts.mail_domain", pk, found.added_at)
    found.secret_hash = hash_of(secret)
    found.save(update_fields=["secret_hash"])
    return found, link_to(reverse("mail-domain-prove", args=[secret]))


def domain_to_prove(secret: str) -> MailDomain | None:
    """The domain that this link proves, if it works now."""
    provable = MailDomain.objects.provable().select_related("single_sign_on__organisation")
    return provable.filter(secret_hash=hash_of(secret)).first()


@transaction.atomic
def prove_domain(*, secret: str, origin: Origin) -> MailDomain:
    """From now on people of this domain sign in through its organisation's provider; the link works once."""
    provable = MailDomain.objects.provable().select_for_update(of=("self",), no_key=True)
    found = provable.select_related("single_sign_on__organisation").filter(secret_hash=hash_of(secret)).first()
    if found is None:
        raise NotAllowed("This link has been used or replaced in the meantime.")
    found.proven_at = timezone.now()
    found.save(update_fields=["proven_at"])
    by = Acting(found.single_sign_on.organisation, Job.VIEWER, origin=origin)
    with scope(by):
        _note(AuditKind.DOMAIN_PROVEN, found.single_sign_on, by, domain=found.pk)
    return found


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
    held = SingleSignOn.objects.select_for_update(of=("self",), no_key=True)
    return held.select_related("organisation").get(pk=sign_on.pk)


def _held_domain(domain: MailDomain) -> MailDomain:
    current = MailDomain.objects.current().select_for_update(of=("self",), no_key=True)
    found = current.select_related("single_sign_on__organisation").filter(pk=domain.pk).first()
    if found is None:
        raise NotAllowed(f"{domain} has been removed in the meantime.")
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
