"""The kinds of act about devices, registered with the audit trail when the app is ready."""

from django.db.models import TextChoices

from accounts.audit.kinds import register_kinds


class DeviceAuditKind(TextChoices):
    """What was done about devices."""

    DEVICE_READ = "device_read", "Looked at a device"
    SEARCH = "search", "Searched devices"
    LIST_READ = "list_read", "Looked at a list of devices"
    LIST_DOWNLOADED = "list_downloaded", "Downloaded a list of devices"
    REPORT_DOWNLOADED = "report_downloaded", "Downloaded a report"
    ITEMS_RECORDED = "items_recorded", "Recorded values of a device"
    LOOK_UPS_IN_VAIN = "look_ups_in_vain", "Made many searches that found nothing"
    DEVICES_LOADED = "devices_loaded", "Loaded devices"


register_kinds(
    DeviceAuditKind,
    short_lived={
        DeviceAuditKind.DEVICE_READ,
        DeviceAuditKind.SEARCH,
        DeviceAuditKind.LIST_READ,
        DeviceAuditKind.LIST_DOWNLOADED,
        DeviceAuditKind.REPORT_DOWNLOADED,
        DeviceAuditKind.LOOK_UPS_IN_VAIN,
    },
)
