"""IdentityProvider: where people sign in, other than with a password of ours."""

from django.contrib.auth.models import Group
from django.db import models

from devices.models import DeviceGroup
from mdmportal.fields import EncryptedBinaryField


class IdentityProvider(models.Model):
    """An OpenID Connect or SAML 2.0 provider, and what is made of what it says."""

    class Protocol(models.TextChoices):
        OIDC = "openid_connect", "OpenID Connect"
        SAML = "saml", "SAML 2.0"

    name = models.CharField(
        max_length=100, unique=True, help_text="On the button: “Sign in with …”."
    )
    code = models.SlugField(
        max_length=50,
        unique=True,
        help_text="Part of the addresses that the provider is told. It must last.",
    )
    protocol = models.CharField(max_length=16, choices=Protocol)
    is_enabled = models.BooleanField("enabled", default=True)
    creates_users = models.BooleanField(
        "new people welcome",
        default=True,
        help_text="Who signs in for the first time gets an account; else only people "
        "whom the portal knows by their e-mail may sign in.",
    )

    # OpenID Connect
    server_url = models.URLField(
        "issuer",
        blank=True,
        help_text="Its address, under which /.well-known/openid-configuration is.",
    )
    client_id = models.CharField("client ID", max_length=255, blank=True)
    client_secret = EncryptedBinaryField(blank=True, default=b"")

    # SAML
    metadata_url = models.URLField("metadata", blank=True)
    entity_id = models.CharField("entity ID", max_length=500, blank=True)
    sso_url = models.URLField("single sign-on URL", max_length=500, blank=True)
    certificate = models.TextField(
        blank=True, help_text="PEM, the one that signs its answers."
    )

    # What it says of people
    email_attribute = models.CharField(max_length=255, blank=True, default="email")
    first_name_attribute = models.CharField(max_length=255, blank=True)
    last_name_attribute = models.CharField(max_length=255, blank=True)
    groups_attribute = models.CharField(max_length=255, blank=True, default="groups")
    account_attribute = models.CharField(
        "Managed Apple Account attribute",
        max_length=255,
        blank=True,
        help_text="Which of what it says is the Managed Apple Account. Empty: by the "
        "pattern below.",
    )
    account_pattern = models.CharField(
        "Managed Apple Account pattern",
        max_length=255,
        blank=True,
        default="{email}",
        help_text="Such as {user}@appleid.example.com. {email}, {user} (before the @), "
        "{domain} (after it) and {username} are filled in.",
    )

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class GroupRule(models.Model):
    """Who is in a group of the provider's gets a role, or their devices a group."""

    provider = models.ForeignKey(
        IdentityProvider, models.CASCADE, related_name="group_rules"
    )
    value = models.CharField(
        "group at the provider", max_length=255, help_text="As the provider writes it."
    )
    is_staff = models.BooleanField(
        "staff", default=False, help_text="May sign in to the dashboard."
    )
    role = models.ForeignKey(
        Group,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="What they may do there.",
    )
    device_group = models.ForeignKey(
        DeviceGroup,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        help_text="Devices that they own join it.",
    )

    class Meta:
        ordering = ("value", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["provider", "value", "role", "device_group"],
                name="group_rule_once",
            ),
        )

    def __str__(self) -> str:
        return self.value
