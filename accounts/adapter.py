"""How django-allauth serves this portal: nobody signs up by themselves."""

import time
from urllib.parse import urlsplit

from allauth.account import app_settings
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.internal.flows.login import get_authentication_records
from django.http import HttpRequest

from accounts.mail import link_to


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Accounts are made by an administrator; there is no sign-up page either (`accounts.urls`)."""
        return False

    def is_reauthentication_required(self, *, app: str, **kwargs: object) -> bool:
        """Who has just signed in is not asked again."""
        records = get_authentication_records(self.request, self.request.user)
        lately = time.time() - app_settings.REAUTHENTICATION_TIMEOUT
        return not (records and records[-1]["at"] > lately)

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Of the portal's own name, whatever host the request was sent to."""
        return link_to(urlsplit(super().get_reset_password_from_key_url(key)).path)
