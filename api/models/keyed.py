"""KeyedOrder: an order that was asked for under a key, so that it is made once."""

import datetime as dt

from django.db import models
from django.utils import timezone

from commands.models import Order

from .token import ApiToken

KEPT_FOR = dt.timedelta(days=2)
"""How long a key is known. A program that repeats itself does so within minutes."""


class KeyedOrder(models.Model):
    """The Idempotency-Key of a request, what was asked, and the order that came of it.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
    """

    token = models.ForeignKey(ApiToken, models.CASCADE, related_name="keyed_orders")
    key = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    """SHA-256 of the body: under the same key nothing else can be asked for."""
    order = models.ForeignKey(Order, models.CASCADE, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["token", "key"], name="keyed_order_once_per_token"
            ),
        )

    def __str__(self) -> str:
        return f"{self.order_id} by key"

    @classmethod
    def forget(cls) -> int:
        """Delete what nobody repeats any more; return how many."""
        past = timezone.now() - KEPT_FOR
        return cls.objects.filter(created_at__lt=past).delete()[0]
