"""The operator's own work: commands and tasks that read and write everything, for a stated reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from accounts.acting import scope_settings
from accounts.audit import note
from accounts.audit.kinds import AuditKind


@contextmanager
def system_scope(
    reason: str, *, via: str = "command", audited: bool = True, batch: UUID | None = None
) -> Iterator[None]:
    """Open a transaction, or a part of one, in which the operator reads and writes everything, for `reason`.

    It is noted in the audit trail, unless the work done there leaves its own evidence. Transactions of one `batch`
    share it.
    """
    history = {"operator": reason, "via": via} | ({"batch": str(batch)} if batch else {})
    with scope_settings(organisation="", operator=reason, history=history):
        if audited:
            note(AuditKind.SYSTEM_SCOPE, by=None, via=via, reason=reason)
        yield
