"""Kept secrets: what answers say of them, the sure, the unsure and the refused."""

from typing import Any

import pytest

from commands import queue, results
from commands.escrow import pending
from commands.models import Delivery, State
from devices.models import Channel, Device, Secret
from mdmportal.protocol import plist

from .answering import enrolled, said, say

pytestmark = pytest.mark.django_db


@pytest.fixture
def mac() -> Channel:
    return enrolled(platform="macOS", os_version="15.1", is_supervised=True)


def kept(channel: Channel, kind: str, value: bytes = b"secret") -> Secret:
    Secret.keep(channel.enrollment, kind, value)
    return Secret.objects.get(kind=kind)


def ordered(channel: Channel, request_type: str, **keys: Any) -> Delivery:
    command = queue.enqueue([channel.pk], request_type, keys)
    return command.deliveries.get()


def settle(delivery: Delivery, state: str, **columns: Any) -> Secret:
    Delivery.objects.filter(pk=delivery.pk).update(state=state, **columns)
    pending.settle()
    return Secret.objects.get(delivery_uuid=delivery.uuid)


def test_what_was_refused_when_it_was_sent_again_may_be_in_force(mac: Channel) -> None:
    delivery = ordered(mac, "SetRecoveryLock", NewPassword="new")
    secret = settle(delivery, State.FAILED, attempts=2)
    assert secret.outcome == Secret.Outcome.UNSURE
    assert secret.may_be_in_force


@pytest.mark.parametrize(("attempts", "postponements"), [(1, 0), (3, 2)])
def test_what_was_refused_at_once_is_refused(
    mac: Channel, attempts: int, postponements: int
) -> None:
    delivery = ordered(mac, "SetRecoveryLock", NewPassword="new")
    columns = {"attempts": attempts, "postponements": postponements}
    secret = settle(delivery, State.FAILED, **columns)
    assert secret.outcome == Secret.Outcome.REFUSED


def test_a_rotation_that_failed_is_said_beside_the_key(mac: Channel) -> None:
    key = kept(mac, Secret.Kind.FILEVAULT_KEY)
    result = said(mac, "RotateFileVaultKey", {}, state=State.FAILED)
    body = {"Status": "Error", "CommandUUID": result.delivery.uuid}
    result.body = plist.dumps(body)
    result.save()
    chain = [{"LocalizedDescription": "The password is incorrect"}]
    Delivery.objects.filter(pk=result.delivery_id).update(error_chain=chain)
    results.read_waiting()
    key.refresh_from_db()
    assert key.rotation == "the Mac refused: The password is incorrect"
    assert key.is_in_force
    assert key.invalid_at is None


def test_a_bypass_code_that_was_cleared_opens_nothing_any_more() -> None:
    phone = enrolled(is_supervised=True)
    code = kept(phone, Secret.Kind.BYPASS_CODE)
    say(phone, "ClearActivationLockBypassCode", {})
    code.refresh_from_db()
    assert code.invalid_at is not None
    assert bytes(code.value) == b"secret"


def test_an_unlock_token_that_was_asked_for_is_kept() -> None:
    phone = enrolled(is_supervised=True)
    say(phone, "RequestUnlockToken", {"UnlockToken": b"token"})
    assert bytes(kept_now(phone, Secret.Kind.UNLOCK_TOKEN)) == b"token"


def kept_now(channel: Channel, kind: str) -> bytes:
    found = Secret.current(channel.enrollment_id, kind)
    assert found
    return bytes(found.value)


def test_a_cleared_passcode_is_none_until_security_says_otherwise() -> None:
    phone = enrolled(is_supervised=True, passcode_present=True)
    device = Device.objects.filter(pk=phone.enrollment.device_id)
    say(phone, "ClearPasscode", {})
    assert device.get().passcode_present is False
    say(phone, "SecurityInfo", {"SecurityInfo": {"PasscodePresent": True}})
    assert device.get().passcode_present is True


def test_a_mac_tells_what_decides_how_it_is_locked_and_a_phone_its_zone() -> None:
    mac, phone = enrolled(0, platform="macOS"), enrolled(1)
    facts = {
        "IsAppleSilicon": True,
        "PINRequiredForDeviceLock": False,
        "PINRequiredForEraseDevice": True,
    }
    say(mac, "DeviceInformation", {"QueryResponses": facts})
    told = Device.objects.get(pk=mac.enrollment.device_id)
    assert told.is_apple_silicon is True
    assert told.needs_pin_to_lock is False
    assert told.needs_pin_to_erase is True
    zones = ("Europe/Berlin", "Mars/Olympus", "../etc/passwd", ["UTC"], "")
    for zone in zones:
        say(phone, "DeviceInformation", {"QueryResponses": {"TimeZone": zone}})
        where = Device.objects.get(pk=phone.enrollment.device_id).time_zone
        assert where == "Europe/Berlin"


def test_setup_assistant_goes_on_once() -> None:
    phone = enrolled()
    stay = phone.enrollment
    stay.awaiting_configuration = True
    stay.save()
    say(phone, "DeviceConfigured", {})
    stay.refresh_from_db()
    assert stay.awaiting_configuration is False


def test_a_stay_that_is_erased_late_ends() -> None:
    phone = enrolled()
    said(phone, "EraseDevice", {}, state=State.CANCELLED)
    results.read_waiting()
    phone.enrollment.refresh_from_db()
    assert phone.enrollment.end_reason == "erased"
