from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        import_module("accounts.single_sign_on")  # first: what is noted of a sign-in names the provider
        import_module("accounts.audit_signals")  # its receivers connect themselves; they need the models
