"""Forms: a way in, with Apple's rights as checkboxes in words."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
)

from mdmportal.protocol.rights import WORDS, AccessRights, check

from .models import EnrollmentProfile

CHOICES = [(str(right), words.capitalize()) for right, words in WORDS.items()]


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
        self.fields["rights"].initial = [
            str(each) for each in AccessRights if mask & each
        ]

    def clean_rights(self) -> int:
        """Return the mask; two rights need another, without which devices refuse."""
        rights = sum(int(each) for each in self.cleaned_data["rights"])
        try:
            check(rights)
        except ValueError as error:
            raise ValidationError(str(error)) from error
        return rights

    def _post_clean(self) -> None:
        if "rights" in self.cleaned_data:
            self.instance.access_rights = self.cleaned_data["rights"]
        super()._post_clean()  # type: ignore[misc]
