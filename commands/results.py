"""Results: raw answers, read into what we know of the device.

Reading is done by a task: the device's road only keeps the answer. What an answer lacks
does not erase what an earlier one said; what cannot be read stays raw, with the reason.
"""

import datetime as dt
import logging
from collections.abc import Callable, Mapping
from typing import Any

from cryptography import x509
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from devices.models import Enrollment, Secret
from devices.models.inventory import Inventory, to_json
from mdmportal.protocol import plist
from mdmportal.protocol.platforms import platform_of

from . import queue
from .models import Delivery, Result, State

logger = logging.getLogger(__name__)

BATCH = 200
MAX_TRIES = 3
"""An answer that ended the reading process so often is left raw."""

Answer = Mapping[str, Any]
Reader = Callable[[Enrollment, Answer, dt.datetime], None]

# Column of Device: key of the answer to DeviceInformation.
INFORMATION = {
    "serial_number": "SerialNumber",
    "name": "DeviceName",
    "product_name": "ProductName",
    "model": "Model",
    "model_name": "ModelName",
    "os_version": "OSVersion",
    "build_version": "BuildVersion",
    "imei": "IMEI",
    "meid": "MEID",
    "wifi_mac": "WiFiMAC",
    "bluetooth_mac": "BluetoothMAC",
    "capacity": "DeviceCapacity",
    "available_capacity": "AvailableDeviceCapacity",
    "battery_level": "BatteryLevel",
    "is_supervised": "IsSupervised",
}
ANONYMOUS = frozenset(("serial_number", "imei", "meid"))
"""Never written for a device whose user enrolled it as their own."""


def read_waiting() -> int:
    """Read answers that wait, oldest first; return how many were."""
    done = 0
    while ids := _unread():
        for pk in ids:
            _read(pk)
        done += len(ids)
    return done


def _unread() -> list[int]:
    waiting = Result.objects.filter(read_at__isnull=True, tries__lt=MAX_TRIES)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:BATCH])


def _read(pk: int) -> None:
    """Read one answer. That it is tried is written first: it may end the process.

    A database that is away is no fault of the answer: it is read another time.
    """
    waiting = Result.objects.filter(pk=pk, read_at__isnull=True)
    waiting.update(tries=F("tries") + 1, problem="Reading it was cut off.")
    try:
        with transaction.atomic():
            _read_locked(waiting)
    except (InterfaceError, OperationalError):
        waiting.update(tries=F("tries") - 1)
        raise
    except Exception as error:  # one answer must not hold up those behind it
        logger.exception("the answer %d cannot be read", pk)
        problem = f"{type(error).__name__}: {error}"[:255]
        waiting.update(read_at=timezone.now(), problem=problem)


def _read_locked(waiting: QuerySet[Result]) -> None:
    """Locked, so that another worker leaves it alone."""
    rows = waiting.select_related(
        "delivery__command", "delivery__channel__enrollment__device"
    )
    result = rows.select_for_update(of=("self",), skip_locked=True).first()
    if result:
        answer = plist.loads(bytes(result.body))
        _take(result.delivery, answer, result.received_at)
        waiting.update(read_at=timezone.now(), problem="")


def _take(delivery: Delivery, answer: Answer, received_at: dt.datetime) -> None:
    channel = delivery.channel
    reader = READERS.get(delivery.command.request_type)
    if reader and not channel.user_id and delivery.state == State.ACKNOWLEDGED:
        reader(channel.enrollment, answer, received_at)
        channel.enrollment.device.learn(inventory_at=received_at)


def _keep(
    enrollment: Enrollment, request_type: str, answer: Any, at: dt.datetime
) -> None:
    Inventory.objects.update_or_create(
        device=enrollment.device,
        request_type=request_type,
        defaults={"answer": to_json(answer), "received_at": at},
    )


def _information(enrollment: Enrollment, answer: Answer, at: dt.datetime) -> None:
    said = answer["QueryResponses"]
    facts = {
        column: said.get(name)
        for column, name in INFORMATION.items()
        if enrollment.mode != Enrollment.Mode.USER or column not in ANONYMOUS
    }
    platform = platform_of(str(said.get("ProductName", "")), str(said.get("Model", "")))
    enrollment.device.learn(platform=platform, **facts)
    _keep(enrollment, "DeviceInformation", said, at)


def _security(enrollment: Enrollment, answer: Answer, at: dt.datetime) -> None:
    said = answer["SecurityInfo"]
    enrollment.device.learn(
        passcode_present=said.get("PasscodePresent"),
        is_encrypted=_encrypted(said),
    )
    _keep(enrollment, "SecurityInfo", said, at)


def _encrypted(said: Answer) -> bool | None:
    """A Mac says so; elsewhere encryption is in force once there is a passcode."""
    if "FDE_Enabled" in said:
        return bool(said["FDE_Enabled"])
    if "HardwareEncryptionCaps" in said and "PasscodePresent" in said:
        return bool(said["HardwareEncryptionCaps"] and said["PasscodePresent"])
    return None


def _certificates(enrollment: Enrollment, answer: Answer, at: dt.datetime) -> None:
    _keep(
        enrollment,
        "CertificateList",
        [
            {
                "CommonName": one.get("CommonName", ""),
                "IsIdentity": one.get("IsIdentity"),
                "NotAfter": _not_after(one.get("Data", b"")),
            }
            for one in answer["CertificateList"]
        ],
        at,
    )


def _not_after(der: bytes) -> dt.datetime | None:
    try:
        return x509.load_der_x509_certificate(der).not_valid_after_utc
    except ValueError:
        return None


def _whole(request_type: str, key: str) -> Reader:
    def read(enrollment: Enrollment, answer: Answer, at: dt.datetime) -> None:
        _keep(enrollment, request_type, answer[key], at)

    return read


def _then_ask(request_type: str) -> Reader:
    """What was installed or removed changes a list: ask for it anew."""

    def read(enrollment: Enrollment, *_: object) -> None:
        channels = enrollment.channels.filter(user_id="")
        queue.enqueue(channels.values_list("pk", flat=True), request_type)

    return read


def _bypass_code(enrollment: Enrollment, answer: Answer, _: dt.datetime) -> None:
    code = str(answer.get("ActivationLockBypassCode", ""))
    if code:  # an absent one does not mean that the kept one is void
        Secret.keep(enrollment, Secret.Kind.BYPASS_CODE, code.encode())


def _configured(enrollment: Enrollment, *_: object) -> None:
    enrollment.awaiting_configuration = False
    enrollment.save(update_fields=["awaiting_configuration"])


def _erased(enrollment: Enrollment, *_: object) -> None:
    if enrollment.state != Enrollment.State.ENDED:
        enrollment.end(Enrollment.ERASED)


READERS: dict[str, Reader] = {
    "DeviceInformation": _information,
    "SecurityInfo": _security,
    "CertificateList": _certificates,
    "ActivationLockBypassCode": _bypass_code,
    "DeviceConfigured": _configured,
    "EraseDevice": _erased,
    "InstallProfile": _then_ask("ProfileList"),
    "RemoveProfile": _then_ask("ProfileList"),
    "InstallApplication": _then_ask("ManagedApplicationList"),
    "RemoveApplication": _then_ask("ManagedApplicationList"),
    **{
        request_type: _whole(request_type, key)
        for request_type, key in (
            ("ProfileList", "ProfileList"),
            ("InstalledApplicationList", "InstalledApplicationList"),
            ("ManagedApplicationList", "ManagedApplicationList"),
            ("ProvisioningProfileList", "ProvisioningProfileList"),
            ("UserList", "Users"),
            ("Restrictions", "GlobalRestrictions"),
            ("AvailableOSUpdates", "AvailableOSUpdates"),
        )
    },
}
