"""Pages of devices by position, behind cursors that say nothing and serve one caller and one query alone."""

import hashlib
from collections.abc import Iterable
from typing import Any

from django.core import signing
from django.db.models import QuerySet
from django.utils.http import urlencode
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import BadRequest, Problem
from accounts.files.paging import Rows, keyset_rows
from accounts.limits import subject_of
from inventory.models import Device
from inventory.querysets import scope_parts

SALT = "inventory.api.paging"
USUAL, MOST = 100, 1000
RESULTS = "What there is on this page, or in all where there are no pages."
PARAMETERS = ("cursor", "page_size")
BAD_CURSOR = Problem(
    "This cursor is damaged, or was given for another query or another caller. Start again without it.",
    "bad_cursor",
    "cursor",
)
BAD_SIZE = Problem(f"A page has 1 to {MOST:,} devices.", "bad_page_size", "page_size")


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
        self.request, acting = request, request.acting
        position, backwards = self._position()
        given = {"size": self._size(), "position": position, "backwards": backwards}
        self.rows: Rows = keyset_rows(queryset, scope_parts(acting), **given)
        found = view.detailed(queryset.model.objects.filter(pk__in=[pk for pk, _ in self.rows.found]))
        return list(found.order_by("device_id"))

    def get_paginated_response(self, data: list[object]) -> Response:
        following, previous = self._link("next"), self._link("previous")
        links = [f'<{url}>; rel="{rel}"' for rel, url in (("next", following), ("prev", previous)) if url]
        headers = {"Link": ", ".join(links)} if links else {}
        return Response({"next": following, "previous": previous, "results": data}, headers=headers)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": ["string", "null"], "format": "uri"}
        properties = {
            "next": link | {"description": "The address of the next page; null on the last."},
            "previous": link | {"description": "That of the page before."},
            "results": schema | {"description": RESULTS},
        }
        return {"type": "object", "required": list(properties), "properties": properties}

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        size = {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL}
        about = "From `next` or `previous` of an answer; as it stands."
        return [
            {"name": "cursor", "in": "query", "schema": {"type": "string"}, "description": about},
            {"name": "page_size", "in": "query", "schema": size, "description": "How many devices a page has."},
        ]

    def _size(self) -> int:
        text = self.request.query_params.get("page_size", str(USUAL))
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(MOST)) and 1 <= int(text) <= MOST):
            raise BadRequest(BAD_SIZE)
        return int(text)

    def _position(self) -> tuple[str | None, bool]:
        if "cursor" not in self.request.query_params:
            return None, False
        try:
            asked, position, backwards = signing.loads(self.request.query_params["cursor"], salt=SALT)
        except (signing.BadSignature, ValueError) as damaged:
            raise BadRequest(BAD_CURSOR) from damaged
        if asked != self._asked():
            raise BadRequest(BAD_CURSOR)
        return position, backwards

    def _asked(self) -> str:
        """The query and its caller, in short."""
        acting = self.request.acting
        caller = (subject_of(acting), acting.organisation.pk, self.request.path)
        text = repr((caller, sorted(self._kept("page_size").items())))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _kept(self, *without: str) -> dict[str, str]:
        return {n: v for n, v in self.request.query_params.items() if n not in ("cursor", *without)}

    def _link(self, rel: str) -> str | None:
        backwards = rel == "previous"
        more = self.rows.has_previous if backwards else self.rows.has_next
        if not (more and self.rows.found):
            return None
        _, position = self.rows.found[0 if backwards else -1]
        cursor = signing.dumps([self._asked(), position, backwards], salt=SALT)
        return self.request.build_absolute_uri(f"?{urlencode(self._kept() | {'cursor': cursor})}")
