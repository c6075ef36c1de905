"""Whether the portal is alive, and whether it is ready: for load balancers and orchestrators."""

from functools import cache

from django.db import Error, ProgrammingError, connection, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse

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


@cache
def _needed() -> frozenset[tuple[str, str]]:
    """Return the migrations of this version, read once from the files, which do not change while the process runs."""
    return frozenset(MigrationLoader(None).graph.nodes)


def _answer(sentence: str, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(sentence, content_type="text/plain; charset=utf-8", status=status, headers=headers)
