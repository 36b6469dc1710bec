"""APNs: how devices are woken."""

from django.apps import AppConfig


class ApnsConfig(AppConfig):
    name = "apns"
    verbose_name = "push"
