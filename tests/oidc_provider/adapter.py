"""What the provider says of its people, with what the test wants it to say instead."""

import json
from collections.abc import Iterable
from typing import Any

from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from allauth.idp.oidc.models import Client
from django.conf import settings
from django.contrib.auth.models import User


class Adapter(DefaultOIDCAdapter):
    def get_claims(
        self, purpose: str, user: User, client: Client, scopes: Iterable[str], email: str | None = None, **kwargs: Any
    ) -> dict[str, Any]:
        claims = super().get_claims(purpose, user, client, scopes, email, **kwargs)
        wanted = json.loads(settings.WANTED.read_text())["claims"]
        changed = claims | wanted.get(user.email, {}) | wanted.get(f"{purpose} {user.email}", {})
        return {name: value for name, value in changed.items() if value is not None}

    def populate_server_metadata(self, data: dict[str, Any]) -> None:
        data.update(json.loads(settings.WANTED.read_text())["metadata"])
