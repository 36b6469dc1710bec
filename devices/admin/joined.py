"""Joined: finding and counting the devices that have a group or a tag."""

from typing import Any

from django.core.cache import cache
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from .. import putting
from ..models import Device, DeviceGroup, Tag
from .base import ids

NAMED = "devices.named"
NAMED_FOR = 60
"""Seconds for which the names of groups and tags are remembered."""


def joined(through: type[Model], column: str) -> Coalesce:
    """Return how many devices a group or a tag has, counted in its index."""
    rows: Any = through._base_manager.filter(**{column: OuterRef("pk")}).order_by()
    number = rows.values(column).annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(number), 0)


@receiver((post_save, post_delete), sender=DeviceGroup)
@receiver((post_save, post_delete), sender=Tag)
def forget_names(**_: Any) -> None:
    cache.delete_many([f"{NAMED}.group", f"{NAMED}.tag"])


class JoinedFilter(DropdownFilter):  # type: ignore[misc]
    """The devices that are joined with one row of ``model``."""

    model: type[DeviceGroup | Tag]

    def lookups(self, request: HttpRequest, model_admin: object) -> list[object]:
        key = f"{NAMED}.{self.parameter_name}"
        found: list[object] = cache.get_or_set(key, self.named, NAMED_FOR) or []
        return found

    def named(self) -> list[object]:
        return [
            (str(row.pk), str(row)) for row in self.model._base_manager.order_by("name")
        ]

    def has_output(self) -> bool:
        return True

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Device]
    ) -> QuerySet[Device]:
        wanted = ids([self.value() or ""])
        if not wanted:
            return queryset
        row = self.model(pk=wanted[0])
        return queryset.filter(pk__in=putting.rows(row).values("device"))


class GroupFilter(JoinedFilter):
    title, parameter_name, model = "group", "group", DeviceGroup


class TagFilter(JoinedFilter):
    title, parameter_name, model = "tag", "tag", Tag
