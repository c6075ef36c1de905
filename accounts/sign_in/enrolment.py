"""Leads anyone who must enrol a second factor to do so, whichever page they ask for."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

# The pages needed to enrol, besides those open to everyone.
PAGES = frozenset(
    {
        "enrol",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "account_reauthenticate",
        "sign-on-again",
        "sign-on-confirm",
        "sign-on-resume",
        "account_logout",
        "session-extend",
    }
)


class EnrolmentMiddleware:
    """Stands behind `ActingMiddleware`, which withholds the memberships of such a person."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object
    ) -> HttpResponseRedirect | None:
        if not request.lacks_factor or not getattr(view, "login_required", True):
            return None
        if request.resolver_match.url_name in PAGES:
            return None
        return redirect(f"{reverse('enrol')}?{urlencode({'next': request.get_full_path()})}")
