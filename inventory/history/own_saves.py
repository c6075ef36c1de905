"""Whether a conflict is with a save of one's own, in another tab."""

from datetime import datetime

from accounts import clock
from accounts.models import User
from inventory.history.device_history import DeviceHistory
from inventory.models import ProviderPeriod


def own_save(history: DeviceHistory, item: str, user: User) -> datetime | None:
    """Return when `user` recorded the value of MAP ID or MSN that stands now; None if somebody else did."""
    at, person = _map_id_saved(history.device) if item == "map_id" else _msn_saved(history)
    return at if person == user.pk else None


def _map_id_saved(device: int) -> tuple[datetime | None, int | None]:
    begun = ProviderPeriod.objects.known_now().filter(device=device, valid_from__lte=clock.today())
    step = begun.order_by("-valid_from").first()
    return (step.known.lower, step.recorded_by_id) if step else (None, None)


def _msn_saved(history: DeviceHistory) -> tuple[datetime | None, int | None]:
    last, msn = None, None
    for event in history.events:
        if last is None or event.msn != msn:
            last, msn = event, event.msn
    return (last.pgh_created_at, last.person_id) if last else (None, None)
