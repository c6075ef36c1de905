"""Whether the portal is alive, and whether it is ready: for load balancers and orchestrators."""

from collections.abc import Callable
from functools import cache

from django.db import Error, ProgrammingError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accounts.access import Open, allow
from accounts.sign_in.timeouts import passive


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def live(request: HttpRequest) -> HttpResponse:
    """Say that the process answers, without asking the database."""
    return _answer("ok")


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def ready(request: HttpRequest) -> HttpResponse:
    """Say whether the database answers and has every migration; in one query, because anyone can request it."""
    try:
        applied = set(MigrationRecorder(connection).migration_qs.values_list("app", "name"))
    except ProgrammingError:  # an empty database does not have the table of migrations either
        applied = set()
    except Error:
        return _answer("The database does not answer.", status=503)
    if _needed() - applied:
        return _answer("The database needs migrations. Run manage.py migrate.", status=503)
    return _answer("ok")


class HealthMiddleware:
    """Answers before a session is read: a browser's cookie, or a database that is gone, makes no difference."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.views = {reverse("health-live"): live, reverse("health-ready"): ready}

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.views.get(request.path_info, self.get_response)(request)


@cache
def _needed() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version, read once from the files, which do not change while the process runs."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _answer(sentence: str, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store", "Content-Length": str(len(sentence))}
    return HttpResponse(sentence, content_type="text/plain; charset=utf-8", status=status, headers=headers)
