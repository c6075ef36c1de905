"""The internal modules of django-allauth that the portal needs. They can change without notice, and only this module
imports them.

- `perform_password_login`: signs in a new member in the usual steps, and notes that they have just entered a password.
  The public `perform_login` notes nothing, so that they would be asked for it again immediately.
- The methods by which a session was opened, with their times: the signal `authentication_step_completed` reports a
  step, but does not keep it.
- A confirmation of identity at an organisation's provider, which django-allauth does not know.
- Resuming the request that waited for it: publicly, only django-allauth's own page does that.
- Reading a network address as proxies write it: with or without brackets and a port.
"""

from allauth.account.internal.flows.login import (
    get_authentication_records,
    perform_password_login,
    record_authentication,
)
from allauth.account.internal.flows.reauthentication import resume_request
from allauth.core.internal.httpkit import clean_client_ip

__all__ = [
    "clean_client_ip",
    "get_authentication_records",
    "perform_password_login",
    "record_authentication",
    "resume_request",
]
