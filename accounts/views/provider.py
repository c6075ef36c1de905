"""Signing in through an organisation's provider."""

from collections.abc import Callable
from http import HTTPStatus

import requests
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.providers.openid_connect import views as openid_connect
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from accounts.access import Open, allow, refuse_unknown
from accounts.errors import NotAllowed
from accounts.forms.page import Given, form_page, posted
from accounts.forms.sign_on import AddressForm
from accounts.models import SingleSignOn
from accounts.sign_in.allauth_internals import resume_request
from accounts.sign_in.encryption import Unreadable
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.sign_in.provider_requests import host_of
from accounts.sign_in.single_sign_on import CONFIRM, Refusal, page_of_provider, refuse

# What an answer of the provider that is not as it should be makes of django-allauth.
MISTAKES = (requests.RequestException, Unreadable, KeyError, ValueError, TypeError, AttributeError)
NOT_HERE = "No organisation’s sign-in is set up for this address. Sign in with your password."


@allow(Open.TO_ALL, "GET", "HEAD", "POST")
def sign_on_start(request: HttpRequest) -> HttpResponse:
    """Asks only for the email address, whose domain says which provider it is."""
    refuse_unknown(request.GET, {"next"})

    def lead(given: Given) -> HttpResponse:
        if page := page_of_provider(request, given["email"]):
            return redirect(page)
        raise NotAllowed(NOT_HERE, "email")

    context = {"next": get_next_redirect_url(request)}
    return form_page(request, AddressForm(posted(request)), "accounts/sign_on_start.html", lead, context)


@allow(Open.TO_ALL)
def sign_on_provider(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Whose sign-in comes next, with the link there: a form may not lead to another site."""
    sign_on = _active_or_404(provider_id)
    refuse_unknown(request.GET, {"next"})
    onward = get_next_redirect_url(request)
    address = sign_on.app.get_provider(request).get_login_url(request, **({"next": onward} if onward else {}))
    context = {"organisation": sign_on.organisation, "address": address, "next": onward}
    return render(request, "accounts/sign_on_provider.html", context)


@allow(Open.TO_ALL)
def provider_login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """On to the provider; nothing of what django-allauth would take from the address but `next`."""
    request.sign_on = _active_or_404(provider_id)
    refuse_unknown(request.GET, {"next"})
    answer = _without_details(request, openid_connect.login)
    if answer.status_code == HTTPStatus.FOUND and not host_of(answer.url):
        return refuse(request, request.sign_on, Refusal.FAILED)
    return answer


@allow(Open.TO_ALL)
def provider_callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider: signed in, or the page that says why not."""
    request.sign_on = _active_or_404(provider_id)
    return _without_details(request, openid_connect.callback)


@allow(Open.SIGNED_IN)
def sign_on_again(request: HttpRequest) -> HttpResponse:
    """Confirm at the provider that it is still you, before what asks for it."""
    sign_on = _own_or_404(request)
    refuse_unknown(request.GET, {"next"})
    context = {"organisation": sign_on.organisation, "next": get_next_redirect_url(request)}
    return render(request, "accounts/sign_on_again.html", context)


@allow(Open.SIGNED_IN)
def sign_on_confirm(request: HttpRequest) -> HttpResponse:
    """On to the provider, which shall ask whoever sits there; from there back to `sign_on_resume`."""
    request.sign_on = _own_or_404(request)
    refuse_unknown(request.GET, {"next"})
    onward = get_next_redirect_url(request)
    resume = f"{reverse('sign-on-resume')}?{urlencode({'next': onward})}" if onward else reverse("dashboard")
    ask = {"process": CONFIRM, "next_url": resume, "auth_params": {"prompt": "login", "max_age": "0"}}
    return _without_details(
        request, lambda request, provider_id: get_adapter().get_provider(request, provider_id).redirect(request, **ask)
    )


@allow(Open.SIGNED_IN)
def sign_on_resume(request: HttpRequest) -> HttpResponse:
    """What had to wait for it goes on, with the form that was sent, if there was one."""
    return resume_request(request) or redirect("dashboard")


def _own_or_404(request: HttpRequest) -> SingleSignOn:
    """The one that this session came through."""
    return get_object_or_404(_active(), pk=request.session.get(SIGNED_IN_THROUGH))


def _active_or_404(provider_id: str) -> SingleSignOn:
    return get_object_or_404(_active(), app__provider_id=provider_id)


def _active() -> QuerySet[SingleSignOn]:
    return SingleSignOn.objects.active().select_related("app", "organisation")


def _without_details(request: HttpRequest, view: Callable[..., HttpResponse]) -> HttpResponse:
    try:
        return view(request, request.sign_on.app.provider_id)
    except MISTAKES:
        return refuse(request, request.sign_on, Refusal.FAILED)
