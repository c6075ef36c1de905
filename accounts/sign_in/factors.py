"""Second factors: who has one, who needs one, and whether a request can continue without one."""

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest

from accounts.models import User

# Recovery codes only stand in for these.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
SIGNED_IN_THROUGH = "signed_in_through"  # of a session: the SingleSignOn that it came through, if any


def has_factor(user: User, *, beside: Authenticator | None = None) -> bool:
    """Whether the person has an authenticator app or a passkey other than `beside`."""
    held = Authenticator.objects.filter(user=user, type__in=FACTORS)
    return held.exclude(pk=beside.pk if beside else None).exists()


def needs_factor(request: HttpRequest) -> bool:
    """Whether this person must have one in this session: by the setting, or since their factors were reset.

    An organisation's provider asks for factors itself, so its people are exempt.
    """
    required = settings.MFA_REQUIRED and SIGNED_IN_THROUGH not in request.session
    return required or request.user.must_enrol


def lacks_factor(request: HttpRequest) -> bool:
    """Whether the person signed in must enrol a factor before they can act for an organisation."""
    return request.user.is_authenticated and needs_factor(request) and not has_factor(request.user)
