"""Commands: what devices are told to do."""

from django.apps import AppConfig


class CommandsConfig(AppConfig):
    name = "commands"

    def ready(self) -> None:
        from . import receivers  # noqa: F401
