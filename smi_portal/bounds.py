"""What is checked of every request before anything reads it: that its address and its form can be read at all, and that
their text has no NUL, which the database cannot store.
"""

from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.handlers.wsgi import WSGIRequest
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponsePermanentRedirect,
    QueryDict,
    UnreadablePostError,
)
from django.http.multipartparser import MultiPartParserError
from django.middleware.common import CommonMiddleware
from django.utils.http import parse_header_parameters

from accounts.acting import API
from accounts.errors import BadRequest
from smi_portal.refusals.pages import refused

LONGEST_ADDRESS = 4_000  # characters; gunicorn takes as many, and the codes of some providers need half of it
UNKNOWN = "application/octet-stream"  # a content type of which no form is read


class Request(WSGIRequest):
    """A request whose text is UTF-8, at the address of the portal. A body under another charset is not read.

    Django would fail on some charsets. Proxies often leave the port out of `Host`.
    """

    def get_host(self) -> str:
        host, portal = super().get_host(), urlsplit(settings.PORTAL_URL)
        return portal.netloc if host == portal.hostname else host

    def _set_content_type_params(self, meta: dict[str, str]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))
        except ValueError:
            self.content_type, self.content_params = UNKNOWN, {}
        if self.content_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
            self.content_type = UNKNOWN


class SameMethodRedirect(HttpResponsePermanentRedirect):
    """308: what was posted to an address without its last slash is posted again, where 301 would make it a GET."""

    status_code = 308


class SlashMiddleware(CommonMiddleware):
    response_redirect_class = SameMethodRedirect


class BoundsMiddleware:
    """Refuses a request that nothing behind it could read. Bodies of the API are read, and refused, by its parser."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            _check(request)
        except (BadRequest, RequestDataTooBig) as refusal:
            request.GET = request.POST = QueryDict()  # so that the page about it does not read them again
            return refused(request, refusal)
        return self.get_response(request)


def _check(request: HttpRequest) -> None:
    if "\0" in request.path_info:
        raise Http404
    if len(request.get_full_path()) > LONGEST_ADDRESS:
        raise BadRequest(f"The address is longer than {LONGEST_ADDRESS:,} characters.")
    try:
        has_nul = any("\0" in text for text in _texts(request))
    except RequestDataTooBig:
        raise
    except (SuspiciousOperation, MultiPartParserError, UnreadablePostError) as error:
        raise BadRequest("The address or the form is damaged, or has too many fields.") from error
    if has_nul:
        raise BadRequest("The address or the form contains a character that is not text.")


def _texts(request: HttpRequest) -> Iterator[str]:
    for fields in [request.GET] if request.path_info.startswith(API) else [request.GET, request.POST]:
        for name, values in fields.lists():
            yield name
            yield from values
