"""A page with one form. All such pages answer in the same way; a view gives only its form, template and act."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render

from accounts.errors import Busy, NotAllowed, Stale
from accounts.sign_in.kept_forms import refilled
from accounts.waits import or_busy

Given = dict[str, Any]  # the values of a valid form
MEANWHILE = "This has been updated since you opened it. Check it again before you continue."


def form_page(
    request: HttpRequest,
    form: Form,
    template: str,
    act: Callable[[Given], HttpResponse],
    context: Mapping[str, object] | None = None,
    *,
    meanwhile: str = MEANWHILE,
) -> HttpResponse:
    """Return the page of `form`, empty or as kept when the session ended; once it is valid, the answer of `act`.

    A refusal by `act` is shown at the field that it names, or above the form, with 400; with 409 and the sentence
    `meanwhile` if the object has been changed since the page was opened; or with 503 if the database took too long.
    """
    form, status = refilled(request, form), 400 if form.is_bound else 200
    if form.is_valid():
        try:
            with or_busy():
                return act(form.cleaned_data)
        except NotAllowed as refusal:
            show_refusal(form, refusal)
        except Stale:
            form.add_error(None, meanwhile)
            status = 409
        except Busy as busy:
            form.add_error(None, str(busy))
            status = 503
    return render(request, template, {"form": form, **(context or {})}, status=status)


def posted(request: HttpRequest) -> QueryDict | None:
    """Return the data of the form, if one was sent."""
    return request.POST if request.method == "POST" else None


def show_refusal(form: Form, refusal: NotAllowed) -> None:
    """Add each problem to the field that it is about, if the form has that field."""
    for problem in refusal.problems:
        form.add_error(problem.item if problem.item in form.fields else None, problem.in_full)


def done(request: HttpRequest, sentence: str, to: str, **of: object) -> HttpResponseRedirect:
    """End an act: redirect to the page `to`, which says what was done."""
    messages.success(request, sentence)
    return redirect(to, **of)


def button(request: HttpRequest, act: Callable[[], str], to: str, **of: object) -> HttpResponseRedirect:
    """Answer a button without a page of its own: the page `to` says what `act` did, or why it was refused."""
    try:
        return done(request, act(), to, **of)
    except NotAllowed as refusal:
        messages.error(request, f"{refusal} Nothing has been changed.")
    return redirect(to, **of)
