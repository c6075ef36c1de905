"""Who read whose devices."""

from django.db import models


class DeviceReading(models.Model):
    """That an organisation read devices of another on a day, and how; never how many.

    Without a reader, of a portfolio report: suppliers learn that there was one, not whose.
    """

    class How(models.TextChoices):
        PAGE = "page", "Pages of single devices"
        LOOK_UP = "look_up", "Look-ups by Device ID, MPxN or MSN"
        LIST = "list", "Lists in which at least one stood"
        FILE = "file", "Files in which at least one stood"
        PORTFOLIO = "portfolio", "MAP portfolio reports in which at least one stood"

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
