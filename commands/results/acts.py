"""Acts: answers to commands that did something, and what follows from that."""

from collections.abc import Mapping

from devices.models import Enrollment, Secret

from .. import availability, queue
from .said import Reader, Said


def then_ask(request_type: str) -> Reader:
    """What was installed or removed changes a list: ask for it anew."""

    def read(said: Said) -> None:
        if not availability.refusal(said.channel, request_type):
            queue.enqueue([said.channel.pk], request_type)

    return read


THEN_ASK: Mapping[str, str] = {
    "InstallProfile": "ProfileList",
    "RemoveProfile": "ProfileList",
    "InstallProvisioningProfile": "ProvisioningProfileList",
    "RemoveProvisioningProfile": "ProvisioningProfileList",
    "InstallApplication": "ManagedApplicationList",
    "RemoveApplication": "ManagedApplicationList",
    "DeleteUser": "UserList",
    "ScheduleOSUpdate": "OSUpdateStatus",
}
"""RequestType -> the list that it changed."""


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


def lost_mode(*, is_on: bool) -> Reader:
    def read(said: Said) -> None:
        said.device.learn(in_lost_mode=is_on)

    return read


READERS: Mapping[str, Reader] = {
    "ActivationLockBypassCode": bypass_code,
    "DeviceConfigured": configured,
    "EraseDevice": erased,
    "EnableLostMode": lost_mode(is_on=True),
    "DisableLostMode": lost_mode(is_on=False),
    **{name: then_ask(request_type) for name, request_type in THEN_ASK.items()},
}
