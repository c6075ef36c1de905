"""The one door of pages and of the API: what a view asks for is declared with it, in `permission`."""

from collections.abc import Callable
from difflib import get_close_matches
from enum import StrEnum
from functools import wraps
from typing import TYPE_CHECKING

from allauth.account.adapter import get_adapter
from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, MethodNotAllowed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts import acting
from accounts.errors import QUOTED, BadRequest, OtherMembership, Problem
from accounts.roles import Permission
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.sign_in.tokens import brings_credentials
from accounts.withheld import latest_memberships, why_withheld

if TYPE_CHECKING:
    from rest_framework.views import APIView

View = Callable[..., HttpResponse]


class Open(StrEnum):
    """What a view may declare in place of a right."""

    TO_ALL = "open to all"
    SIGNED_IN = "open to everyone signed in"
    MEMBERS = "open to everyone who acts for an organisation"


def allow(permission: Permission | Open, *methods: str, fresh: bool = False) -> Callable[[View], View]:
    """Let in who has `permission`, by GET (and HEAD) or by the `methods` named.

    Answers in this order: sign-in page (by middleware), choice of a membership, 409 for a form or link to a file
    made for another membership, 403, and with `fresh` the page that asks for password or factor again, unless that was
    just now (django-allauth keeps the form meanwhile). The view continues with 404 by scope, then `expect`, then its
    own work. No answer is stored, because every page shows who is signed in, unless a view says otherwise.
    """

    def decorate(inner: View) -> View:
        view = _proved_lately(inner) if fresh else inner

        @require_http_methods(methods or ("GET", "HEAD"))
        @wraps(inner)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            answer = _kept_out(request, permission) or view(request, *args, **kwargs)
            answer.headers.setdefault("Cache-Control", "no-store")
            return answer

        guarded.permission = permission
        guarded.methods = methods or ("GET", "HEAD")
        return login_not_required(guarded) if permission is Open.TO_ALL else guarded

    return decorate


def _kept_out(request: HttpRequest, permission: Permission | Open) -> HttpResponse | None:
    """Return the page for users without a membership; refuse forms of another one, and users without the right."""
    if permission in (Open.TO_ALL, Open.SIGNED_IN):
        return None
    if request.acting is None:
        return _without_membership(request)
    if (carried := _carried(request)) not in (None, str(request.acting.membership_id)):
        raise OtherMembership(carried)
    if isinstance(permission, Permission) and not request.acting.may(permission):
        raise PermissionDenied
    return None


def _proved_lately(inner: View) -> View:
    """By django-allauth's rule; it would let by who has no password, as people who come through a provider may."""
    by_password_or_factor = reauthentication_required(inner)

    @wraps(inner)
    def asking(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        if SIGNED_IN_THROUGH in request.session and get_adapter().is_reauthentication_required(app="accounts"):
            raise ReauthenticationRequired
        return by_password_or_factor(request, *args, **kwargs)

    return asking


def expect(request: HttpRequest, *parameters: str) -> None:
    """400 unless the address has none but these `parameters` and a form says for which membership it was made."""
    refuse_unknown(request.GET, {*parameters, acting.FIELD})
    if request.method == "POST" and _carried(request) is None:
        raise BadRequest("The form does not say for which membership it was made. Open its page again.")


def refuse_unknown(data: QueryDict, known: set[str]) -> None:
    """400 for a parameter that is not known here, or given twice: it is never ignored."""
    problems = [_unknown_parameter(name, known) for name in data if name not in known]
    for name in data:
        if len(data.getlist(name)) > 1:
            problems.append(Problem(f"“{name[:QUOTED]}” is given more than once.", "given_twice", name[:QUOTED]))
    if problems:
        raise BadRequest(*problems, hint=f"Accepted are: {', '.join(sorted(known))}." if known else "None is accepted.")


def _unknown_parameter(name: str, known: set[str]) -> Problem:
    nearest = next(iter(get_close_matches(name[:QUOTED], known, n=1)), "")
    return Problem(f"There is no parameter “{name[:QUOTED]}” here.", "unknown_parameter", name[:QUOTED], nearest)


def _without_membership(request: HttpRequest) -> HttpResponse:
    if not request.memberships:
        return _nothing_to_act_under(request)
    return redirect(f"{reverse('acting-choice')}?{urlencode({'next': request.get_full_path()})}")


def _nothing_to_act_under(request: HttpRequest) -> HttpResponse:
    """Say why, of each organisation that the person is or was a member of."""
    told = [why_withheld(membership) for membership in latest_memberships(request.user)]
    return render(request, "accounts/without_membership.html", {"told": told}, status=403)


def _carried(request: HttpRequest) -> str | None:
    """The membership a form or link to a file says it was made for."""
    return (request.POST if request.method == "POST" else request.GET).get(acting.FIELD)


class TokenAuthentication(BaseAuthentication):
    """A system by its token, as `sign_in.tokens` let it in; with an `Authorization` header nothing else counts."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, acting.Acting] | None:
        if not brings_credentials(request):
            return None
        if request.acting is None:
            raise AuthenticationFailed
        return AnonymousUser(), request.acting

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"


class DeclaredPermission(BasePermission):
    """Lets into a view of the API who has what it declares in `permission`: one right, or one for each action.

    An action that is not listed is refused. OPTIONS is answered to whoever has any of the rights.
    """

    def has_permission(self, request: Request, view: "APIView") -> bool:
        if getattr(view, "permission", None) is Open.TO_ALL:
            return True
        if request.acting is None:
            return False
        return any(right is Open.MEMBERS or request.acting.may(right) for right in _rights_of(view, request.method))


def _rights_of(view: "APIView", method: str) -> list[Permission | Open]:
    """Of which one is needed."""
    declared = getattr(view, "permission", None)
    if not isinstance(declared, dict):
        return [declared] if declared else []
    if view.action is None:
        raise MethodNotAllowed(method)
    if view.action == "metadata":
        return list(declared.values())
    return [declared[view.action]] if view.action in declared else []
