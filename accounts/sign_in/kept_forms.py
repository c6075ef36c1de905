"""Forms that were sent after their session had ended: kept for their user, who finds them filled in again.

A form whose next page asks to confirm is kept too, until it is saved: on the way back from there, by link or by the
browser's Back, it is filled in again.

Nothing is ever submitted automatically. Each view with a form declares what is kept of it, and fills it in:

    @keeps(SomeForm)
    def some_page(request):
        form = refilled(request, SomeForm(request.POST or None, …))
"""

import json
import time
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import Resolver404, resolve, reverse
from django.utils.datastructures import MultiValueDict
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import acting

KEPT = "kept_forms"  # in the session: address of the page → form, the oldest first
MOST = 5  # forms of one person: each open tab may hold one
NEVER_KEPT = (forms.PasswordInput, forms.FileInput)
WORDS = "You were signed out. Everything you typed is still here, but nothing has been saved."
NOTHING_TYPED = "You were signed out, and nothing has changed."

View = Callable[..., HttpResponse]


def keeps(*kinds: type[forms.Form], families: tuple[str, ...] = ()) -> Callable[[View], View]:
    """Declare the forms of a view, whose fields are kept if they are sent too late: never a password, secret or file.

    `families`: the beginnings of names that a form has once for each row.
    """
    fields = {name: field for kind in kinds for name, field in kind.base_fields.items()}
    names = {name for name, field in fields.items() if not isinstance(field.widget, NEVER_KEPT)}

    def declare(view: View) -> View:
        view.kept_names, view.kept_families = names, families
        return view

    return declare


def sent_from(page: str) -> Callable[[View], View]:
    """Declare the page that has the button for a view without a page, if no page is above its address."""

    def declare(view: View) -> View:
        view.sent_from = page
        return view

    return declare


def keep(request: HttpRequest, person: int, *, until_saved: bool = False) -> None:
    """Keep the form that `request` sends for `person`: the fields its page declares, up to the limits of a form.

    It comes back once, or `until_saved`, each time its page is opened.
    """
    path, session = _path(page_of(request)), request.session
    view = _view_of(path)
    fields = {name: values for name, values in request.POST.lists() if _is_kept(name, view)}
    form = {"person": person, "acting": request.POST.get(acting.FIELD, ""), "at": time.time(), "fields": fields}
    form |= {"until_saved": True} if until_saved else {}
    with session.locked():
        others = {other: kept for other, kept in session.get(KEPT, {}).items() if other != path}
        session[KEPT] = _bounded(others | {path: form})


def keep_for_return(request: HttpRequest) -> None:
    """Keep the form that `request` sends for the way back from the page that follows; it may come back repeatedly."""
    keep(request, request.user.pk, until_saved=True)


def forget(request: HttpRequest) -> None:
    """Forget the form of the page that `request` is about: it has been saved, or its user starts again."""
    path, session = _path(page_of(request)), request.session
    if path in session.get(KEPT, {}):
        with session.locked():
            session[KEPT] = {other: form for other, form in session.get(KEPT, {}).items() if other != path}


def _is_kept(name: str, view: View | None) -> bool:
    return name in getattr(view, "kept_names", ()) or name.startswith(getattr(view, "kept_families", ()))


def _bounded(kept: dict[str, dict]) -> dict[str, dict]:
    """Return the newest forms that together are no larger than one form can be."""
    paths = list(kept)[-MOST:]
    while len(json.dumps([kept[path] for path in paths], ensure_ascii=False)) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        paths = paths[1:]
    return {path: kept[path] for path in paths}


def give_back(request: HttpRequest) -> HttpResponse | None:
    """Return a form whose CSRF token is from before its user signed in again, filled in on its page.

    Only for forms that a page of this site sends for one of the user's own memberships; otherwise None.
    """
    declared = hasattr(request.resolver_match.func, "permission")
    from_here = request.headers.get("Origin") == f"{request.scheme}://{request.get_host()}"
    own = {str(membership.pk) for membership in request.memberships}
    if not (declared and from_here and request.POST.get(acting.FIELD) in own):
        return None
    keep(request, request.user.pk)
    return HttpResponseRedirect(way_back(request))


def waiting(session: SessionBase) -> dict[str, dict]:
    """Return the forms in `session` that are still kept."""
    oldest = time.time() - settings.SESSION_OF_NOBODY_SECONDS
    return {path: form for path, form in session.get(KEPT, {}).items() if form["at"] > oldest}


def forget_old(session: SessionBase) -> None:
    """Remove the forms that nobody has asked for in time."""
    current = waiting(session)
    if len(current) < len(session.get(KEPT, {})):
        session[KEPT] = current


def kept(request: HttpRequest) -> MultiValueDict | None:
    """Return what the user had typed on the page of `request` when the session ended; only once."""
    form = _kept_form(request)
    if form is None:
        return None
    if not form.get("until_saved"):
        forget(request)
    return MultiValueDict(form["fields"])


def _kept_form(request: HttpRequest) -> dict | None:
    form = waiting(request.session).get(_path(request.get_full_path())) if request.method == "GET" else None
    mine = form is not None and form["person"] == request.user.pk and form["acting"] in ("", _acting(request))
    return form if mine else None


def _acting(request: HttpRequest) -> str:
    return str(request.acting.membership_id) if request.acting else ""


def refilled(request: HttpRequest, form: forms.Form, *, without: Collection[str] = ()) -> forms.Form:
    """Return `form` with what its user had typed when the session ended, and add a message that says so.

    Hidden fields come back too, so that a change by somebody else in the meantime is still found. A form that is sent
    is left alone, and so are the fields `without` which the page makes more sense.
    """
    if form.is_bound or (typed := _kept_form(request)) is None:
        return form
    values = {name: value for name, value in _read(form, kept(request)).items() if name not in without}
    form.initial = form.initial | values
    form.not_saved_yet = typed.get("until_saved", False)
    if not form.not_saved_yet:
        messages.warning(request, WORDS if values else NOTHING_TYPED)
    return form


def _read(form: forms.Form, typed: MultiValueDict) -> dict[str, object]:
    """Return the values of the fields that were sent, as their widgets read them."""
    widgets = {name: field.widget for name, field in form.fields.items()}
    return {
        name: widget.value_from_datadict(typed, {}, name)
        for name, widget in widgets.items()
        if not widget.value_omitted_from_data(typed, {}, name)
    }


def page_of(request: HttpRequest) -> str:
    """Return the address of the page whose form `request` sends: its own, the one declared, or the nearest one above.

    The 409 page sends the form of the page that it leads back to.
    """
    address = safe_next(request) if "replay" in request.POST else request.get_full_path()
    path = _path(address)
    if page := getattr(_view_of(path), "sent_from", None):
        return reverse(page)
    while path != "/" and not _opens(path):
        path = path.rstrip("/").rpartition("/")[0] + "/"
    return address if path == _path(address) else path


def _path(address: str) -> str:
    return urlsplit(address).path


def way_back(request: HttpRequest) -> str:
    """The same, for the membership the form was made for: under another one it is stopped as the form would be."""
    parts = urlsplit(page_of(request))
    query = QueryDict(parts.query, mutable=True)
    if made_for := request.POST.get(acting.FIELD):
        query[acting.FIELD] = made_for
    return parts._replace(query=query.urlencode()).geturl()


def _view_of(path: str) -> View | None:
    try:
        return resolve(path).func
    except Resolver404:
        return None


def _opens(path: str) -> bool:
    """Whether there is a page at this address, which otherwise only receives forms."""
    view = _view_of(path)
    return view is not None and "GET" in getattr(view, "methods", ("GET",))


def safe_next(request: HttpRequest) -> str:
    """Return where to continue: a path of this site, otherwise the dashboard."""
    onward = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(onward, allowed_hosts=None) and onward.startswith("/")
    return onward if safe else "/"
