"""Received: what answers tell of secrets, also those that come late."""

from collections.abc import Mapping

from devices.models import Secret

from ..results.said import Reader, Said
from . import filevault, pending


def take(said: Said) -> None:
    """Take over what an answer tells: that an order was done, a key, a token."""
    if said.user_id:
        return
    pending.answered(said.delivery, said.answer, said.at)
    reader = READERS.get(said.request_type)
    # An answer is worth reading also when nobody waits for it any more.
    if reader and said.was_done:
        reader(said)
    elif said.request_type == "RotateFileVaultKey":
        _not_rotated(said)


def _security_info(said: Said) -> None:
    info = said.answer.get("SecurityInfo")
    if isinstance(info, Mapping):
        filevault.take_security_info(said.enrollment, info, said.at)


def _rotation(said: Said) -> None:
    filevault.take_rotation(said.enrollment, said.answer, said.at)


def _not_rotated(said: Said) -> None:
    """Say beside the key that it stays, and why."""
    key = Secret.current_of_device(said.device.pk, Secret.Kind.FILEVAULT_KEY)
    if key:
        why = said.delivery.error or "no reason given"
        key.rotation = f"the Mac refused: {why}"[:255]
        key.save(update_fields=["rotation"])


def _bypass_code_cleared(said: Said) -> None:
    """The device forgot it, so it opens nothing any more. It is kept all the same."""
    code = Secret.current(said.enrollment.pk, Secret.Kind.BYPASS_CODE)
    pending.no_longer(code, said.at)


def _verified(said: Said) -> None:
    pending.verified(said.delivery, said.answer, said.at)


def _erased(said: Said) -> None:
    """With what was on the disk goes what opens it."""
    for kind in (Secret.Kind.FILEVAULT_KEY, Secret.Kind.ADMIN_PASSWORD):
        current = Secret.current_of_device(said.device.pk, kind)
        pending.no_longer(current, said.at)


def _unlock_token(said: Said) -> None:
    token = said.answer.get("UnlockToken")
    if isinstance(token, bytes) and token:
        Secret.keep(said.enrollment, Secret.Kind.UNLOCK_TOKEN, token)


READERS: Mapping[str, Reader] = {
    "ClearActivationLockBypassCode": _bypass_code_cleared,
    "EraseDevice": _erased,
    "RequestUnlockToken": _unlock_token,
    "RotateFileVaultKey": _rotation,
    "SecurityInfo": _security_info,
    "VerifyFirmwarePassword": _verified,
    "VerifyRecoveryLock": _verified,
}
