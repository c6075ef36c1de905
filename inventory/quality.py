"""What is worth checking about a device: the quality flags of pages and reports."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Flag:
    """A quality flag: its badge, and the sentence that says what to do. Stands beside data item `item`."""

    label: str
    advice: str
    item: str


FLAGS: dict[str, Flag] = {
    "duplicate_msn": Flag(
        "Duplicate MSN",
        "Another device in your scope has the same manufacturer and MSN. Compare both with the nameplates.",
        "msn",
    ),
    "dummy_map_id": Flag(
        "Dummy MAP ID", "This code stands for a customer-owned meter, not for a Meter Asset Provider.", "map_id"
    ),
    "map_from_before_installed": Flag(
        "MAP ID before installation", "The MAP ID applies from a day before the meter was installed.", "map_from"
    ),
    "map_id_not_in_force": Flag(
        "MAP ID not in force", "This code is not in force in the list of all MAPs today.", "map_id"
    ),
    "map_id_without_installation": Flag(
        "No installation day", "A MAP ID is recorded, but the day the meter was installed is not.", "installed_on"
    ),
    "no_map_id": Flag("No MAP ID", "No Meter Asset Provider is recorded for this meter.", "map_id"),
    "no_msn": Flag("No MSN", "No meter serial number is recorded for this meter.", "msn"),
    "unusual_status_move": Flag(
        "Unusual SMI Status", "The last change of SMI Status is not among the usual ones.", "smi_status"
    ),
}


def flags_of(codes: str) -> list[Flag]:
    """The flags behind a `quality_flags` value such as `no_map_id;no_msn`."""
    return [FLAGS[code] for code in codes.split(";") if code]
