"""The audit trail: who did what, sealed so that an altered row is found, and readable by whom it is about."""

from accounts.audit.noting import note, note_of_devices

__all__ = ["note", "note_of_devices"]
