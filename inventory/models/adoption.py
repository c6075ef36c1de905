"""How far planned steps have become part of their devices."""

from django.db import models


class Adoption(models.Model):
    """One row: the UK date for which devices have adopted their planned steps (`inventory/sql/today.sql`)."""

    id = models.SmallIntegerField(primary_key=True)
    day = models.DateField()

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="adoption_one_row")]

    def __str__(self) -> str:
        return f"{self.day}"
