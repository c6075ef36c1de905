"""Which version of a device a client read, and which one it changes: `ETag`, `If-None-Match` and `If-Match`.

A tag is the device's version, a full stop, and a digest of the answer. What was read again unchanged is 304 by the
whole tag; a write compares the version alone, which tells of MAP ID, its day, MSN, MPxN and supplier: firmware loaded
at night makes no write stale.
"""

import hashlib
import json
import re

from django.core.serializers.json import DjangoJSONEncoder
from django.utils.http import parse_etags
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.errors import BadRequest, Problem

TAG = re.compile(r'(?:W/)?"([0-9]{1,9})(?:\.[0-9a-f]+)?"', re.ASCII)

NO_TAG = Problem("“If-Match” has an ETag as it was given, in quotation marks.", "malformed_if_match", "If-Match")


class VersionNeeded(APIException):
    """428: a write that does not say which version it changes; `*` says none."""

    status_code = 428


def tagged(data: dict[str, object], request: Request) -> Response:
    """The answer with its tag; 304 without a body to who has it already."""
    digest = hashlib.sha256(json.dumps(data, cls=DjangoJSONEncoder).encode()).hexdigest()
    tag = f'"{data["version"]}.{digest[:16]}"'
    known = {seen.removeprefix("W/") for seen in parse_etags(request.headers.get("If-None-Match", ""))}
    if request.method in ("GET", "HEAD") and known & {tag, "*"}:
        return Response(status=304, headers={"ETag": tag})
    return Response(data, headers={"ETag": tag})


def expected_version(request: Request, current: int) -> int:
    """The version that `If-Match` allows to change, weak tag or strong: the current one if it is among several.

    0, which no device has, for tags that are none of ours. Raises VersionNeeded without one, BadRequest for no tag.
    """
    header = request.headers.get("If-Match", "").strip()
    if header in ("", "*"):
        raise VersionNeeded
    tags = parse_etags(header)
    if not tags:
        raise BadRequest(NO_TAG)
    versions = {int(found[1]) for tag in tags if (found := TAG.fullmatch(tag))}
    return current if current in versions else 0
