"""The project as a Django app: its commands, checks and the admin site's look."""

from typing import Any

from django.apps import AppConfig
from django.core.management import call_command
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    name = "mdmportal"
    verbose_name = "MDM Portal"

    def ready(self) -> None:
        from . import checks  # noqa: F401

        post_migrate.connect(_make_cache_table, sender=self)


def _make_cache_table(using: str, **_: Any) -> None:
    """A cache in the database has a table that no migration makes."""
    call_command("createcachetable", database=using, verbosity=0)
