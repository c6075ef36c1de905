"""What the worker does with queued emails, done in the test's own process and, where there is one, its transaction."""

import json
import time

from asgiref.sync import async_to_sync
from django.db import connection
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from psycopg.pq import TransactionStatus

from accounts.mail import QUEUE, Refused, Unsent
from tests.scopes import as_nobody

WAITING = "SELECT EXISTS (SELECT FROM procrastinate_jobs WHERE status = 'todo' AND queue_name = 'mail')"


def is_waiting() -> bool:
    """Asked past Django, so that it counts as no query of the test."""
    raw = connection.connection
    if raw is None or raw.closed or raw.info.transaction_status == TransactionStatus.INERROR:
        return False
    return raw.execute(WAITING).fetchone()[0]


@as_nobody()
def send_queued() -> None:
    """Run each job that is due, and record what became of it by procrastinate's own functions."""
    manager = JobManager(DjangoConnector())
    while job := async_to_sync(manager.fetch_job)(queues=[QUEUE], worker_id=None):
        _run(manager, job)


def make_due() -> None:
    """Let the time pass that retried emails wait."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE status = 'todo'")


def _run(manager: JobManager, job: Job) -> None:
    task = app.tasks[job.task_name]
    context = JobContext(app=app, job=job, start_timestamp=time.time(), abort_reason=lambda: None)
    try:
        task(context, **json.loads(job.task_kwargs))  # Django leaves JSON as it comes
    except (Unsent, Refused) as error:  # anything else fails the test
        if retry := task.get_retry_exception(error, job):
            async_to_sync(manager.retry_job)(job, retry_at=retry.retry_decision.retry_at)
        else:
            async_to_sync(manager.finish_job)(job, status=Status.FAILED, delete_job=False)
    else:
        async_to_sync(manager.finish_job)(job, status=Status.SUCCEEDED, delete_job=True)
