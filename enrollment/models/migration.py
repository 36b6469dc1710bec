"""MigrationSource: another MDM server, from which a fleet moves here; Move: a stay."""

from django.db import models

from devices.models import Enrollment

from .way import EnrollmentProfile


class MigrationSource(models.Model):
    """Who may replay Check-in messages, and whose identities are believed."""

    name = models.CharField(max_length=100, unique=True)
    way = models.ForeignKey(
        EnrollmentProfile,
        models.PROTECT,
        related_name="migrations",
        help_text="What moves here counts as enrolled by this way in.",
    )
    digest = models.CharField(max_length=64, unique=True, editable=False)
    """Of the key that the migration tool signs in with."""
    authorities = models.TextField(
        "certificate authorities",
        help_text="PEM: what issued the devices' identities at the other server.",
    )
    profile = models.BinaryField(blank=True, default=b"", editable=False)
    """The other server's enrollment profile: what renewal has to keep."""
    is_enabled = models.BooleanField(
        "open", default=True, help_text="Close it when the move is done."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")

    def __str__(self) -> str:
        return self.name


class Move(models.Model):
    """One stay that came here without its device's doing anything.

    Its identity is unknown until the device speaks here for the first time.
    """

    source = models.ForeignKey(MigrationSource, models.PROTECT, related_name="moves")
    enrollment = models.OneToOneField(Enrollment, models.CASCADE, related_name="move")
    moved_at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True)
    """When the device first came with its identity, which is bound since."""

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.enrollment} from {self.source}"
