"""The frame of every page: who it is shown to, and the menu entries that would let them in."""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import resolve, reverse

from accounts import acting
from accounts.access import Open
from accounts.roles import Permission


@dataclass(frozen=True)
class MenuEntry:
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
    MenuEntry("Dashboard", "dashboard"),
    MenuEntry("Devices", "device-list"),
    MenuEntry("Reports", "report-list"),
    MenuEntry("Members", "member-list"),
    MenuEntry("API tokens", "token-list"),
    MenuEntry("Organisations", "organisation-list"),
    MenuEntry("Audit", "audit"),
    MenuEntry("MAPs and suppliers", "participant-list"),
)
FOOTER = (
    MenuEntry("Data items", "data-items"),
    MenuEntry("Rules", "rules"),
    MenuEntry("Who may do what", "who-may-do-what"),
    MenuEntry("Accessibility", "accessibility"),
    MenuEntry("Privacy", "privacy"),
    MenuEntry("Get help", "help"),
)


def page_frame(request: HttpRequest) -> dict[str, object]:
    """For every template: `acting`, `memberships`, `finds_devices`, `menu` and `footer`."""
    who = getattr(request, "acting", None)
    return {
        "acting": who,
        "acting_field": acting.FIELD,
        "memberships": getattr(request, "memberships", []),
        "finds_devices": bool(who and who.may(Permission.VIEW_DEVICE)),
        "menu": [entry for entry in MENU if who and entry.shown_to(request)],
        "footer": FOOTER,
    }
