"""`smi device set`: MSN and MAP ID of one device, as somebody has just seen it."""

from argparse import Namespace, _SubParsersAction

from smi.answers import as_object
from smi.arguments import at_least_one, device_path, with_portal
from smi.errors import Misused, Refused
from smi.portal import Portal
from smi.terminal import say, shown

RECORDED = ("msn", "map_id", "map_from")
FIELDS = (*RECORDED, "kind", "source", "reason", "confirm")
STALE = 412


def add_commands(commands: _SubParsersAction) -> None:
    command = commands.add_parser("set", help="record or correct MSN and MAP ID of a device")
    command.add_argument("device_id", metavar="ID")
    command.add_argument("--msn", help="as on the nameplate")
    command.add_argument("--map-id", help="the Meter Asset Provider's code")
    command.add_argument("--map-from", metavar="DATE", help="the date from which it is the provider")
    command.add_argument("--kind", choices=["correction", "change"], help="why a recorded value is replaced")
    command.add_argument("--source", help="what it is taken from")
    command.add_argument("--reason")
    command.add_argument("--confirm", action="store_const", const=True, help="yes, though the portal has asked")
    command.add_argument("--version", type=at_least_one, metavar="N", help="the version you have seen; none is asked")
    command.set_defaults(run=with_portal(set_items))


def set_items(portal: Portal, args: Namespace) -> None:
    wanted = {name: getattr(args, name) for name in FIELDS if getattr(args, name) is not None}
    if not wanted.keys() & {"msn", "map_id"}:
        raise Misused("Say what to record: --msn or --map-id.")
    seen = f'"{args.version}"' if args.version else look(portal, args, wanted)
    device = record(portal, args, wanted, seen)
    say(f"{outcome(device, wanted)}; version {shown(device.get('version'))}.")


def outcome(device: dict, wanted: dict[str, object]) -> str:
    """What stands on the device; a MAP ID of a day to come does not yet."""
    values = ", ".join(f"{name} {shown(device.get(name))}" for name in RECORDED if name in wanted)
    begins = wanted.get("map_from")
    waits = begins and begins != device.get("map_from")
    return f"Recorded for {begins}; until then: {values}" if waits else f"Recorded: {values}"


def look(portal: Portal, args: Namespace, wanted: dict[str, object]) -> str:
    """Show what would change, and give the ETag of what was seen."""
    answer = portal.ask("GET", device_path(args))
    device = as_object(answer)
    for name in RECORDED:
        if name in wanted:
            say(f"{name}: {shown(device.get(name))} → {shown(wanted[name])}")
    tag = answer.headers.get("ETag") or f'"{device.get("version")}"'
    return tag.removeprefix("W/")  # a proxy that compresses has weakened it


def record(portal: Portal, args: Namespace, wanted: dict[str, object], seen: str) -> dict:
    try:
        return as_object(portal.ask("PATCH", device_path(args), json=wanted, headers={"If-Match": seen}))
    except Refused as refused:
        if refused.status != STALE:
            raise
        again = f"Nothing was recorded: someone else has just changed the device. Look at it again: {look_again(args)}"
        raise Refused(STALE, again, reference=refused.reference) from refused


def look_again(args: Namespace) -> str:
    return f"smi device show {args.device_id}"
