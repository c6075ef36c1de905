"""Parameters and headers as the description of the API tells them; filters come from the filter set itself."""

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from inventory.devices.filters import PARAMETERS, DeviceFilter
from inventory.reports.catalogue import A_SEARCH, THE_PAST

HEADER = OpenApiParameter.HEADER


def _parameter(name: str, found: django_filters.Filter) -> OpenApiParameter:
    item, choices = PARAMETERS[name], found.extra.get("choices")
    is_day = isinstance(found, django_filters.DateFilter)
    return OpenApiParameter(
        name,
        OpenApiTypes.DATE if is_day else str,
        enum=[value for value, _ in choices] if choices else None,
        description=f"{found.label}, such as 2026-11-23." if is_day else f"{found.label}. {item.help}",
    )


FILTERS = [_parameter(name, found) for name, found in DeviceFilter.base_filters.items()]
AS_OF = "The UK date asked about, such as 2026-11-23."
KNOWN_ON = "Ignore anything recorded after this UK date, such as 2026-11-23. Leave it out to include everything."
PAST = [
    OpenApiParameter("as_of", OpenApiTypes.DATE, description=AS_OF),
    OpenApiParameter("known_on", OpenApiTypes.DATE, description=KNOWN_ON),
]
PAST_NEEDED = [OpenApiParameter("as_of", OpenApiTypes.DATE, required=True, description=AS_OF), PAST[1]]
IF_MATCH = OpenApiParameter(
    "If-Match", str, HEADER, required=True, description="The ETag of the version that you read."
)
IF_NONE_MATCH = OpenApiParameter("If-None-Match", str, HEADER, description="An ETag: 304 if nothing is new.")
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    HEADER,
    description="Any text of your own: sent again within 24 hours with the same body, the request gets the same "
    "answer, a refusal too, and nothing is done twice.",
)
REPLAYED = OpenApiParameter(
    "Idempotency-Replayed",
    str,
    HEADER,
    enum=["true"],
    response=[200],
    description="Only on an answer that is given again, be it a success or a refusal.",
)
PAGES = [OpenApiParameter("Link", str, HEADER, response=[200], description="Leads to the pages before and after.")]
ETAG = [OpenApiParameter("ETag", str, HEADER, response=[200], description="Its version and a digest.")]
DESCRIBED_BY = [OpenApiParameter("Link", str, HEADER, response=[200], description="Leads to the file’s manifest.")]
MANIFEST = " `Link` leads to the manifest, with which you can verify the file. HEAD does not start a run."
QUESTIONS = {
    THE_PAST: (
        PAST,
        "It is as of today, or of the UK date `as_of`; `known_on` leaves out anything recorded after that date.",
    ),
    A_SEARCH: (FILTERS, "You can narrow it with the same filters as the list of devices."),
}
A_FILE = {(200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, description="CSV (RFC 4180), UTF-8.")}
