"""Forms: a migration source, its authorities checked, and the old profile read."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from devices.models import Enrollment

from .. import moving_in as migration
from ..models import EnrollmentProfile, MigrationSource
from ..models.way import MODES
from . import foreign

MAX_UPLOAD = 1024 * 1024
KINDS = [kind for kind, mode in MODES.items() if mode == Enrollment.Mode.DEVICE]
"""Only such devices can move: of the others only the old server knows who signed in."""


class MigrationSourceForm(forms.ModelForm):  # type: ignore[type-arg]
    upload = forms.FileField(
        label="Enrollment profile",
        required=False,
        widget=UnfoldAdminFileFieldWidget,
        help_text="The .mobileconfig by which devices enrolled at the other server, "
        "signed or not. Without it their identities cannot be renewed.",
    )

    class Meta:
        model = MigrationSource
        fields = ("name", "way", "authorities", "is_enabled")
        widgets = {
            "authorities": UnfoldAdminTextareaWidget(
                {"rows": 8, "class": "mp-mono", "spellcheck": "false"}
            )
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        ways = EnrollmentProfile.objects.filter(kind__in=KINDS)
        if "way" in self.fields:
            self.fields["way"].queryset = ways  # type: ignore[attr-defined]

    def clean_authorities(self) -> str:
        pem: str = self.cleaned_data["authorities"].strip()
        try:
            migration.authorities(pem)
        except ValueError as error:
            raise ValidationError(
                "Paste certificates as PEM, with the lines that begin and end them."
            ) from error
        return pem

    def clean_upload(self) -> bytes:
        """Return the profile, b"" where none was chosen: the one that is here stays."""
        upload = self.cleaned_data["upload"]
        if not upload:
            return b""
        if upload.size > MAX_UPLOAD:
            raise ValidationError("This file is too large for an enrollment profile.")
        content: bytes = upload.read()
        try:
            foreign.read(content)
        except foreign.Unusable as problem:
            raise ValidationError(str(problem)) from problem
        return content
