"""DailyCount: how many devices stood how, day by day."""

from django.db import models

from .policy import Policy


class DailyCount(models.Model):
    """The last count of its day."""

    policy = models.ForeignKey(
        Policy, models.CASCADE, related_name="daily_counts", db_index=False
    )
    day = models.DateField()
    complies = models.PositiveIntegerField(default=0)
    violates = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("day", "pk")
        constraints = (
            models.UniqueConstraint(fields=["policy", "day"], name="count_once_a_day"),
        )

    def __str__(self) -> str:
        return f"{self.policy} on {self.day}"

    @property
    def total(self) -> int:
        return self.complies + self.violates + self.unknown
