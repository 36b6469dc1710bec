"""Policy: what devices must be, and what happens when one is not."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from devices.conditions import Conditions, read
from devices.models import DeviceGroup, Tag
from mdmportal.fields import EncryptedBinaryField
from mdmportal.protocol import plist

HOUR = 60


class Policy(models.Model):
    """For the enrolled devices of its groups and platforms, or all of them.

    ``conditions`` is what devices.conditions reads; a device complies that meets them
    all. A sweep looks at every device: ``sweep_after`` is how far it has come.
    """

    SECRETS = ("webhook_secret", "command_keys")
    SECRETS_JOINED = ("policy__webhook_secret", "policy__command_keys")
    """Columns that are read, and so decrypted, only where they are needed."""

    name = models.CharField(max_length=100, unique=True)
    description = models.TextField(blank=True)
    is_enabled = models.BooleanField("in force", default=True)
    groups = models.ManyToManyField(
        DeviceGroup,
        blank=True,
        related_name="policies",
    )
    platforms = models.JSONField(default=list, blank=True)
    """Only devices of these platforms; [] for all of them."""
    conditions = models.JSONField(default=dict)

    grace_hours = models.PositiveIntegerField(
        "hours of grace",
        default=1,
        validators=[MaxValueValidator(24 * 90)],
        help_text="What is below happens once a device violates the policy for so "
        "long, so that one that restarts or updates does not alarm anybody.",
    )
    tag = models.ForeignKey(
        Tag,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="policies",
        help_text="Put on the device, and taken off when it complies. Use one for "
        "policies alone: what people put on by hand is taken off, too.",
    )
    emails = models.JSONField(default=list, blank=True)
    email_minutes = models.PositiveIntegerField(
        "minutes between e-mails",
        default=HOUR,
        validators=[MinValueValidator(1), MaxValueValidator(7 * 24 * HOUR)],
        help_text="One e-mail tells of all devices since the one before.",
    )
    emailed_at = models.DateTimeField(null=True, blank=True, editable=False)
    webhook_url = models.URLField("webhook", max_length=500, blank=True)
    webhook_secret = EncryptedBinaryField(null=True, editable=False)
    command_type = models.CharField("command", max_length=64, blank=True)
    command_keys = EncryptedBinaryField(null=True, editable=False)
    """A property list: they may be secret."""
    command_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
    )
    """Who chose the command: it is ordered in their name, and by their rights."""

    sweep_after = models.BigIntegerField(null=True, editable=False)
    """The pk of the device looked at last; None: no sweep is under way."""
    sweep_total = models.PositiveIntegerField(default=0, editable=False)
    sweep_done = models.PositiveIntegerField(default=0, editable=False)
    swept_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ("name", "pk")
        verbose_name_plural = "policies"
        indexes = (
            models.Index(
                fields=["sweep_after"],
                condition=Q(sweep_after__isnull=False),
                name="policy_to_sweep",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("admin:compliance_policy_change", args=[self.pk])

    @property
    def rules(self) -> Conditions:
        """What a device must meet; devices.conditions.Invalid if that cannot be read.

        It can be so after all: a group that a condition names was deleted.
        """
        return read(self.conditions)

    @property
    def keys(self) -> Mapping[str, Any]:
        """The keys of its command."""
        return plist.loads(bytes(self.command_keys)) if self.command_keys else {}

    @property
    def acts(self) -> bool:
        """Whether anything happens to a device that violates it."""
        return bool(self.tag_id or self.emails or self.webhook_url or self.command_type)
