"""What people read is plain British English: the plainest slips are found here (`banned_words`)."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as site

from tests.banned_words import EVERYWHERE, IN_SENTENCES

CODE = ("accounts", "inventory", "smi_portal", "client/smi")
COMMENT = re.compile(r"\{#.*?#\}|\{% comment %\}.*?\{% endcomment %\}", re.DOTALL)
CODE_BLOCK = re.compile(r"^```.*?^```|`[^`\n]*`", re.DOTALL | re.MULTILINE)
ARGUMENT = re.compile(r'(?:label\d?|heading|title|caption|text|first|more_label|cancel_label|empty)="([^"]*)"')
SQL = re.compile(r"\b(SELECT|UPDATE|INSERT|DELETE|ALTER|LATERAL|EXPLAIN|LOCK)\b")


def files(pattern: str, *folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (site.BASE_DIR / folder).rglob(pattern))


def of_template(text: str) -> str:
    """What a template says itself, and what it gives to its components."""
    bare = COMMENT.sub("", text)
    spoken = " ".join(ARGUMENT.findall(bare))
    without_tags = re.sub(r"\{%.*?%\}|\{\{.*?\}\}", "…", bare, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", " ", without_tags) + spoken


def sentences(tree: ast.Module) -> Iterator[str]:
    """Texts with a space, but for docstrings and SQL."""
    scopes = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
    bodies = [node.body for node in ast.walk(tree) if isinstance(node, scopes)]
    docstrings = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    for node in ast.walk(tree):
        is_text = isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
        if is_text and " " in node.value and not SQL.search(node.value):
            yield node.value


def told() -> dict[str, str]:
    """What is read as a sentence, by file."""
    pages = files("*.html", "templates") + files("*.txt", "templates")
    templates = {path: of_template(path.read_text()) for path in pages}
    modules = [path for path in files("*.py", *CODE) if "migrations" not in path.parts]
    messages = {path: "\n".join(sentences(ast.parse(path.read_text()))) for path in modules}
    return {str(path.relative_to(site.BASE_DIR)): text for path, text in (templates | messages).items()}


def written() -> dict[str, str]:
    """Documents, and the comments of SQL."""
    documents = [site.BASE_DIR / "README.md", *files("*.md", "docs", "client")]
    texts = {path: CODE_BLOCK.sub("", path.read_text()) for path in documents}
    sql = {path: "\n".join(re.findall(r"--(.*)", path.read_text())) for path in files("*.sql", "accounts", "inventory")}
    return {str(path.relative_to(site.BASE_DIR)): text for path, text in (texts | sql).items()}


def found(banned: dict[str, str], texts: dict[str, str]) -> list[str]:
    return [
        f"{name}: “{' '.join(text[max(0, hit.start() - 30) : hit.end() + 30].split())}”; write: {instead}"
        for pattern, instead in banned.items()
        for name, text in texts.items()
        for hit in re.finditer(pattern, text, re.IGNORECASE)
    ]


def test_no_banned_words_in_pages_emails_and_messages():
    assert found(IN_SENTENCES, told()) == []


def test_no_banned_words_in_documents_and_comments_of_sql():
    assert found(EVERYWHERE, written()) == []


@pytest.mark.parametrize(
    "text",
    [
        "{# of a job #}<p class='whom'>{{ job }} {% url 'proposal-list' %}</p>",
        "{% comment %} whom {% endcomment %}{% if job %}Hello{% endif %}",
    ],
)
def test_names_in_a_template_are_no_words(text):
    assert found(IN_SENTENCES, {"x": of_template(text)}) == []


@pytest.mark.parametrize("text", ["<p>Your job</p>", '{% component "submit" label="Save job" %}', "<li>Ask whom?</li>"])
def test_words_of_a_template_are_read(text):
    assert found(IN_SENTENCES, {"x": of_template(text)})
