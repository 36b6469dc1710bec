"""Base: what the API's views have in common."""

import datetime as dt
from functools import cached_property
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.generics import ListAPIView, RetrieveAPIView
from rest_framework.views import APIView

from ..filtering import PageQuery
from ..permissions import Rights


class View(APIView):
    """What is asked and answered without an offset is in UTC, whoever asks."""

    rights: Rights | None = ()
    rights_to_write: Rights | None = ()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with timezone.override(dt.UTC):
            answer = super().dispatch(request, *args, **kwargs)
        answer.headers.setdefault("Cache-Control", "no-store")
        return answer


class ListView(View, ListAPIView[Any]):
    """A list, filtered by what ``query`` takes from the address."""

    query: type[PageQuery] = PageQuery
    newest_first = False

    @cached_property
    def asked(self) -> dict[str, Any]:
        return self.query.read(self.request)

    def get_queryset(self) -> QuerySet[Any]:
        if getattr(self, "swagger_fake_view", False):  # the description is being made
            return self.rows().none()
        return self.filtered(self.rows())

    def rows(self) -> QuerySet[Any]:
        raise NotImplementedError

    def filtered(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        for name, value in self.asked.items():
            narrow = getattr(self, f"by_{name}", None)
            if narrow:
                rows = narrow(rows, value)
        return rows


class RowView(View, RetrieveAPIView[Any]):
    """One row by its id."""
