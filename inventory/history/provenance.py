"""Who recorded each value of a device that stands now: from its history."""

from django.utils.timezone import localtime

from inventory.data_items import DataItem
from inventory.history.device_history import Author, DeviceHistory, Period
from inventory.models import DeviceEvent, StepKind
from inventory.wording import in_words

BEFORE = "recorded before your time"
PROVIDER_FIELDS = {"asset_provider", "map_from", "map_recorded_at", "map_recorded_for"}
SUPPLY_FIELDS = {"supplier", "supplier_from", "previous_supplier", "previous_supplier_to"}


def provenance_of(history: DeviceHistory, item: DataItem) -> str:
    """Who recorded the value, for which code, when and from what; empty where nothing is recorded."""
    field = item.fields[0] if item.fields else ""
    if field in PROVIDER_FIELDS:
        return _of_period(history, history.providers)
    if field in SUPPLY_FIELDS:
        return _of_period(history, history.suppliers)
    return _of_event(history, field) if hasattr(DeviceEvent, field) else ""


def _of_period(history: DeviceHistory, periods: list[Period]) -> str:
    """Of the step that holds today; the one by which the viewer got the device is shown whenever it was recorded."""
    today = localtime().date()
    begun = [period for period in periods if period.stands and period.valid_from <= today]
    if not begun:
        return ""
    step = max(begun, key=lambda period: period.valid_from)
    if not (history.is_own(step.author.at) or step.party in history.acting.codes):
        return BEFORE
    shown = history.shown(step.author)
    if step.party is None:
        reason = f": {shown.reason}" if shown.reason else ""
        return f"{signature(shown)}, removed from {in_words(step.valid_from)}{reason}"
    return signature(shown)


def _of_event(history: DeviceHistory, field: str) -> str:
    """Of the last write that changed the item."""
    last, value = None, None
    for event in history.events:
        if last is None or getattr(event, field) != value:
            last, value = event, getattr(event, field)
    if last is None or value in ("", None):
        return ""
    if not history.is_own(last.pgh_created_at):
        return BEFORE
    return signature(history.shown(history.author_of(last)))


def signature(author: Author) -> str:
    """Such as `Priya Shah, ZEPH, 12 March 2026 at 14:02, from nameplate photo`."""
    words = [author.person, author.code or "DCC", str(in_words(author.at))]
    if author.source:
        words.append(f"from {author.source}")
    elif author.via == "load":
        words.append("by a load")
    elif author.kind in StepKind.values:
        words.append(StepKind(author.kind).label.lower())
    return ", ".join(word for word in words if word)
