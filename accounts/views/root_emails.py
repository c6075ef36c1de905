"""Whether the own organisation's administrators are emailed the daily roots of its audit trail."""

from django.http import HttpRequest, HttpResponse

from accounts.access import allow, expect
from accounts.actions.organisations import set_root_emails
from accounts.forms.page import Given, done, form_page, posted
from accounts.forms.people import RootEmailsForm
from accounts.roles import Permission
from accounts.sign_in.kept_forms import keeps


@allow(Permission.MANAGE_MEMBERS, "GET", "HEAD", "POST")
@keeps(RootEmailsForm)
def root_emails(request: HttpRequest) -> HttpResponse:
    expect(request)
    initial = {"receives": "yes" if request.acting.organisation.receives_roots else "no"}

    def save(given: Given) -> HttpResponse:
        receives = given["receives"] == "yes"
        set_root_emails(receives=receives, by=request.acting)
        whom = "All administrators now receive" if receives else "Administrators no longer receive"
        return done(request, f"{whom} the daily roots.", "audit")

    form = RootEmailsForm(posted(request), initial=initial)
    return form_page(request, form, "accounts/root_emails.html", save)
