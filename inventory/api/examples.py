"""Real answers and bodies, as the description of the API shows them. A test holds them against its schemas."""

from typing import Any

from inventory.data_items import DEVICE_LIST, MAP_PORTFOLIO
from inventory.reports.catalogue import CATALOGUE

PORTAL = "https://portal.example"
DEVICES = f"{PORTAL}/api/v1/devices/"
REPORTS = f"{PORTAL}/api/v1/reports/"
RUN_ID = "5f1c2f0e-8a4b-4c8e-9a51-0d1f4b1f7c11"
REFERENCE = "0c2f6a1e-7f0d-4b7e-8d0c-3b1f7a9e2d54"
SHA256 = "ddb153131dda1569fb9482abbd0aeb1787e9c728474b20ac7dcd15f3858be108"

PAST_DEVICE = {
    "map_id": "ZMAP",
    "map_from": "2024-03-01",
    "device_id": "00-DB-12-34-56-78-90-A0",
    "device_type": "ESME",
    "fuel": "E",
    "msn": "Z21E 10447",
    "manufacturer": "ZT10",
    "model": "010A030B",
    "firmware": "0002012F",
    "smets_generation": 2,
    "smets_version": "4.2",
    "esme_variant": "A",
    "smi_status": "Commissioned",
    "status_from": "2024-03-01",
    "mpxn": "9910000001006",
    "supplier_id": "ZEPH",
    "supplier_from": "2024-03-01",
    "installed_on": "2024-03-01",
    "commissioned_on": "2024-03-01",
    "decommissioned_on": None,
    "hub_id": "00-DB-12-34-56-78-90-0C",
    "map_recorded_by": "ZEPH",
    "map_recorded_at": "2024-03-04T09:12:31Z",
}
DEVICE = PAST_DEVICE | {"quality_flags": [], "version": 3}
HISTORY = {
    "device_id": DEVICE["device_id"],
    "current": True,
    "held": [
        {"item": "map_id", "code": "ZMAP", "name": "Zenith Meter Assets", "since": "2024-03-01", "until": None},
        {"item": "supplier_id", "code": "ZEPH", "name": "Zephyr Energy", "since": "2024-03-01", "until": None},
    ],
    "entries": [
        {
            "title": "MSN corrected",
            "at": "2024-03-04T09:14:02Z",
            "by": "ZEPH",
            "person": "Priya Shah",
            "kind": "correction",
            "via": "page",
            "source": "nameplate photo, job 88213",
            "reason": None,
            "changes": [{"item": "msn", "before": "Z21E 10474", "after": "Z21E 10447"}],
        },
        {
            "title": "MAP ID recorded",
            "at": "2024-03-04T09:12:31Z",
            "by": "ZEPH",
            "person": None,
            "kind": "first",
            "via": "api",
            "source": "installation file of 1 March",
            "reason": None,
            "changes": [
                {"item": "map_id", "before": None, "after": "ZMAP"},
                {"item": "map_from", "before": None, "after": "2024-03-01"},
            ],
        },
    ],
}
ITEMS = {
    "map_id": "ZMAB",
    "map_from": "2025-06-01",
    "kind": "change",
    "source": "letter of Zambezi Metering, 12 May 2025",
}
BATCH = {
    "devices": [
        {"device_id": "00-DB-12-34-56-78-90-A0", "version": 3} | ITEMS,
        {"device_id": "00-DB-12-34-56-78-90-A1", "version": 1, "msn": "Z21E 10448", "map_id": "ZMAP"},
    ]
}
BATCH_ANSWER = {
    "devices": [
        {"device_id": "00-DB-12-34-56-78-90-A0", "version": 4},
        {"device_id": "00-DB-12-34-56-78-90-A1", "version": 3},
    ]
}
RUN = {
    "id": RUN_ID,
    "report": MAP_PORTFOLIO,
    "started_at": "2026-11-23T10:52:00Z",
    "as_of": "2026-11-23",
    "known_at": "2026-11-23T10:52:00Z",
    "outcome": "complete",
    "rows": 104_211,
    "bytes": 20_316_940,
    "sha256": SHA256,
    "manifest": f"{REPORTS}runs/{RUN_ID}/manifest/",
}
MANIFEST = {
    "report": MAP_PORTFOLIO,
    "format": "csv",
    "format_version": 1,
    "file_name": "map-portfolio_zenith-meter-assets_2026-11-23.csv",
    "run": RUN_ID,
    "organisation": "Zenith Meter Assets",
    "role": "MAP",
    "codes": ["ZMAP", "ZMG"],
    "as_of": "2026-11-23",
    "known_at": "2026-11-23T10:52:00.018255+00:00",
    "outcome": "complete",
    "rows": 104_211,
    "bytes": 20_316_940,
    "sha256": SHA256,
    "statement": "As recorded by suppliers in the SMI; not proof of title.",
}
RIGHTS = {
    "own": {
        "organisation": "Zenith Meter Assets",
        "role": "map",
        "job": "viewer",
        "permissions": ["inventory.download_map_portfolio", "inventory.view_device"],
    },
    "permissions": [
        {
            "name": "inventory.download_map_portfolio",
            "label": "Download the MAP portfolio report",
            "granted": {"supplier": [], "map": ["viewer", "editor", "administrator"], "dcc": []},
        }
    ],
}
PARTICIPANT = {
    "code": "ZMAP",
    "name": "Zenith Meter Assets",
    "role": "map",
    "fuel": "E",
    "effective_from": "2010-01-01",
    "effective_to": None,
    "kind": "live",
}
DATA_ITEM = {
    "name": "msn",
    "label": "MSN",
    "help": "Meter serial number, as on the nameplate.",
    "recorder": "The responsible supplier, in the SMI portal",
    "seen_by": ["dcc", "map", "supplier"],
    "search": "exact",
    "sortable": False,
    "reports": [DEVICE_LIST, MAP_PORTFOLIO],
    "source": "SECMP0011 working group, 9 May 2016",
}
REPORT = {
    "name": MAP_PORTFOLIO,
    "title": CATALOGUE[MAP_PORTFOLIO].title,
    "formats": ["csv"],
    "columns": CATALOGUE[MAP_PORTFOLIO].header,
    "download": f"{REPORTS}map-portfolio/download/",
    "runs": f"{REPORTS}runs/",
}


def _refused(*errors: dict[str, str]) -> dict[str, Any]:
    return {
        "type": f"{PORTAL}/help/api/#bad-request",
        "title": "The request is not valid",
        "status": 400,
        "detail": "See errors.",
        "errors": list(errors),
        "reference": REFERENCE,
    }


NOT_LISTED = {
    "code": "not_listed",
    "detail": "ZMAX is not in the list of all MAPs for electricity.",
    "suggestion": "ZMAP (Zenith Meter Assets), ZMAB (Zambezi Metering)",
}
NO_SOURCE = {
    "pointer": "/source",
    "code": "required",
    "detail": "Enter where you got this value, for example nameplate photo, job 88213.",
}
CHANGED = {
    "pointer": "/devices/1/version",
    "code": "stale",
    "detail": "This device has been changed since you read it. Read it again.",
}
ALL_MAPS = {"parameter": "map_id", "code": "unknown_parameter", "detail": "There is no parameter “map_id” here."}
STALE = {
    "type": f"{PORTAL}/help/api/#stale",
    "title": "The device has been changed since you read it",
    "status": 412,
    "detail": "Read it again, look at what changed, and send your change with its new ETag.",
    "errors": [],
    "reference": REFERENCE,
}

# Operation → an example of its body.
BODIES: dict[str, dict[str, Any]] = {"devices_partial_update": ITEMS, "devices_batch_create": BATCH}
# Operation → status → an example of its answer.
ANSWERS: dict[str, dict[str, dict[str, Any]]] = {
    "devices_list": {
        "200": {"next": f"{DEVICES}?page_size=1&cursor=WyJlNzY5YjZl", "previous": None, "results": [DEVICE]},
        "400": _refused(ALL_MAPS),
    },
    "devices_retrieve": {"200": DEVICE},
    "devices_partial_update": {
        "200": DEVICE | {"map_id": "ZMAB", "map_from": "2025-06-01", "version": 4},
        "400": _refused({"pointer": "/map_id"} | NOT_LISTED, NO_SOURCE),
        "412": STALE,
    },
    "devices_history_retrieve": {"200": HISTORY},
    "devices_as_of_retrieve": {"200": {"as_of": "2024-06-30", "known_on": None, "device": PAST_DEVICE}},
    "devices_batch_create": {
        "200": BATCH_ANSWER,
        "400": _refused({"pointer": "/devices/0/map_id"} | NOT_LISTED, CHANGED),
    },
    "reports_list": {"200": {"results": [REPORT]}},
    "reports_runs_list": {"200": {"results": [RUN]}},
    "reports_runs_retrieve": {"200": RUN},
    "reports_runs_manifest_retrieve": {"200": MANIFEST},
    "participants_list": {"200": {"results": [PARTICIPANT]}},
    "data_items_list": {"200": {"results": [DATA_ITEM]}},
    "rights_retrieve": {"200": RIGHTS},
}
