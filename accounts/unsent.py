"""Emails that could not be sent: jobs of the worker that have used up their attempts, or were refused for good."""

from dataclasses import dataclass
from datetime import datetime

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import Max
from django.utils import timezone
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.contrib.django.models import ProcrastinateJob
from procrastinate.manager import JobManager

from accounts.mail import KINDS, QUEUE

SHOWN = 200  # at most, the latest first


@dataclass(frozen=True)
class UnsentEmail:
    pk: int
    label: str
    recipient: str
    at: datetime | None


def unsent_emails() -> list[UnsentEmail]:
    """Return the latest unsent emails, except those of kinds that anyone can cause."""
    listed = [name for name, kind in KINDS.items() if kind.listed]
    jobs = _failed().filter(args__kind__in=listed).annotate(at=Max("procrastinateevent__at")).order_by("-pk")
    return [_described(job) for job in jobs[:SHOWN]]


def is_unsent(pk: int) -> bool:
    return _failed().filter(pk=pk).exists()


def try_again(pk: int) -> None:
    """Queue the email for one more attempt."""
    JobManager(DjangoConnector()).retry_job_by_id(pk, retry_at=timezone.now())


def _failed():  # noqa: ANN202  (a query set of procrastinate's)
    return ProcrastinateJob.objects.filter(queue_name=QUEUE, status="failed")


def _described(job: ProcrastinateJob) -> UnsentEmail:
    kind = KINDS[job.args["kind"]]
    try:
        recipient = kind.recipient(job.args["ids"])
    except (
        ObjectDoesNotExist,
        LookupError,
        TypeError,
        ValueError,
    ):  # it no longer exists, or the portal made no such job
        recipient = ""
    return UnsentEmail(job.pk, kind.label, recipient, job.at)
