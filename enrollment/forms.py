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
RESERVED = frozenset(("devices", "i"))
"""What stands behind /enroll/ already, and can be no code."""


class WayForm(forms.ModelForm):  # type: ignore[type-arg]
    rights = forms.MultipleChoiceField(
        choices=CHOICES,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label="What the portal may do",
        help_text="Shown to the person who enrolls. A device keeps the rights it "
        "enrolled with: more cannot be given later without enrolling again. On "
        "people's own devices Apple itself sets the limits; these do not count there.",
    )

    class Meta:
        model = EnrollmentProfile
        fields = (
            "name",
            "kind",
            "description",
            "is_enabled",
            "code",
            "requires_sign_in",
            "is_listed",
            "device_group",
            "method",
            "session_days",
            "remove_after_days",
            "unenroll_after_days",
            "network_users",
            "manages_shared_users",
            "owner_may_lock",
            "owner_may_remove",
        )
        help_texts = {
            "kind": "How devices come in; it cannot change once one has. A profile "
            "from a page suits any device of yours. Over the air, the portal knows "
            "which device asks before it gives anything away. Account-driven, people "
            "type their work address into Settings; that needs a mail domain and "
            "Managed Apple Accounts.",
            "code": "The last part of the address. Who knows it may enroll. Changing "
            "it closes the old address; devices enrolled by it are not affected. "
            "Account-driven devices sign in at this address for as long as they are "
            "enrolled: there it must last.",
            "network_users": "People who log in to a Mac with an account of your "
            "directory (Open Directory, Active Directory). To compare the password, "
            "their account here must have the same user name and password; the portal "
            "can do so once they have signed in here after this was chosen. Whoever "
            "enrolls a Mac is managed in any case, and its other local users never.",
            "owner_may_lock": "On “my devices”, where IT has the right to.",
        }
        widgets = {"description": UnfoldAdminTextareaWidget({"rows": 3})}

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        mask = self.instance.access_rights
        rights = self.fields.get("rights")  # who may only look has no fields
        if rights:
            rights.initial = [str(each) for each in AccessRights if mask & each]
        if "kind" in self.fields and self.instance.pk and is_used(self.instance):
            self.fields["kind"].disabled = True

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        if code in RESERVED:
            raise ValidationError(f"“{code}” is an address of the portal's own.")
        return code

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


def is_used(way: EnrollmentProfile) -> bool:
    """Whether a device ever got an identity by it."""
    return way.challenges.filter(identity__isnull=False).exists()
