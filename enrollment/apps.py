"""Enrollment: the ways in."""

from django.apps import AppConfig


class EnrollmentConfig(AppConfig):
    name = "enrollment"

    def ready(self) -> None:
        from commands import returning

        from . import receivers  # noqa: F401
        from .returning import made_for

        returning.made_by(made_for)
