"""The frame of every page: whom it is shown for, and the menu entries that would let them in."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import resolve, reverse

from accounts import acting
from accounts.access import Open
from accounts.roles import Permission


@dataclass(frozen=True)
class Entry:
    """A menu entry; shown when the view behind it would let the user in."""

    label: str
    name: str

    @property
    def url(self) -> str:
        return reverse(self.name)

    def shown_to(self, request: HttpRequest) -> bool:
        permission = resolve(self.url).func.permission
        return isinstance(permission, Open) or request.acting.may(Permission(permission))


MENU = (
    Entry("Dashboard", "dashboard"),
    Entry("Devices", "device-list"),
    Entry("Reports", "report-list"),
    Entry("Members", "member-list"),
    Entry("Tokens", "token-list"),
    Entry("Organisations", "organisation-list"),
    Entry("Audit", "audit"),
    Entry("MAPs and suppliers", "participant-list"),
)
FOOTER = (
    Entry("Data items", "data-items"),
    Entry("Who may do what", "who-may-do-what"),
    Entry("Accessibility", "accessibility"),
    Entry("Privacy", "privacy"),
    Entry("Get help", "help"),
)


def page_frame(request: HttpRequest) -> dict[str, object]:
    """For every template: `acting`, `memberships`, `menu` and `footer`."""
    who = getattr(request, "acting", None)
    return {
        "acting": who,
        "acting_field": acting.FIELD,
        "memberships": getattr(request, "memberships", []),
        "menu": [entry for entry in MENU if who and entry.shown_to(request)],
        "footer": FOOTER,
    }
