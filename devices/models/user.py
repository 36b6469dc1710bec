"""User: a person, be it staff who sign in or an owner of devices."""

from typing import Any

from django.contrib.auth.models import AbstractUser
from django.db import models

from ..signals import password_known
from .enrollment import Channel
from .login import NetworkLogin


class User(AbstractUser):
    """Whenever the password is heard, ``password_known`` is sent: see NetworkLogin."""

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

    def check_password(self, raw_password: str | None) -> bool:
        """Return whether this is the password; if so, it may be of use elsewhere."""
        right: bool = super().check_password(raw_password or "")
        if right and raw_password and self.pk:
            password_known.send(User, user=self, password=raw_password)
        return right

    def save(self, *args: Any, **options: Any) -> None:
        """Save, and drop what another password was recognised by.

        Who is switched off is let in at no Mac by a token of before.
        """
        password = getattr(self, "_password", None)  # set_password leaves it here
        is_new = self._state.adding
        super().save(*args, **options)
        columns = options.get("update_fields")
        if not self.is_active and (columns is None or "is_active" in columns):
            proven = Channel.objects.filter(person=self).exclude(auth_token_digest="")
            proven.update(auth_token_digest=Channel.DECLINED)
        if columns is not None and "password" not in columns:
            return
        is_another = password is not None or not self.has_usable_password()
        if is_another and not is_new:
            NetworkLogin.objects.filter(user=self).delete()
        if password:
            password_known.send(User, user=self, password=password)
