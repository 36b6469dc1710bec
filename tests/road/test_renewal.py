"""Renewal: a new identity in time, and the stay goes on as if nothing had been."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from commands import queue
from commands.models import Command, Delivery, State
from devices.models import Enrollment, Identity, Secret, SessionToken
from enrollment import profiles, renewal
from enrollment.models import Challenge, EnrollmentProfile, MailDomain, Route
from enrollment.tasks import renew_identities
from mdmportal.protocol import mobileconfig
from mdmportal.protocol.rights import AccessRights
from mdmportal.simulator import enrolling
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.profile import read

from .conftest import IPHONE, MAC, TOPIC, Enroll, channel, row

pytestmark = pytest.mark.django_db

WEEK = dt.timedelta(days=7)


def end_in(days: float) -> None:
    """Let all identities end in so many days."""
    end = timezone.now() + dt.timedelta(days=days)
    Identity.objects.update(not_after=end)


def a_week_later() -> None:
    Challenge.objects.update(created_at=timezone.now() - WEEK - dt.timedelta(hours=1))


def orders() -> list[Delivery]:
    found = Delivery.objects.filter(priority=queue.RENEWAL).order_by("pk")
    return list(found.select_related("command"))


def payloads(profile: bytes) -> dict[str, dict[str, Any]]:
    content = mobileconfig.read(profile)["PayloadContent"]
    return {payload["PayloadType"]: payload for payload in content}


def stay(device: SimulatedDevice) -> Enrollment:
    return channel(device).enrollment


# --- The journey


def test_an_identity_that_ends_soon_is_renewed_and_the_stay_goes_on(
    mac: SimulatedDevice,
) -> None:
    mac.set_bootstrap_token(b"bootstrap")
    before = stay(mac)
    waiting = queue.enqueue([channel(mac).pk], "DeviceLock")
    old = mac.stay.identity
    end_in(100)
    assert renew_identities() == 1
    done = mac.session()
    assert [one.request_type for one in done][:2] == ["InstallProfile", "DeviceLock"]
    assert mac.stay.identity != old
    assert waiting.deliveries.get().state == State.ACKNOWLEDGED
    assert row(mac).enrollments.get() == before
    assert before.identities.count() == 2
    assert mac.get_bootstrap_token() == b"bootstrap"
    assert [order.state for order in orders()] == [State.ACKNOWLEDGED]


def test_the_unlock_token_stays_and_the_inventory_is_not_asked_for_again(
    iphone: SimulatedDevice,
) -> None:
    token = Secret.current(stay(iphone).pk, Secret.Kind.UNLOCK_TOKEN)
    end_in(100)
    renew_identities()
    iphone.session()
    assert Secret.current(stay(iphone).pk, Secret.Kind.UNLOCK_TOKEN) == token
    assert Command.objects.filter(request_type="DeviceInformation").count() == 1


def test_nothing_more_is_asked_of_a_device_that_was_renewed(
    iphone: SimulatedDevice,
) -> None:
    end_in(100)
    renew_identities()
    iphone.session()
    a_week_later()
    assert renew_identities() == 0


@pytest.mark.parametrize(("days", "renewed"), [(179, 1), (181, 0)])
def test_it_is_renewed_half_a_year_before_its_end(
    iphone: SimulatedDevice, days: int, renewed: int
) -> None:
    end_in(days)
    assert renew_identities() == renewed


def test_short_lives_are_not_renewed_as_soon_as_they_begin(
    enroll: Enroll, settings: Any
) -> None:
    settings.IDENTITY_LIFE = 10 * 24 * 60 * 60
    enroll()
    assert renew_identities() == 0
    end_in(4)
    assert renew_identities() == 1


def test_the_profile_is_the_same_but_for_the_identity(
    iphone: SimulatedDevice, way: EnrollmentProfile
) -> None:
    had = iphone.stay.profile
    way.name, way.access_rights, way.is_enabled = "Renamed", 19, False
    way.save()
    end_in(100)
    renew_identities()
    sent = orders()[0].command.keys["Payload"]
    assert read(sent).identifier == had.identifier
    before, after = payloads(had.raw), payloads(sent)
    assert after["com.apple.mdm"] == before["com.apple.mdm"]
    scep = "com.apple.security.scep"
    assert after[scep]["PayloadUUID"] == before[scep]["PayloadUUID"]
    assert after[scep] != before[scep]
    iphone.session()
    assert stay(iphone).identities.count() == 2, "a closed way in lets its own renew"


def test_rights_that_the_way_gained_since_are_not_asked_for(
    make: Enroll, way: EnrollmentProfile
) -> None:
    few = AccessRights.AllowInspection | AccessRights.AllowInstallationRemoval
    EnrollmentProfile.objects.update(access_rights=few)
    way.refresh_from_db()
    device = make()
    device.install(profiles.make(way))
    EnrollmentProfile.objects.update(access_rights=8191)
    end_in(100)
    renew_identities()
    sent = payloads(orders()[0].command.keys["Payload"])
    assert sent["com.apple.mdm"]["AccessRights"] == few


def test_the_topic_is_the_one_of_the_enrollment(
    iphone: SimulatedDevice, push_certificate: Any
) -> None:
    type(push_certificate).objects.update(topic="com.apple.mgmt.External.other")
    end_in(100)
    renew_identities()
    sent = payloads(orders()[0].command.keys["Payload"])
    assert sent["com.apple.mdm"]["Topic"] == TOPIC


@pytest.mark.parametrize(
    ("mode", "kept"), [("user", ("BYOD", None)), ("account", ("ADDE", 8191))]
)
def test_an_account_driven_enrollment_keeps_its_mode_and_account(
    iphone: SimulatedDevice, mode: str, kept: tuple[str, int | None]
) -> None:
    Enrollment.objects.update(mode=mode, managed_apple_account="anna@example.com")
    if mode == "user":
        Enrollment.objects.update(access_rights=0)
    end_in(100)
    assert renew_identities() == 1
    mdm = payloads(orders()[0].command.keys["Payload"])["com.apple.mdm"]
    assert mdm["AssignedManagedAppleID"] == "anna@example.com"
    assert (mdm["EnrollmentMode"], mdm.get("AccessRights")) == kept


# --- Repeating, failing, waiting


def test_an_order_that_waits_is_not_ordered_twice(iphone: SimulatedDevice) -> None:
    end_in(100)
    assert renew_identities() == 1
    a_week_later()
    assert renew_identities() == 0, "the device has not come yet"


def test_a_device_whose_profile_fails_goes_on_and_is_asked_again_a_week_later(
    iphone: SimulatedDevice,
) -> None:
    end_in(100)
    renew_identities()
    Challenge.objects.filter(identity=None).update(expires_at=timezone.now())
    iphone.session()
    assert [order.state for order in orders()] == [State.FAILED]
    assert iphone.connect() is None, "the old identity is as good as before"
    assert renew_identities() == 0
    a_week_later()
    assert renew_identities() == 1
    iphone.session()
    assert stay(iphone).identities.count() == 2


def test_the_old_identity_is_believed_until_it_ends(iphone: SimulatedDevice) -> None:
    old = iphone.stay
    end_in(100)
    renew_identities()
    iphone.session()
    lock = queue.enqueue([channel(iphone).pk], "DeviceLock")
    iphone.put(connect={"Status": "Idle", **iphone.who()}, enrollment=old)
    assert lock.deliveries.get().state == State.SENT


def test_the_renewal_expires_with_its_challenge(iphone: SimulatedDevice) -> None:
    end_in(100)
    renew_identities()
    [order], challenge = orders(), Challenge.objects.get(identity=None)
    assert order.expires_at is not None
    assert abs(order.expires_at - challenge.expires_at) < dt.timedelta(minutes=1)
    Delivery.objects.update(expires_at=timezone.now())
    queue.expire()
    a_week_later()
    assert renew_identities() == 1


# --- Expired


def test_a_device_whose_identity_expired_is_told_to_renew_it_and_nothing_else(
    iphone: SimulatedDevice,
) -> None:
    lock = queue.enqueue([channel(iphone).pk], "DeviceLock")
    end_in(-1)
    with pytest.raises(ServerRefused):
        iphone.check_in(
            "TokenUpdate", Topic=TOPIC, Token=b"t", PushMagic="m", **iphone.who()
        )
    assert iphone.connect() is None
    assert lock.deliveries.get().state == State.QUEUED
    assert renew_identities() == 1
    assert [one.request_type for one in iphone.session()][:2] == [
        "InstallProfile",
        "DeviceLock",
    ]
    assert lock.deliveries.get().state == State.ACKNOWLEDGED


def test_a_device_whose_identity_expired_may_leave(iphone: SimulatedDevice) -> None:
    end_in(-1)
    enrollment = stay(iphone)
    iphone.check_out()
    enrollment.refresh_from_db()
    assert enrollment.state == Enrollment.State.ENDED


# --- What is no renewal


def take_renewal(device: SimulatedDevice) -> bytes:
    """Have a renewal ordered and return its profile, which the device never gets."""
    end_in(100)
    renew_identities()
    profile = orders()[-1].command.keys["Payload"]
    assert isinstance(profile, bytes)
    return profile


def test_the_profile_of_a_renewal_enrolls_no_other_device(
    iphone: SimulatedDevice, make: Enroll
) -> None:
    other = make(IPHONE, 7)
    with pytest.raises(ServerRefused) as refused:
        other.install(take_renewal(iphone))
    assert refused.value.status == 400
    assert stay(iphone).identities.count() == 1
    assert Enrollment.objects.count() == 1


def test_a_renewal_of_a_stay_that_ended_enrolls_nobody(
    iphone: SimulatedDevice, make: Enroll
) -> None:
    profile = take_renewal(iphone)
    iphone.check_out()
    with pytest.raises(Exception, match="CA does not issue"):
        make().install(profile)
    assert Identity.objects.count() == 1


def test_an_identity_issued_before_the_stay_ended_opens_no_other(
    iphone: SimulatedDevice, make: Enroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile = take_renewal(iphone)
    enrollment = stay(iphone)
    again = make()
    before = again.check_in

    def check_in(*arguments: Any, **keys: Any) -> Any:
        enrollment.refresh_from_db()
        enrollment.end("enrolled again")
        return before(*arguments, **keys)

    monkeypatch.setattr(again, "check_in", check_in)
    with pytest.raises(ServerRefused):
        again.install(profile)
    assert Enrollment.objects.get() == enrollment


def test_an_erased_device_that_comes_by_a_renewal_starts_over_and_is_configured(
    iphone: SimulatedDevice, make: Enroll
) -> None:
    old = stay(iphone)
    profile = take_renewal(iphone)
    waiting = queue.enqueue([channel(iphone).pk], "DeviceLock")
    erased = make()
    erased.state.awaiting = True
    erased.install(profile)
    new = stay(erased)
    old.refresh_from_db()
    assert (old.state, new.pk == old.pk) == (Enrollment.State.ENDED, False)
    assert (new.topic, new.access_rights) == (old.topic, old.access_rights)
    assert waiting.deliveries.get().state == State.CANCELLED
    done = [one.request_type for one in erased.session()]
    assert {"DeviceInformation", "DeviceConfigured"} <= set(done)
    assert "DeviceLock" not in done


def test_a_device_that_still_waits_to_be_configured_stays_where_it_is(
    iphone: SimulatedDevice,
) -> None:
    Enrollment.objects.update(awaiting_configuration=True)
    iphone.state.awaiting = True
    end_in(100)
    renew_identities()
    iphone.session()
    enrollment = stay(iphone)
    assert enrollment.identities.count() == 2
    assert enrollment.awaiting_configuration


# --- Who can be renewed


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: Enrollment.objects.update(access_rights=1), "the right to install"),
        (lambda: EnrollmentProfile.objects.all().delete(), "was deleted"),
        (lambda: Enrollment.objects.get().end("gone"), "not enrolled"),
        (renew_identities, "ordered already"),
    ],
)
def test_who_cannot_be_renewed_is_left_alone_and_it_is_said_why(
    iphone: SimulatedDevice, change: Any, reason: str
) -> None:
    enrollment = stay(iphone)
    end_in(100)
    change()
    assert renew_identities() == 0
    outcome = renewal.renew([enrollment])
    assert (outcome.ordered, reason in outcome.refused[0][1]) == (0, True)


def test_users_of_a_mac_go_on_with_their_channels(mac: SimulatedDevice) -> None:
    mac.log_in("anna", "Anna")
    user = channel(mac, "anna")
    end_in(100)
    renew_identities()
    mac.session()
    lock = queue.enqueue([user.pk], "ProfileList")
    mac.users["anna"].session()
    assert lock.deliveries.get().state == State.ACKNOWLEDGED


def test_looking_costs_the_same_however_many_devices_there_are(
    enroll: Enroll, django_assert_num_queries: Any
) -> None:
    for seed in range(3):
        enroll(MAC, seed, answered=False)
    with django_assert_num_queries(1):
        list(renewal.due())
    end_in(100)
    with django_assert_num_queries(2):
        assert len(renewal.due()) == 3


def test_only_so_many_are_renewed_in_one_run_the_most_urgent_first(
    enroll: Enroll, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices = [enroll(IPHONE, seed, answered=False) for seed in range(3)]
    end_in(100)
    urgent = stay(devices[2])
    urgent.identities.update(not_after=timezone.now() + dt.timedelta(days=3))
    monkeypatch.setattr(renewal, "AT_MOST", 1)
    assert renew_identities() == 1
    assert orders()[0].channel.enrollment == urgent
    assert (renew_identities(), renew_identities(), renew_identities()) == (1, 1, 0)


# --- Account-driven


@pytest.fixture
def signed_in(
    make: Enroll, person: Any, way: EnrollmentProfile
) -> Callable[[str], SimulatedDevice]:
    """Return a maker of devices enrolled by signing in, of this kind."""

    def enroll(kind: str) -> SimulatedDevice:
        made = EnrollmentProfile.objects.create(name=kind, kind=kind)
        domain = MailDomain.objects.create(name="corp.example")
        Route.objects.create(domain=domain, way=made)
        device, ada = make(), person()
        device.enroll_with_account(
            "ada@corp.example", ada, discovery_url="http://127.0.0.1:8000"
        )
        device.session()
        return device

    return enroll


@pytest.mark.parametrize("kind", ["byod", "adde"])
def test_a_device_whose_person_signed_in_is_renewed_and_keeps_its_session(
    signed_in: Callable[[str], SimulatedDevice], kind: str
) -> None:
    device = signed_in(kind)
    before, old = Enrollment.objects.get(), device.stay
    end_in(100)
    assert renew_identities() == 1
    device.session()
    assert Enrollment.objects.get() == before
    assert before.identities.count() == 2
    assert device.stay.mdm == old.mdm
    assert SessionToken.valid().get().enrollment == before
    assert device.connect() is None


@pytest.mark.parametrize("kind", ["byod", "adde"])
def test_a_renewal_without_a_session_is_told_to_sign_in_and_changes_nothing(
    signed_in: Callable[[str], SimulatedDevice], kind: str
) -> None:
    device = signed_in(kind)
    end_in(100)
    renew_identities()
    profile = read(orders()[0].command.keys["Payload"])
    new = enrolling.prepare(device, profile)
    keys = enrolling.authenticate_keys(device, new) | new.who(device.unit.udid)
    SessionToken.objects.update(revoked_at=timezone.now())
    with pytest.raises(ServerRefused) as refused:
        device.check_in("Authenticate", new, **keys)
    assert refused.value.status == 401
    assert Enrollment.objects.get().identities.count() == 1
    SessionToken.objects.update(revoked_at=None)
    device.check_in("Authenticate", new, **keys)
    assert Enrollment.objects.get().identities.count() == 2
