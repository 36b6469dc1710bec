"""The application: its tokens, and how its authentication is described."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"
    verbose_name = "API"

    def ready(self) -> None:
        from . import describing  # noqa: F401  # drf-spectacular finds it by import
