from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        import_module("accounts.single_sign_on")  # first: what is noted of a sign-in names the provider
        for module in ("audit_signals", "dormancy_signals", "security_signals", "timeouts"):
            import_module(f"accounts.{module}")  # their receivers connect themselves; they need the models
