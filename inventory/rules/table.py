"""The table of rules: what can be recorded, wherever someone records it, and in which words a fault is explained.

An identifier that cannot be read is refused before, by `inventory/identifiers.py`; who may record is in
`accounts/roles.py`. The rules of device files alone are in `loading.py`.
"""

from inventory.data_items import BY_NAME
from inventory.models import StepKind
from inventory.rules.loading import FILE_RULES, of_new_devices
from inventory.rules.rule import RECORDING, Door, Kind, Rule, at

ASKED = {
    "kind": "Why a value is changed",
    "source": "Source",
    "reason": "Reason",
    "status": "SMI Status",
    "hub_id": "Communications hub",
}
EVERYWHERE = (*RECORDING, Door.FILE)

MSN = (
    Rule("msn", "i.msn IS NOT NULL AND i.fuel IS NULL", "Only meters have an MSN.", "not_a_meter", doors=EVERYWHERE),
    Rule(
        "msn",
        "i.msn = '' AND i.fuel IS NOT NULL",
        "You cannot remove an MSN. Enter the correct one, or leave {known_msn}.",
        "not_blanked",
    ),
)
MAP_ID = (
    Rule(
        "map_id",
        "i.map_id IS NOT NULL AND (i.fuel IS NULL OR i.generation = '1')",
        "A MAP ID is recorded for SMETS2 meters only.",
        "not_smets2",
        doors=EVERYWHERE,
    ),
    Rule(
        "map_id",
        "i.map_id = '' AND i.fuel IS NOT NULL AND i.generation = '2'",
        "To remove {known_map_id}, use “Remove the MAP ID”. To keep it, leave {known_map_id} in this field.",
        "not_blanked",
    ),
    Rule(
        "map_from",
        "i.asks_for_map AND i.asked_day IS NULL",
        "Enter the date from which this MAP provides the meter, for example 23/11/2026.",
        "required",
    ),
    Rule(
        "map_from",
        "i.asked_day IS NOT NULL AND i.map_day IS NULL",
        "{asked_day} is in the future. For a correction, enter today or an earlier date.",
        "in_future",
    ),
    Rule(
        "map_id",
        "i.map_day IS NOT NULL AND %(map_id_from)s::date IS NOT NULL "
        "AND coalesce(i.installed_on < %(map_id_from)s::date, true)",
        "A MAP ID is recorded only for meters installed on or after {map_id_from}.",
        "installed_too_early",
        doors=EVERYWHERE,
    ),
    Rule(
        "map_id",
        "i.list_day IS NOT NULL AND NOT i.is_listed",
        "{map_id} is not in the list of all MAPs for {fuel_name}.",
        "not_listed",
        doors=EVERYWHERE,
    ),
    Rule(
        "map_from",
        "i.list_day IS NOT NULL AND i.is_listed AND i.provider_kind IS NULL",
        "{map_id} was not in force in the list of all MAPs on {map_day}.",
        "not_in_force",
        doors=EVERYWHERE,
    ),
    Rule(
        "map_id",
        "i.provider_kind = 'test'",
        "{map_id} is a test code. Enter the MAP ID of a real MAP.",
        "test_code",
        doors=EVERYWHERE,
    ),
    Rule(
        "reason",
        "i.provider_kind = 'dummy' AND i.reason = ''",
        "{map_id} is only for meters that customers own. Enter why it is right for this meter.",
        "required",
    ),
)
REPLACEMENTS = (
    Rule("kind", "i.replaces AND i.kind IS NULL", "Choose why you are changing this value.", "required"),
    Rule(
        "kind",
        f"i.replaces AND i.kind = '{StepKind.CHANGE}' "
        "AND CASE WHEN i.writes_map THEN i.map_id = i.known_map_id ELSE NOT i.is_unfit END",
        "The MAP ID stays the same, so this is a correction: choose “It was entered incorrectly”.",
        "map_id_stays",
    ),
    Rule(
        "map_from",
        f"i.writes_map AND i.replaces AND i.kind = '{StepKind.CHANGE}' AND i.map_id <> i.known_map_id "
        "AND i.map_day <= i.known_map_from",
        "Enter a date after {known_map_from}, when {known_map_id} began, for a change of MAP.",
        "not_after",
    ),
    Rule(
        "source",
        "i.replaces AND i.source = ''",
        "Enter where you got this value, for example nameplate photo, job 88213.",
        "required",
    ),
    Rule(
        "reason",
        "i.by_dcc AND (i.writes_msn OR i.writes_map) AND i.reason = ''",
        "Enter why the DCC is recording this instead of the supplier.",
        "required",
    ),
)
DOUBTS = (
    Rule(
        "map_from",
        "i.map_day > %(today)s",
        "{map_day} is in the future. Nothing changes until then.",
        "needs_confirmation",
        Kind.CONFIRMS,
    ),
    Rule(
        "map_from",
        "i.map_day IS NOT NULL AND i.installed_on IS NULL",
        "No installation date is recorded for this meter. The device will be flagged.",
        "needs_confirmation",
        Kind.CONFIRMS,
    ),
    Rule(
        "map_from",
        "i.map_day < i.installed_on",
        "{map_day} is before the meter was installed, on {installed_on}. Is the year right? "
        "The device will be flagged.",
        "needs_confirmation",
        Kind.CONFIRMS,
    ),
)

TABLE: tuple[Rule, ...] = (*MSN, *MAP_ID, *REPLACEMENTS, *DOUBTS, *FILE_RULES)
OF_RECORDING = at(RECORDING, TABLE)
OF_FILES = tuple(of_new_devices(rule) for rule in at((Door.FILE,), TABLE))


def by_item() -> list[tuple[str, list[Rule]]]:
    """Return the table for people: each data item's label with its rules, each sentence once."""
    grouped: dict[str, dict[tuple[str, str], Rule]] = {}
    for rule in TABLE:
        grouped.setdefault(rule.item, {}).setdefault((rule.code, rule.sentence), rule)
    return [(label_of(item), list(rules.values())) for item, rules in grouped.items()]


def label_of(item: str) -> str:
    return BY_NAME[item].label if item in BY_NAME else ASKED[item]
