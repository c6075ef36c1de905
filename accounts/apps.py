from importlib import import_module

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        for module in ("single_sign_on", "audit_signals", "dormancy_signals"):  # first: it names the provider in the trail
            import_module(f"accounts.{module}")  # their receivers connect themselves; they need the models
