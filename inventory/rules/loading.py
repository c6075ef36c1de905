"""The rules for device files alone. The reader gets the sentence with the line, the column and the value."""

from collections.abc import Iterable
from dataclasses import replace

from inventory.identifiers import MPAN_WEIGHTS, MPRN_PATTERN, MSN_PATTERN
from inventory.models import DeviceType, Status
from inventory.pasted import PLACEHOLDERS
from inventory.rules.rule import Door, Rule

DAYS = ("status_from", "installed_on", "commissioned_on", "decommissioned_on", "map_from", "supplier_from")
# Set on devices that a load creates. On a known device they are not read: a file full of one MAP ID would be a search
# for the devices that have it.
SET_ONCE = ("msn", "map_id", "map_from")
REQUIRED = ("device_id", "device_type", "status", "status_from", "supplier_id")
TEXTS = (
    "device_id", "device_type", "smets_generation", "smets_version", "manufacturer", "model", "firmware",
    "esme_variant", "status", "status_from", "mpxn", "msn", "map_id", "supplier_id", "installed_on", "commissioned_on",
    "hub_id", "map_from", "supplier_from", "decommissioned_on",
)  # fmt: skip
WEIGHED = " + ".join(f"{w} * substr(i.mpxn, {n}, 1)::int" for n, w in enumerate(MPAN_WEIGHTS, start=1))


def words(values: Iterable[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def as_written() -> list[Rule]:
    """Rules on a value as the file has it: its characters, and the pairs of a Device ID."""
    odd = "It contains a look-alike or invisible character. Type the value again."
    pairs = "A Device ID has 16 digits 0–9 and A–F, in pairs."
    plain = [Rule(item, f"s.{item} ~ '[^ -~\\u00a0]'", odd, "look_alike") for item in TEXTS]
    undivided = "bare(s.{}) !~* '^[0-9A-F]{{2}}([-:]?[0-9A-F]{{2}}){{7}}$'"
    return plain + [Rule(item, undivided.format(item), pairs, "bad_separator") for item in ("device_id", "hub_id")]


def needed() -> list[Rule]:
    """What each row must have; the row of a known device needs only the Device ID."""
    return [
        Rule(
            item, f"i.known_id IS NULL AND bare(s.{item}) IS NULL", "Enter a value. A new device needs it.", "required"
        )
        for item in REQUIRED
    ]


def days() -> list[Rule]:
    unread = "Enter a real date since 2000, for example 2026-11-23 or 23/11/2026."
    unreadable = [Rule(item, f"i.{item} IS NULL AND bare(s.{item}) IS NOT NULL", unread, "not_a_date") for item in DAYS]
    return unreadable + [Rule(item, f"i.{item} > %(today)s", "It is in the future.", "in_future") for item in DAYS]


FORMS = (
    Rule("device_type", f"i.device_type NOT IN ({words(DeviceType.values)})", "It is not a device type.", "unknown"),
    Rule("status", f"i.status NOT IN ({words(Status.values)})", "It is not an SMI Status.", "unknown"),
    Rule("smets_generation", "i.smets_generation NOT IN ('1', '2')", "Enter 1 or 2."),
    Rule("smets_version", "length(i.smets_version) > 16", "Enter at most 16 characters."),
    Rule("smets_version", "i.smets_version !~ '^[0-9A-Za-z][0-9A-Za-z. ]*$'", "Use letters, digits and full stops."),
    Rule("manufacturer", "i.manufacturer !~ '^[0-9A-Z]{3,4}$'", "Enter 3 or 4 letters or digits."),
    Rule("model", "i.model !~ '^[0-9A-F]{4,8}$'", "Enter 4 to 8 digits 0–9 and A–F."),
    Rule("firmware", "i.firmware !~ '^[0-9A-F]{4,8}$'", "Enter 4 to 8 digits 0–9 and A–F."),
    Rule("esme_variant", "i.esme_variant !~ '^[ABC](DE?)?$'", "Enter A, B or C, optionally followed by D or DE."),
    Rule(
        "msn",
        f"i.msn IN ({words(PLACEHOLDERS)})",
        "This stands for a missing value. Leave it empty instead.",
        "placeholder",
    ),
    Rule(
        "msn",
        f"i.msn NOT IN ({words(PLACEHOLDERS)}) AND i.msn !~ '{MSN_PATTERN}'",
        "An MSN has letters and digits, with spaces, full stops, / or - between.",
    ),
)

RECORD = (
    Rule(
        "device_id",
        "EXISTS (SELECT FROM incoming AS other WHERE other.device_id = i.device_id AND other.line <> i.line)",
        "This Device ID is on more than one line.",
        "repeated",
    ),
    Rule("device_type", "i.device_type <> i.known_type", "You cannot change the type of a known device.", "type_stays"),
    Rule(
        "smets_generation",
        "i.fuel IS NOT NULL AND i.generation IS NULL",
        "A meter needs its SMETS generation.",
        "required",
    ),
    Rule(
        "smets_generation",
        "i.known_has_map_id AND i.smets_generation = '1'",
        "A MAP ID is recorded for this meter, and only SMETS2 meters have one.",
        "not_smets2",
    ),
    Rule(
        "map_from",
        "i.map_from IS NOT NULL AND i.map_id IS NULL",
        "Leave this cell empty: there is no MAP ID.",
        "without_map_id",
    ),
    Rule(
        "smets_generation",
        "i.fuel IS NULL AND i.smets_generation IS NOT NULL",
        "Only meters have a SMETS generation.",
        "not_a_meter",
    ),
    Rule(
        "esme_variant", "i.esme_variant IS NOT NULL AND i.kind <> 'ESME'", "Only an ESME has a variant.", "not_an_esme"
    ),
    Rule("mpxn", "i.mpxn IS NOT NULL AND i.fuel IS NULL", "Only meters have an MPxN.", "not_a_meter"),
    Rule("mpxn", "i.fuel = 'E' AND i.mpxn !~ '^\\d{13}$'", "An MPAN has 13 digits.", "wrong_length"),
    Rule(
        "mpxn",
        "CASE WHEN i.fuel = 'E' AND i.mpxn ~ '^\\d{13}$' "
        f"THEN mod(mod({WEIGHED}, 11), 10) <> right(i.mpxn, 1)::int END",
        "The last digit of the MPAN does not fit the others. Two digits may be swapped.",
        "check_digit",
    ),
    Rule("mpxn", f"i.fuel = 'G' AND i.mpxn !~ '{MPRN_PATTERN}'", "An MPRN has 6 to 10 digits.", "wrong_length"),
    Rule(
        "msn",
        "i.fuel = 'E' AND length(i.msn) > 10",
        "On an ESME the MSN has at most 10 characters, including spaces.",
        "wrong_length",
    ),
    Rule(
        "msn",
        "i.fuel = 'G' AND length(i.msn) > 14",
        "On a GSME the MSN has at most 14 characters, including spaces.",
        "wrong_length",
    ),
    Rule(
        "decommissioned_on", "i.decommissioned_on < i.installed", "It is before the date of installation.", "too_early"
    ),
    Rule(
        "hub_id",
        "i.hub_id IS NOT NULL AND (i.kind = 'CHF' OR NOT EXISTS (SELECT FROM inventory_device h WHERE h.device_id = "
        "i.hub_id AND h.device_type = 'CHF') AND NOT EXISTS (SELECT FROM incoming h WHERE h.device_id = i.hub_id AND "
        "h.device_type = 'CHF'))",
        "Enter the Device ID of a communications hub (CHF) in the inventory or in this file. A hub itself has none.",
        "unknown_hub",
    ),
)

PARTIES = (
    Rule("supplier_id", "i.supplier_id !~ '^[0-9A-Z]{3,4}$'", "A supplier ID has 4 characters, for gas 3."),
    Rule(
        "supplier_id",
        "i.supplier_code ~ '^[0-9A-Z]{3,4}$' AND i.supplier_day IS NOT NULL AND i.supplier_pk IS NULL "
        "AND i.supplier_code IS DISTINCT FROM i.known_supplier",
        "It is not in force in the list of suppliers for this fuel, on the date from which it applies.",
        "not_in_force",
    ),
    Rule(
        "supplier_from",
        "i.known_supplier <> i.supplier_id AND i.supplier_day IS NULL",
        "Enter the date from which the new supplier is responsible.",
        "required",
    ),
    Rule(
        "supplier_from",
        "i.supplier_day < i.known_supplier_from",
        "It is before the date from which the recorded supplier is responsible.",
        "too_early",
    ),
    Rule(
        "map_id",
        "i.fuel = 'E' AND i.map_id !~ '^[0-9A-Z]{4}$'",
        "An electricity MAP ID has 4 characters.",
        "wrong_length",
    ),
    Rule("map_id", "i.fuel = 'G' AND i.map_id !~ '^[0-9A-Z]{3}$'", "A gas MAP ID has 3 characters.", "wrong_length"),
    Rule(
        "map_id",
        "i.provider_kind = 'dummy'",
        "{map_id} is only for meters that customers own, and needs a reason: record it on the page of the device.",
        "dummy_code",
    ),
)


def of_new_devices(rule: Rule) -> Rule:
    """Return the rule for files: what is set once is not read on known devices."""
    return replace(rule, wrong=f"i.known_id IS NULL AND ({rule.wrong})") if rule.item in SET_ONCE else rule


FILE_RULES: tuple[Rule, ...] = tuple(
    replace(rule, doors=(Door.FILE,)) for rule in (*as_written(), *needed(), *days(), *FORMS, *RECORD, *PARTIES)
)
