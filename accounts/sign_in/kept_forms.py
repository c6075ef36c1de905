"""Forms that were sent after their session had ended: kept for their person, who finds them filled in again.

Nothing is ever submitted by itself. Each view with a form says so in one line:

    form = refilled(request, SomeForm(request.POST or None, …))
"""

import json
import time
from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, QueryDict
from django.urls import Resolver404, resolve
from django.utils.datastructures import MultiValueDict
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import acting
from accounts.sign_in.sessions import hold, stored

KEPT = "kept_forms"  # in the session: address of the page → form, the oldest first
KEPT_SECONDS = 30 * 60
MOST = 5  # forms of one person: each open tab may hold one
NOT_KEPT = {"csrfmiddlewaretoken", "credential", "membership", "replay", acting.FIELD}
LONGEST_CODE = 4  # of a participant; those of a second factor are longer
WORDS = "You were signed out. What you typed is still here; nothing was saved."
NOTHING_TYPED = "You were signed out, and nothing was done."


def keep(request: HttpRequest, person: int) -> None:
    """Keep the form that `request` sends for `person`, within the bounds of any form; never a file or a secret."""
    fields = {name: values for name, values in request.POST.lists() if not _is_secret(name, values)}
    path = _path(page_of(request))
    form = {"person": person, "acting": request.POST.get(acting.FIELD, ""), "at": time.time(), "fields": fields}
    with stored(request.session.session_key, for_seconds=KEPT_SECONDS) as data:
        kept = {other: data[KEPT][other] for other in data.get(KEPT, {}) if other != path} | {path: form}
        data[KEPT] = _bounded(kept)
        hold(request.session, **{KEPT: data[KEPT]})


def _is_secret(name: str, values: list[str]) -> bool:
    if name == "code":
        return any(len(value.strip()) > LONGEST_CODE for value in values)
    return name in NOT_KEPT or "password" in name.lower() or "secret" in name.lower()


def _bounded(kept: dict[str, dict]) -> dict[str, dict]:
    """Without the oldest, so that all together are no larger than one form may be."""
    paths = list(kept)[-MOST:]
    while len(json.dumps([kept[path] for path in paths], ensure_ascii=False)) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        paths = paths[1:]
    return {path: kept[path] for path in paths}


def waiting(session: dict[str, object]) -> dict[str, dict]:
    """The forms in `session` that are still kept."""
    oldest = time.time() - KEPT_SECONDS
    return {path: form for path, form in session.get(KEPT, {}).items() if form["at"] > oldest}


def kept(request: HttpRequest) -> MultiValueDict | None:
    """What the person of `request` had typed on its page when the session ended; given once."""
    path, forms = _path(request.get_full_path()), waiting(request.session)
    form = forms.get(path) if request.method == "GET" else None
    if form is None or form["person"] != request.user.pk or form["acting"] not in ("", _acting(request)):
        return None
    request.session[KEPT] = {other: forms[other] for other in forms if other != path}
    return MultiValueDict(form["fields"])


def _acting(request: HttpRequest) -> str:
    return str(request.acting.membership_id) if request.acting else ""


def refilled(request: HttpRequest, form: Form, *, without: Collection[str] = ()) -> Form:
    """`form`, with what its person had typed there when the session ended, and a message that says so.

    Hidden fields come back too, so that a change by somebody else in the meantime is still found. A form that is sent
    is left alone, and so are the fields `without` which the page makes more sense.
    """
    typed = None if form.is_bound else kept(request)
    if typed is not None:
        values = {name: value for name, value in _read(form, typed).items() if name not in without}
        form.initial = form.initial | values
        messages.warning(request, WORDS if values else NOTHING_TYPED)
    return form


def _read(form: Form, typed: MultiValueDict) -> dict[str, object]:
    """The values of the fields that were sent, as their widgets read them."""
    fields = [(name, field.widget, form.add_prefix(name)) for name, field in form.fields.items()]
    return {
        name: widget.value_from_datadict(typed, {}, key)
        for name, widget, key in fields
        if not widget.value_omitted_from_data(typed, {}, key)
    }


def page_of(request: HttpRequest) -> str:
    """The address of the page whose form `request` sends: its own, or the nearest above it that can be opened.

    A form that is only sent to its address, never opened there, comes from the page that the browser names; and “Switch
    back and go on” sends the form of the page it leads to.
    """
    address = safe_next(request) if "replay" in request.POST else request.get_full_path()
    if not _opens(_path(address)) and (sender := _sender(request)):
        return sender
    path = _path(address)
    while path != "/" and not _opens(path):
        path = path.rstrip("/").rpartition("/")[0] + "/"
    return address if path == _path(address) else path


def _sender(request: HttpRequest) -> str:
    """The page of this site from which `request` comes, if the browser says so and it can be opened."""
    try:
        parts = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return ""
    here = parts.netloc == request.get_host() and _opens(parts.path)
    return parts._replace(scheme="", netloc="", fragment="").geturl() if here else ""


def _path(address: str) -> str:
    return urlsplit(address).path


def way_back(request: HttpRequest) -> str:
    """The same, for the membership the form was made for: under another one it is stopped as the form would be."""
    parts = urlsplit(page_of(request))
    query = QueryDict(parts.query, mutable=True)
    if made_for := request.POST.get(acting.FIELD):
        query[acting.FIELD] = made_for
    return parts._replace(query=query.urlencode()).geturl()


def _opens(path: str) -> bool:
    """Whether there is a page, rather than an address to which forms are sent only."""
    try:
        view = resolve(path).func
    except Resolver404:
        return False
    return "GET" in getattr(view, "methods", ("GET",))


def safe_next(request: HttpRequest) -> str:
    """Where to go on: a path of this site, else the dashboard."""
    onward = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(onward, allowed_hosts=None) and onward.startswith("/")
    return onward if safe else "/"
