"""Lights-out management: one Mac, the controller, switches others on and off.

https://developer.apple.com/documentation/devicemanagement/lom-device-request-command
"""

from typing import TYPE_CHECKING

from .table import Answer, Request, Table

if TYPE_CHECKING:
    from ..channel import Channel

PROTOCOL_VERSION = 1


def setup(channel: "Channel", request: Request) -> Answer:
    """Tell by which addresses this Mac can be reached while it is off."""
    tail = channel.device.unit.ethernet_mac.replace(":", "")
    address = f"fe80::{tail[:4]}:{tail[4:8]}:{tail[8:]}"
    return {
        "PrimaryIPv6AddressList": [address],
        "SecondaryIPv6AddressList": [],
        "LOMProtocolVersion": PROTOCOL_VERSION,
    }


def device_request(channel: "Channel", request: Request) -> Answer:
    """Pass each on; a Mac that cannot be reached at any address does not hear it."""
    return {"ResponseList": [_pass_on(channel, one) for one in request["RequestList"]]}


def _pass_on(channel: "Channel", wanted: Request) -> Answer:
    done = bool(wanted["PrimaryIPv6AddressList"] or wanted["SecondaryIPv6AddressList"])
    outcome: Answer = {
        "DeviceRequestUUID": wanted["DeviceRequestUUID"],
        "DeviceRequestSuccess": done,
    }
    if done:
        channel.device.state.lights_out.append(dict(wanted))
        return outcome
    name = wanted["DeviceDNSName"]
    return {**outcome, "DeviceRequestReturnError": f"{name} has no address."}


ANSWERS: Table = {"LOMDeviceRequest": device_request, "LOMSetupRequest": setup}
