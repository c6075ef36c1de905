"""What people are told at sign-in about memberships that they lost since they last signed in."""

from allauth.account.signals import user_logged_in
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest

from accounts.acting import memberships_of
from accounts.models import User
from accounts.sign_in.factors import SIGNED_IN_THROUGH
from accounts.withheld import why_withheld, withheld_since


@receiver(user_logged_in, dispatch_uid="withheld_memberships")
def tell_of_withheld(request: HttpRequest, user: User, **_: object) -> None:
    """Only those who can still act for another organisation: the others get a page that says it (`accounts.access`)."""
    if request.last_sign_in is None or SIGNED_IN_THROUGH in request.session or not memberships_of(user):
        return
    for membership in withheld_since(user, request.last_sign_in):
        messages.info(request, why_withheld(membership))
