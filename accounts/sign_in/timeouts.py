"""When a session ends: after a time without activity, and after a longest time in any case.

Each session holds when its person signed in and was last active. The latter is written once a minute at most, so that
a page does not cost a write; it may end as much earlier.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

from django.conf import settings
from django.contrib.auth import SESSION_KEY as PERSON
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.contrib.auth.views import redirect_to_login
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils import timezone

from accounts import acting
from accounts.models import End, Session, User
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.sign_in.kept_forms import KEPT, forget_old, keep, page_of, waiting, way_back
from accounts.waits import elsewhere

ENDED = "ended"  # in a session that has timed out: whose it was, for whom they acted, and why it ended
ONLY_KEEP = "X-Only-Keep"  # of a form that is sent to be kept, and must never be acted on


def clock(session: Session) -> dict[str, int]:
    """Return, for the dialog, `seconds` left, and `final`, the time of the end if nothing can put it off."""
    end, final = session.idle_end, session.longest_end
    left = min(end, final) - timezone.now()
    return {"seconds": int(left.total_seconds()), "final": int(final.timestamp()) if final <= end else 0}


def every() -> timedelta:
    """Return the time after which activity is written again."""
    return timedelta(seconds=min(60, settings.SESSION_IDLE_SECONDS / 10))


def passive(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Mark a view that machines ask, so that a request is nobody's activity."""
    view.passive = True
    return view


def note(request: HttpRequest, *, at_once: bool = False) -> None:
    """Note that the person signed in is active, unless that was written just now or `request` is not their act."""
    session = request.session.row
    if session.user_id is None:
        return
    due = timezone.now() - session.last_seen_at >= every() and not _is_passive(request)
    if due or at_once:
        touch(request.session.session_key)
        session.last_seen_at = timezone.now()
        forget_old(request.session)


def _is_passive(request: HttpRequest) -> bool:
    try:
        return hasattr(resolve(request.path_info).func, "passive")
    except Resolver404:
        return False


def touch(key: str | None) -> None:
    """Write that session `key` is in use now, unless it has ended."""
    Session.objects.signed_in().filter(pk=key).update(last_seen_at=timezone.now())


class Activity:
    """Note the activity of one session during a long answer; can be called as often as you like."""

    def __init__(self, key: str | None) -> None:
        self._key, self._noted = key, time.monotonic()

    def __call__(self) -> None:
        if self._key and time.monotonic() - self._noted >= every().total_seconds():
            self._noted = time.monotonic()
            elsewhere(lambda: touch(self._key))


@receiver(user_logged_in, dispatch_uid="timeouts")
def begin(request: HttpRequest, user: User, **_: object) -> None:
    """Begin the session's times; what an ended session left is kept only for the same person."""
    session = request.session
    session.sign_in(user, request)
    ended = session.pop(ENDED, None)
    if ended and ended["person"] == user.pk:
        session[acting.SESSION_KEY] = ended["acting"]
    else:
        session.pop(KEPT, None)


def end(request: HttpRequest, why: End) -> None:
    """Sign out by time-out; of several simultaneous requests, the first does it.

    The session stays under its key, empty but for whose it was: a form may still come from another tab.
    """
    session, person = request.session, request.user
    acted_for = session.get(acting.SESSION_KEY)
    left = {ENDED: {"person": person.pk, "acting": acted_for, "why": why}} if person.is_authenticated else {}
    with transaction.atomic():
        if session.time_out(left) and person.is_authenticated:
            memberships = acting.memberships_of(person, session.get(SIGNED_IN_THROUGH))
            request.acting, request.timed_out = acting.chosen(memberships, acted_for), why
            user_logged_out.send(sender=User, request=request, user=person)
    request.session, request.user = type(session)(session.session_key), AnonymousUser()


class TimeoutMiddleware:
    """Ends sessions whose time is up, notes activity, and keeps forms that are sent too late.

    Stands behind the middleware of the log, whose reference the audit trail carries.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if why := request.session.row.over:
            end(request, why)
        note(request)
        request.note_activity = Activity(request.session.session_key)
        response = self.get_response(request)
        note(request)  # an upload has taken its time
        return response

    def process_view(self, request: HttpRequest, view: Callable[..., HttpResponse], *_: object) -> HttpResponse | None:
        """Lead a form sent without a sign-in to its page, by way of sign-in; it has passed the CSRF check."""
        if not request.user.is_authenticated:
            if request.resolver_match.url_name == "account_logout":
                return redirect(settings.LOGIN_URL)
            if getattr(view, "page_above", False):
                return redirect_to_login(_page_of_file(request))
            if request.method == "POST" and hasattr(view, "permission") and getattr(view, "login_required", True):
                if ended := request.session.get(ENDED):
                    keep(request, ended["person"])
                return redirect_to_login(way_back(request))
        return HttpResponse(status=409) if ONLY_KEEP in request.headers else None


def _page_of_file(request: HttpRequest) -> str:
    """Return the page that offers the file asked for: no file comes out of a sign-in."""
    query = request.GET.copy()
    if query.get("format") == "csv":  # which all are offered in
        del query["format"]
    page = request.path.removesuffix("download/")
    return f"{page}?{query.urlencode()}" if query else page


def page_clock(request: HttpRequest) -> dict[str, object]:
    """Give every template `session_limits` in words, `session_clock` if signed in, `session_ended` after a time-out."""
    frame: dict[str, object] = {
        "session_limits": {
            "idle": in_words(settings.SESSION_IDLE_SECONDS),
            "longest": in_words(settings.SESSION_ABSOLUTE_SECONDS),
            "kept": in_words(settings.SESSION_OF_NOBODY_SECONDS),
        }
    }
    session = getattr(request, "session", {})
    if PERSON in session:
        warning = int(min(300, settings.SESSION_IDLE_SECONDS / 2))
        sign_in = f"{reverse(settings.LOGIN_URL)}?next={quote(page_of(request))}"
        frame["session_clock"] = clock(session.row) | {"warning": warning, "sign_in": sign_in}
    elif ended := session.get(ENDED):
        frame["session_ended"] = {"why": ended["why"], "kept": bool(waiting(session))}
    return frame


def in_words(seconds: int) -> str:
    """Return, for example, “30 minutes” or “12 hours”."""
    units = ((3600, "hour"), (60, "minute"), (1, "second"))
    size, name = next(unit for unit in units if seconds % unit[0] == 0)
    count = seconds // size
    return f"{count} {name}{'' if count == 1 else 's'}"
