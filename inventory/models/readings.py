"""The record of organisations that read devices of another."""

from django.db import models


class DeviceReading(models.Model):
    """The fact that an organisation read devices of another on a date, and how; never how many.

    A portfolio report has no reader: suppliers learn that there was one, but not from which MAP.
    """

    class How(models.TextChoices):
        PAGE = "page", "Pages of single devices"
        LOOK_UP = "look_up", "Look-ups by Device ID, MPxN or MSN"
        LIST = "list", "Lists that included at least one"
        FILE = "file", "Files that included at least one"
        PORTFOLIO = "portfolio", "MAP portfolio reports that included at least one"

    day = models.DateField()
    reader_id = models.BigIntegerField(null=True)
    subject_id = models.BigIntegerField()
    how = models.CharField(max_length=9, choices=How)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_id", "day", "reader_id", "how"], name="device_reading_once", nulls_distinct=False
            )
        ]
        indexes = [models.Index(fields=["subject_id", "id"], name="device_reading_of_subject")]

    def __str__(self) -> str:
        return f"{self.day} {self.how}"
