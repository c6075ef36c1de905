"""Sign-ins and passwords in the audit trail, as Django and django-allauth tell of them."""

from dataclasses import replace

from allauth.account.signals import password_changed, password_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.acting import SIGNED_IN_THROUGH, Acting, Origin, chosen, memberships_of, scope
from accounts.audit import record, typed_hash
from accounts.audit_models import Kind
from accounts.models import User


@receiver(user_logged_in, dispatch_uid="audit")
def log_in(request: HttpRequest, user: User, **_: object) -> None:
    through = request.session.get(SIGNED_IN_THROUGH)
    record_of_person(Kind.LOG_IN, request, user, **({"provider": through} if through else {}))


@receiver(user_logged_out, dispatch_uid="audit")
def log_out(request: HttpRequest, user: User | None, **_: object) -> None:
    if user is not None:
        timed_out = getattr(request, "timed_out", "")
        record_of_person(Kind.LOG_OUT, request, user, **({"timed_out": timed_out} if timed_out else {}))


@receiver(password_changed, dispatch_uid="audit")
def change_password(request: HttpRequest, user: User, **_: object) -> None:
    record_of_person(Kind.PASSWORD_CHANGED, request, user)


@receiver(password_reset, dispatch_uid="audit")
def reset_password(request: HttpRequest, user: User, **_: object) -> None:
    record_of_person(Kind.PASSWORD_RESET, request, user)


@receiver(user_login_failed, dispatch_uid="audit")
def fail_to_log_in(credentials: dict[str, object], request: HttpRequest | None = None, **_: object) -> None:
    """What was typed as the address stays as a keyed hash."""
    typed = str(credentials.get("email") or credentials.get("username") or "")
    origin = Origin.of(request) if request else Origin()
    record(Kind.FAILED_LOG_IN, by=None, origin=origin, personal=_address(origin), typed=typed_hash(typed))


def record_of_person(kind: Kind, request: HttpRequest, user: User, **details: object) -> None:
    """For the organisation that the person acts for, or would by signing in; with several to choose from, for none."""
    origin = Origin.of(request)
    acting = _acting(request, user)
    if acting is None:
        record(kind, by=None, person=user, origin=origin, personal=_address(origin), **details)
        return
    with scope(acting):
        record(kind, by=replace(acting, origin=origin), personal=_address(origin), **details)


def _acting(request: HttpRequest, user: User) -> Acting | None:
    acting = getattr(request, "acting", None)
    through = request.session.get(SIGNED_IN_THROUGH)
    return acting if acting and acting.user == user else chosen(memberships_of(user, through), None)


def _address(origin: Origin) -> dict[str, str]:
    return {"address": origin.address} if origin.address else {}
