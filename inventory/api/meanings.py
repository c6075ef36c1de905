"""What the fields of answers mean, where neither the table of data items nor a serializer says it."""

REPORT_NAME = "The name of the report, as in its address."
DEVICE_ID = "The EUI-64 of the device."
OUTCOME = "How it ended; `running` until that is recorded, and `broken_off` where nothing was recorded for an hour."
AS_OF = "The UK day that it speaks of."
ROWS = "Rows without the heading; null until it is complete."
BYTES = "Bytes of the CSV before any Content-Encoding; null until it is complete."
SHA256 = "SHA-256 of these bytes; null until it is complete."
FILE_KNOWN_AT = "The moment of the snapshot: recordings until then are in the file."
LIST = {"next": "The address of the next page; null on the last.", "previous": "That of the page before."}

MEANINGS: dict[str, dict[str, str]] = {
    "AsOf": {
        "as_of": "The UK day asked about.",
        "known_on": "Recordings until the end of this day count; null: all of them.",
        "device": "The device as it was then.",
    },
    "Batch": {"devices": "Each device once."},
    "BatchAnswer": {"devices": "Those that were asked for, in the same order."},
    "Changed": {"device_id": DEVICE_ID, "version": "Its version now."},
    "DataItem": {
        "name": "Its name in addresses, files and answers.",
        "label": "What pages call it.",
        "help": "What it is.",
        "recorder": "Who records it, and so whom to ask for a correction.",
        "sortable": "Whether files are ordered by it.",
        "source": "Where its definition comes from.",
    },
    "DeviceList": LIST,
    "Difference": {
        "item": "The name of the data item.",
        "before": "What was recorded before; null: nothing.",
        "after": "What is recorded since; null: nothing.",
    },
    "EntryOfHistory": {
        "title": "What it was, in words.",
        "at": "When it was recorded.",
        "by": "For whom: the code of a participant, or DCC.",
        "person": "Who; null where that is not told, and for a system or a load.",
        "kind": "Such as `first`, `correction`, `change`, `ended` or `cancelled`.",
        "via": "By which way: `page`, `api` or `load`.",
        "source": "What it was taken from.",
        "reason": "Why, where that was said.",
        "changes": "Item by item, before and after.",
    },
    "Held": {
        "item": "Of which party: `map_id` or `supplier_id`.",
        "code": "Its code.",
        "name": "Its name in the public list.",
        "since": "The first day.",
        "until": "The last day; null while it lasts.",
    },
    "History": {
        "device_id": DEVICE_ID,
        "held": "Which parties it had, on your days.",
        "entries": "The recordings, newest first.",
    },
    "Manifest": {
        "report": REPORT_NAME,
        "format": "`csv`.",
        "format_version": "Raised when columns change.",
        "file_name": "As in Content-Disposition.",
        "run": "The id of the run.",
        "organisation": "For whom it was made.",
        "role": "The role of that organisation.",
        "codes": "The codes under which it acted on that day.",
        "as_of": AS_OF,
        "known_at": FILE_KNOWN_AT,
        "outcome": OUTCOME,
        "rows": ROWS,
        "bytes": BYTES,
        "sha256": SHA256,
        "statement": "What the file is not.",
    },
    "OwnRights": {
        "organisation": "For whom you act.",
        "role": "The role of that organisation.",
        "job": "Your job there, or the token’s.",
        "permissions": "The names of the rights that you have.",
    },
    "Participant": {
        "code": "The MAP ID or supplier ID.",
        "name": "Whose code it is.",
        "role": "What it is a code of.",
        "fuel": "E for electricity, G for gas.",
        "effective_from": "The first day it is in force.",
        "effective_to": "The last; null while there is none.",
        "kind": "`dummy` codes stand for meters that customers own, `test` codes are not recorded.",
    },
    "Report": {
        "name": REPORT_NAME,
        "title": "What pages call it.",
        "formats": "The forms in which it is to be had.",
        "columns": "The names of its columns, in their order.",
        "download": "Where it is downloaded.",
        "runs": "Where its runs are listed; null where none are kept.",
    },
    "Right": {
        "name": "Its name.",
        "label": "What it allows.",
        "granted": "Role by role, the jobs that have it.",
    },
    "Rights": {"own": "Yours.", "permissions": "All there are."},
    "Run": {
        "id": "The id of the run.",
        "report": REPORT_NAME,
        "started_at": "When it began.",
        "as_of": AS_OF,
        "known_at": FILE_KNOWN_AT,
        "outcome": OUTCOME,
        "rows": ROWS,
        "bytes": BYTES,
        "sha256": SHA256,
        "manifest": "Where its manifest is.",
    },
}
RESULTS = "What there is on this page, or in all where there are no pages."
