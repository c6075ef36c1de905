"""Where the rows of a file wait: staged and checked beside the inventory, and removed once they are applied.

A row can outlive the transaction that staged it, so that checking and applying are transactions of their own. Nothing
here is worth keeping: the tables are not logged, and are empty after a crash of the database.

Statistics about these tables are always out of date. So that no plan can be bad, no index begins with the file: all
rows of a file are read through, and a row is found by its line or Device ID.
"""

# ruff: noqa: DJ001  (an empty cell is NULL, so that it breaks no rule)

import uuid

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from accounts.models import Organisation


class StagedFile(models.Model):
    """A file whose rows are staged; without an organisation it is the operator's. Its id is that of their batch."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    organisation = models.ForeignKey(Organisation, models.PROTECT, null=True, related_name="+", db_index=False)
    staged_at = models.DateTimeField(default=timezone.now)
    kept_until = models.DateTimeField()  # then its rows are leftovers of a killed process

    def __str__(self) -> str:
        return str(self.id)


class StagedRow(models.Model):
    """One row of a file as it is given: its cells as text, in the order of its kind of file. An empty cell is NULL."""

    pk = models.CompositePrimaryKey("line", "file_id")
    file = models.ForeignKey(StagedFile, models.DO_NOTHING, related_name="rows", db_index=False, db_constraint=False)
    line = models.IntegerField()
    cells = ArrayField(models.TextField(null=True))

    def __str__(self) -> str:
        return f"{self.file_id} {self.line}"


class StagedDevice(models.Model):
    """A row of a device file in canonical form, beside what was recorded of the device when the two were compared.

    `known_row` is the version of the device's row that was compared with; `other_items` and `other_supplier` say what
    the row changes. `supplier_pk` and `provider_pk` are the entries of the list in force on the days they apply from.
    """

    pk = models.CompositePrimaryKey("line", "file_id")
    file = models.ForeignKey(StagedFile, models.DO_NOTHING, related_name="devices", db_index=False, db_constraint=False)
    line = models.IntegerField()
    device_id = models.TextField(null=True, db_collation="C")
    device_type = models.TextField(null=True)
    smets_generation = models.TextField(null=True)
    smets_version = models.TextField(null=True)
    manufacturer = models.TextField(null=True)
    model = models.TextField(null=True)
    firmware = models.TextField(null=True)
    esme_variant = models.TextField(null=True)
    status = models.TextField(null=True)
    mpxn = models.TextField(null=True)
    msn = models.TextField(null=True)
    map_id = models.TextField(null=True)
    supplier_id = models.TextField(null=True)
    hub_id = models.TextField(null=True, db_collation="C")
    status_from = models.DateField(null=True)
    installed_on = models.DateField(null=True)
    commissioned_on = models.DateField(null=True)
    decommissioned_on = models.DateField(null=True)
    map_from = models.DateField(null=True)
    supplier_from = models.DateField(null=True)
    known_id = models.BigIntegerField(null=True)
    known_row = models.TextField(null=True)
    known_type = models.TextField(null=True)
    known_mpxn = models.TextField(null=True)
    known_has_map_id = models.BooleanField(null=True)
    known_supplier = models.TextField(null=True)
    known_supplier_from = models.DateField(null=True)
    kind = models.TextField(null=True)
    fuel = models.TextField(null=True)
    generation = models.TextField(null=True)
    installed = models.DateField(null=True)
    supplier_code = models.TextField(null=True)
    supplier_day = models.DateField(null=True)
    map_day = models.DateField(null=True)
    supplier_pk = models.BigIntegerField(null=True)
    provider_pk = models.BigIntegerField(null=True)
    other_items = models.BooleanField(default=False)
    other_supplier = models.BooleanField(default=False)

    class Meta:
        indexes = [models.Index(fields=["device_id", "file"], name="staged_device")]

    def __str__(self) -> str:
        return f"{self.file_id} {self.line}"
