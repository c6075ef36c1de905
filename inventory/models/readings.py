"""The record of organisations that read devices of another."""

from django.db import models
from django.db.models import Q

from accounts.models.moments import DATES, within_time


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
            ),
            # Nobody can change or remove a row, so one that the page cannot show would stay.
            models.CheckConstraint(
                condition=Q(how__in=["page", "look_up", "list", "file", "portfolio"]), name="device_reading_how_known"
            ),
            within_time("day", name="device_reading_within_time", among=DATES),
        ]
        indexes = [models.Index(fields=["subject_id", "id"], name="device_reading_of_subject")]

    def __str__(self) -> str:
        return f"{self.day} {self.how}"
