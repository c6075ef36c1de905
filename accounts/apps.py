from importlib import import_module

from django.apps import AppConfig

# Their receivers connect themselves, once the models are there; the first one says through whom somebody signed in.
RECEIVERS = (
    "sign_in.single_sign_on",
    "receivers.audit",
    "receivers.dormancy",
    "receivers.membership",
    "receivers.security",
    "sign_in.timeouts",
)
EMAILS = "emails"  # which register the kinds of email


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        for module in (*RECEIVERS, EMAILS):
            import_module(f"accounts.{module}")
