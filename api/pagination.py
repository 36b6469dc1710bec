"""Pagination: a page begins after a row, so that the last costs what the first does."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

USUAL = 100


class AfterPagination(BasePagination):
    """For views.base.ListView: rows in the order of their ids, newest first if it says
    so. ``next`` is the address of the page that follows, or null."""

    def paginate_queryset(  # type: ignore[override]  # its rows are a query
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        asked = view.asked
        limit = asked.get("limit", USUAL)
        backwards = view.newest_first
        if "after" in asked:
            beyond = "pk__lt" if backwards else "pk__gt"
            queryset = queryset.filter(**{beyond: asked["after"]})
        rows = list(queryset.order_by("-pk" if backwards else "pk")[: limit + 1])
        self.next = None
        if len(rows) > limit:
            here = request.build_absolute_uri()
            self.next = replace_query_param(here, "after", rows[limit - 1].pk)
        return rows[:limit]

    def get_paginated_response(self, data: Sequence[Any]) -> Response:
        return Response({"next": self.next, "results": data})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": "object",
            "required": ["next", "results"],
            "properties": {
                "next": {"type": "string", "format": "uri", "nullable": True},
                "results": schema,
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return []  # they are among the filters of each list
