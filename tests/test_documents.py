"""Pages made from files of `docs/`, the reference of the API made from its description, and the files they name."""

import re

import pytest
from django.conf import settings as project

from inventory.api.description import described
from smi_portal.docs.documents import document
from smi_portal.docs.reference import form_of, prose, resources, schemas

GUIDE = (project.BASE_DIR / "docs/api.md").read_text()
DOCUMENTS = [project.BASE_DIR / "README.md", *sorted(project.BASE_DIR.glob("docs/*.md"))]
NAMED = re.compile(r"`((?:accounts|bench|client|docs|inventory|smi_portal|templates|tests)/[\w./]*)`")
LINKED = re.compile(r"\]\((\w[\w/-]*\.(?:md|png))\)")


@pytest.fixture
def reference(client, db) -> str:
    return client.get("/help/api/reference/").text


def test_paragraph_before_a_table_is_its_caption():
    body = document("api").body

    captions = re.findall(r'<div aria-labelledby="(table-\d+)" class="smi-scroll".*?<caption id="\1">', body, re.DOTALL)
    assert len(captions) == body.count("<table") == GUIDE.count("\n|---|")
    assert "<p></p>" not in body


def test_first_column_of_a_table_is_its_rows_headings():
    body = document("api").body

    rows = sum(line.startswith("| ") for line in GUIDE.splitlines()) - GUIDE.count("\n|---|")
    assert body.count('<th scope="row">') == rows


def test_guide_has_a_list_of_its_sections(client, db):
    html = client.get("/help/api/").text

    for title in re.findall("^## (.+)$", GUIDE, re.MULTILINE):
        assert re.search(f'<a class="govuk-link" href="#[\\w-]+">{title}</a>', html), title


@pytest.mark.parametrize(("path", "links"), [
    ("/help/api/", ["/help/api/reference/", "/api/v1/schema/"]),
    ("/help/api/reference/", ["/help/api/", "/api/v1/schema/"]),
    ("/help/", ["/help/api/", "/help/api/reference/"]),
])  # fmt: skip
def test_help_guide_and_reference_lead_to_one_another(client, db, path, links):
    html = client.get(path).text

    assert [link for link in links if f'href="{link}"' not in html] == []


def part_of(page: str, name: str) -> str:
    """What stands under one heading."""
    return re.split("<h3|</section", page.partition(f'id="{name}">')[2])[0]


def test_reference_has_every_operation_parameter_and_status(operator, reference):
    for path, operations in described()["paths"].items():
        for method, told in operations.items():
            part = part_of(reference, told["operationId"])
            usual = part.rpartition("usual</a>: ")[2].partition(".")[0].split(", ")
            assert f"<b>{method.upper()}</b> {path}" in part
            assert all(f"<code>{one['name']}</code>" in part for one in told.get("parameters", []))
            shown = re.findall(r'<th scope="row">(\d+)</th>', part)
            assert sorted(shown + usual) == sorted(told["responses"])


def test_reference_has_every_field(operator, reference):
    for name, schema in described()["components"]["schemas"].items():
        part = part_of(reference, f"schema-{name}")
        assert all(f"<code>{field}</code>" in part for field in schema["properties"])


def test_reference_leads_to_what_it_names(reference):
    targets = set(re.findall(r'href="#([^"]+)"', reference)) - {"main-content"}

    assert [target for target in targets if f'id="{target}"' not in reference] == []
    assert len(re.findall(r'\bid="([^"]+)"', reference)) == len(set(re.findall(r'\bid="([^"]+)"', reference)))


def test_every_resource_and_schema_has_a_place():
    assert sum(len(resource.operations) for resource in resources()) == sum(map(len, described()["paths"].values()))
    assert all(resource.operations for resource in resources())
    assert {schema.name for schema in schemas()} == described()["components"]["schemas"].keys()


@pytest.mark.parametrize(("schema", "words"), [
    ({"type": "string"}, "text"),
    ({"type": ["string", "null"], "format": "date"}, "day, such as 2026-11-23 or null"),
    ({"type": "string", "enum": ["a", "b<"]}, "one of <code>a</code>, <code>b&lt;</code>"),
    ({"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}, "whole number; 1 to 1,000; usually 100"),
    ({"type": "array", "items": {"$ref": "#/components/schemas/Run"}},
     'list of <a class="govuk-link" href="#schema-Run">Run</a>'),
    ({"type": "object", "additionalProperties": {"type": "string"}}, "object of text"),
])  # fmt: skip
def test_forms_are_told_in_words(schema, words):
    assert form_of(schema) == words


def test_text_of_the_description_is_escaped():
    assert prose("`<b>` & more") == "<code>&lt;b&gt;</code> &amp; more"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_a_document_names_are_there(path):
    text = path.read_text()
    named = {project.BASE_DIR / name for name in NAMED.findall(text)}
    linked = {path.parent / name for name in LINKED.findall(text)}

    assert [file for file in sorted(named | linked) if not file.exists()] == []
