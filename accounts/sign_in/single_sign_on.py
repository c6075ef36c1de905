"""Sign-in through an organisation's provider: who is let in, and only to that organisation."""

import time
from collections.abc import Callable
from enum import StrEnum
from functools import partial

import requests
from allauth.account import app_settings
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthError, AuthProcess, Provider
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.acting import Acting, Origin, scope
from accounts.audit.kinds import AuditKind
from accounts.audit.noting import note, typed_hash
from accounts.mail_domains import domain_of
from accounts.models import SingleSignOn, User
from accounts.roles import Job
from accounts.sign_in.allauth_internals import get_authentication_records, record_authentication
from accounts.sign_in.encryption import decrypt
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.sign_in.provider_requests import Deadline, KeepingAdapter, session_for, take_turn

CONFIRM = AuthProcess.REDIRECT  # the way of django-allauth that signs nobody in
NOBODY = 0  # no provider has this row id: a session through it opens nothing


class Refusal(StrEnum):
    """Why a sign-in through a provider is refused; the audit trail keeps it, and the page says it in words."""

    NO_ACCESS = "no_access"
    NOT_VOUCHED_FOR = "not_vouched_for"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def status(self) -> int:
        return 400 if self is Refusal.FAILED else 403


def page_of_provider(request: HttpRequest, email: str) -> str | None:
    """Return the page where a person with this address signs in, if a provider vouches for its domain."""
    sign_on = SingleSignOn.objects.vouching_for(email).select_related("app").first()
    if sign_on is None:
        return None
    onward = get_next_redirect_url(request)
    page = reverse("sign-on-provider", args=[sign_on.app.provider_id])
    return f"{page}?{urlencode({'next': onward})}" if onward else page


def refuse(request: HttpRequest, sign_on: SingleSignOn, why: Refusal, email: str = "") -> HttpResponse:
    """Return the page that says why, and whom to ask; note the refusal in the organisation's audit trail."""
    origin = Origin.of(request)
    by = Acting(sign_on.organisation, Job.VIEWER, origin=origin)
    typed = {"typed": typed_hash(email)} if email else {}
    personal = {"address": origin.address} if origin.address else {}
    with scope(by):
        note(AuditKind.FAILED_LOG_IN, by=by, personal=personal, provider=sign_on.pk, why=why.value, **typed)
    context = {"organisation": sign_on.organisation, "why": why.value}
    response = render(request, "accounts/sign_on_refused.html", context, status=why.status)
    response["Cache-Control"] = "no-store"
    return response


class SocialAdapter(DefaultSocialAccountAdapter):
    """How django-allauth treats sign-ins through a provider, which vouches for its organisation's domains."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        """Accounts are created only by invitation."""
        return False

    def can_authenticate_by_email(self, login: SocialLogin, email: str) -> bool:
        """This is decided in `pre_social_login`, where the organisation's domains are known."""
        return False

    def get_app(self, request: HttpRequest, provider: str, client_id: str | None = None) -> SocialApp:
        """Return the app with its client secret, which is encrypted at rest; nobody saves the object returned."""
        app = super().get_app(request, provider=provider, client_id=client_id)
        app.secret = decrypt(app.settings["encrypted_secret"])
        return app

    def get_requests_session(self) -> requests.Session:
        """Return a session limited to the hosts of the page's provider (`accounts.views.provider`).

        All sessions of one request have one deadline.
        """
        sign_on = getattr(self.request, "sign_on", None)
        if not hasattr(self.request, "provider_deadline"):
            turn = partial(take_turn, sign_on.app.provider_id if sign_on else "")
            self.request.provider_deadline = Deadline(turn)
        hosts = sign_on.app.settings["hosts"] if sign_on else []
        return session_for(hosts, self.request.provider_deadline, KeepingAdapter)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Let in anyone who has an account and a membership of the provider's organisation; refuse everyone else."""
        active = SingleSignOn.objects.active().select_related("organisation")
        sign_on = active.filter(app=sociallogin.provider.app.pk).first()
        if sign_on is None:
            raise Http404
        claims, email = _forget_claims(sociallogin), _verified_email(sociallogin)
        if not _of_one_subject(claims) or not _vouches(sign_on, email):
            raise ImmediateHttpResponse(refuse(request, sign_on, Refusal.NOT_VOUCHED_FOR, email))
        user = _account(sociallogin.account, email)
        if user is None or not _opens(sign_on, user):
            raise ImmediateHttpResponse(refuse(request, sign_on, Refusal.NO_ACCESS, email))
        if sociallogin.state.get("process") == CONFIRM:
            self._confirm(request, sociallogin, user, claims)
        else:
            _connect(sociallogin, user)

    def _confirm(
        self, request: HttpRequest, sociallogin: SocialLogin, user: User, claims: dict[str, dict[str, object]]
    ) -> None:
        """Confirm that it is still the person who signed in; django-allauth then returns to their page."""
        account = sociallogin.account
        if request.user != user or not _was_asked_lately(claims):
            sign_on = SingleSignOn.objects.select_related("organisation").get(app=sociallogin.provider.app.pk)
            raise ImmediateHttpResponse(refuse(request, sign_on, Refusal.FAILED))
        given = {"provider": account.provider, "uid": account.uid, "reauthenticated": True}
        record_authentication(request, user, "socialaccount", **given)

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Provider,
        error: str | None = None,
        exception: Exception | None = None,
        extra_context: dict[str, object] | None = None,
    ) -> None:
        """Report an error between portal and provider without details."""
        sign_on = SingleSignOn.objects.select_related("organisation").filter(app=provider.app.pk).first()
        if sign_on is None:
            raise Http404
        why = Refusal.CANCELLED if error == AuthError.CANCELLED else Refusal.FAILED
        raise ImmediateHttpResponse(refuse(request, sign_on, why))


def _forget_claims(sociallogin: SocialLogin) -> dict[str, object]:
    """Return the provider's claims about the person; only the subject is kept, and no token."""
    claims, account = sociallogin.account.extra_data, sociallogin.account
    account.extra_data, sociallogin.token = {}, None
    if account.pk:
        account.save(update_fields=["extra_data"])
    return claims


def _of_one_subject(claims: dict[str, object]) -> bool:
    """Require an ID token, and user info about the same person (OpenID Connect Core 5.3.2)."""
    token, info = claims.get("id_token") or {}, claims.get("userinfo") or {}
    return bool(token.get("sub")) and info.get("sub", token["sub"]) == token["sub"]


def _verified_email(sociallogin: SocialLogin) -> str:
    """Return the address that the provider has verified: `true`, neither missing nor a string."""
    verified = [address.email for address in sociallogin.email_addresses if address.verified is True]
    email = verified[0].strip().lower() if verified else ""
    return email if email.isascii() else ""


def _vouches(sign_on: SingleSignOn, email: str) -> bool:
    return bool(email) and sign_on.domains.proven().filter(domain=domain_of(email)).exists()


def _was_asked_lately(claims: dict[str, dict[str, object]]) -> bool:
    """Whether the provider asked lately, by the time it gives; if it gives none, assume so."""
    asked = claims.get("id_token", {}).get("auth_time")
    return asked is None or (isinstance(asked, int) and asked > time.time() - app_settings.REAUTHENTICATION_TIMEOUT)


def _account(account: SocialAccount, email: str) -> User | None:
    """Return the account: by the subject once that is known, otherwise by the email address.

    An account that another subject of this provider has used is refused: addresses are passed on to new people.
    """
    if account.pk:
        return account.user
    user = User.objects.select_for_update(no_key=True).filter(email=email).first()
    taken = user and SocialAccount.objects.filter(user=user, provider=account.provider).exists()
    return None if taken else user


def _opens(sign_on: SingleSignOn, user: User) -> bool:
    """Whether this account is one that the provider vouches for, of a member of its organisation."""
    return (
        _vouches(sign_on, user.email)
        and user.memberships.in_force().filter(organisation=sign_on.organisation_id).exists()
    )


def _connect(sociallogin: SocialLogin, user: User) -> None:
    """Bind the account to the provider's subject, which decides from now on, whatever its email address becomes."""
    sociallogin.state["process"] = AuthProcess.LOGIN
    sociallogin.user = user
    if not sociallogin.account.pk:
        sociallogin.account.user = user
        sociallogin.account.save()


@receiver(user_logged_in, dispatch_uid="single_sign_on")
def remember_provider(request: HttpRequest, user: User, **_: object) -> None:
    """Note which provider this sign-in came through; a second factor of the portal's own may have followed."""
    request.session.pop(SIGNED_IN_THROUGH, None)
    ways = [way for way in get_authentication_records(request, user) if way["method"] != "mfa"]
    if ways and ways[-1]["method"] == "socialaccount":
        found = SingleSignOn.objects.filter(app__provider_id=ways[-1]["provider"]).first()
        request.session[SIGNED_IN_THROUGH] = found.pk if found else NOBODY


class ProviderMiddleware:
    """Ends a session that came through a provider, once that is switched off or replaced, or its domain removed."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        through = request.session.get(SIGNED_IN_THROUGH)
        if through is not None and not _vouches_still(through, request):
            logout(request)
        return self.get_response(request)


def _vouches_still(through: int, request: HttpRequest) -> bool:
    """The provider as it was when the session began: not one with another issuer or client."""
    if not request.user.is_authenticated:
        return False
    vouching = SingleSignOn.objects.vouching_for(request.user.email)
    return vouching.filter(pk=through, named_at__lte=request.session.row.signed_in_at).exists()
