"""The kinds of email about devices, each with the function that builds it from the ids of its job (`accounts.mail`)."""

from django.conf import settings
from django.urls import reverse

from accounts.mail import Email, from_template, link_to, mail_kind
from accounts.models import ServiceToken, User


@mail_kind("look_ups_in_vain", "Look-ups that found nothing")
def look_ups_in_vain(to: int, number: int, token: int | None = None, user: int | None = None) -> Email:
    given = {"who": _who(token, user), "number": number, "link": link_to(reverse("audit"))}
    given["most"] = settings.LOOK_UPS_IN_VAIN if token or user else settings.LOOK_UPS_IN_VAIN_OF_ORGANISATION
    return from_template("look_ups_in_vain", User.objects.get(pk=to).email, **given)


def _who(token: int | None, user: int | None) -> str:
    """In words; empty for all of an organisation together."""
    if token:
        return f"The system “{ServiceToken.objects.get(pk=token).name}”"
    return str(User.objects.get(pk=user)) if user else ""
