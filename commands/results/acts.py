"""Acts: answers to commands that did something, and what that changes at once.

What is to be asked next because of it is in followups.py.
"""

from collections.abc import Mapping

from devices.models import Enrollment, Secret

from . import location, lost_mode
from .said import Reader, Said


def bypass_code(said: Said) -> None:
    code = str(said.answer.get("ActivationLockBypassCode", ""))
    if code and said.is_of_device:  # an absent one does not void the kept one
        Secret.keep(said.enrollment, Secret.Kind.BYPASS_CODE, code.encode())


def configured(said: Said) -> None:
    if said.is_of_device:
        said.enrollment.awaiting_configuration = False
        said.enrollment.save(update_fields=["awaiting_configuration"])


def erased(said: Said) -> None:
    if said.is_of_device and said.enrollment.state != Enrollment.State.ENDED:
        said.enrollment.end(Enrollment.ERASED)


def passcode_cleared(said: Said) -> None:
    """Its user can set another; SecurityInfo, asked next, has the last word."""
    if said.is_of_device:
        said.device.learn(passcode_present=False)


READERS: Mapping[str, Reader] = {
    "ActivationLockBypassCode": bypass_code,
    "ClearPasscode": passcode_cleared,
    "DeviceConfigured": configured,
    "DeviceLocation": location.read,
    "DisableLostMode": lost_mode.turned(on=False),
    "EnableLostMode": lost_mode.turned(on=True),
    "EraseDevice": erased,
}
"""All of them are read also if they come too late: they were done all the same."""
