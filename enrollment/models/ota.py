"""OTASession: an over-the-air enrollment, from the page to the profile.

https://developer.apple.com/library/archive/documentation/NetworkingInternet/Conceptual/iPhoneOTAConfiguration/
"""

from django.db import models

from devices.models import User

from .way import EnrollmentProfile


class OTASession(models.Model):
    """Ties the phases: who began, which device answered, what it was given."""

    digest = models.CharField(max_length=64, unique=True)
    """Of the challenge that the device sends back."""
    way = models.ForeignKey(
        EnrollmentProfile, models.CASCADE, related_name="ota_sessions"
    )
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    invitation = models.ForeignKey(
        "Invitation", models.SET_NULL, null=True, related_name="+"
    )
    udid = models.CharField("UDID", max_length=255, blank=True)
    serial_number = models.CharField(max_length=255, blank=True)
    product = models.CharField(max_length=255, blank=True)
    signer = models.CharField(max_length=64, blank=True)
    """SHA-256 of the factory certificate that signed the device's answer."""
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)
    identified_at = models.DateTimeField(null=True)
    """When the device answered: the challenge is used up."""
    configured_at = models.DateTimeField(null=True)
    """When it got the enrollment profile."""

    class Meta:
        ordering = ("-pk",)
        verbose_name = "over-the-air session"

    def __str__(self) -> str:
        return f"{self.way}, {self.serial_number or 'not answered yet'}"
