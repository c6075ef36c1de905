"""Work by the clock; each task calls one action. Run by `manage.py procrastinate worker`."""

from procrastinate.contrib.django import app

from accounts.operator import system_scope
from inventory.loads.staging import remove_leftovers
from inventory.recording.planned import adopt_due_steps


@app.periodic(cron="1 * * * *")  # UK midnight is at 23:00 or 00:00 UTC
@app.task(queueing_lock="adopt_due_steps", pass_context=False)
def adopt_steps(timestamp: int) -> int:
    """Steps recorded before their day begin to hold."""
    with system_scope("steps whose day has come", via="task"):
        return adopt_due_steps()


@app.periodic(cron="20 * * * *")
@app.task(queueing_lock="remove_leftovers")
def remove_staged(timestamp: int) -> int:
    """Remove staged rows that killed loads have left."""
    return remove_leftovers()
