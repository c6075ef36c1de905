from typing import Any

from django.core.management.base import BaseCommand

from accounts.actions.secrets import renew_encryption
from accounts.operator import system_scope


class Command(BaseCommand):
    help = (
        "Encrypt the secrets of second factors and of single sign-on under the current SECRET_KEY. "
        "After that you can empty SECRET_KEY_FALLBACKS."
    )

    def handle(self, **options: Any) -> None:
        with system_scope("renew_encryption"):
            count = renew_encryption()
        self.stdout.write(f"{count:,} secrets encrypted under the current key.")
