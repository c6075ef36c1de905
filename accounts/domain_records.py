"""The DNS record that proves an email domain: where it stands, what it says, and whether it does.

Whoever runs the domain sets it, and so agrees that this organisation's provider, as it is now, vouches for the domain's
people. Its value is another one for each portal, organisation, domain, issuer and client.
"""

import hashlib
import json
from dataclasses import dataclass

from django.conf import settings

from accounts.errors import NotAllowed, quote
from accounts.models import MailDomain
from accounts.name_servers import texts_at

LABEL = "_smi-portal"  # of its own below the domain, as RFC 8552 has it: other records do not get in its way


@dataclass(frozen=True)
class TextRecord:
    """A TXT record, as the domain's name servers must serve it."""

    name: str
    value: str

    @classmethod
    def of(cls, domain: MailDomain) -> "TextRecord":
        """The one that proves `domain` for the provider that its organisation has now."""
        sign_on = domain.single_sign_on
        bound = [settings.PORTAL_URL, sign_on.organisation_id, domain.domain, sign_on.issuer, sign_on.app.client_id]
        digest = hashlib.sha256(json.dumps(bound).encode()).hexdigest()
        return cls(f"{LABEL}.{domain.domain}", f"smi_portal={digest}")

    def check(self) -> None:
        """Raise NotAllowed, with a sentence on what is wrong, unless the name servers give this very value."""
        found = texts_at(self.name)
        if self.value not in found:
            raise NotAllowed(
                f"The TXT record at {self.name} says {quote(found[0])}. Copy the value from this page, and check again."
            )
