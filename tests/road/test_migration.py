"""Moving in: devices of another server go on here, and nothing happens on them."""

import base64
import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.test import Client
from django.utils import timezone

from apns import certificates
from commands import queue
from commands.models import State
from devices.models import (
    Channel,
    Device,
    DeviceGroup,
    Enrollment,
    Identity,
    Secret,
)
from enrollment import profiles
from enrollment.models import EnrollmentProfile, MigrationSource, Move, digest
from enrollment.tasks import renew_identities
from mdmportal.protocol import mobileconfig, plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.enrollment import Enrollment as Stay
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.identity import Identity as Held
from mdmportal.simulator.profile import read

from ..captures import capture, names
from ..other_server import OtherServer, certificate, messages
from .conftest import IPHONE, MAC, TOPIC, Enroll, channel, push_pair, row

pytestmark = pytest.mark.django_db

KEY = "the key that was shown once"
Replay = Callable[..., tuple[int, dict[str, str]]]


@pytest.fixture(scope="module", params=["RSA", "EC"])
def other(request: pytest.FixtureRequest) -> OtherServer:
    if request.param == "RSA":
        return OtherServer(rsa.generate_private_key(65537, 2048), TOPIC)
    return OtherServer(ec.generate_private_key(ec.SECP256R1()), TOPIC)


@pytest.fixture
def source(way: EnrollmentProfile, other: OtherServer) -> MigrationSource:
    return MigrationSource.objects.create(
        name="NanoMDM",
        way=way,
        digest=digest(KEY),
        authorities=other.certificate.public_bytes(Encoding.PEM).decode(),
        profile=other.profile,
    )


@pytest.fixture
def replay(source: MigrationSource) -> Replay:
    """Return what hands a message over, as nano2nano does."""
    return send


def send(body: bytes, key: str = KEY, method: str = "PUT") -> tuple[int, Any]:
    basic = base64.b64encode(f"nanomdm:{key}".encode()).decode()
    answer = Client().generic(
        method, "/migration", body, headers={"Authorization": f"Basic {basic}"}
    )
    return answer.status_code, answer.json()


@pytest.fixture
def moved(other: OtherServer, make: Enroll, replay: Replay) -> SimulatedDevice:
    """A device that moved in and has not come yet."""
    device = other.enroll(make(MAC))
    for message in messages(device):
        assert replay(message) == (200, {"outcome": "moved in"})
    return device


# --- Replaying


def test_a_device_is_here_after_its_messages_were_replayed(
    moved: SimulatedDevice, way: EnrollmentProfile
) -> None:
    enrollment = channel(moved).enrollment
    assert row(moved).serial_number == moved.unit.serial_number
    assert (enrollment.mode, enrollment.way, enrollment.topic) == (
        "device",
        way.name,
        TOPIC,
    )
    assert enrollment.profile_identifier == "com.other.enroll"
    assert channel(moved).push_token == moved.kept.token.hex()
    assert channel(moved).last_seen_at is None
    token = Secret.current(enrollment.pk, Secret.Kind.UNLOCK_TOKEN)
    assert token is not None
    assert bytes(token.value) == b"unlock"
    assert not channel(moved).deliveries.exists(), "it still listens to the other"


def test_messages_may_be_replayed_as_often_as_one_likes(
    moved: SimulatedDevice, replay: Replay
) -> None:
    moved.new_token()
    for message in messages(moved) * 2:
        assert replay(message)[0] == 200
    counts = [each.objects.count() for each in (Device, Enrollment, Channel, Move)]
    assert counts == [1, 1, 1, 1]
    assert channel(moved).push_token == moved.kept.token.hex(), "the newest counts"


def test_users_and_bootstrap_tokens_move_too(
    moved: SimulatedDevice, replay: Replay
) -> None:
    who = {**moved.who(), "UserID": "A522", "UserShortName": "anna"}
    message = {"MessageType": "TokenUpdate", "Topic": TOPIC, **who}
    assert replay(plist.dumps({**message, "Token": b"t", "PushMagic": "m"}))[0] == 200
    assert channel(moved, "anna").push_magic == "m"
    token = {"MessageType": "SetBootstrapToken", "BootstrapToken": b"boot"}
    assert replay(plist.dumps({**token, **moved.who()}))[0] == 200
    kept = Secret.current(channel(moved).enrollment_id, Secret.Kind.BOOTSTRAP_TOKEN)
    assert kept is not None
    assert bytes(kept.value) == b"boot"


def test_devices_join_the_group_of_the_way_in(
    other: OtherServer, make: Enroll, replay: Replay, way: EnrollmentProfile
) -> None:
    way.device_group = DeviceGroup.objects.create(name="Moved")
    way.save()
    device = other.enroll(make())
    for message in messages(device):
        replay(message)
    assert row(device).groups.get().name == "Moved"


def test_real_messages_are_taken(replay: Replay) -> None:
    bodies = [capture(name) for name in names("authenticate") + names("tokenupdate")]
    if not bodies:
        pytest.skip("the captures of real devices are not here")
    for topic in sorted({plist.loads(body)["Topic"] for body in bodies}):
        certificates.take(certificates.read(*push_pair(topic)))
    for body in bodies * 2:
        assert replay(body) == (200, {"outcome": "moved in"})
    assert Device.objects.count() == len({plist.loads(one)["UDID"] for one in bodies})
    assert Channel.objects.exclude(user_id="").get().user_short_name == "cjoe"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"nonsense", "property list"),
        (plist.dumps({"MessageType": "CheckOut", "UDID": "U"}), "Authenticate, Token"),
        (
            plist.dumps(
                {"MessageType": "Authenticate", "Topic": TOPIC, "EnrollmentID": "E"}
            ),
            "User Enrollment",
        ),
        (
            plist.dumps({"MessageType": "SetBootstrapToken", "UDID": "U"}),
            "comes first",
        ),
        (
            plist.dumps({"MessageType": "Authenticate", "Topic": "x.y", "UDID": "U"}),
            "push certificate first, with the topic x.y",
        ),
    ],
)
def test_what_cannot_be_taken_is_told_in_words(
    replay: Replay, body: bytes, words: str
) -> None:
    status, answer = replay(body)
    assert status == 400
    assert words in answer["error"]
    assert not Device.objects.exists()


def test_only_the_key_of_an_open_source_lets_in(
    source: MigrationSource, other: OtherServer, make: Enroll
) -> None:
    message = messages(other.enroll(make()))[0]
    assert send(message, key="guess")[0] == 401
    assert Client().put("/migration", message).status_code == 401
    assert send(message, method="POST")[0] == 200
    MigrationSource.objects.update(is_enabled=False)
    assert send(message)[0] == 401
    assert Client().get("/migration").status_code == 405


def test_a_device_that_is_enrolled_here_is_left_as_it_is(
    iphone: SimulatedDevice, replay: Replay
) -> None:
    before = channel(iphone)
    for message in messages(iphone):
        status, answer = replay(message)
        assert (status, "here already" in answer["outcome"]) == (200, True)
    assert not Move.objects.exists()
    assert channel(iphone) == before


def test_a_device_that_left_after_it_moved_in_does_not_come_back_by_a_replay(
    moved: SimulatedDevice, replay: Replay
) -> None:
    kept = messages(moved)
    moved.connect()
    moved.check_out()
    for message in kept:
        assert "nothing was changed" in replay(message)[1]["outcome"]
    assert Enrollment.objects.get().state == Enrollment.State.ENDED


# --- Coming


def test_a_device_that_moved_in_is_known_when_it_first_comes(
    moved: SimulatedDevice, way: EnrollmentProfile
) -> None:
    done = [one.request_type for one in moved.session()]
    assert "DeviceInformation" in done, "at once, in the same session"
    identity = Identity.objects.get()
    assert identity.enrollment == channel(moved).enrollment
    assert way.challenges.get().identity == identity
    lock = queue.enqueue([channel(moved).pk], "DeviceLock")
    moved.session()
    assert lock.deliveries.get().state == State.ACKNOWLEDGED
    assert Move.objects.get().seen_at is not None


@pytest.mark.parametrize("path", ["/mdm", "/checkin", "/mdm/connect", "/mdm/checkin"])
def test_the_addresses_of_the_other_server_are_served(
    moved: SimulatedDevice, path: str
) -> None:
    moved.connect()
    stay = moved.stay
    url = f"https://mdm.example.com{path}"
    profile = stay.profile.raw.replace(
        b"https://mdm.example.com/mdm<", url.encode() + b"<"
    )
    elsewhere = Stay(read(profile), stay.identity)
    moved.put(connect={"Status": "Idle", **moved.who()}, enrollment=elsewhere)


def test_another_certificate_for_the_same_device_is_refused(
    moved: SimulatedDevice, other: OtherServer
) -> None:
    moved.connect()
    assert moved.enrollment is not None
    second = Stay(moved.enrollment.profile, other.issue())
    with pytest.raises(ServerRefused) as refused:
        moved.put(connect={"Status": "Idle", **moved.who()}, enrollment=second)
    assert refused.value.status == 400
    assert Identity.objects.count() == 1


def test_one_certificate_serves_no_second_device(
    moved: SimulatedDevice, other: OtherServer, make: Enroll, replay: Replay
) -> None:
    moved.connect()
    second = other.enroll(make(IPHONE))
    for message in messages(second):
        replay(message)
    second.enrollment = moved.stay
    with pytest.raises(ServerRefused):
        second.connect()
    assert Identity.objects.count() == 1


def test_a_stranger_is_refused_and_nothing_of_it_is_read(
    moved: SimulatedDevice, other: OtherServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loads(body: bytes) -> dict[str, Any]:
        raise AssertionError("the body of a stranger was read")

    own = rsa.generate_private_key(65537, 2048)
    forged = certificate("device", own, "Other CA", own)
    assert moved.enrollment is not None
    stranger = Stay(moved.enrollment.profile, Held(forged, own))
    monkeypatch.setattr(plist, "loads", loads)
    with pytest.raises(ServerRefused) as refused:
        moved.put(connect={"Status": "Idle", **moved.who()}, enrollment=stranger)
    assert refused.value.status == 400
    assert not Identity.objects.exists()


def test_a_device_that_did_not_move_in_is_refused(
    source: MigrationSource, other: OtherServer, make: Enroll
) -> None:
    device = other.enroll(make())
    with pytest.raises(ServerRefused) as refused:
        device.connect()
    assert refused.value.status == 400


def test_once_the_source_is_closed_nobody_else_comes_in(moved: SimulatedDevice) -> None:
    MigrationSource.objects.update(is_enabled=False)
    with pytest.raises(ServerRefused):
        moved.connect()


def test_who_came_in_time_stays_when_the_source_is_closed(
    moved: SimulatedDevice,
) -> None:
    moved.session()
    MigrationSource.objects.update(is_enabled=False)
    moved.session()


def test_a_renewed_authority_with_the_same_key_is_believed(
    moved: SimulatedDevice, other: OtherServer, source: MigrationSource
) -> None:
    end = dt.datetime.now(dt.UTC) - dt.timedelta(days=3)
    renewed = certificate("Other CA", other.key, "Other CA", other.key, end=end)
    source.authorities = renewed.public_bytes(Encoding.PEM).decode()
    source.save()
    moved.connect()
    assert Identity.objects.count() == 1


def test_who_is_known_pays_nothing_for_it(
    iphone: SimulatedDevice, source: MigrationSource, django_assert_num_queries: Any
) -> None:
    iphone.connect()
    with django_assert_num_queries(1):
        iphone.connect()


# --- Renewing


def test_a_moved_device_is_renewed_by_the_profile_it_has(
    moved: SimulatedDevice, other: OtherServer
) -> None:
    moved.session()
    moved.session()
    enrollment = channel(moved).enrollment
    Identity.objects.update(not_after=timezone.now() + dt.timedelta(days=100))
    assert renew_identities() == 1
    moved.session()
    assert enrollment.identities.count() == 2
    assert channel(moved).enrollment == enrollment
    now, old = mobileconfig.read(moved.stay.profile.raw), plist.loads(other.profile)
    content = "PayloadContent"
    rest = {name: value for name, value in now.items() if name != content}
    assert rest == {name: value for name, value in old.items() if name != content}
    assert now[content][1] == old[content][1], "the MDM payload as it was"
    ids = ("PayloadUUID", "PayloadIdentifier", "PayloadType")
    assert [now[content][0][each] for each in ids] == [
        old[content][0][each] for each in ids
    ]
    assert now[content][0][content]["URL"].endswith("/scep")
    assert now[content][0][content]["Challenge"] != "static"


def test_without_the_old_profile_a_moved_device_is_not_renewed(
    moved: SimulatedDevice,
) -> None:
    moved.session()
    MigrationSource.objects.update(profile=b"")
    Identity.objects.update(not_after=timezone.now() + dt.timedelta(days=10))
    assert renew_identities() == 0


def test_a_moved_device_whose_identity_has_expired_may_only_renew_it(
    other: OtherServer, make: Enroll, replay: Replay
) -> None:
    device = other.enroll(make(IPHONE), days=-1)
    for message in messages(device):
        replay(message)
    assert device.connect() is None
    assert renew_identities() == 1
    done = [one.request_type for one in device.session()]
    assert done[:2] == ["InstallProfile", "DeviceInformation"]
    assert channel(device).enrollment.identities.count() == 2


def test_a_moved_device_may_enroll_here_anew(
    moved: SimulatedDevice, way: EnrollmentProfile, make: Enroll
) -> None:
    again = make(MAC)
    again.install(profiles.make(way))
    assert channel(again).enrollment.identities.count() == 1
    assert Enrollment.objects.filter(state=Enrollment.State.ENDED).count() == 1
