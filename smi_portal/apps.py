from django.apps import AppConfig

from smi_portal import checks  # noqa: F401  (to register checks and receivers)
from smi_portal.refusals import request_ids  # noqa: F401


class PortalConfig(AppConfig):
    name = "smi_portal"
    verbose_name = "SMI portal"
