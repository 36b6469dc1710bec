"""Return to service: an erased device gets what brings it back by itself."""

from typing import Any

import pytest

from commands import orders
from commands.models import Command
from devices.models import Device, Enrollment, Secret
from enrollment.models import Challenge, EnrollmentProfile
from mdmportal.protocol import cms
from mdmportal.simulator.device import SimulatedDevice

from .conftest import channel, row

pytestmark = pytest.mark.django_db

WANTED: dict[str, Any] = {"ReturnToService": {"Enabled": True}}


def order(device: SimulatedDevice, keys: dict[str, Any] = WANTED) -> orders.Placed:
    return orders.place([channel(device)], "EraseDevice", keys)


def wanted(placed: orders.Placed) -> dict[str, Any]:
    assert placed.refused == []
    keys = Command.objects.get(pk=placed.commands[0].pk).keys
    return dict(keys["ReturnToService"])


def test_the_profile_of_its_way_in_is_filled_in(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    own = wanted(order(iphone))
    assert own["Enabled"] is True
    profile = cms.parse(own["MDMProfileData"]).content
    challenge = Challenge.objects.latest("pk")
    assert challenge.way == way
    assert challenge.subject.encode() in profile


def test_the_erased_device_comes_back_by_it(iphone: SimulatedDevice) -> None:
    assert order(iphone).queued == 1
    Device.objects.update(in_lost_mode=True)
    iphone.session()  # it erases itself, and installs what came with the order
    stays = row(iphone).enrollments.order_by("pk")
    assert [stay.state for stay in stays] == ["ended", "active"]
    assert row(iphone).in_lost_mode is None


def test_wifi_stays_as_it_was_ordered(iphone: SimulatedDevice) -> None:
    keys = {"ReturnToService": {"Enabled": True, "WiFiProfileData": b"<wifi>"}}
    assert wanted(order(iphone, keys))["WiFiProfileData"] == b"<wifi>"


def test_a_profile_that_the_order_says_stays(iphone: SimulatedDevice) -> None:
    keys = {"ReturnToService": {"Enabled": True, "MDMProfileData": b"<ours>"}}
    assert wanted(order(iphone, keys))["MDMProfileData"] == b"<ours>"


def test_without_return_to_service_no_challenge_is_made(
    iphone: SimulatedDevice,
) -> None:
    before = Challenge.objects.count()
    assert order(iphone, {}).queued == 1
    assert order(iphone, {"ReturnToService": {"Enabled": False}}).queued == 1
    assert Challenge.objects.count() == before


def test_an_automated_device_fetches_its_profile_itself(
    iphone: SimulatedDevice,
) -> None:
    Enrollment.objects.update(mode=Enrollment.Mode.AUTOMATED)
    assert wanted(order(iphone)) == {"Enabled": True}


def test_a_way_in_that_is_off_brings_nobody_back(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.update(is_enabled=False)
    [(_, reason)] = order(iphone).refused
    assert "is switched off" in reason
    EnrollmentProfile.objects.all().delete()
    [(_, reason)] = order(iphone).refused
    assert "was deleted" in reason


@pytest.mark.parametrize(("version", "has_token"), [("26.0", True), ("18.1", False)])
def test_a_bootstrap_token_is_filled_in_where_the_system_takes_it(
    iphone: SimulatedDevice, version: str, has_token: bool
) -> None:
    stay = row(iphone).enrollments.get()
    Secret.keep(stay, Secret.Kind.BOOTSTRAP_TOKEN, b"bootstrap")
    Device.objects.update(os_version=version, is_supervised=True)
    Enrollment.objects.update(mode=Enrollment.Mode.AUTOMATED)
    assert ("BootstrapToken" in wanted(order(iphone))) is has_token
