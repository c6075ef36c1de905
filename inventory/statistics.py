"""What PostgreSQL knows about how often values occur: searches are planned by it."""

from django.db import connections


def count_values() -> None:
    """Count the values of devices, their periods and history anew, after many have come: as the owner, who alone may."""
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE inventory_device, inventory_deviceevent, inventory_providerperiod, inventory_supplyperiod")
