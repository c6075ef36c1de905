"""Downloads that are running now."""

from django.db import models
from django.db.models.functions import Now


class RunningDownload(models.Model):
    """A file that is being sent: by which process, and to whom.

    The row is removed when the download ends, however it ends. `seen_at` moves while it runs, so that the row of a
    killed process is known: after LOST_AFTER seconds without a sign of life it no longer counts.
    """

    LOST_AFTER = 120

    host = models.CharField(max_length=255)
    process = models.IntegerField()
    subject = models.CharField(max_length=40)  # a person or a token, as in the limits
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.subject} from {self.host}, process {self.process}"
