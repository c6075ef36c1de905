"""Work by the clock; each task calls one action. Run by `manage.py procrastinate worker`, as the portal's login."""

from django.utils import timezone
from procrastinate import JobContext
from procrastinate.contrib.django import app
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager

from accounts.actions import dormancy, reviews, sessions
from accounts.actions.tokens import tell_of_expiry
from accounts.idempotency import forget_answers
from accounts.limits import forget_counts

KEPT_HOURS = 90 * 24  # of jobs that failed


@app.periodic(cron="* * * * *")
@app.task(queueing_lock="take_up_stalled", pass_context=True)
async def take_up_stalled(context: JobContext, timestamp: int) -> None:
    """What a worker had begun that was killed, and has not been heard of for 30 seconds, is done again."""
    manager = context.app.job_manager
    for job in await manager.get_stalled_jobs():
        await _take_up(manager, job)


async def _take_up(manager: JobManager, job: Job) -> None:
    """Work by the clock is left to its next time if that has been queued meanwhile."""
    try:
        await manager.retry_job(job)
    except UniqueViolation:
        await manager.finish_job(job, status=Status.FAILED, delete_job=True)


@app.periodic(cron="50 3 * * *")
@app.task(queueing_lock="forget_failed_jobs", pass_context=True)
async def forget_failed_jobs(context: JobContext, timestamp: int) -> None:
    """Jobs that failed, unsent emails among them, are kept for 90 days."""
    await context.app.job_manager.delete_old_jobs(nb_hours=KEPT_HOURS, include_failed=True)


@app.periodic(cron="20 6 * * *")
@app.task(queueing_lock="tell_of_tokens")
def tell_of_tokens(timestamp: int) -> int:
    """Administrators learn which of their tokens expire soon, or have expired."""
    return tell_of_expiry()


@app.periodic(cron="10 4 * * *")
@app.task(queueing_lock="warn_dormant")
def warn_dormant(timestamp: int) -> int:
    """Whose memberships nobody used for long is told."""
    return dormancy.warn_dormant(now=timezone.now())


@app.periodic(cron="20 4 * * *")
@app.task(queueing_lock="suspend_dormant")
def suspend_dormant(timestamp: int) -> int:
    """Memberships that nobody used in spite of a warning no longer hold."""
    return dormancy.suspend_dormant(now=timezone.now())


@app.periodic(cron="30 4 * * *")
@app.task(queueing_lock="remind_of_reviews")
def remind_of_reviews(timestamp: int) -> int:
    """Administrators whose yearly review of access is near, due or overdue are told."""
    return reviews.remind_of_reviews(today=timezone.localdate())


@app.periodic(cron="25 * * * *")
@app.task(queueing_lock="forget_expired")
def forget_expired(timestamp: int) -> int:
    """Sessions, counts of attempts to sign in and of requests, and answers of the API, that are over."""
    return sessions.forget_expired() + forget_counts() + forget_answers()
