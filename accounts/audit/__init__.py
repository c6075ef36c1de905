"""The audit trail: who did what, sealed so that an altered row is found, and readable by whom it is about."""

from accounts.audit.recording import record, record_of_devices

__all__ = ["record", "record_of_devices"]
