"""Action: something that is to happen because of a policy. The row is the truth."""

from django.db import models
from django.db.models import Q

from devices.models import Device

from .policy import Policy


class Action(models.Model):
    """Waits until it is done, taken back, or has failed for good."""

    class Kind(models.TextChoices):
        TAG = "tag", "tag put on"
        UNTAG = "untag", "tag taken off"
        EMAIL = "email", "e-mail"
        WEBHOOK = "webhook", "webhook"
        COMMAND = "command", "command"

    class State(models.TextChoices):
        WAITING = "waiting", "waits"
        DONE = "done", "done"
        FAILED = "failed", "failed"
        DROPPED = "dropped", "not needed"

    policy = models.ForeignKey(
        Policy, models.CASCADE, related_name="actions", db_index=False
    )
    device = models.ForeignKey(Device, models.CASCADE, related_name="policy_actions")
    kind = models.CharField(max_length=8, choices=Kind)
    about = models.CharField(max_length=8)
    """The verdict it tells of: violates or complies."""
    reasons = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField()
    """When it is tried next; pushed on before each try, so that one that is cut off is
    taken up again."""
    problem = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "policy's action"
        ordering = ("-pk",)
        indexes = (
            models.Index(
                fields=["next_at", "id"],
                condition=Q(state="waiting"),
                name="action_waiting",
            ),
            models.Index(fields=["policy", "state", "-id"]),
            models.Index(fields=["policy", "device", "kind"]),
            models.Index(fields=["created_at"]),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} for {self.device}"
