"""Forms: the upload of a push certificate."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from . import certificates
from .models import PushCertificate

MAX_UPLOAD = 256 * 1024


class UploadForm(forms.Form):
    """A PEM certificate and its key, or both in a .p12; checked before it is taken.

    After a valid upload ``upload`` holds the checked certificate. ``renewed`` is the
    certificate whose page asked, None for a first one.
    """

    certificate = forms.FileField(
        help_text="The .pem from identity.apple.com/pushcert, or a .p12 that holds the "
        "key too.",
    )
    key = forms.FileField(
        label="Private key",
        required=False,
        help_text="The PEM file that was made with the signing request. Not needed "
        "with a .p12.",
    )
    password = forms.CharField(
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text="Of the key or the .p12, if it has one.",
    )
    apple_account = forms.CharField(
        label="Apple Account",
        max_length=255,
        help_text="The account that was signed in at identity.apple.com. Only it can "
        "renew this certificate next year.",
    )
    strand = forms.BooleanField(required=False)

    def __init__(
        self, *args: Any, renewed: PushCertificate | None = None, **options: Any
    ) -> None:
        super().__init__(*args, **options)
        self.renewed = renewed
        self.stranded = 0
        self.upload: certificates.Upload | None = None
        self.fields["strand"].widget = forms.HiddenInput()

    def clean_certificate(self) -> bytes:
        return _content(self.cleaned_data["certificate"])

    def clean_key(self) -> bytes:
        upload = self.cleaned_data["key"]
        return _content(upload) if upload else b""

    def clean(self) -> None:
        values = self.cleaned_data
        if "certificate" not in values or "key" not in values:
            return
        try:
            self.upload = certificates.read(
                values["certificate"], values["key"], values["password"]
            )
        except certificates.Unusable as problem:
            raise ValidationError(str(problem)) from problem
        self._check_topic(self.upload.topic)

    def _check_topic(self, topic: str) -> None:
        """Another topic reaches none of the devices enrolled under an earlier one."""
        self.stranded = certificates.stranded_by(topic)
        if not self.stranded:
            return
        self._offer_to_strand()
        if not self.cleaned_data["strand"]:
            raise ValidationError(
                "This certificate has another topic than the one your devices "
                f"enrolled with: {self.stranded} of them could not be reached by it "
                "and would have to enroll again. To renew, sign in at "
                "identity.apple.com/pushcert with the same Apple Account and choose "
                "Renew beside the existing certificate, not Create."
            )

    def _offer_to_strand(self) -> None:
        field = self.fields["strand"]
        field.widget = forms.CheckboxInput()
        field.label = (
            "Take it all the same. New devices enroll with it; the "
            f"{self.stranded} enrolled now stay with the certificate they have, as "
            "long as that is valid."
        )


def _content(upload: Any) -> bytes:
    if upload.size > MAX_UPLOAD:
        raise ValidationError("This file is too large for a certificate or a key.")
    content: bytes = upload.read()
    return content
