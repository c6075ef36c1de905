"""The description of the API as OpenAPI 3.1: made from the views, completed with what holds for all of them."""

from functools import cache
from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access import Open
from accounts.acting import API
from accounts.roles import Role
from inventory.api import everywhere, examples
from inventory.api.resource import Resource
from inventory.api.serializers.devices import OF_DEVICE
from inventory.api.serializers.recording import BatchSerializer

Described = dict[str, Any]
OPEN = {"schema_retrieve"}
STRICT = ("Items", "BatchEntry", "Batch")  # bodies, in which nothing unknown is ignored


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
    """With problems, headers, examples and what fields do not say by themselves."""
    result["servers"] = [{"url": settings.PORTAL_URL, "description": "The SMI portal."}]
    result["tags"] = [{"name": name, "description": text} for name, text in everywhere.TAGS.items()]
    result["components"]["headers"] = {
        name: {"schema": {"type": "string"}, "description": text} for name, text in everywhere.HEADERS.items()
    }
    _complete_schemas(result["components"]["schemas"])
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            _complete(operation, path, method)
    return result


def _complete_schemas(schemas: Described) -> None:
    """Items that not every role is given are not required."""
    schemas |= {"Problem": everywhere.PROBLEM, "Error": everywhere.ERROR}
    given_to_all = {item.name for item in OF_DEVICE if item.seen_by == frozenset(Role)}
    for name in ("Device", "PastDevice"):
        schemas[name]["required"] = [n for n in schemas[name]["required"] if n in given_to_all | {"version"}]
    for schema in schemas.values():
        for inner in schema["properties"].values():
            inner |= inner.pop("allOf", [{}])[0]  # a reference with a description needs no wrapping since 3.1
    for name in STRICT:
        schemas[name]["additionalProperties"] = False
    schemas["Batch"]["properties"]["devices"] |= {"minItems": 1, "maxItems": BatchSerializer.MOST}


def _complete(operation: Described, path: str, method: str) -> None:
    operation["summary"], _, rest = operation.pop("description", "").partition("\n")
    if rest := rest.strip():
        operation["description"] = rest
    if operation["operationId"] in OPEN:
        operation["security"] = []
    parameters = operation.get("parameters", [])
    for parameter in parameters:
        _complete_parameter(parameter)
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True
    answers = operation["responses"]
    answers["200"]["description"] = answers["200"]["description"] or everywhere.DONE
    if "text/csv" in answers["200"]["content"]:
        answers["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    if method == "get" and any(parameter["name"] == "If-None-Match" for parameter in parameters):
        tag = answers["200"]["headers"]["ETag"]
        answers["304"] = {"description": everywhere.NOTHING_NEW, "headers": {"ETag": tag}}
    for status, description in _refusals(operation, path).items():
        content = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
        answers[status] = {"description": description, "content": content}
    _name_headers(answers, is_open=operation["operationId"] in OPEN)
    _show(operation)


def _complete_parameter(parameter: Described) -> None:
    if parameter["in"] == "path":
        parameter["description"] = everywhere.PATH_PARAMETERS[parameter["name"]]
    elif parameter["in"] == "query" and parameter["schema"] == {"type": "string"}:
        parameter["schema"] |= {"minLength": 1}  # an empty one is refused


def _refusals(operation: Described, path: str) -> dict[str, str]:
    """Status → when."""
    signed_in = {} if operation["operationId"] in OPEN else everywhere.SIGNED_IN
    told = everywhere.ALWAYS | signed_in | (everywhere.OF_ONE if "{" in path else {})
    told |= everywhere.WITH_BODY if "requestBody" in operation else {}
    return told | everywhere.FURTHER.get(operation["operationId"], {})


def _name_headers(answers: Described, *, is_open: bool) -> None:
    for status, answer in answers.items():
        names = (*everywhere.TO_ALL, *(() if is_open else everywhere.RATES), *everywhere.OF_STATUS.get(status, ()))
        common = {name: {"$ref": f"#/components/headers/{name}"} for name in names}
        answer["headers"] = answer.get("headers", {}) | common


def _show(operation: Described) -> None:
    """With an example of its body and of each answer, where there is one."""
    name = operation["operationId"]
    if name in examples.BODIES:
        operation["requestBody"]["content"]["application/json"]["example"] = examples.BODIES[name]
    for status, example in examples.ANSWERS.get(name, {}).items():
        content = operation["responses"][status]["content"]
        content["application/json" if status == "200" else "application/problem+json"]["example"] = example
