"""The project as a Django app: its commands, its checks, the table of its cache."""

from pathlib import Path
from typing import Any

from django.apps import AppConfig, apps
from django.conf import settings
from django.core.management import call_command
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class PortalConfig(AppConfig):
    name = "mdmportal"
    verbose_name = "MDM Portal"

    def ready(self) -> None:
        from . import catalogue, checks  # noqa: F401

        catalogue.keep_in(Path(settings.CATALOGUE_DIR))
        # Not ours: the signal is sent only for apps that have models.
        sender = apps.get_app_config("devices")
        post_migrate.connect(_make_cache_table, sender=sender)
        connection_created.connect(_plan_without_compiling)
        _make_roles_at_last()


def _plan_without_compiling(connection: Any, **_: Any) -> None:
    """Keep PostgreSQL from compiling statements: sorting 100,000 devices, it compiled
    for two seconds what then ran for less than one."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET jit = off")


def _make_cache_table(using: str, **_: Any) -> None:
    """A cache in the database has a table that no migration makes."""
    call_command("createcachetable", database=using, verbosity=0)


def _make_roles_at_last() -> None:
    """Have roles made once the permissions of all apps are there."""
    from . import roles

    last = [each for each in apps.get_app_configs() if each.models_module][-1]
    post_migrate.connect(roles.make_first, sender=last)
