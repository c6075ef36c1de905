"""How django-allauth works in the portal: nobody can sign up without an invitation."""

import time
from typing import Any

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from accounts.mail import private, queue_mail
from accounts.models import User
from accounts.sign_in import known_browsers
from accounts.sign_in.allauth_internals import clean_client_ip, get_authentication_records
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.sign_in.single_sign_on import page_of_provider


class AccountAdapter(DefaultAccountAdapter):
    error_messages = DefaultAccountAdapter.error_messages | {
        "email_password_mismatch": "The email address or password is incorrect.",
        "enter_current_password": "That is not your current password.",
        "rate_limited": "There were too many attempts. Wait five minutes and try again.",
        "too_many_login_attempts": "There were too many attempts. Wait five minutes and try again. To sign in "
        "immediately, set a new password with “Forgotten your password?”.",
    }

    def set_password(self, user: User, password: str) -> None:
        """Write that column alone: the login cannot write all of them (`smi_portal.schema.grants`)."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are created by an invitation; there is no sign-up page either (`accounts.urls`)."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **kwargs: Any) -> HttpResponse | None:
        """If their organisation has a provider, people sign in only there, whatever else they have proved."""
        response = super().pre_login(request, user, **kwargs)
        if response or "sociallogin" in (kwargs["signal_kwargs"] or {}):
            return response
        page = page_of_provider(request, user.email)
        return redirect(page) if page else None

    def get_reauthentication_methods(self, user: User) -> list[dict[str, str]]:
        """Anyone who signed in through an organisation's provider confirms their identity there."""
        if SIGNED_IN_THROUGH in self.request.session:
            return [{"id": "provider", "description": "At your organisation", "url": reverse("sign-on-again")}]
        return super().get_reauthentication_methods(user)

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Anyone who has just signed in is not asked again."""
        records = get_authentication_records(self.request, self.request.user)
        lately = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
        return not (records and records[-1]["at"] > lately)

    def get_client_ip(self, request: HttpRequest) -> str:
        """Return the address as it came to the outermost of our proxies; empty if what was given is no address.

        A request that did not pass all of them has a shorter header: then the furthest address in it counts.
        """
        given = request.headers.get("X-Forwarded-For", "").split(",")[-settings.ALLAUTH_TRUSTED_PROXY_COUNT :]
        forwarded = given[0] if settings.ALLAUTH_TRUSTED_PROXY_COUNT else ""
        return clean_client_ip(forwarded.strip() or request.META.get("REMOTE_ADDR", "")) or ""

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("mfa_index")

    def login(self, request: HttpRequest, user: User) -> None:
        """Note when the person last signed in, before Django records this sign-in."""
        request.last_sign_in = user.last_login
        super().login(request, user)

    def send_notification_mail(
        self, template_prefix: str, user: User, context: dict | None = None, **more: str
    ) -> None:
        """Queue an email about an act; of the request, it gives the time, the network address and the browser."""
        browser = known_browsers.in_words(self.get_http_user_agent(self.request))
        seen = private(at=timezone.now().isoformat(), ip=self.get_client_ip(self.request), browser=browser)
        queue_mail(template_prefix, to=user.pk, private=seen)

    def send_password_reset_mail(self, user: User, email: str, context: dict) -> None:
        """Queue the email without the link in `context`: another is made when it is sent."""
        queue_mail("password_reset_key", to=user.pk)

    def send_mail(self, template_prefix: str, email: str, context: dict) -> None:
        """Queue the only other email of django-allauth: about a reset for an address that has no account."""
        if template_prefix != "account/email/unknown_account":
            raise ImproperlyConfigured(f"No email is known as {template_prefix}.")
        queue_mail("unknown_account", private=private(email=email))

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: str) -> str:
        """Return what failures are counted by: the account alone, because a visitor chooses the port of the host."""
        return credentials.get("email", "").lower()
