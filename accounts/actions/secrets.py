"""The verb on secrets that are encrypted at rest."""

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialApp
from django.db import transaction

from accounts.models import Proposal
from accounts.sign_in.encryption import renew

OF_FACTORS = ("secret", "seed")  # of an authenticator app, and of recovery codes
OF_PROVIDERS = ("encrypted_secret",)


@transaction.atomic
def renew_encryption() -> int:
    """Encrypt every secret under the key of today; how many. Former keys may be dropped after that."""
    count = 0
    for authenticator in Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN).select_for_update():
        count += _renew(authenticator.data, OF_FACTORS)
        authenticator.save(update_fields=["data"])
    for proposal in Proposal.objects.open().exclude(secret="").select_for_update():
        proposal.secret = renew(proposal.secret)
        proposal.save(update_fields=["secret"])
        count += 1
    for app in SocialApp.objects.select_for_update():
        count += _renew(app.settings, OF_PROVIDERS)
        app.save(update_fields=["settings"])
    return count


def _renew(held: dict[str, object], names: tuple[str, ...]) -> int:
    found = [name for name in names if held.get(name)]
    held.update({name: renew(held[name]) for name in found})
    return len(found)
