"""Whether the portal lives, and whether it can serve: for load balancers and orchestrators."""

from django.db import Error, connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from accounts.access import Open, allow
from accounts.sign_in.timeouts import passive


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def live(request: HttpRequest) -> HttpResponse:
    """The process answers; asks nothing of the database."""
    return _answer("ok")


@passive
@allow(Open.TO_ALL)
@transaction.non_atomic_requests
def ready(request: HttpRequest) -> HttpResponse:
    """The database answers and holds every table of this version."""
    try:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error:
        return _answer("The database does not answer.", status=503)
    if missing:
        return _answer("The database lacks migrations of this version.", status=503)
    return _answer("ok")


def _answer(sentence: str, status: int = 200) -> HttpResponse:
    headers = {"Cache-Control": "no-store"}
    return HttpResponse(sentence, content_type="text/plain; charset=utf-8", status=status, headers=headers)
