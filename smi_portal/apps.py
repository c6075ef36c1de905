from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from smi_portal import grants
from smi_portal.refusals import request_ids  # noqa: F401  (checks and receivers register themselves)


class PortalConfig(AppConfig):
    name = "smi_portal"
    verbose_name = "SMI self-service portal"

    def ready(self) -> None:
        # Once per migrate; the signal is sent for apps with models only.
        last = apps.get_app_config("inventory")
        post_migrate.connect(grants.grant_to_login, sender=last)
        post_migrate.connect(grants.join_history_by_hash, sender=last)
