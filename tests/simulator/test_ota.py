"""Enrolling over the air: what the device sends in each phase, and what it refuses."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from mdmportal.protocol import cms, machineinfo, plist
from mdmportal.simulator import ota, storage
from mdmportal.simulator.apple import SimulatedApple
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ProfileRefused, ServerRefused
from mdmportal.simulator.factory import Factory
from mdmportal.simulator.fleet import Fleet
from mdmportal.simulator.hardware import IPAD, IPHONE, MAC, Hardware
from mdmportal.simulator.identity import KeyPool
from mdmportal.simulator.signature import Style
from mdmportal.simulator.transport import HTTPTransport, Unreachable

from ..captures import capture
from .small_portal import Reply, SmallPortal, profile, running, service
from .small_server import CA, KEY

keys = KeyPool(4)
transport = HTTPTransport()


@pytest.fixture(scope="module")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    return SimulatedApple(tmp_path_factory.mktemp("apple")).factory


@pytest.fixture
def server() -> Iterator[SmallPortal]:
    with running() as server:
        server.offers_ota()
        yield server


def device_of(factory: Factory | None, hardware: Hardware = IPHONE) -> SimulatedDevice:
    return SimulatedDevice(hardware, transport, make_key=keys, factory=factory)


# The factory


def test_the_authority_of_devices_is_made_once_and_expired_long_ago(
    tmp_path: Path,
) -> None:
    first, second = Factory(tmp_path), Factory(tmp_path)
    assert first.certificate == second.certificate
    assert first.certificate.not_valid_after_utc.year == 2014
    assert first.ca_key_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("style", Style)
def test_a_device_signs_by_the_factory_as_real_ones_do(
    factory: Factory, style: Style
) -> None:
    device = device_of(factory)
    device.style = style
    steps = ota.Enrolling(device, service("https://mdm.example.com"))
    found = machineinfo.read(steps.message(device.factory_identity))
    key = factory.certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    assert cms.is_issued_by(found.signer, key)
    assert found.info.udid == device.unit.udid
    assert found.info.challenge == "open sesame"
    assert found.signer.issuer == factory.certificate.subject


def test_a_captured_message_and_ours_have_the_same_shape(factory: Factory) -> None:
    theirs = capture("ota/phase-2-macos-13.p7")
    device = device_of(factory, MAC)
    device.style = Style.CAPTURED
    steps = ota.Enrolling(device, service("https://mdm.example.com"))
    ours = steps.message(device.factory_identity)
    real, simulated = cms.verify(theirs), cms.verify(ours)
    assert real.digest is simulated.digest
    assert real.attributes == simulated.attributes == {}
    assert real.signer.issuer == simulated.signer.issuer
    algorithm = simulated.signer.signature_algorithm_oid
    assert real.signer.signature_algorithm_oid == algorithm
    said = plist.loads(simulated.content).keys()
    assert plist.loads(real.content).keys() <= said | {"MEID"}
    assert ours[:2] == theirs[:2]  # of indefinite length


def test_a_device_keeps_its_factory_identity(factory: Factory, tmp_path: Path) -> None:
    device = device_of(factory)
    made_with = device.factory_identity
    storage.save(device, tmp_path / "device.plist")
    again = storage.load(tmp_path / "device.plist", transport)
    assert again.factory_identity.certificate == made_with.certificate
    assert again.factory_identity.chain == (factory.certificate,)
    device.wipe()
    assert device.factory_identity is made_with


def test_a_device_of_no_factory_cannot_begin(server: SmallPortal) -> None:
    with pytest.raises(ProfileRefused, match="factory"):
        device_of(None).install(server.service())


# The three phases


@pytest.mark.parametrize("is_signed", [False, True])
def test_a_device_enrolls_in_three_phases(
    server: SmallPortal, factory: Factory, is_signed: bool
) -> None:
    device, raw = device_of(factory), server.service()
    device.install(cms.sign(raw, CA, KEY) if is_signed else raw)
    assert device.enrolled
    second, third = server.asked_at("/ota")
    assert second.info == third.info
    assert second.info == {
        "UDID": device.unit.udid,
        "VERSION": device.state.build_version,
        "PRODUCT": "iPhone17,3",
        "SERIAL": device.unit.serial_number,
        "IMEI": device.unit.imei,
        "LANGUAGE": "en-US",
        "CHALLENGE": "open sesame",
    }
    assert second.signed.signer == device.factory_identity.certificate
    assert factory.certificate in second.signed.certificates
    assert third.signed.signer.issuer == CA.subject
    assert {one.headers["content-type"] for one in (second, third)} == {
        "application/pkcs7-signature"
    }
    assert [one["MessageType"] for one in server.messages] == [
        "Authenticate",
        "TokenUpdate",
    ]


def test_an_encrypted_profile_stays_readable(
    server: SmallPortal, factory: Factory, tmp_path: Path
) -> None:
    server.offers_ota(sealed=True)
    device = device_of(factory)
    device.install(server.service())
    assert device.stay.profile.encrypted
    storage.save(device, tmp_path / "device.plist")
    again = storage.load(tmp_path / "device.plist", transport)
    server.order("ProfileList")
    assert again.session()[0].status == "Acknowledged"
    assert server.reports[-1]["ProfileList"][0]["IsEncrypted"]


def test_a_device_sends_what_it_is_asked_and_has(
    server: SmallPortal, factory: Factory
) -> None:
    asked = ["ICCID", "MAC_ADDRESS_EN0", "DEVICE_NAME", "SHOE_SIZE"]
    raw = server.service(DeviceAttributes=asked, Challenge=b"\x01")
    phone, pad = device_of(factory), device_of(factory, IPAD)
    said, less = (ota.Enrolling(one, raw).answer() for one in (phone, pad))
    assert said == {
        "ICCID": phone.unit.iccid,
        "MAC_ADDRESS_EN0": phone.unit.wifi_mac,
        "DEVICE_NAME": phone.state.name,
        "LANGUAGE": "en-US",
        "CHALLENGE": b"\x01",
    }
    assert "ICCID" not in less


def test_a_mac_says_who_installs(server: SmallPortal, factory: Factory) -> None:
    said = ota.Enrolling(device_of(factory, MAC), server.service()).answer()
    assert said["IMEI"] == ""
    assert said["UserShortName"] == "ada"
    assert said["NotOnConsole"] is False


def test_a_step_can_be_taken_alone_and_otherwise(
    server: SmallPortal, factory: Factory
) -> None:
    device, stranger = device_of(factory), factory.make(keys)
    steps = ota.Enrolling(device, server.service())
    steps.take_identity(steps.phase2(signer=stranger, UDID="another", SERIAL=None))
    steps.phase3(UDID="a third")
    again = steps.message(device.factory_identity)
    assert steps.post(again) != b""
    steps.post(again)
    first, second, third, fourth = server.asked_at("/ota")
    assert first.signed.signer == stranger.certificate
    assert first.info["UDID"] == "another"
    assert "SERIAL" not in first.info
    assert second.info["UDID"] == "a third"
    assert third.body == fourth.body == again
    assert not device.enrolled


def test_phase_3_without_an_identity_is_an_error_of_the_test(
    server: SmallPortal, factory: Factory
) -> None:
    with pytest.raises(ValueError, match="take_identity"):
        ota.Enrolling(device_of(factory), server.service()).phase3()


# What it refuses


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"URL": "http://mdm.example.com/ota"}, "https"),
        ({"URL": None}, "https"),
        ({"DeviceAttributes": None}, "DeviceAttributes"),
        ({"DeviceAttributes": [1]}, "DeviceAttributes"),
        ({"Challenge": 7}, "Challenge"),
    ],
)
def test_a_service_that_no_device_takes_is_refused(
    server: SmallPortal, factory: Factory, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(ProfileRefused, match=why):
        device_of(factory).install(server.service(**changes))
    assert server.asked == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"PayloadContent": []}, "dictionary"), ({"PayloadUUID": 1}, "PayloadUUID")],
)
def test_a_service_needs_the_form_of_one(
    server: SmallPortal, factory: Factory, changes: dict[str, Any], why: str
) -> None:
    raw = plist.dumps(plist.loads(server.service()) | changes)
    with pytest.raises(ProfileRefused, match=why):
        device_of(factory).install(raw)


def test_a_wrong_signature_is_refused(server: SmallPortal, factory: Factory) -> None:
    raw = bytearray(cms.sign(server.service(), CA, KEY))
    raw[-1] ^= 1
    with pytest.raises(ProfileRefused, match="signature"):
        device_of(factory).install(bytes(raw))


def test_a_configuration_is_no_service(server: SmallPortal, factory: Factory) -> None:
    with pytest.raises(ProfileRefused, match="not a Profile Service"):
        ota.Enrolling(device_of(factory), server.profile())


def test_a_server_that_refuses_is_told(server: SmallPortal, factory: Factory) -> None:
    device = device_of(factory)
    server.says("/ota", Reply(403, b"no such challenge"))
    with pytest.raises(ServerRefused, match="403: no such challenge"):
        device.install(server.service())
    assert not device.enrolled
    with pytest.raises(Unreachable):
        device.install(server.service(URL="http://127.0.0.1:1/ota"))


def test_an_answer_that_is_no_profile_is_refused(
    server: SmallPortal, factory: Factory
) -> None:
    server.says("/ota", Reply(200, b"<p>Welcome</p>", "text/html"))
    with pytest.raises(ProfileRefused, match="text/html"):
        device_of(factory).install(server.service())


def test_phase_2_must_give_a_scep_payload(
    server: SmallPortal, factory: Factory
) -> None:
    empty = plist.loads(server.profile()) | {"PayloadContent": []}
    server.says("/ota", profile(plist.dumps(empty)))
    with pytest.raises(ProfileRefused, match="one SCEP payload"):
        device_of(factory).install(server.service())


def test_phase_3_must_give_what_enrolls(server: SmallPortal, factory: Factory) -> None:
    server.says("/ota", profile(server.scep_profile()))
    device = device_of(factory)
    with pytest.raises(ProfileRefused, match="one MDM payload"):
        device.install(server.service())
    assert not device.enrolled


def test_a_profile_encrypted_to_somebody_else_is_refused(
    server: SmallPortal, factory: Factory
) -> None:
    device = device_of(factory)
    steps = ota.Enrolling(device, server.service())
    steps.take_identity(steps.phase2())
    with pytest.raises(ProfileRefused, match="not to this device"):
        steps.read_profile(server.sealed(device.factory_identity.certificate))


# A fleet


def test_a_fleet_comes_in_over_the_air(server: SmallPortal, factory: Factory) -> None:
    server.routes["/service"] = lambda asked: profile(server.service())
    ours = Fleet(
        f"{server.url}/service",
        2,
        mix=(IPHONE,),
        key_pool=2,
        workers=2,
        factory=factory,
        out=lambda line: None,
    )
    assert ours.enroll() == 2
    assert len(server.asked_at("/ota")) == 4
