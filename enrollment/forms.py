"""Forms: a way in, with Apple's rights as checkboxes in words."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
)

from mdmportal.protocol import mobileconfig
from mdmportal.protocol.schema import RIGHT_NAMES

from .models import EnrollmentProfile

CHOICES = [(str(bit), words.capitalize()) for bit, words in RIGHT_NAMES.items()]


class WayForm(forms.ModelForm):  # type: ignore[type-arg]
    rights = forms.MultipleChoiceField(
        choices=CHOICES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label="What the portal may do",
        help_text="Shown to the person who enrolls. A device keeps the rights it "
        "enrolled with: more cannot be given later without enrolling again.",
    )

    class Meta:
        model = EnrollmentProfile
        fields = ("name", "code", "description", "is_enabled")
        help_texts = {
            "code": "The last part of the address. Who knows it may enroll. Changing "
            "it closes the old address; devices enrolled by it are not affected."
        }
        widgets = {"description": UnfoldAdminTextareaWidget({"rows": 3})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        mask = self.instance.access_rights
        self.fields["rights"].initial = [str(bit) for bit in RIGHT_NAMES if mask & bit]

    def clean_rights(self) -> int:
        """Return the mask; two rights need another, without which devices refuse."""
        rights = sum(int(bit) for bit in self.cleaned_data["rights"])
        try:
            mobileconfig.check_rights(rights)
        except ValueError as error:
            raise ValidationError(_in_words(rights)) from error
        return rights

    def _post_clean(self) -> None:
        if "rights" in self.cleaned_data:
            self.instance.access_rights = self.cleaned_data["rights"]
        super()._post_clean()  # type: ignore[misc]


def _in_words(rights: int) -> str:
    for needing, needed in ((2, 1), (128, 64)):
        if rights & needing and not rights & needed:
            wants, wanted = RIGHT_NAMES[needing], RIGHT_NAMES[needed]
            return f"“{wants.capitalize()}” needs “{wanted.capitalize()}” too."
    return "Choose at least one right."
