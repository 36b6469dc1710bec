"""Devices: who is managed."""

from django.apps import AppConfig


class DevicesConfig(AppConfig):
    name = "devices"
