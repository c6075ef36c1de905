"""The DCC's page of emails that could not be sent."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.access import allow, expect
from accounts.forms.page import button
from accounts.roles import Permission
from accounts.unsent import SHOWN, is_unsent, try_again, unsent_emails


@allow(Permission.SEE_UNSENT_EMAILS)
def unsent_email_list(request: HttpRequest) -> HttpResponse:
    """To whom, of what kind and when; what they say is not kept."""
    expect(request)
    return render(request, "accounts/unsent_email_list.html", {"emails": unsent_emails(), "most": SHOWN})


@allow(Permission.SEE_UNSENT_EMAILS, "POST")
def unsent_email_send(request: HttpRequest, pk: int) -> HttpResponse:
    """Try to send one again."""
    if not is_unsent(pk):
        raise Http404
    expect(request)

    def send() -> str:
        try_again(pk)
        return "We will try to send the email again now. If that fails, it will be listed here again."

    return button(request, send, "unsent-email-list")
