"""Enrollment: the ways in."""

from django.apps import AppConfig


class EnrollmentConfig(AppConfig):
    name = "enrollment"
