from importlib import import_module

from django.apps import AppConfig


class InventoryConfig(AppConfig):
    name = "inventory"

    def ready(self) -> None:
        import_module("inventory.trail.kinds")  # registers the kinds with the audit trail
        import_module("inventory.emails")  # and those of email with the worker
        import_module("inventory.recording.planned")  # and what has to be done before each day
