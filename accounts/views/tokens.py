"""Tokens of the own organisation's systems."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from accounts.access import allow, expect
from accounts.actions.tokens import make_token, revoke_token
from accounts.forms.page import Given, done, form_page, posted
from accounts.forms.people import ConfirmForm
from accounts.forms.tokens import TokenForm
from accounts.models import ServiceToken
from accounts.roles import Job, Permission
from accounts.sign_in.kept_forms import keeps

MOST_REVOKED = 50  # of those revoked, the latest


@allow(Permission.MANAGE_TOKENS)
def token_list(request: HttpRequest) -> HttpResponse:
    expect(request)
    tokens = ServiceToken.objects.of(request.acting.organisation).select_related("created_by")
    revoked = tokens.exclude(revoked_at=None).order_by("-revoked_at")[:MOST_REVOKED]
    return render(request, "accounts/token_list.html", {"tokens": tokens.current(), "revoked": revoked})


@allow(Permission.MANAGE_TOKENS, "GET", "HEAD", "POST", fresh=True)
@keeps(TokenForm)
def token_add(request: HttpRequest) -> HttpResponse:
    """The answer to the form shows the token, once: the same form again is refused, as its name is taken."""
    expect(request)

    def make(given: Given) -> HttpResponse:
        token, secret = make_token(**given | {"job": Job(given["job"])}, by=request.acting)
        return render(request, "accounts/token_made.html", {"token": token, "secret": secret})

    return form_page(request, TokenForm(posted(request)), "accounts/token_add.html", make)


@allow(Permission.MANAGE_TOKENS, "GET", "HEAD", "POST", fresh=True)
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Asks first."""
    token = get_object_or_404(ServiceToken.objects.of(request.acting.organisation), pk=pk)
    expect(request)

    def revoke(_given: Given) -> HttpResponse:
        revoked = revoke_token(token=token, by=request.acting)
        words = "has been revoked. Any system still using it will be refused." if revoked else "was revoked before."
        return done(request, f"The API token “{token.name}” {words}", "token-list")

    return form_page(request, ConfirmForm(posted(request)), "accounts/token_revoke.html", revoke, {"token": token})
