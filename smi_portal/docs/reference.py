"""The description of the API as people read it: what `inventory.api.description` says, arranged for a page."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from inventory.api.description import described
from inventory.api.everywhere import ALWAYS, RATES, SIGNED_IN, TO_ALL

Schema = dict[str, Any]
KINDS = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "object", "null": "null"}
FORMATS = {
    "date": "day, such as 2026-11-23",
    "date-time": "moment, such as 2026-11-23T10:52:00Z",
    "uri": "address",
    "uuid": "UUID",
}
PLACES = {"path": "address", "query": "query", "header": "header"}
FORMS = {"text/csv": "CSV"}
COMMON = {*TO_ALL, *RATES}
USUAL = ALWAYS | SIGNED_IN  # refusals that nearly every operation has; told once


@dataclass(frozen=True)
class FieldRow:
    """A parameter, or a field of a body."""

    name: str
    where: str
    needed: bool
    form: SafeString
    meaning: SafeString


@dataclass(frozen=True)
class Answer:
    status: str
    meaning: SafeString
    forms: list[SafeString]
    headers: list[str]  # beside those of every answer


@dataclass(frozen=True)
class Example:
    title: str
    text: str


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    path: str
    summary: SafeString
    description: SafeString
    rows: list[FieldRow]
    answers: list[Answer]  # but for the usual refusals
    usual: list[str]  # the statuses of those that it has
    examples: list[Example]


@dataclass(frozen=True)
class ReferenceSection:
    name: str
    description: str
    operations: list[Operation]


@dataclass(frozen=True)
class Described:
    name: str
    description: SafeString
    rows: list[FieldRow]


def resources() -> list[ReferenceSection]:
    """Everything that can be done, by resource."""
    whole = described()
    operations = [
        (told["tags"][0], _operation(method, path, told))
        for path, methods in whole["paths"].items()
        for method, told in methods.items()
    ]
    return [
        ReferenceSection(tag["name"], tag["description"], [found for name, found in operations if name == tag["name"]])
        for tag in whole["tags"]
    ]


def schemas() -> list[Described]:
    """What answers and bodies hold, by name."""
    found = described()["components"]["schemas"]
    return [Described(name, prose(found[name].get("description", "")), list(_fields(found[name]))) for name in found]


def usual() -> list[Answer]:
    """The refusals that nearly every operation has."""
    answers = described()["paths"][reverse("api-device-list")]["get"]["responses"]
    return [_answer(status, answers[status]) for status in sorted(USUAL)]


def headers() -> list[tuple[str, str]]:
    """The headers that several answers have, and what they say."""
    return [(name, header["description"]) for name, header in described()["components"]["headers"].items()]


def _operation(method: str, path: str, told: Schema) -> Operation:
    body = told.get("requestBody", {}).get("content", {}).get("application/json", {})
    asked, answers = told.get("parameters", []), told["responses"]
    parameters = [_row(one["name"], PLACES[one["in"]], one["schema"], one, one.get("required")) for one in asked]
    return Operation(
        name=told["operationId"],
        method=method.upper(),
        path=path,
        summary=prose(told["summary"]),
        description=prose(told.get("description", "")),
        rows=[*parameters, *(_fields(_resolved(body["schema"])) if body else [])],
        answers=[_answer(status, answers[status]) for status in sorted(answers.keys() - USUAL)],
        usual=sorted(answers.keys() & USUAL),
        examples=list(_examples(body, answers)),
    )


def _fields(schema: Schema) -> Iterator[FieldRow]:
    needed = schema.get("required", [])
    for name, inner in schema.get("properties", {}).items():
        yield _row(name, "body", inner, inner, name in needed)


def _row(name: str, where: str, schema: Schema, told: Schema, needed: bool | None) -> FieldRow:
    return FieldRow(name, where, bool(needed), form_of(schema), prose(told.get("description", "")))


def _answer(status: str, answer: Schema) -> Answer:
    forms = [
        mark_safe(FORMS[form]) if form in FORMS else form_of(content["schema"])  # noqa: S308  a word of ours
        for form, content in answer.get("content", {}).items()
    ]
    return Answer(
        status, prose(answer["description"]), forms, [name for name in answer["headers"] if name not in COMMON]
    )


def _examples(body: Schema, answers: Schema) -> Iterator[Example]:
    if "example" in body:
        yield Example("Body", _as_text(body["example"]))
    for status, answer in answers.items():
        for content in answer.get("content", {}).values():
            if "example" in content:
                yield Example(f"Answer {status}", _as_text(content["example"]))


def _as_text(example: object) -> str:
    return json.dumps(example, indent=2, ensure_ascii=False)


def _resolved(schema: Schema) -> Schema:
    return described()["components"]["schemas"][_target(schema)] if "$ref" in schema else schema


def _target(schema: Schema) -> str:
    return schema["$ref"].rpartition("/")[2]


def form_of(schema: Schema) -> SafeString:
    """What a value may be, in words, with links to the schemas it is made of."""
    if "$ref" in schema:
        return format_html('<a class="govuk-link" href="#schema-{0}">{0}</a>', _target(schema))
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    words = [_kind(kind, schema) for kind in kinds if kind != "null"] + ["null" for kind in kinds if kind == "null"]
    whole = format_html_join(" or ", "{}", ((word,) for word in words))
    limits = "; ".join(_limits(schema))
    return format_html("{}; {}", whole, limits) if limits else whole


def _kind(kind: str, schema: Schema) -> SafeString | str:
    if kind == "array":
        return format_html("list of {}", form_of(schema["items"]))
    if "enum" in schema:
        values = format_html_join(", ", "<code>{}</code>", ((value,) for value in schema["enum"] if value is not None))
        return format_html("one of {}", values)
    if isinstance(inner := schema.get("additionalProperties"), dict):
        return format_html("object of {}", form_of(inner))
    return FORMATS.get(schema.get("format", ""), KINDS[kind])


def _limits(schema: Schema) -> Iterator[str]:
    if "maximum" in schema:
        yield f"{schema['minimum']:,} to {schema['maximum']:,}"
    if "maxLength" in schema:
        yield f"at most {schema['maxLength']:,} characters"
    if "maxItems" in schema:
        yield f"{schema['minItems']:,} to {schema['maxItems']:,} of them"
    if "default" in schema:
        yield f"usually {json.dumps(schema['default'])}"


def prose(text: str) -> SafeString:
    """Text of the description, in which `…` marks what is to be typed as it stands."""
    return mark_safe(re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text)))  # noqa: S308  escaped
