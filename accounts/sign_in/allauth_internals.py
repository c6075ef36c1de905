"""What the portal needs of django-allauth's inner modules, which may change without notice: nothing else imports them.

- An invitation signs its new person in by the steps of every sign-in, and notes that they have just given a password:
  the public `perform_login` notes nothing, so that they would be asked for it again at once.
- By which ways, and when, a session was opened: `authentication_step_completed` tells of a step, and keeps none.
- That somebody has confirmed at an organisation's provider who they are: django-allauth has no such provider.
- The request that had to wait for it goes on: publicly, django-allauth's own page alone does that.
"""

from allauth.account.internal.flows.login import (
    get_authentication_records,
    perform_password_login,
    record_authentication,
)
from allauth.account.internal.flows.reauthentication import resume_request

__all__ = ["get_authentication_records", "perform_password_login", "record_authentication", "resume_request"]
