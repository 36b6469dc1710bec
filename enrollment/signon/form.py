"""Forms: an identity provider, whose secret is taken and never shown again, and what
its groups give."""

import ipaddress
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminPasswordWidget

from ..models import GroupRule, IdentityProvider
from . import metadata
from .claims import ACCOUNT

Protocol = IdentityProvider.Protocol
NEEDED = {
    Protocol.OIDC: {
        "server_url": "Enter the issuer, which the provider shows with its endpoints.",
        "client_id": "Enter the client ID that the provider gave this portal.",
    },
    Protocol.SAML: {},
}
BY_HAND = ("entity_id", "sso_url", "certificate")
FILLED_IN = {
    "email": "user@example.com",
    "user": "user",
    "domain": "example.com",
    "username": "user",
}
"""What can stand in the pattern of a Managed Apple Account, with examples."""


class Address(forms.URLField):
    """Typed without a scheme it is https, as it will be in Django 6."""

    def __init__(self, **options: Any) -> None:
        super().__init__(assume_scheme="https", **options)


class ProviderForm(forms.ModelForm):  # type: ignore[type-arg]
    secret = forms.CharField(
        label="Client secret",
        required=False,
        strip=True,
        max_length=1000,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}),
        help_text="Kept encrypted, and never shown again.",
    )

    class Meta:
        model = IdentityProvider
        fields = (
            "name",
            "code",
            "protocol",
            "is_enabled",
            "creates_users",
            "server_url",
            "client_id",
            "metadata_url",
            *BY_HAND,
            "email_attribute",
            "first_name_attribute",
            "last_name_attribute",
            "groups_attribute",
            "account_attribute",
            "account_pattern",
        )
        field_classes = dict.fromkeys(
            ("server_url", "metadata_url", "sso_url"), Address
        )
        help_texts = {
            "metadata_url": "The address of its metadata. What they say is read when "
            "this is saved. Empty: fill in the three below by hand.",
            "entity_id": "Also called issuer.",
            "email_attribute": "Usual names are found by themselves, here and below.",
            "groups_attribute": "Which of what it says are the person's groups.",
        }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.pk and "secret" in self.fields:
            text = "Empty: the one that is kept. It is never shown."
            self.fields["secret"].help_text = text

    def clean_code(self) -> str:
        code: str = self.cleaned_data["code"]
        if code in Protocol.values:
            raise ValidationError(
                "Choose another: this is what the protocol is called."
            )
        return code

    def clean_server_url(self) -> str:
        return _safe(self.cleaned_data["server_url"]).rstrip("/")

    def clean_metadata_url(self) -> str:
        return _safe(self.cleaned_data["metadata_url"])

    def clean_certificate(self) -> str:
        pems: str = self.cleaned_data["certificate"].strip()
        if pems:
            try:
                metadata.check_certificates(pems)
            except metadata.Unusable as problem:
                raise ValidationError(str(problem)) from problem
        return pems

    def clean_account_pattern(self) -> str:
        """Return the pattern; with everything filled in it must be an address."""
        pattern: str = self.cleaned_data["account_pattern"].strip()
        filled = pattern
        for name, example in FILLED_IN.items():
            filled = filled.replace(f"{{{name}}}", example)
        if pattern and ("{" in filled or not ACCOUNT.fullmatch(filled)):
            raise ValidationError(
                "This does not make an address. Write it like "
                "{user}@appleid.example.com, with {email}, {user}, {domain} and "
                "{username} only."
            )
        return pattern

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        protocol = cleaned.get("protocol") or self.instance.protocol
        for name, words in NEEDED.get(protocol, {}).items():
            if name not in self.errors and not cleaned.get(name):
                self.add_error(name, words)
        if protocol == Protocol.OIDC:
            self._needs_secret(cleaned)
        if protocol == Protocol.SAML and not cleaned.get("metadata_url"):
            self._needs_what_metadata_say(cleaned)
        return cleaned

    def _needs_secret(self, cleaned: dict[str, Any]) -> None:
        if not self.instance.pk and not cleaned.get("secret"):
            self.add_error("secret", "Enter the client secret.")

    def _needs_what_metadata_say(self, cleaned: dict[str, Any]) -> None:
        for name in BY_HAND:
            if name not in self.errors and not cleaned.get(name):
                self.add_error(name, "Needed, unless the metadata's address is given.")

    def _post_clean(self) -> None:
        if secret := self.cleaned_data.get("secret"):
            self.instance.client_secret = secret.encode()
        super()._post_clean()  # type: ignore[misc]


class GroupRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = GroupRule
        fields = ("value", "is_staff", "role", "device_group")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not any(cleaned.get(name) for name in ("is_staff", "role", "device_group")):
            raise ValidationError(
                "Choose what the group gives: staff, a role, or both."
            )
        return cleaned


def _safe(url: str) -> str:
    """Return an address that nobody in between can change what is said at."""
    parts = urlsplit(url)
    if url and parts.scheme != "https" and not _is_loopback(parts.hostname or ""):
        raise ValidationError("It must begin with https://.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
