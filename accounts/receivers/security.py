"""What follows when somebody signs in or enrols a factor."""

from allauth.account.adapter import get_adapter
from allauth.account.signals import password_changed, password_reset, user_logged_in
from allauth.core import context
from allauth.mfa.models import Authenticator
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.actions.sessions import end_sessions_of
from accounts.mail import private, queue_mail
from accounts.models import User
from accounts.sign_in import known_browsers
from accounts.sign_in.factors import FACTORS, has_factor


@receiver(user_logged_in, dispatch_uid="known_browsers")
def look_at_browser(request: HttpRequest, response: HttpResponse, user: User, **_: object) -> None:
    """A browser that the person did not use before is mailed to them, but for the very first one."""
    if request.last_sign_in and not known_browsers.knows(request, user):
        _tell_of_browser(request, user)
    known_browsers.remember(request, response, user)


def _tell_of_browser(request: HttpRequest, user: User) -> None:
    seen = private(
        at=timezone.now().isoformat(),
        address=get_adapter().get_client_ip(request),
        browser=known_browsers.in_words(request.headers.get("User-Agent", "")),
    )
    queue_mail("new_browser", to=user.pk, private=seen)


@receiver([password_changed, password_reset], dispatch_uid="sessions")
def end_other_sessions(request: HttpRequest, user: User, **_: object) -> None:
    """The former password opened them."""
    end_sessions_of(user, keep=request.session.session_key)


@receiver(post_save, sender=Authenticator, dispatch_uid="enrolment")
def enrol(instance: Authenticator, created: bool, **_: object) -> None:
    """The first factor gives the memberships back, and ends the sessions that began without it."""
    if not created or instance.type not in FACTORS or has_factor(instance.user, beside=instance):
        return
    User.objects.filter(pk=instance.user_id).update(must_enrol=False)
    if (request := context.request) is not None:
        end_sessions_of(instance.user, keep=request.session.session_key)
