"""Standing: how a device stands with a policy, and why."""

from django.db import models
from django.db.models import Q

from devices.models import Device

from .policy import Policy


class State(models.TextChoices):
    COMPLIES = "complies", "complies"
    VIOLATES = "violates", "violates"
    UNKNOWN = "unknown", "not known"


class Standing(models.Model):
    """There is one for each enrolled device that the policy is for."""

    device = models.ForeignKey(
        Device, models.CASCADE, related_name="standings", db_index=False
    )
    policy = models.ForeignKey(
        Policy, models.CASCADE, related_name="standings", db_index=False
    )
    state = models.CharField(max_length=8, choices=State)
    reasons = models.JSONField(default=list, blank=True)
    """What is not as asked, or not known, each in words."""
    since = models.DateTimeField()
    """When the state became what it is."""
    checked_at = models.DateTimeField()
    """When state or reasons were last written; a check that finds the same does not."""
    acted_at = models.DateTimeField(null=True, blank=True, editable=False)
    """When the policy's actions began; None once they have been taken back."""

    class Meta:
        verbose_name = "verdict"
        ordering = ("-since", "-pk")
        constraints = (
            models.UniqueConstraint(
                fields=["device", "policy"], name="standing_once_per_policy"
            ),
        )
        indexes = (
            models.Index(fields=["policy", "state", "-since", "-id"]),
            models.Index(fields=["state", "-since", "-id"]),
            models.Index(fields=["-since", "-id"]),
            models.Index(
                fields=["policy", "since"],
                condition=Q(state="violates", acted_at__isnull=True),
                name="standing_to_act_on",
            ),
            models.Index(
                fields=["policy"],
                condition=Q(state="complies", acted_at__isnull=False),
                name="standing_to_take_back",
            ),
        )

    def __str__(self) -> str:
        return f"{self.device} {self.get_state_display()}: {self.policy}"

    @property
    def words(self) -> str:
        """The reasons as one line."""
        return "; ".join(str(reason) for reason in self.reasons)
