"""The acting membership of a request, its limits, and its scope in the database: three middlewares, in this order."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import structlog
from django.http import HttpRequest, HttpResponse

from accounts.acting import API, SESSION_KEY, Acting, Origin, chosen, memberships_of, scope
from accounts.limits import MINUTE, take_request
from accounts.sign_in.factors import SIGNED_IN_THROUGH, lacks_factor
from accounts.sign_in.tokens import authenticate, brings_credentials


class ActingMiddleware:
    """Sets `memberships` and `acting` on each request, from its token or from the user's choice.

    Anyone who must enrol a second factor cannot act until then: the memberships are withheld (`lacks_factor`). A system
    whose token is not valid continues without a membership: views of the API then answer 401, whatever the reason.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.lacks_factor = lacks_factor(request)
        through = request.session.get(SIGNED_IN_THROUGH)
        request.memberships = [] if request.lacks_factor else memberships_of(request.user, through)
        request.acting = authenticate(request) if brings_credentials(request) else _chosen(request)
        if request.acting and request.acting.token_id:
            structlog.contextvars.bind_contextvars(token_id=request.acting.token_id)
        return self.get_response(request)


def _chosen(request: HttpRequest) -> Acting | None:
    acting = chosen(request.memberships, request.session.get(SESSION_KEY))
    return acting and replace(acting, origin=Origin.of(request))


class LimitMiddleware:
    """Counts requests to the API, and says in each answer how many are left; runs outside the request's scope."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        counts = request.acting and request.path_info.startswith(API)
        request.rates = take_request(request.acting) if counts else []
        response = self.get_response(request)
        if request.rates:
            policies = (f'"{rate.name}";q={rate.limit};w={round(MINUTE.total_seconds())}' for rate in request.rates)
            states = (f'"{rate.name}";r={rate.left};t={rate.seconds}' for rate in request.rates)
            response.headers["RateLimit-Policy"] = ", ".join(policies)
            response.headers["RateLimit"] = ", ".join(states)
        return response


class ScopeMiddleware:
    """Runs a request in the scope of its acting membership.

    The transaction opened here ends after the answer is rendered. ATOMIC_REQUESTS opens another inside it, which an
    error undoes.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with scope(request.acting) if request.acting else nullcontext():
            return self.get_response(request)
