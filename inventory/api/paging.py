"""Pages of devices by position, behind cursors that say nothing and serve one caller and one query alone."""

import json
from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.http import urlencode
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import BadRequest, Problem
from accounts.files.paging import API_PAGE_SIZE, LARGEST_API_PAGE, Page, Position, page_at
from accounts.sign_in.encryption import Unreadable, sealed, unsealed
from inventory.models import Device
from inventory.querysets import by_device_id

RESULTS = "The results on this page, or all results if there are no pages."
PARAMETERS = ("cursor", "page_size")
BAD_CURSOR = Problem(
    "This cursor is damaged, or was given for another query or another caller. Start again without it.",
    "bad_cursor",
    "cursor",
)
BAD_SIZE = Problem(f"A page has 1 to {LARGEST_API_PAGE:,} devices.", "bad_page_size", "page_size")


class Whole(BasePagination):
    """A list that is short enough to be given whole."""

    def paginate_queryset(self, queryset: Iterable[Any], request: Request, view: APIView | None = None) -> list[Any]:
        return list(queryset)

    def get_paginated_response(self, data: list[object]) -> Response:
        return Response({"results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        results = schema | {"description": RESULTS}
        return {"type": "object", "required": ["results"], "properties": {"results": results}}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return []


class DevicePagination(BasePagination):
    """By Device ID, forwards and backwards; no row is missed or repeated, whatever is changed meanwhile."""

    def paginate_queryset(self, queryset: QuerySet, request: Request, view: APIView | None = None) -> list[Device]:
        self.request = request
        self.page: Page = page_at(by_device_id(queryset, request.acting), self._position(), self._url, self._size())
        found = view.detailed(queryset.model.objects.filter(pk__in=[row.pk for row in self.page.rows]))
        return list(found.order_by("device_id"))

    def get_paginated_response(self, data: list[object]) -> Response:
        following, previous = self.page.next_url or None, self.page.previous_url or None
        links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", following), ("prev", previous)) if url]
        headers = {"Link": ", ".join(links)} if links else {}
        return Response({"next": following, "previous": previous, "results": data}, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {
            "next": link | {"description": "The address of the next page; null on the last."},
            "previous": link | {"description": "The address of the previous page; null on the first."},
            "results": schema | {"description": RESULTS},
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": LARGEST_API_PAGE, "default": API_PAGE_SIZE}
        about = "From `next` or `previous` of an answer; as it stands."
        return [
            {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": about},
            {"name": "page_size", "in": "query", "schema": size, "description": "How many devices a page has."},
        ]

    def _size(self) -> int:
        text = self.request.query_params.get("page_size", str(API_PAGE_SIZE))
        readable = text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST_API_PAGE))
        if not (readable and 1 <= int(text) <= LARGEST_API_PAGE):
            raise BadRequest(BAD_SIZE)
        return int(text)

    def _position(self) -> Position:
        if "cursor" not in self.request.query_params:
            return Position()
        try:
            return Position(*json.loads(unsealed(self.request.query_params["cursor"], *self._context())))
        except Unreadable as damaged:
            raise BadRequest(BAD_CURSOR) from damaged

    def _context(self) -> tuple[str, ...]:
        """The query and its caller."""
        query = json.dumps(sorted(self._kept("page_size").items()))
        return __name__, self.request.acting.reader, self.request.path, query

    def _kept(self, *without: str) -> dict[str, str]:
        return {n: v for n, v in self.request.query_params.items() if n not in ("cursor", *without)}

    def _url(self, position: Position) -> str:
        cursor = sealed(json.dumps(position), *self._context())
        return self.request.build_absolute_uri(f"?{urlencode(self._kept() | {'cursor': cursor})}")
