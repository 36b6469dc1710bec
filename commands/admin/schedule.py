"""Schedules: how often devices are asked what they are, for groups and for all."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from devices.admin.base import Admin
from devices.models import AuditEntry, InventorySchedule

from .. import inventory, words


def _choice(name: str) -> tuple[str, str]:
    return name, f"{words.asked_for(name).capitalize()}: {words.summary(name)}"


CHOICES = [_choice(name) for name in inventory.QUERIES]


class ScheduleForm(forms.ModelForm):  # type: ignore[type-arg]
    queries = forms.MultipleChoiceField(
        choices=CHOICES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        required=False,
        label="What to ask",
        help_text="None chosen: everything. Each device is asked only what its system, "
        "its kind of enrollment and the rights of its profile allow.",
    )

    class Meta:
        model = InventorySchedule
        fields = ("group", "every_hours", "queries")
        labels = {"every_hours": "Every so many hours"}
        help_texts = {
            "group": "Empty: all devices that no other schedule is for. A device in "
            "several groups goes by the shortest of their schedules.",
            "every_hours": "Devices drift apart a little, so that not all are woken at "
            "once. A shorter time counts at once, a longer one after the next round.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        others = InventorySchedule.objects.exclude(pk=self.instance.pk)
        if not cleaned.get("group") and others.filter(group=None).exists():
            raise ValidationError(
                {"group": "There is a schedule for all devices already: change that."}
            )
        return cleaned


@admin.register(InventorySchedule)
class ScheduleAdmin(Admin):
    form = ScheduleForm
    list_display = ("whose", "every", "what")
    list_select_related = ("group",)
    ordering = ("group__name", "pk")
    autocomplete_fields = ("group",)
    empty = (
        "update",
        "There is no schedule yet",
        f"Every device is asked every {settings.INVENTORY_EVERY} hours what it is. A "
        "schedule has those of a group asked more often or less, or all of them.",
    )
    empty_button = ("admin:devices_inventoryschedule_add", "Add a schedule")

    @admin.display(description="devices", ordering="group__name")
    def whose(self, schedule: InventorySchedule) -> str:
        return str(schedule.group or "all that no other schedule is for")

    @admin.display(description="asked", ordering="every_hours")
    def every(self, schedule: InventorySchedule) -> str:
        hours = schedule.every_hours
        return "every hour" if hours == 1 else f"every {hours} hours"

    @admin.display(description="what")
    def what(self, schedule: InventorySchedule) -> str:
        return ", ".join(map(words.asked_for, schedule.queries)) or "everything"

    def save_model(
        self, request: HttpRequest, obj: InventorySchedule, form: Any, change: bool
    ) -> None:
        super().save_model(request, obj, form, change)
        done = "changed" if change else "added"
        AuditEntry.write(request.user, f"inventory schedule {done}", str(obj))

    def delete_model(self, request: HttpRequest, obj: InventorySchedule) -> None:
        AuditEntry.write(request.user, "inventory schedule deleted", str(obj))
        super().delete_model(request, obj)
