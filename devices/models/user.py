"""User: a person, be it staff who sign in or an owner of devices."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    managed_apple_account = models.CharField(
        "Managed Apple Account",
        max_length=255,
        blank=True,
        help_text="Apart from the e-mail address, which may differ.",
    )

    list_columns = models.JSONField(default=dict, blank=True, editable=False)
    """The columns this person wants to see, by list."""

    class Meta(AbstractUser.Meta):
        verbose_name = "user"
        verbose_name_plural = "users"

    def __str__(self) -> str:
        return self.get_full_name() or self.username
