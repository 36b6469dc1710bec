"""Journeys of devices, from the enrollment profile to the answer, over sockets."""

import pytest

from mdmportal.simulator.errors import ServerRefused

from ..portal import Portal
from ..servers import wait_for
from .conftest import Enroll


def test_enroll_command_push_answer(enroll: Enroll) -> None:
    phone = enroll()
    assert phone.row()["state"] == "active"
    lock = phone.order("DeviceLock", "--keys", '{"Message": "Found me?"}')
    phone.is_pushed()
    (executed,) = phone.device.session()
    assert (executed.request_type, executed.command_uuid) == ("DeviceLock", lock)
    assert phone.state(lock) == "acknowledged"


def test_deliveries_are_listed_by_what_people_call_a_device(
    enroll: Enroll, portal: Portal
) -> None:
    phone = enroll()
    by_id = portal.manage("deliveries", "--device", str(phone.row()["id"]))
    assert portal.manage("deliveries", "--device", phone.serial) == by_id != []
    with pytest.raises(RuntimeError, match="no device is called"):
        portal.manage("deliveries", "--device", "nonsense")


def test_the_inventory_is_read_from_the_answers(enroll: Enroll) -> None:
    phone = enroll()
    name = phone.device.state.name
    wait_for(lambda: phone.row()["name"] == name, "the answer to be read")


def test_notnow_and_then_an_answer(enroll: Enroll) -> None:
    phone = enroll()
    lock = phone.order("DeviceLock")
    phone.is_pushed()
    phone.device.will("DeviceLock", "NotNow")
    assert [one.status for one in phone.device.session()] == ["NotNow"]
    assert phone.state(lock) == "postponed"
    assert [one.command_uuid for one in phone.device.session()] == [lock]
    assert phone.state(lock) == "acknowledged"


def test_a_device_that_vanished_gets_the_same_command_again(enroll: Enroll) -> None:
    phone = enroll()
    lock = phone.order("DeviceLock")
    phone.device.will("DeviceLock", "vanish")
    phone.device.session()
    assert phone.state(lock) == "sent"
    phone.device.will("DeviceLock", "repeat")
    assert [one.command_uuid for one in phone.device.session()] == [lock]
    assert phone.state(lock) == "acknowledged"


def test_re_enroll_after_wipe(enroll: Enroll) -> None:
    phone = enroll()
    waiting = phone.order("DeviceLock")
    phone.device.wipe()
    phone.install()
    phone.settle()
    assert phone.row()["state"] == "active"
    assert phone.state(waiting) == "cancelled"
    lock = phone.order("DeviceLock")
    phone.is_pushed()
    assert [one.command_uuid for one in phone.device.session()] == [lock]


def test_an_erased_device_has_left(enroll: Enroll) -> None:
    phone = enroll()
    erase = phone.order("EraseDevice")
    phone.is_pushed()
    phone.device.session()
    assert not phone.device.enrolled
    assert phone.state(erase) == "acknowledged"
    wait_for(lambda: phone.row()["state"] == "ended", "the erasure to be read")


def test_renewed_push_token(enroll: Enroll) -> None:
    phone = enroll()
    phone.device.renew_token()
    lock = phone.order("DeviceLock")
    phone.is_pushed()
    phone.device.session()
    assert phone.state(lock) == "acknowledged"


def test_check_out(enroll: Enroll) -> None:
    phone = enroll()
    waiting = phone.order("DeviceLock")
    stay = phone.device.stay
    phone.device.check_out()
    assert phone.row()["state"] == "ended"
    assert phone.state(waiting) == "cancelled"
    with pytest.raises(ServerRefused) as refused:
        phone.device.check_in("GetBootstrapToken", stay)
    assert refused.value.status == 400, "never 401, which would unenroll"
