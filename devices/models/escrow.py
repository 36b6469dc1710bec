"""EscrowCertificate: to whom a Mac encrypts its FileVault recovery key.

One for each device, kept for ever: a key that comes years later is still readable.
https://developer.apple.com/documentation/devicemanagement/fderecoverykeyescrow
"""

from django.db import models

from mdmportal.fields import EncryptedBinaryField

from .device import Device


class EscrowCertificate(models.Model):
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="escrow_certificates"
    )
    device_label = models.CharField(max_length=255)
    """Serial number or other name, for when the device's row is gone."""
    certificate = models.BinaryField()
    private_key = EncryptedBinaryField()
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"escrow certificate of {self.device_label}"
