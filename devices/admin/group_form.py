"""The form of a group: its name, and its conditions if it has any."""

from typing import Any

from django import forms

from .. import conditions
from ..models import DeviceGroup
from .conditions import Editor


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """``editor`` holds the conditions. What a group is filled by is chosen once."""

    HAND, SMART = "hand", "smart"

    kind = forms.ChoiceField(
        label="Devices join it",
        choices=[(HAND, "by hand"), (SMART, "by conditions")],
        widget=forms.RadioSelect,
        initial=HAND,
        help_text="By hand, that is from the list of devices, by a way in, or by a "
        "rule of sign-on. By conditions, devices come and go as what is known of them "
        "changes. This cannot be changed later.",
    )

    class Meta:
        model = DeviceGroup
        fields = ("name", "description")
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def __init__(
        self, data: Any = None, *, editor: Editor | None = None, **options: Any
    ) -> None:
        super().__init__(data, **options)
        self.editor = Editor.of_form(data) if data is not None else editor or Editor()
        self.was = self.instance.conditions
        if self.instance.pk is not None:
            del self.fields["kind"]

    @property
    def is_smart(self) -> bool:
        """What the form shows: conditions or not."""
        if self.instance.pk is not None:
            return bool(self.was is not None)
        return bool(self["kind"].value() == self.SMART)

    def clean(self) -> dict[str, Any]:
        super().clean()
        if self.is_smart:
            wanted = self.editor.read()
            if wanted is None:
                self.add_error(None, "Please correct the conditions.")
            else:
                self.instance.conditions = wanted.to_json()
                self.words = wanted.words()
        return self.cleaned_data

    @property
    def kept_words(self) -> str:
        """Return the conditions that the group has, in words."""
        try:
            return conditions.read(self.was).words()
        except conditions.Invalid as problem:
            return f"They cannot be read any more. {problem}"

    @property
    def finds_others(self) -> bool:
        """Whether the conditions are not what they were."""
        return self.instance.is_smart and bool(self.instance.conditions != self.was)
