"""Check-in: coming, staying and leaving, with everything a network may repeat."""

from typing import Any

import pytest

from commands import queue
from commands.models import Delivery, State
from devices.models import Channel, Device, Enrollment, Identity, Secret
from enrollment import profiles
from enrollment.models import EnrollmentProfile
from mdmportal.protocol import plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ServerRefused

from .conftest import IPAD, MAC, TOPIC, Enroll, channel, row

pytestmark = pytest.mark.django_db


def stays(device: SimulatedDevice) -> list[str]:
    enrollments = Enrollment.objects.filter(device__udid=device.unit.udid)
    return list(enrollments.order_by("pk").values_list("state", flat=True))


def test_a_device_enrolls_and_is_known(iphone: SimulatedDevice) -> None:
    device = row(iphone)
    assert device.serial_number == iphone.unit.serial_number
    assert device.platform == "iOS"
    assert device.product_name == "iPhone17,3"
    enrollment = device.enrollments.get()
    assert enrollment.state == Enrollment.State.ACTIVE
    assert enrollment.topic == TOPIC
    assert enrollment.identities.count() == 1


def test_after_authenticate_alone_nothing_is_enrolled(
    make: Enroll, way: EnrollmentProfile, transport: Any
) -> None:
    device = make()
    refuse_token_update(device)
    with pytest.raises(ServerRefused):
        device.install(profiles.make(way))
    assert stays(device) == [Enrollment.State.PENDING]
    assert not Channel.objects.exists()
    with pytest.raises(ServerRefused) as refused:
        device.connect()
    assert refused.value.status == 400


def refuse_token_update(device: SimulatedDevice) -> None:
    """The device forgets what it was going to say: no TokenUpdate of it is valid."""
    device.new_token = lambda: setattr(device.kept, "token", "text")  # type: ignore[method-assign]


def test_a_repeated_authenticate_opens_no_second_enrollment(
    iphone: SimulatedDevice,
) -> None:
    waiting = queue.enqueue([channel(iphone).pk], "DeviceLock")
    for _ in range(2):
        iphone.check_in("Authenticate", Topic=TOPIC, **iphone.who())
    assert stays(iphone) == [Enrollment.State.ACTIVE]
    assert waiting.deliveries.get().state == State.QUEUED
    assert iphone.connect() is not None


def test_authenticate_with_the_topic_of_another_server_is_refused(
    iphone: SimulatedDevice,
) -> None:
    with pytest.raises(ServerRefused) as refused:
        iphone.check_in("Authenticate", Topic="com.apple.mgmt.other", **iphone.who())
    assert refused.value.status == 400


def test_a_wiped_device_that_enrolls_again_finds_nothing_of_its_old_stay(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    erase = queue.enqueue([channel(iphone).pk], "EraseDevice")
    iphone.connect()
    old = channel(iphone).pk
    iphone.wipe()
    iphone.install(profiles.make(way))
    assert stays(iphone) == [Enrollment.State.ENDED, Enrollment.State.ACTIVE]
    assert erase.deliveries.get().state == State.CANCELLED
    done = [one.request_type for one in iphone.session()]
    assert "EraseDevice" not in done
    assert "DeviceInformation" in done
    gone = Channel.objects.get(pk=old)
    assert (gone.push_token, gone.push_at) == ("", None)


def test_a_device_whose_new_profile_fails_goes_on_in_its_old_stay(
    iphone: SimulatedDevice, make: Enroll, way: EnrollmentProfile
) -> None:
    again = make()
    refuse_token_update(again)
    with pytest.raises(ServerRefused):
        again.install(profiles.make(way))
    assert stays(iphone) == [Enrollment.State.ACTIVE, Enrollment.State.PENDING]
    lock = queue.enqueue([channel(iphone).pk], "DeviceLock")
    iphone.session()
    assert lock.deliveries.get().state == State.ACKNOWLEDGED


def test_the_identity_of_an_old_stay_is_refused_once_there_is_a_new_one(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    old = iphone.stay
    iphone.wipe()
    iphone.install(profiles.make(way))
    with pytest.raises(ServerRefused) as refused:
        iphone.put(connect={"Status": "Idle", **iphone.who()}, enrollment=old)
    assert refused.value.status == 400


def test_a_renewed_push_token_is_taken_and_revives_a_dead_channel(
    iphone: SimulatedDevice,
) -> None:
    before = channel(iphone)
    queue.enqueue([before.pk], "DeviceLock")
    Channel.objects.filter(pk=before.pk).update(push_dead=True, push_at=None)
    iphone.renew_token()
    after = channel(iphone)
    assert after.pk == before.pk
    assert after.push_token == iphone.kept.token.hex() != before.push_token
    assert after.push_magic == iphone.kept.push_magic
    assert not after.push_dead
    assert after.push_at is not None, "what waited is pushed for again"


def test_keys_absent_from_a_token_update_leave_what_is_stored(
    iphone: SimulatedDevice,
) -> None:
    kept = Secret.current(channel(iphone).enrollment_id, Secret.Kind.UNLOCK_TOKEN)
    assert kept is not None
    assert bytes(kept.value) == iphone.state.unlock_token
    Enrollment.objects.update(awaiting_configuration=True)
    iphone.check_in(
        "TokenUpdate",
        Topic=TOPIC,
        Token=b"another",
        PushMagic="another",
        **iphone.who(),
    )
    assert Secret.current(channel(iphone).enrollment_id, "UnlockToken") == kept
    assert Enrollment.objects.get().awaiting_configuration
    assert channel(iphone).push_magic == "another"


def test_an_unlock_token_that_changed_is_kept_beside_the_old_one(
    iphone: SimulatedDevice,
) -> None:
    old = iphone.state.unlock_token
    iphone.state.unlock_token = b"new" * 20
    iphone.renew_token()
    values = [bytes(one.value) for one in Secret.objects.filter(kind="UnlockToken")]
    assert values == [b"new" * 20, old]
    iphone.renew_token()
    assert Secret.objects.filter(kind="UnlockToken").count() == 2


def test_a_topic_cannot_change_within_a_stay(iphone: SimulatedDevice) -> None:
    keys = {"Token": b"t", "PushMagic": "m", **iphone.who()}
    with pytest.raises(ServerRefused) as refused:
        iphone.check_in("TokenUpdate", Topic="com.apple.mgmt.other", **keys)
    assert refused.value.status == 400


def test_a_mac_and_its_two_users_have_three_channels(mac: SimulatedDevice) -> None:
    mac.log_in("ada", "Ada L.")
    mac.log_in("bob", "Bob B.")
    channels = Channel.objects.filter(enrollment__device__udid=mac.unit.udid)
    assert sorted(one.user_name for one in channels) == ["", "Ada L.", "Bob B."]
    assert len({one.push_token for one in channels}) == 3
    assert len({one.push_magic for one in channels}) == 3
    assert row(mac).enrollments.count() == 1


def test_checkout_ends_the_stay_and_what_waits_in_it(mac: SimulatedDevice) -> None:
    mac.log_in("ada", "Ada L.")
    waiting = queue.enqueue([channel(mac).pk, channel(mac, "ada").pk], "ProfileList")
    stay = mac.stay
    keys = {"Topic": TOPIC, **mac.who()}
    mac.check_out()
    assert stays(mac) == [Enrollment.State.ENDED]
    assert {one.state for one in waiting.deliveries.all()} == {State.CANCELLED}
    assert not Channel.objects.exclude(push_token="").exists()
    assert row(mac).enrollments.get().end_reason == "checked out"
    mac.check_in("CheckOut", stay, **keys)
    assert stays(mac) == [Enrollment.State.ENDED]


def test_a_user_who_leaves_does_not_take_the_device_along(mac: SimulatedDevice) -> None:
    ada = mac.log_in("ada", "Ada L.")
    mac.check_in("CheckOut", Topic=TOPIC, **ada.who())
    assert stays(mac) == [Enrollment.State.ACTIVE]
    assert channel(mac, "ada").push_token == ""
    assert channel(mac).push_token


def test_a_bootstrap_token_is_escrowed_given_back_and_deleted(
    mac: SimulatedDevice,
) -> None:
    assert mac.get_bootstrap_token() == b""
    for _ in range(2):
        mac.set_bootstrap_token(b"bootstrap" * 4)
    assert mac.get_bootstrap_token() == b"bootstrap" * 4
    assert Secret.objects.filter(kind="BootstrapToken").count() == 1
    mac.set_bootstrap_token(b"")
    assert mac.get_bootstrap_token() == b""


def test_no_bootstrap_token_is_an_empty_dictionary_and_no_error(
    mac: SimulatedDevice,
) -> None:
    response = mac.check_in("GetBootstrapToken", **mac.who())
    assert (response.status, plist.loads(response.body)) == (200, {})


def test_network_users_are_declined_without_harm(mac: SimulatedDevice) -> None:
    user = mac.log_in("network", password="secret")
    assert not user.managed
    assert mac.enrolled
    assert mac.connect() is None


def test_a_device_that_waits_to_be_configured_is_released_last(
    make: Enroll, way: EnrollmentProfile
) -> None:
    device = make(IPAD)
    device.automated = device.supervised = True
    device.state.awaiting = True
    device.install(profiles.make(way))
    assert Enrollment.objects.get().awaiting_configuration
    done = [one.request_type for one in device.session()]
    assert done[-1] == "DeviceConfigured"


def test_devices_of_the_same_way_are_kept_apart(enroll: Enroll) -> None:
    devices = [enroll(IPAD), enroll(IPAD, 1), enroll(MAC)]
    assert Device.objects.count() == 3
    assert Identity.objects.count() == 3
    queue.enqueue([channel(devices[1]).pk], "ProfileList")
    assert devices[0].connect() is None
    assert devices[2].connect() is None
    assert devices[1].connect() is not None
    assert Delivery.objects.filter(state=State.SENT).count() == 1
