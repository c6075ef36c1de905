"""The one table of rights: role of the organisation × access level of the member → permissions.

Stands in for the permission set of SECMP0004, which is in no source found (docs/open-questions.md). A permission is
listed here only once a page declares it; a test compares the two.
"""

from enum import StrEnum

from django.db.models import TextChoices


class Role(TextChoices):
    """In which role an organisation takes part. A company that is both has two organisations."""

    SUPPLIER = "supplier", "Supplier"
    MAP = "map", "MAP"
    DCC = "dcc", "DCC"


class Job(TextChoices):
    """The access level of a member of an organisation; each includes the one before."""

    VIEWER = "viewer", "Viewer"
    EDITOR = "editor", "Editor"
    ADMINISTRATOR = "administrator", "Administrator"

    @property
    def as_one(self) -> str:
        """Such as `an Editor`."""
        return f"{'an' if self.label[0] in 'AEIOU' else 'a'} {self.label}"


class Permission(StrEnum):
    """One right, as a view declares it; `label` is its row on "Who may do what"."""

    label: str

    def __new__(cls, value: str, label: str) -> "Permission":
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    VIEW_DEVICE = "inventory.view_device", "See a device in scope"
    RECORD_ITEM = "inventory.record_item", "Record MAP ID or MSN where none is (DCC: with a reason)"
    REPLACE_ITEM = (
        "inventory.replace_item",
        "Replace a recorded MAP ID or MSN (with its source, confirmed)",
    )
    BLANK_MAP_ID = "inventory.blank_map_id", "Remove a MAP ID (with a reason and a date)"
    REMOVE_MSN = "inventory.remove_msn", "Remove a wrong MSN (with a reason)"
    DOWNLOAD_MAP_PORTFOLIO = "inventory.download_map_portfolio", "Download the MAP portfolio report"
    DOWNLOAD_DEVICE_LIST = "inventory.download_device_list", "Download the devices a search found"
    MANAGE_MEMBERS = (
        "accounts.manage_members",
        "Invite people, change access levels, reset second factors, end memberships",
    )
    MANAGE_TOKENS = "accounts.manage_tokens", "Create and revoke API tokens for the organisation’s systems"
    MANAGE_ORGANISATIONS = (
        "accounts.manage_organisations",
        "Manage organisations, codes, first administrators and single sign-on (a second administrator approves)",
    )
    SEE_UNSENT_EMAILS = "accounts.see_unsent_emails", "See emails that could not be sent, and try again"
    READ_AUDIT = "accounts.read_audit", "Read the organisation’s audit trail (DCC: everyone’s)"


P = Permission
EVERYONE = frozenset({P.VIEW_DEVICE})
RECORDING = frozenset({P.RECORD_ITEM, P.REPLACE_ITEM})
REMOVING = frozenset({P.BLANK_MAP_ID, P.REMOVE_MSN})
ADMINISTERING = frozenset({P.MANAGE_MEMBERS, P.MANAGE_TOKENS, P.READ_AUDIT})

GRANTS: dict[Role, dict[Job, frozenset[Permission]]] = {
    Role.SUPPLIER: {
        Job.VIEWER: EVERYONE | {P.DOWNLOAD_DEVICE_LIST},
        Job.EDITOR: EVERYONE | {P.DOWNLOAD_DEVICE_LIST} | RECORDING,
        Job.ADMINISTRATOR: EVERYONE | {P.DOWNLOAD_DEVICE_LIST} | RECORDING | REMOVING | ADMINISTERING,
    },
    Role.MAP: {
        Job.VIEWER: EVERYONE | {P.DOWNLOAD_MAP_PORTFOLIO},
        Job.EDITOR: EVERYONE | {P.DOWNLOAD_MAP_PORTFOLIO},
        Job.ADMINISTRATOR: EVERYONE | {P.DOWNLOAD_MAP_PORTFOLIO} | ADMINISTERING,
    },
    Role.DCC: {
        Job.VIEWER: EVERYONE | {P.DOWNLOAD_DEVICE_LIST},
        Job.EDITOR: EVERYONE | {P.DOWNLOAD_DEVICE_LIST} | RECORDING,
        Job.ADMINISTRATOR: EVERYONE
        | {P.DOWNLOAD_DEVICE_LIST, P.MANAGE_ORGANISATIONS, P.SEE_UNSENT_EMAILS}
        | RECORDING
        | REMOVING
        | ADMINISTERING,
    },
}


def allows(role: Role, job: Job, permission: Permission) -> bool:
    return permission in GRANTS[role][job]
