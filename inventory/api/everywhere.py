"""What the description of the API says of all operations alike: tags, problems, statuses and headers."""

from typing import Any

from inventory.reports.catalogue import CATALOGUE

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What was refused, and why (RFC 9457).",
    "required": ["type", "title", "status", "detail", "errors", "reference"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The section of the guide about it."},
        "title": {"type": "string", "description": "What was refused, in short."},
        "status": {"type": "integer", "description": "The status of the answer."},
        "detail": {"type": "string", "description": "What to do."},
        "errors": {
            "type": "array",
            "description": "One for each thing that is wrong with the request, up to 100; `detail` says how many more.",
            "items": {"$ref": "#/components/schemas/Error"},
        },
        "reference": {"type": "string", "description": "As in X-Request-ID."},
    },
}
ERROR: dict[str, Any] = {
    "type": "object",
    "description": "One thing that is wrong with a request.",
    "required": ["code", "detail"],
    "properties": {
        "pointer": {"type": "string", "description": "JSON pointer into the body (RFC 6901)."},
        "parameter": {"type": "string", "description": "The parameter of the address."},
        "code": {"type": "string", "description": "Stable, for programs; the guide has a table of them."},
        "detail": {"type": "string", "description": "A sentence for people."},
        "suggestion": {"type": "string", "description": "What may have been meant."},
    },
}
TAGS = {
    "devices": "The devices in the own scope: read them, look at their past, record MAP ID and MSN.",
    "reports": "Reports as CSV, and the manifests that prove that a file is whole.",
    "participants": "The public list of MAPs and suppliers.",
    "data-items": "What is recorded of a device.",
    "rights": "Who may do what.",
    "schema": "The description of all this.",
}
PATH_PARAMETERS = {
    "device_id": "The Device ID: 16 hexadecimal digits in any case, with -, : or nothing between pairs of them.",
    "id": "The id of the run, as `manifest` and the header `Link` of a download name it.",
}
DONE = "What was asked for."
NOTHING_NEW = "What If-None-Match names is still what there is; without a body."
ALWAYS = {"400": "The request is not valid; errors says why.", "406": "The answer is not available in this format."}
SIGNED_IN = {
    "401": "The token is missing or not valid.",
    "403": "The token’s access level does not allow this.",
    "429": "Too many requests.",
}
WITH_BODY = {"413": "The body is too large.", "415": "The content type of the body is not JSON."}
OF_ONE = {"404": "It does not exist, or it is outside your scope."}
FURTHER = {
    "devices_partial_update": {"412": "The device has been changed.", "428": "If-Match is missing."},
    "devices_batch_create": {"422": "This Idempotency-Key was used for another request."},
}
FURTHER |= {
    f"reports_{name.replace('-', '_')}_download_retrieve": {"503": "Too many downloads are running."}
    for name in CATALOGUE
}
HEADERS = {
    "X-Request-ID": "By which the portal’s log knows the request.",
    "RateLimit": "What is left of each limit (r), and for how many seconds (t).",
    "RateLimit-Policy": "The limits: q requests in w seconds.",
    "Retry-After": "How many seconds to wait.",
    "WWW-Authenticate": "Bearer.",
}
TO_ALL = ("X-Request-ID",)
RATES = ("RateLimit", "RateLimit-Policy")
OF_STATUS = {"401": ("WWW-Authenticate",), "429": ("Retry-After",), "503": ("Retry-After",)}
