from importlib import import_module

from django.apps import AppConfig

# Their receivers connect themselves, once the models are there; the first one says through whom somebody signed in.
RECEIVERS = (
    "sign_in.single_sign_on",
    "receivers.audit",
    "receivers.dormancy",
    "receivers.security",
    "sign_in.timeouts",
)


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        for module in RECEIVERS:
            import_module(f"accounts.{module}")
