"""The kinds of email, each with the function that builds it from the ids of its job (`accounts.mail`)."""

from datetime import date, datetime

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.actions import dormancy, invitations
from accounts.audit.kinds import AuditKind
from accounts.mail import (
    Email,
    Ids,
    from_allauth,
    from_template,
    link_to,
    mail_kind,
    read_private,
)
from accounts.models import Invitation, Membership, Organisation, Proposal, ServiceToken, Standing, User
from accounts.models.audit import AuditRoot
from accounts.proposal_words import act_in_short, act_in_words
from accounts.roles import Role

# Sent by django-allauth: what has happened to a person's own account.
NOTIFICATIONS = {
    "account/email/password_changed": "Password changed",
    "account/email/password_reset": "Password reset",
    "mfa/email/recovery_codes_generated": "New recovery codes",
    "mfa/email/totp_activated": "Authenticator app added",
    "mfa/email/totp_deactivated": "Authenticator app removed",
    "mfa/email/webauthn_added": "Passkey added",
    "mfa/email/webauthn_removed": "Passkey removed",
}

DONE_TO_SIGN_ON = {
    AuditKind.SIGN_ON_CHANGED: "its settings have been changed",
    AuditKind.DOMAIN_ADDED: "an email domain has been added",
    AuditKind.DOMAIN_PROVEN: "an email domain has been confirmed",
    AuditKind.DOMAIN_GIVEN_UP: "an email domain has been removed",
}


def address_of(user: int) -> str:
    return User.objects.values_list("email", flat=True).get(pk=user)


def member_address(ids: Ids) -> str:
    return Membership.objects.values_list("user__email", flat=True).get(pk=ids["membership"])


def current(membership: int) -> Membership | None:
    """Return the membership, if its person can act under it now."""
    return Membership.objects.in_force().select_related("user", "organisation").filter(pk=membership).first()


def _with_names(membership: int) -> Membership:
    return Membership.objects.select_related("user", "organisation").get(pk=membership)


@mail_kind("invitation", "Invitation", recipient=lambda ids: Invitation.objects.get(pk=ids["invitation"]).email)
def invitation(invitation: int) -> Email | None:
    """Not sent if the invitation has been accepted or revoked meanwhile."""
    if (made := invitations.make_link(invitation)) is None:
        return None
    found, link = made
    return from_template("invitation", found.email, invitation=found, link=link)


@mail_kind("password_reset_key", "Link to reset a password")
def password_reset_key(to: int) -> Email | None:
    """The link depends on the password, so it is made when the email is sent, not when it was asked for."""
    user = User.objects.filter(pk=to, is_active=True).first()
    if user is None:
        return None
    key = {"uidb36": user_pk_to_url_str(user), "key": default_token_generator.make_token(user)}
    url = link_to(reverse("account_reset_password_from_key", kwargs=key))
    return from_allauth("account/email/password_reset_key", user.email, user=user, password_reset_url=url)


@mail_kind("unknown_account", "Password reset for an unknown address", recipient=lambda ids: "", listed=False)
def unknown_account(private: str) -> Email:
    """Tell an address without an account that someone asked to reset its password."""
    return from_allauth("account/email/unknown_account", read_private(private)["email"])


def _notification(prefix: str, label: str) -> None:
    @mail_kind(prefix, label)
    def build(to: int, private: str) -> Email:
        given = read_private(private)
        given |= {"timestamp": parse_datetime(given["at"]), "security_url": link_to(reverse("mfa_index"))}
        return from_allauth(prefix, address_of(to), **given)


for _prefix, _label in NOTIFICATIONS.items():
    _notification(_prefix, _label)


@mail_kind("new_browser", "New sign-in")
def new_browser(to: int, private: str) -> Email:
    user, given = User.objects.get(pk=to), read_private(private)
    links = {
        "security_url": link_to(reverse("mfa_index")),
        "reset_url": link_to(reverse("account_reset_password")),
    }
    at = timezone.localtime(datetime.fromisoformat(given.pop("at")))
    return from_template("new_browser", user.email, user=user, at=at, **given, **links)


@mail_kind("factors_reset", "Second factors reset")
def factors_reset(to: int) -> Email:
    user = User.objects.get(pk=to)
    return from_template("factors_reset", user.email, user=user)


@mail_kind("factors_reset_told", "Second factors of a member reset")
def factors_reset_told(to: int, user: int) -> Email:
    return from_template("factors_reset_told", address_of(to), user=User.objects.get(pk=user))


@mail_kind("proposal", "Approval needed")
def proposal(to: int, proposal: int) -> Email | None:
    """Names the act; not sent if it has been decided, or has expired, meanwhile."""
    asked = Proposal.objects.open().select_related("organisation", "proposed_by").filter(pk=proposal).first()
    if asked is None:
        return None
    words = {"act": act_in_words(asked), "short": act_in_short(asked)}
    link = link_to(reverse("proposal-detail", kwargs={"pk": asked.pk}))
    return from_template("proposal", address_of(to), proposal=asked, link=link, **words)


@mail_kind("sign_on_changed", "Single sign-on changed")
def sign_on_changed(to: int, organisation: int, act: str) -> Email:
    about = Organisation.objects.get(pk=organisation)
    return from_template("sign_on_changed", address_of(to), done=DONE_TO_SIGN_ON[AuditKind(act)], organisation=about)


@mail_kind("tokens_expiring", "API tokens about to expire")
def tokens_expiring(to: int, tokens: list[int]) -> Email | None:
    """Names the tokens that have not been revoked meanwhile; not sent if there are none."""
    held = ServiceToken.objects.current().filter(pk__in=tokens).order_by("expires_at", "pk")
    if not held:
        return None
    return from_template("tokens_expiring", address_of(to), tokens=list(held), link=link_to(reverse("token-list")))


@mail_kind("dormant_warning", "Warning of a suspension")
def dormant_warning(to: int) -> Email | None:
    """Not sent if the person has signed in, or was warned, meanwhile. Once sent, it counts as a warning."""
    now = timezone.now()
    if not (user := dormancy.to_warn(now).filter(pk=to).first()):
        return None
    return from_template(
        "dormant_warning", user.email, after=lambda: dormancy.note_warning(user, now), **dormancy.words_of_warning(now)
    )


@mail_kind("memberships_suspended", "Members suspended", recipient=member_address)
def memberships_suspended(membership: int, number: int) -> Email | None:
    if not (one := current(membership)):
        return None
    link = dormancy.link_for(one, "member-list")
    return from_template("memberships_suspended", one.user.email, number=number, link=link)


@mail_kind("organisations_without_administrator", "Organisations without an administrator", recipient=member_address)
def organisations_without_administrator(membership: int, number: int) -> Email | None:
    if not (one := current(membership)):
        return None
    link = dormancy.link_for(one, "organisation-reviews")
    return from_template("organisations_without_administrator", one.user.email, number=number, link=link)


@mail_kind("access_level_changed", "Access level changed", recipient=member_address)
def access_level_changed(membership: int, on: str) -> Email | None:
    """Names the level that the member has when it is sent."""
    if not (one := current(membership)):
        return None
    link = link_to(reverse("who-may-do-what"))
    return from_template("access_level_changed", one.user.email, membership=one, on=date.fromisoformat(on), link=link)


@mail_kind("membership_ended", "Membership ended", recipient=member_address)
def membership_ended(membership: int) -> Email | None:
    """Not sent if the person has become a member again meanwhile."""
    one = _with_names(membership)
    if one.user.memberships.current().filter(organisation=one.organisation_id).exists():
        return None
    return from_template("membership_ended", one.user.email, membership=one)


@mail_kind("membership_suspended", "Membership suspended", recipient=member_address)
def membership_suspended(membership: int) -> Email | None:
    """Not sent if it has been reinstated, or has ended, meanwhile."""
    one = _with_names(membership)
    if one.standing != Standing.SUSPENDED:
        return None
    return from_template("membership_suspended", one.user.email, membership=one)


@mail_kind("organisation_deactivated", "Organisation deactivated", recipient=member_address)
def organisation_deactivated(membership: int, on: str) -> Email | None:
    one = _with_names(membership)
    if one.standing != Standing.DEACTIVATED:
        return None
    return from_template("organisation_deactivated", one.user.email, membership=one, on=date.fromisoformat(on))


@mail_kind("organisation_reactivated", "Organisation reactivated", recipient=member_address)
def organisation_reactivated(membership: int, on: str) -> Email | None:
    if not (one := current(membership)):
        return None
    words = {"membership": one, "on": date.fromisoformat(on), "link": dormancy.link_for(one, "dashboard")}
    return from_template("organisation_reactivated", one.user.email, **words)


@mail_kind("membership_reinstated", "Membership reinstated", recipient=member_address)
def membership_reinstated(membership: int) -> Email | None:
    if not (one := current(membership)):
        return None
    link = dormancy.link_for(one, "dashboard")
    return from_template("membership_reinstated", one.user.email, days=settings.DORMANT_DAYS, link=link)


@mail_kind("review_reminder", "Review of access", recipient=member_address)
def review_reminder(membership: int, due_on: str, overdue: bool, number: int) -> Email | None:
    if not (one := current(membership)):
        return None
    words = {"due_on": date.fromisoformat(due_on), "overdue": overdue, "number": number}
    return from_template("review_reminder", one.user.email, link=dormancy.link_for(one, "member-review"), **words)


@mail_kind("daily_roots", "Daily roots of the audit trail", recipient=member_address)
def daily_roots(membership: int, roots: list[int]) -> Email | None:
    """Not if the organisation asks for them no longer."""
    one = current(membership)
    if not one or not (one.organisation.role == Role.DCC or one.organisation.receives_roots):
        return None
    found = list(AuditRoot.objects.filter(pk__in=roots).order_by("day", "retention"))
    words = {"roots": found, "last": found[-1], "of_all": found[-1].organisation_id is None}
    link = dormancy.link_for(one, "audit")
    return from_template("daily_roots", one.user.email, organisation=one.organisation, link=link, **words)
