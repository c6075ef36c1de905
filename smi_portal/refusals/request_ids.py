"""The id of a request in the log: on error pages, in problems of the API, and in a header of each answer."""

import structlog
from django.dispatch import receiver
from django.http import HttpResponse
from django_structlog.signals import bind_extra_request_finished_metadata, update_failure_response


def reference() -> str:
    """Return the request's own id, or the one from django-structlog; empty if the request failed before that."""
    return structlog.contextvars.get_contextvars().get("request_id", "")


@receiver([bind_extra_request_finished_metadata, update_failure_response])
def tell_reference(response: HttpResponse, **_: object) -> None:
    response.headers["X-Request-ID"] = reference()
