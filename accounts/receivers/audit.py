"""Sign-ins, passwords and second factors in the audit trail, as Django and django-allauth tell of them."""

from dataclasses import replace

from allauth.account.signals import password_changed, password_reset
from allauth.core import context
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.acting import Acting, Origin, chosen, memberships_of, scope
from accounts.audit.kinds import AuditKind
from accounts.audit.noting import note, typed_hash
from accounts.models import User
from accounts.sign_in.factors import SIGNED_IN_THROUGH


@receiver(user_logged_in, dispatch_uid="audit")
def log_in(request: HttpRequest, user: User, **_: object) -> None:
    through = request.session.get(SIGNED_IN_THROUGH)
    note_of_person(AuditKind.LOG_IN, request, user, **({"provider": through} if through else {}))


@receiver(user_logged_out, dispatch_uid="audit")
def log_out(request: HttpRequest, user: User | None, **_: object) -> None:
    if user is not None:
        timed_out = getattr(request, "timed_out", "")
        note_of_person(AuditKind.LOG_OUT, request, user, **({"timed_out": timed_out} if timed_out else {}))


@receiver(password_changed, dispatch_uid="audit")
def change_password(request: HttpRequest, user: User, **_: object) -> None:
    note_of_person(AuditKind.PASSWORD_CHANGED, request, user)


@receiver(password_reset, dispatch_uid="audit")
def reset_password(request: HttpRequest, user: User, **_: object) -> None:
    note_of_person(AuditKind.PASSWORD_RESET, request, user)


@receiver(user_login_failed, dispatch_uid="audit")
def fail_to_log_in(credentials: dict[str, object], request: HttpRequest | None = None, **_: object) -> None:
    """What was typed as the address stays as a keyed hash."""
    typed = str(credentials.get("email") or credentials.get("username") or "")
    origin = Origin.of(request) if request else Origin()
    note(AuditKind.FAILED_LOG_IN, by=None, origin=origin, personal=_address(origin), typed=typed_hash(typed))


@receiver(authentication_failed, dispatch_uid="audit")
def fail_second_step(request: HttpRequest, user: User, **_: object) -> None:
    """The password was right, or the person signed in already, and the code was not."""
    note_of_person(AuditKind.FAILED_LOG_IN, request, user, step="factor")


@receiver(post_save, sender=Authenticator, dispatch_uid="audit")
def add_factor(instance: Authenticator, created: bool, **_: object) -> None:
    """As the row is written: django-allauth itself tells of some only after the commit."""
    if created:
        _record_own(AuditKind.FACTOR_ADDED, instance)


@receiver(post_delete, sender=Authenticator, dispatch_uid="audit")
def remove_factor(instance: Authenticator, **_: object) -> None:
    _record_own(AuditKind.FACTOR_REMOVED, instance)


def _record_own(kind: AuditKind, authenticator: Authenticator) -> None:
    """What somebody does about their own factors; a reset by others has a row of its own."""
    request = context.request
    if request is not None and request.user == authenticator.user:
        note_of_person(kind, request, authenticator.user, factor=str(authenticator.type))


def note_of_person(kind: AuditKind, request: HttpRequest, user: User, **details: object) -> None:
    """For the organisation that the person acts for, or would by signing in; with several to choose from, for none."""
    origin = Origin.of(request)
    acting = _acting(request, user)
    if acting is None:
        note(kind, by=None, person=user, origin=origin, personal=_address(origin), **details)
        return
    with scope(acting):
        note(kind, by=replace(acting, origin=origin), personal=_address(origin), **details)


def _acting(request: HttpRequest, user: User) -> Acting | None:
    acting = getattr(request, "acting", None)
    through = request.session.get(SIGNED_IN_THROUGH)
    return acting if acting and acting.user == user else chosen(memberships_of(user, through), None)


def _address(origin: Origin) -> dict[str, str]:
    return {"address": origin.address} if origin.address else {}
