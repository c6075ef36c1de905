"""Tokens of the own organisation's systems."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache

from accounts.access import allow, expect
from accounts.actions.tokens import make_token, revoke_token
from accounts.errors import NotAllowed
from accounts.forms.tokens import TokenForm
from accounts.models import ServiceToken
from accounts.roles import Job, Permission
from accounts.sign_in.kept_forms import refilled

MOST_REVOKED = 50  # of those revoked, the latest


@allow(Permission.MANAGE_TOKENS)
@never_cache
def token_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    tokens = ServiceToken.objects.of(request.acting.organisation).select_related("created_by")
    revoked = tokens.exclude(revoked_at=None).order_by("-revoked_at")[:MOST_REVOKED]
    return render(request, "accounts/token_list.html", {"tokens": tokens.current(), "revoked": revoked})


@allow(Permission.MANAGE_TOKENS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def token_add(request: HttpRequest) -> HttpResponse:
    """The answer to the form shows the token, once: the same form again is refused, as its name is taken."""
    expect(request)
    form = refilled(request, TokenForm(request.POST if request.method == "POST" else None))
    status = 400 if form.is_bound else 200
    if form.is_valid():
        asked = form.cleaned_data | {"job": Job(form.cleaned_data["job"])}
        try:
            token, secret = make_token(**asked, by=request.acting)
        except NotAllowed as refusal:
            form.add_error(refusal.field, str(refusal))
        else:
            return render(request, "accounts/token_made.html", {"token": token, "secret": secret})
    return render(request, "accounts/token_add.html", {"form": form}, status=status)


@allow(Permission.MANAGE_TOKENS, "GET", "HEAD", "POST", fresh=True)
@never_cache
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first."""
    token = ServiceToken.objects.of(request.acting.organisation).filter(pk=pk).first()
    if token is None:
        raise Http404
    expect(request)
    if request.method != "POST":
        return render(request, "accounts/token_revoke.html", {"token": token})
    try:
        revoked = revoke_token(token=token, by=request.acting)
    except NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    words = "has been revoked. A system that still brings it is refused." if revoked else "was revoked before."
    messages.success(request, f"The token “{token.name}” {words}")
    return redirect("token-list")
