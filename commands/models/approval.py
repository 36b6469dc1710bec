"""ApprovalRule: which orders a second person must approve."""

from django.db import models


class ApprovalRule(models.Model):
    """Orders of this command, or all that destroy, to more devices than ``over``."""

    request_type = models.CharField("command", max_length=64, blank=True)
    """Blank: every command that locks, erases or removes."""
    over = models.PositiveIntegerField(
        "more devices than", default=0, help_text="0: also to a single device."
    )

    class Meta:
        ordering = ("request_type", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["request_type"], name="approval_once_per_command"
            ),
        )

    def __str__(self) -> str:
        what = self.request_type or "Everything destructive"
        return f"{what} to more than {self.over}"
