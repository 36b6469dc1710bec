"""Tag: words on devices, and how many have them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from .. import groups
from ..models import AuditEntry, Device, Tag
from .base import Admin
from .joined import joined


@admin.register(Tag)
class TagAdmin(Admin):
    list_display = ("name", "count")
    search_fields = ("name",)
    fields = ("name",)
    empty = (
        "sell",
        "There is no tag yet",
        "A tag is a word on devices, such as “loan” or “broken”, by which they are "
        "found and grouped. Staff puts it on, or a policy does.",
    )
    empty_button = ("admin:devices_tag_add", "Add a tag")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        rows: QuerySet[Tag] = super().get_queryset(request)
        return rows.annotate(number=joined(Device.tags.through, "tag"))

    @admin.display(description="devices", ordering="number")
    def count(self, tag: Any) -> SafeString:
        url = reverse("admin:devices_device_changelist")
        return format_html('<a href="{}?tag={}">{}</a>', url, tag.pk, tag.number)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[str], dict[str, int], set[str], list[str]]:
        """Say on how many devices it is, and which smart groups ask for it."""
        listed = []
        for tag in objs:
            used = [f"asked for by smart group “{each}”" for each in groups.naming(tag)]
            listed += [str(tag), *used]
        on = Device.tags.through.objects.filter(tag__in=[tag.pk for tag in objs])
        return (
            listed,
            {"tags": len(objs), "devices that have them": on.count()},
            set(),
            [],
        )

    def delete_model(self, request: HttpRequest, obj: Tag) -> None:
        super().delete_model(request, obj)
        AuditEntry.write(request.user, "tag deleted", str(obj))
