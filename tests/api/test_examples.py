"""The description of the API: whole, in plain words, under stable names, with examples that are true."""

import copy

import pytest
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema
from jsonschema import Draft202012Validator, FormatChecker

from inventory.api import everywhere
from inventory.api.description import described
from inventory.api.examples import ANSWERS, BODIES
from inventory.api.urls import urlpatterns

OPERATIONS = {
    operation["operationId"]: operation
    for operations in described()["paths"].values()
    for operation in operations.values()
}
# What programs are generated from: a name that changes here breaks them.
NAMES = {
    "data_items_list", "devices_as_of_retrieve", "devices_batch_create", "devices_history_retrieve", "devices_list",
    "devices_partial_update", "devices_retrieve", "participants_list", "reports_list",
    "reports_device_list_download_retrieve", "reports_map_portfolio_download_retrieve", "reports_runs_list",
    "reports_runs_manifest_retrieve", "reports_runs_retrieve", "rights_retrieve", "schema_retrieve",
}  # fmt: skip
SCHEMAS = {
    "AsOf", "Batch", "BatchAnswer", "BatchEntry", "Changed", "Column", "DataItem", "DataItemList", "Device",
    "DeviceList", "Difference", "EntryOfHistory", "Error", "Held", "History", "Items", "Manifest",
    "OwnRights", "Participant", "ParticipantList", "PastDevice", "Problem", "Report", "ReportList", "Right", "Rights",
    "Run", "RunList",
}  # fmt: skip


def contents(operation: dict) -> list[tuple[str, str, dict]]:
    """Where, in which form, and what: of the body and of each answer."""
    answers = [(status, answer.get("content", {})) for status, answer in operation["responses"].items()]
    bodies = [("body", operation["requestBody"]["content"])] if "requestBody" in operation else []
    return [(where, form, content) for where, forms in (*bodies, *answers) for form, content in forms.items()]


def strictly(schemas: dict) -> dict:
    """The same, in which nothing may stand that is not described."""
    strict = copy.deepcopy(schemas)
    for schema in strict.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return strict


def test_description_is_made_without_a_warning_and_valid():
    GENERATOR_STATS.reset()

    schema = SchemaGenerator().get_schema(request=None, public=True)

    assert not GENERATOR_STATS
    validate_schema(schema)


def test_names_of_operations_and_schemas_are_stable():
    assert OPERATIONS.keys() == NAMES
    assert described()["components"]["schemas"].keys() == SCHEMAS


def test_every_address_is_described():
    assert len(described()["paths"]) == len(urlpatterns)


@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_says_in_words_what_it_is(name):
    operation = OPERATIONS[name]

    assert operation["summary"].endswith(".")
    assert "\n" not in operation["summary"]
    assert set(operation["tags"]) <= everywhere.TAGS.keys()
    assert all(answer["description"] for answer in operation["responses"].values())
    assert all(parameter["description"] for parameter in operation.get("parameters", []))


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_schema_and_its_fields_say_in_words_what_they_are(name):
    schema = described()["components"]["schemas"][name]

    assert name.endswith("List") or schema["description"]
    assert [field for field, inner in schema["properties"].items() if not inner.get("description")] == []


def test_csv_is_described_as_text():
    in_csv = [content for op in OPERATIONS.values() for _, form, content in contents(op) if form == "text/csv"]

    assert len(in_csv) == 5
    assert all(content == {"schema": {"type": "string"}} for content in in_csv)


@pytest.mark.parametrize("name", [name for name in OPERATIONS if name != "schema_retrieve"])
def test_examples_are_what_their_schemas_say(name):
    components = described()["components"] | {"schemas": strictly(described()["components"]["schemas"])}
    shown = {(where, form): content for where, form, content in contents(OPERATIONS[name]) if "example" in content}

    for (where, _), content in shown.items():
        schema = content["schema"] | {"components": components}
        Draft202012Validator(schema, format_checker=FormatChecker()).validate(content["example"])
        assert content["example"] == (BODIES[name] if where == "body" else ANSWERS[name][where])
    assert name.endswith("_download_retrieve") or ("200", "application/json") in shown
    assert {where for where, _ in shown} == {*ANSWERS.get(name, ()), *(["body"] if name in BODIES else [])}


def test_bodies_have_an_example():
    assert {name for name, operation in OPERATIONS.items() if "requestBody" in operation} == BODIES.keys()
