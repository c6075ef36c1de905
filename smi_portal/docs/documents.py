"""The files of `docs/` as pages: what developers read, in the portal's style."""

from dataclasses import dataclass
from functools import cache
from xml.etree.ElementTree import Element

from django.conf import settings
from django.utils.safestring import SafeString, mark_safe
from markdown import Markdown
from markdown.extensions import Extension
from markdown.extensions.toc import TocExtension
from markdown.treeprocessors import Treeprocessor

CLASSES = {
    "h2": "govuk-heading-m smi-section",
    "h3": "govuk-heading-s",
    "p": "govuk-body",
    "ul": "govuk-list govuk-list--bullet",
    "ol": "govuk-list govuk-list--number",
    "a": "govuk-link",
    "table": "govuk-table",
}
AFTER_INLINE = 15  # and before the headings are gathered


@dataclass(frozen=True)
class Document:
    title: str
    body: SafeString
    contents: SafeString  # links to its main sections


@cache
def document(name: str) -> Document:
    """Return `docs/<name>.md`, which begins with its title. The paragraph before a table is its caption.

    Rendered once, because anyone can request it, and a file does not change while the process runs.
    """
    text = (settings.BASE_DIR / f"docs/{name}.md").read_text(encoding="utf-8")
    title, _, body = text.partition("\n")
    writer = Markdown(extensions=["fenced_code", "tables", TocExtension(toc_depth="2-2"), Styled()])
    html = writer.convert(body)
    contents = writer.toc.replace("<a ", f'<a class="{CLASSES["a"]}" ')
    return Document(title.removeprefix("# "), mark_safe(html), mark_safe(contents))  # noqa: S308  our own file


class Styled(Extension):
    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802  the library's name
        md.treeprocessors.register(Styling(md), "styled", AFTER_INLINE)


class Styling(Treeprocessor):
    """Gives elements the classes of the portal, and tables a caption and a region that scrolls."""

    def run(self, root: Element) -> None:
        for element in root.iter():
            if element.tag in CLASSES:
                element.set("class", CLASSES[element.tag])
        for number, table in enumerate(root.findall("table"), start=1):
            _frame(root, table, f"table-{number}")


def _frame(root: Element, table: Element, name: str) -> None:
    """As `components/table.html` has it; the region is named by the caption."""
    for head in table.iter("th"):
        head.set("scope", "col")
    for row in table.findall("tbody/tr"):
        row[0].tag = "th"
        row[0].set("scope", "row")
    at = list(root).index(table)
    caption = root[at - 1]
    caption.tag = "caption"
    caption.attrib = {"id": name}
    region = Element("div", {"class": "smi-scroll", "tabindex": "0", "role": "region", "aria-labelledby": name})
    root[at] = region
    root.remove(caption)
    table.insert(0, caption)
    region.append(table)
