"""Renewal and moving in, over sockets, with the portal's own tasks at work."""

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.hardware import IPHONE_16
from mdmportal.simulator.profile import read
from mdmportal.simulator.transport import HTTPTransport

from ..other_server import OtherServer, messages
from ..portal import Portal
from .conftest import Enroll, Traveller, unpacked

SOON = """
from datetime import timedelta
from django.utils import timezone
from devices.models import Identity
from enrollment.tasks import renew_identities
Identity.objects.filter(enrollment__device__udid="{udid}").update(
    not_after=timezone.now() + timedelta(days=5))
renew_identities()
"""


def run(portal: Portal, code: str) -> None:
    portal.manage("shell", "--no-imports", "--command", code)


def test_a_device_is_pushed_renews_its_identity_and_goes_on(
    enroll: Enroll, portal: Portal
) -> None:
    phone = enroll()
    before = phone.row()
    old = phone.device.stay.identity
    phone.device.pushed.clear()
    run(portal, SOON.format(udid=phone.device.unit.udid))
    phone.is_pushed()
    done = [one.request_type for one in phone.device.session()]
    assert done[0] == "InstallProfile"
    assert phone.device.stay.identity.certificate != old.certificate
    assert phone.row()["id"] == before["id"]
    lock = phone.order("DeviceLock")
    phone.device.session()
    assert phone.state(lock) == "acknowledged"


OPEN = """
from enrollment.models import EnrollmentProfile, MigrationSource, digest
MigrationSource.objects.create(name="Journey", digest=digest("journey"),
    way=EnrollmentProfile.objects.first(), authorities={pem!r}, profile={profile!r})
"""


def test_a_device_of_another_server_goes_on_here_and_is_renewed(
    portal: Portal, courier: Courier
) -> None:
    topic = str((read(portal.manage("enrollment_profile")).mdm or {})["Topic"])
    other = OtherServer(rsa.generate_private_key(65537, 2048), topic, portal.url)
    pem = other.certificate.public_bytes(Encoding.PEM).decode()
    run(portal, OPEN.format(pem=pem, profile=other.profile))
    device = other.enroll(unpacked(portal, courier, IPHONE_16, 73_000_001))
    phone, basic = Traveller(portal, device), base64.b64encode(b"nanomdm:journey")
    for message in messages(device):
        answer = HTTPTransport().send(
            "PUT",
            f"{portal.url}/migration",
            {"Authorization": f"Basic {basic.decode()}"},
            message,
        )
        assert (answer.status, answer.body) == (200, b'{"outcome": "moved in"}')
    lock = phone.order("DeviceLock")
    phone.is_pushed()
    done = [one.request_type for one in device.session()]
    assert "DeviceInformation" in done, "it was recognised"
    assert phone.state(lock) == "acknowledged"
    run(portal, SOON.format(udid=device.unit.udid))
    assert "InstallProfile" in [one.request_type for one in device.session()]
    again = phone.order("DeviceLock")
    device.session()
    assert phone.state(again) == "acknowledged"
    assert device.stay.check_in_url == f"{portal.url}/checkin"
