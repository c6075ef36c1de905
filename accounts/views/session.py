"""The time that a session has left, for the dialog that warns before it ends."""

from django.http import HttpRequest, JsonResponse

from accounts.access import Open, allow
from accounts.sign_in.kept_forms import sent_from
from accounts.sign_in.timeouts import clock, note, passive


@passive
@allow(Open.TO_ALL)
def session_status(request: HttpRequest) -> JsonResponse:
    """Asked by open pages, which is no activity; where nobody is signed in, that is the answer."""
    signed_in = request.user.is_authenticated
    return JsonResponse({"signed_in": signed_in} | (clock(request.session.row) if signed_in else {}))


@allow(Open.SIGNED_IN, "POST")
@sent_from("dashboard")
def session_extend(request: HttpRequest) -> JsonResponse:
    """Stay signed in; not beyond the longest time."""
    note(request, at_once=True)
    return JsonResponse(clock(request.session.row))
