"""What PostgreSQL knows about how often values occur: searches are planned by it."""

from django.db import connections

TABLES = "inventory_device, inventory_deviceevent, inventory_providerperiod, inventory_supplyperiod"


def count_values() -> None:
    """Count values anew, after many devices have come: as the owner, who alone may."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLES}")
