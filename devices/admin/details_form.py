"""The form for what people say of a device: its owner, asset tag, tags and groups."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelect2MultipleWidget

from ..models import Device, DeviceGroup


class DetailsForm(forms.ModelForm):  # type: ignore[type-arg]
    by_hand: "forms.ModelMultipleChoiceField[DeviceGroup]" = (
        forms.ModelMultipleChoiceField(
            queryset=None,
            required=False,
            label="Groups",
            widget=UnfoldAdminSelect2MultipleWidget,
            help_text="Those filled by hand. It joins others by their conditions.",
        )
    )

    class Meta:
        model = Device
        fields = ("owner", "asset_tag", "tags")
        help_texts = {
            "asset_tag": "Your own number for it, as on its sticker.",
            "tags": "Words to find and to group it by.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if "by_hand" in self.fields:
            field: Any = self.fields["by_hand"]
            field.queryset = DeviceGroup.static()
            self.initial["by_hand"] = [
                group.pk for group in DeviceGroup.static().filter(devices=self.instance)
            ]

    def _save_m2m(self) -> None:
        """Take over what was changed here: a new owner may have brought others."""
        super()._save_m2m()  # type: ignore[misc]
        if "by_hand" in self.cleaned_data:
            was = set(self.initial["by_hand"])
            now = {group.pk for group in self.cleaned_data["by_hand"]}
            self.instance.groups.add(*(now - was))
            self.instance.groups.remove(*(was - now))
