"""Software: applications, and which device has which; profiles and certificates on it.

What a hundred thousand devices say alike of an application is kept once.
"""

from django.db import models

from .device import Device


class Application(models.Model):
    """One version of an application, as every device that has it describes it."""

    digest = models.CharField(max_length=64, unique=True, editable=False)
    """Of ``facts``, by which the row is found."""
    identifier = models.CharField(max_length=255, blank=True, db_index=True)
    name = models.CharField(max_length=255, blank=True, db_index=True)
    version = models.CharField(max_length=255, blank=True)
    short_version = models.CharField(max_length=255, blank=True)
    bundle_size = models.BigIntegerField(null=True, blank=True)
    facts = models.JSONField(default=dict)
    """All that is the application's own, in Apple's keys."""

    class Meta:
        ordering = ("name", "identifier", "pk")

    def __str__(self) -> str:
        return f"{self.name or self.identifier} {self.short_version or self.version}"


class InstalledApplication(models.Model):
    """That a device, or a user of it, has an application."""

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="applications", db_index=False
    )
    user_id = models.CharField(max_length=255, blank=True)
    application = models.ForeignKey(
        Application, models.PROTECT, related_name="installed", db_index=False
    )
    own = models.JSONField(null=True, blank=True)
    """What differs from device to device, such as DynamicSize, in Apple's keys."""

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["device", "user_id", "application"],
                name="installed_application_once",
            ),
        )
        indexes = (
            models.Index(fields=["application", "device"], name="installed_where"),
        )

    def __str__(self) -> str:
        return f"{self.application} on {self.device}"


class InstalledProfile(models.Model):
    """A configuration profile on a device, for searching; whole in the Inventory."""

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="profiles", db_index=False
    )
    user_id = models.CharField(max_length=255, blank=True)
    identifier = models.CharField(max_length=255)
    uuid = models.CharField("UUID", max_length=64)
    name = models.CharField(max_length=255, blank=True)
    is_managed = models.BooleanField("managed", null=True)
    """None: not said, as supervised devices do not."""

    class Meta:
        ordering = ("name", "pk")
        indexes = (
            models.Index(fields=["device", "user_id"], name="profile_of_device"),
            models.Index(fields=["identifier", "device"], name="profile_where"),
        )

    def __str__(self) -> str:
        return self.name or self.identifier


class InstalledCertificate(models.Model):
    """A certificate on a device, for searching; ``not_after`` unknown if unreadable."""

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="certificates", db_index=False
    )
    user_id = models.CharField(max_length=255, blank=True)
    common_name = models.CharField(max_length=255, blank=True)
    fingerprint = models.CharField("SHA-256", max_length=64, blank=True)
    issuer = models.CharField(max_length=255, blank=True)
    is_identity = models.BooleanField("identity", null=True)
    not_after = models.DateTimeField("expires", null=True)

    class Meta:
        ordering = ("common_name", "pk")
        indexes = (
            models.Index(fields=["device", "user_id"], name="certificate_of_device"),
            models.Index(fields=["not_after", "device"], name="certificate_expiry"),
            models.Index(fields=["fingerprint", "device"], name="certificate_where"),
        )

    def __str__(self) -> str:
        return self.common_name or self.fingerprint
