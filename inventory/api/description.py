"""The description of the API as OpenAPI 3.1: made from the views, completed with what holds for all of them."""

from functools import cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Open
from accounts.acting import API
from accounts.roles import Role
from inventory.api.resource import Resource
from inventory.api.serializers import OF_DEVICE

Described = dict[str, Any]
PROBLEM = {
    "type": "object",
    "description": "What was refused, and why (RFC 9457).",
    "required": ["type", "title", "status", "detail", "errors", "reference"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "The section of the guide about it."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["code", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer into the body."},
                    "parameter": {"type": "string", "description": "The parameter of the address."},
                    "code": {"type": "string", "description": "Stable, for programs."},
                    "detail": {"type": "string", "description": "A sentence for people."},
                    "suggestion": {"type": "string", "description": "What may have been meant."},
                },
            },
        },
        "reference": {"type": "string", "description": "As in X-Request-ID."},
    },
}
ALWAYS = {"400": "Something is not accepted; errors names it.", "406": "There is no such form of the answer."}
SIGNED_IN = {"401": "No valid token.", "403": "The token’s job does not include this.", "429": "Too many requests."}
WITH_BODY = {"413": "The body is too large.", "415": "The body is no JSON."}
OF_ONE = {"404": "There is nothing here that you may see."}
FURTHER = {
    "devices_partial_update": {"412": "The device has been changed.", "428": "If-Match is missing."},
    "devices_batch_create": {"422": "This Idempotency-Key was used for another request."},
    "reports_map_portfolio_download_retrieve": {"503": "All places for downloads are taken."},
    "reports_device_list_download_retrieve": {"503": "All places for downloads are taken."},
}
TOLD_TO_ALL = {
    "X-Request-ID": {"schema": {"type": "string"}, "description": "By which the portal’s log knows the request."},
}
RATES = {
    "RateLimit": {"schema": {"type": "string"}, "description": "What is left of each limit (r), and for how long (t)."},
    "RateLimit-Policy": {"schema": {"type": "string"}, "description": "The limits: q requests in w seconds."},
}


class TokenScheme(OpenApiAuthenticationExtension):
    target_class = "accounts.access.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: object) -> Described:
        return {"type": "http", "scheme": "bearer"}


class SchemaView(Resource):
    """The description of the API."""

    permission = Open.TO_ALL
    pagination_class = None

    @extend_schema(operation_id="schema_retrieve", responses={200: OpenApiTypes.OBJECT}, auth=[])
    def retrieve(self, request: Request) -> Response:
        """This description itself, as OpenAPI 3.1."""
        self.expect()
        return Response(described())


@cache
def described() -> Described:
    """The whole description; the same for everybody."""
    return SchemaGenerator().get_schema(request=None, public=True)


def only_ours(endpoints: list[tuple], **_: object) -> list[tuple]:
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(API)]


def completed(result: Described, **_: object) -> Described:
    """With problems and headers; items that not every role is given are not required."""
    result["components"]["schemas"]["Problem"] = PROBLEM
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method)
    given_to_all = {item.name for item in OF_DEVICE if item.seen_by == frozenset(Role)}
    for name in ("Device", "PastDevice"):
        device = result["components"]["schemas"][name]
        device["required"] = [item for item in device["required"] if item in given_to_all | {"version"}]
    return result


def _complete(operation: Described, path: str, method: str) -> None:
    is_open = operation["operationId"] == "schema_retrieve"
    operation["summary"], _, rest = operation.get("description", "").partition("\n")
    operation["description"] = rest.strip()
    told = ALWAYS | ({} if is_open else SIGNED_IN) | (OF_ONE if "{" in path else {})
    told |= (WITH_BODY if "requestBody" in operation else {}) | FURTHER.get(operation["operationId"], {})
    for status, description in told.items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        operation["responses"][status] = {"description": description, "content": content}
    if method == "get" and any(p["name"] == "If-None-Match" for p in operation.get("parameters", [])):
        operation["responses"]["304"] = {"description": "Nothing is new."}
    for response in operation["responses"].values():
        response["headers"] = response.get("headers", {}) | (TOLD_TO_ALL if is_open else TOLD_TO_ALL | RATES)
