"""The id by which the log knows a request: on error pages, in problems of the API, and in a header of each answer."""

import structlog
from django.dispatch import receiver
from django.http import HttpResponse
from django_structlog.signals import bind_extra_request_finished_metadata, update_failure_response


def reference() -> str:
    """The id that django-structlog gave this request, its own if it brought one; empty when it failed before that."""
    return structlog.contextvars.get_contextvars().get("request_id", "")


@receiver([bind_extra_request_finished_metadata, update_failure_response])
def tell_reference(response: HttpResponse, **_: object) -> None:
    response.headers["X-Request-ID"] = reference()
