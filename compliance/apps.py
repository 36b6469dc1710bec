"""Compliance: policies, verdicts, and what follows from them."""

from django.apps import AppConfig


class ComplianceConfig(AppConfig):
    name = "compliance"
    verbose_name = "Compliance"

    def ready(self) -> None:
        from commands.device_page import add_tab
        from commands.live import add_kind
        from devices.conditions import register

        from . import device_tab, live, receivers  # noqa: F401
        from .condition import field

        register(field())
        add_tab("compliance", "Compliance", device_tab.gather)
        add_kind("policy", live.draw)
