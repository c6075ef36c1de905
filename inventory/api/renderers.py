"""Lists as CSV, for who asks for `text/csv`."""

from collections.abc import Mapping
from typing import Any

from rest_framework.renderers import BaseRenderer

from accounts.files.writing import in_chunks

SEPARATOR = ";"  # between several values in one cell


class CSVRenderer(BaseRenderer):
    """The `results` of a list, under the names of their fields; nothing is an empty cell."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Mapping[str, Any], media_type: str | None = None, context: Any = None) -> bytes:
        header = tuple(context["view"].get_serializer().fields)
        rows = (tuple(_cell(row[name]) for name in header) for row in data["results"])
        return b"".join(in_chunks(header, rows))


def _cell(value: object) -> object:
    return SEPARATOR.join(value) if isinstance(value, list) else value
