"""Security: answers to SecurityInfo, and the columns of Device they fill.

https://developer.apple.com/documentation/devicemanagement/securityinforesponse
"""

from collections.abc import Mapping
from typing import Any

from . import facts
from .said import Said

Answer = Mapping[str, Any]


def read(said: Said) -> None:
    answer = said.answer["SecurityInfo"]
    if not isinstance(answer, Mapping):
        raise TypeError("SecurityInfo is not a dictionary")
    if facts.keep(said, answer) and said.is_of_device:
        said.device.learn(
            passcode_present=answer.get("PasscodePresent"),
            passcode_compliant=answer.get("PasscodeCompliant"),
            is_encrypted=_is_encrypted(answer),
            firewall_enabled=_firewall(answer.get("FirewallSettings")),
        )


def _is_encrypted(answer: Answer) -> bool | None:
    """A Mac says so; elsewhere encryption is in force once there is a passcode."""
    if "FDE_Enabled" in answer:
        return bool(answer["FDE_Enabled"])
    if "HardwareEncryptionCaps" in answer and "PasscodePresent" in answer:
        return bool(answer["HardwareEncryptionCaps"] and answer["PasscodePresent"])
    return None


def _firewall(settings: Any) -> Any:
    return settings.get("FirewallEnabled") if isinstance(settings, Mapping) else None
