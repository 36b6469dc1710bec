"""Sending: how a message of an enrolled device reaches the server, and what a refusal
makes the device do.

https://developer.apple.com/documentation/devicemanagement/implementing-device-management
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from . import account_driven
from .challenge import Challenge
from .enrollment import Enrollment
from .errors import Removed, ServerRefused, SignInRequired
from .signature import HEADER, sign
from .transport import Response

if TYPE_CHECKING:
    from .device import SimulatedDevice

HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
    "User-Agent": "MDM/1.0",
}


def put(
    device: "SimulatedDevice",
    stay: Enrollment,
    url: str,
    media_type: str,
    body: bytes,
    *,
    leaves: bool = False,
) -> Response:
    """Send one message of the enrollment ``stay``; any answer but 2xx is raised.

    A token that is no longer good is refreshed, if that takes nobody, and the same
    message sent once more; but not where the device ``leaves``.
    """
    headers = HEADERS | {"Content-Type": media_type}
    if stay.signs:
        headers[HEADER] = sign(body, stay.identity, device.style)
    bearer, response = _send(device, url, headers, body)
    challenge = None if leaves else stay.challenge_in(response)
    if challenge and _is_let_in_again(device, challenge, bearer):
        _, response = _send(device, url, headers, body)
        challenge = stay.challenge_in(response)
    if challenge:
        raise _sign_in_required(device, url, response, challenge)
    if not response.ok:
        raise _refusal(device, url, stay, response)
    return response


def _send(
    device: "SimulatedDevice", url: str, headers: Mapping[str, str], body: bytes
) -> tuple[str, Response]:
    """Return the token that the message was sent with, and the response."""
    bearer = device.bearer
    token = {"Authorization": f"Bearer {bearer}"} if bearer else {}
    return bearer, device.transport.send("PUT", url, {**headers, **token}, body)


def _is_let_in_again(
    device: "SimulatedDevice", challenge: Challenge, bearer: str
) -> bool:
    """Whether there is, or silently comes, another token than ``bearer``."""
    with device.refreshing:  # once for all channels
        if device.bearer != bearer:
            return True
        return account_driven.refreshes(device, challenge)


def _sign_in_required(
    device: "SimulatedDevice", url: str, response: Response, challenge: Challenge
) -> SignInRequired:
    if device.account:
        device.account.asked = challenge.header
    return SignInRequired(url, response.status, response.body, challenge)


def _refusal(
    device: "SimulatedDevice", url: str, stay: Enrollment, response: Response
) -> ServerRefused:
    if stay is device.enrollment and stay.ended_by(response):
        device.forget()
        return Removed(url, response.status, response.body)
    return ServerRefused(url, response.status, response.body)
