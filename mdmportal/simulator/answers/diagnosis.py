"""Diagnosis: logs that a device collects for Apple, from system 27 on."""

from typing import TYPE_CHECKING

from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel


def trigger(channel: "Channel", request: Request) -> Answer:
    channel.device.state.enhanced_logging = True
    return {}


def cancel(channel: "Channel", request: Request) -> Answer:
    """Nothing happens where none is under way."""
    channel.device.state.enhanced_logging = False
    return {}


ANSWERS: Table = {
    "CancelEnhancedLogCollection": cancel,
    "TriggerEnhancedLogCollection": trigger,
}
