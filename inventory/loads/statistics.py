"""PostgreSQL's statistics of how often values occur, by which searches are planned."""

from django.db import connections

TABLES = "inventory_device, inventory_deviceevent, inventory_providerperiod, inventory_supplyperiod"


def count_values() -> None:
    """Count values again after many devices have been added; only the owner can."""
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"ANALYZE {TABLES}")
