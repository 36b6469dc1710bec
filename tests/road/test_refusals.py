"""What is sent wrong, by a device or one who poses as it: refused, nothing lost."""

import base64
import logging
import plistlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import OperationalError
from django.test import Client
from django.utils import timezone

from commands import queue
from commands.models import State
from devices.models import Enrollment, Identity
from mdmportal.protocol import cms
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.signature import Style

from ..captures import capture, names
from .conftest import IPAD, Enroll, channel, push_pair

pytestmark = pytest.mark.django_db

CHECKIN = "application/x-apple-aspen-mdm-checkin"
CONNECT = "application/x-apple-aspen-mdm"


def put(
    body: bytes,
    signature: bytes | str | None = None,
    path: str = "/mdm/connect",
    **more: Any,
) -> int:
    headers = dict(more)
    if signature is not None:
        raw = signature if isinstance(signature, str) else base64.b64encode(signature)
        headers["Mdm-Signature"] = raw if isinstance(raw, str) else raw.decode()
    client = Client()
    return client.put(path, body, content_type=CONNECT, headers=headers).status_code


def signed(device: SimulatedDevice, body: bytes) -> bytes:
    identity = device.stay.identity
    return cms.sign(body, identity.certificate, identity.key, detached=True)


def idle(device: SimulatedDevice, **keys: Any) -> bytes:
    return plistlib.dumps({"Status": "Idle", **device.who(), **keys})


@pytest.mark.parametrize("method", ["get", "post", "delete", "patch", "options"])
@pytest.mark.parametrize("path", ["/mdm/connect", "/mdm/checkin"])
def test_a_wrong_method_is_405(method: str, path: str) -> None:
    assert getattr(Client(), method)(path).status_code == 405


def test_a_request_without_proof_is_refused_and_does_not_unenroll(
    iphone: SimulatedDevice,
) -> None:
    assert put(idle(iphone)) == 400


@pytest.mark.parametrize(
    "signature", ["", "!!!", "AAAA", base64.b64encode(b"0\x80").decode()]
)
def test_a_signature_that_is_none_is_refused(
    iphone: SimulatedDevice, signature: str
) -> None:
    assert put(idle(iphone), signature) == 400


def test_a_signature_over_another_body_is_refused(iphone: SimulatedDevice) -> None:
    body = idle(iphone)
    assert put(body, signed(iphone, body)) == 200
    assert put(body + b" ", signed(iphone, body)) == 400


def test_the_signature_of_a_stranger_is_refused(iphone: SimulatedDevice) -> None:
    certificate, key = push_pair()
    body = idle(iphone)
    forged = cms.sign(
        body,
        x509.load_pem_x509_certificate(certificate),
        _key(key),
        detached=True,
    )
    assert put(body, forged) == 400


def _key(pem: bytes) -> rsa.RSAPrivateKey:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def test_a_real_devices_signature_of_another_server_is_refused() -> None:
    header = capture("signature/mdm-signature-header.txt").decode().strip()
    assert put(capture("signature/body.plist"), header) == 400


def test_a_device_cannot_speak_for_another(
    iphone: SimulatedDevice, enroll: Enroll
) -> None:
    ipad = enroll(IPAD)
    lock = queue.enqueue([channel(ipad).pk], "DeviceLock")
    body = idle(ipad)
    assert put(body, signed(iphone, body)) == 400
    assert lock.deliveries.get().state == State.QUEUED


def test_a_device_cannot_report_for_another(
    iphone: SimulatedDevice, enroll: Enroll
) -> None:
    ipad = enroll(IPAD)
    lock = queue.enqueue([channel(ipad).pk], "DeviceLock")
    sent = ipad.connect()
    assert sent is not None
    report = {"Status": "Acknowledged", "CommandUUID": sent["CommandUUID"]}
    body = plistlib.dumps(report | iphone.who())
    assert put(body, signed(iphone, body)) == 200
    assert lock.deliveries.get().state == State.SENT


@pytest.mark.parametrize("style", list(Style))
def test_each_way_in_which_devices_sign_is_taken(
    iphone: SimulatedDevice, style: Style
) -> None:
    iphone.style = style
    assert iphone.connect() is None


def test_a_revoked_identity_is_refused(iphone: SimulatedDevice) -> None:
    Identity.objects.update(revoked_at=timezone.now())
    assert put(idle(iphone), signed(iphone, idle(iphone))) == 400


def test_an_expired_identity_gets_no_commands_and_is_not_unenrolled(
    iphone: SimulatedDevice,
) -> None:
    lock = queue.enqueue([channel(iphone).pk], "DeviceLock")
    Identity.objects.update(not_after=timezone.now())
    assert iphone.connect() is None
    assert lock.deliveries.get().state == State.QUEUED
    assert Enrollment.objects.get().state == Enrollment.State.ACTIVE


BOMB = b"""<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "aaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<plist version="1.0"><dict><key>Status</key><string>&b;</string></dict></plist>"""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not a plist",
        b"{}",
        BOMB,
        plistlib.dumps([]),
        plistlib.dumps({"MessageType": "Nonsense"}),
        plistlib.dumps({"MessageType": "DeclarativeManagement", "Endpoint": "tokens"}),
        plistlib.dumps({"Status": "Idle", "UserID": "unknown"}),
        plistlib.dumps({"Status": "Idle", "UDID": "a\0b"}, fmt=plistlib.FMT_BINARY),
    ],
)
@pytest.mark.parametrize("path", ["/mdm/connect", "/mdm/checkin"])
def test_what_is_signed_well_but_said_wrong_is_400(
    iphone: SimulatedDevice, body: bytes, path: str
) -> None:
    assert put(body, signed(iphone, body), path) == 400


@pytest.mark.parametrize("name", names("abm", ".json") + names("ddm", ".json"))
def test_json_of_apples_other_protocols_is_no_message(
    iphone: SimulatedDevice, name: str
) -> None:
    body = capture(name)
    assert put(body, signed(iphone, body)) == 400


@pytest.mark.parametrize("name", names("ddm", ".json"))
def test_a_declarative_status_report_is_declined_and_nothing_is_lost(
    mac: SimulatedDevice, name: str
) -> None:
    message = {
        "MessageType": "DeclarativeManagement",
        "Endpoint": "status",
        "Data": capture(name),
        **mac.who(),
    }
    body = plistlib.dumps(message)
    assert put(body, signed(mac, body), "/mdm/checkin") == 400
    assert mac.connect() is None


ODD = ["", "x" * 255, "x" * 256, "x" * 100_000, "\u202e\U0001f600", "'; --", "\x7f"]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("message_type", ["Authenticate", "TokenUpdate", "CheckOut"])
def test_no_text_of_a_device_is_ever_a_500(
    iphone: SimulatedDevice, message_type: str, value: str
) -> None:
    keys = ("DeviceName", "SerialNumber", "PushMagic", "UserLongName", "IMEI", "Model")
    message = {
        "MessageType": message_type,
        "Topic": iphone.stay.topic,
        "Token": b"token",
        "PushMagic": "magic",
        **iphone.who(),
    }
    for key in keys:
        body = plistlib.dumps(message | {key: value})
        assert put(body, signed(iphone, body), "/mdm/checkin") in (200, 400), key


@pytest.mark.parametrize("value", ODD)
def test_no_text_in_a_report_is_ever_a_500(iphone: SimulatedDevice, value: str) -> None:
    queue.enqueue([channel(iphone).pk], "DeviceLock")
    sent = iphone.connect()
    assert sent is not None
    for uuid in (value or "x", sent["CommandUUID"]):
        report = {"Status": "Error", "CommandUUID": uuid, "Odd": value}
        report["ErrorChain"] = [{"ErrorCode": 2**63, "LocalizedDescription": value}]
        body = plistlib.dumps(report | iphone.who())
        assert put(body, signed(iphone, body)) in (200, 400)


AMPLIFIED = {"ErrorChain": [{"LocalizedDescription": "x" * 1_000_000}] * 200}
ENDLESS = b"<real>nan</real><real>inf</real><integer>0x" + b"f" * 5000 + b"</integer>"


def test_numbers_without_end_do_not_hold_up_the_device(iphone: SimulatedDevice) -> None:
    queue.enqueue([channel(iphone).pk], "DeviceLock")
    sent = iphone.connect()
    assert sent is not None
    report = {"Status": "Error", "CommandUUID": sent["CommandUUID"], "ErrorChain": []}
    body = plistlib.dumps(report | iphone.who())
    link = b"<dict><key>ErrorCode</key><array>" + ENDLESS + b"</array></dict>"
    for part in (link, ENDLESS):
        odd = body.replace(b"<array/>", b"<array>" + part + b"</array>")
        assert odd != body
        assert put(odd, signed(iphone, odd)) == 200


def test_one_text_shared_many_times_is_refused(iphone: SimulatedDevice) -> None:
    message = {"Status": "Error", "CommandUUID": "1", **AMPLIFIED, **iphone.who()}
    body = plistlib.dumps(message, fmt=plistlib.FMT_BINARY)
    assert len(body) < 1_100_000
    assert put(body, signed(iphone, body)) == 400


def test_a_body_of_a_million_parts_is_refused_unread(iphone: SimulatedDevice) -> None:
    body = b"<plist><dict><key>a</key><array>" + b"<true/>" * 1_500_000
    assert put(body, signed(iphone, body)) == 400


@pytest.mark.parametrize("key", ["Token", "UnlockToken"])
def test_a_token_without_end_is_refused(iphone: SimulatedDevice, key: str) -> None:
    message = {
        "MessageType": "TokenUpdate",
        "Topic": iphone.stay.topic,
        "Token": b"t",
        "PushMagic": "m",
        key: b"x" * 100_000,
        **iphone.who(),
    }
    body = plistlib.dumps(message)
    assert put(body, signed(iphone, body), "/mdm/checkin") == 400


def test_a_shared_ipad_user_without_a_name_is_not_the_device(
    iphone: SimulatedDevice,
) -> None:
    before = channel(iphone).push_token
    message = {
        "MessageType": "TokenUpdate",
        "Topic": iphone.stay.topic,
        "Token": b"another",
        "PushMagic": "another",
        "UserID": "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        **iphone.who(),
    }
    body = plistlib.dumps(message)
    assert put(body, signed(iphone, body), "/mdm/checkin") == 400
    assert channel(iphone).push_token == before


def test_a_body_over_the_limit_is_413(iphone: SimulatedDevice, settings: Any) -> None:
    settings.MAX_DEVICE_BODY = 1000
    body = idle(iphone, Padding="x" * 1000)
    assert put(body, signed(iphone, body)) == 413


def test_a_refusal_is_one_line_in_the_log_without_secrets(
    iphone: SimulatedDevice, caplog: pytest.LogCaptureFixture
) -> None:
    body = plistlib.dumps(
        {"MessageType": "Nonsense", "UnlockToken": b"secret", **iphone.who()}
    )
    with caplog.at_level(logging.INFO):
        put(body, signed(iphone, body), "/mdm/checkin")
    (line,) = caplog.records
    assert "Nonsense" in line.getMessage()
    assert "secret" not in line.getMessage()
    assert base64.b64encode(b"secret").decode() not in caplog.text


def test_a_lost_database_is_503_and_the_device_comes_again(
    iphone: SimulatedDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    from devices import requests

    body = idle(iphone)
    signature = signed(iphone, body)
    with monkeypatch.context() as patch:
        patch.setattr(requests, "authenticate", _lost)
        assert put(body, signature) == 503
    assert put(body, signature) == 200


def _lost(*_: object) -> None:
    raise OperationalError("the database is gone")


def test_a_client_certificate_counts_only_from_a_trusted_proxy(
    iphone: SimulatedDevice, settings: Any
) -> None:
    der = iphone.stay.identity.certificate.public_bytes(Encoding.DER)
    header = {"Client-Cert": f":{base64.b64encode(der).decode()}:"}
    body = idle(iphone)
    assert put(body, **header) == 400
    settings.CLIENT_CERTIFICATE_HEADER = "Client-Cert"
    assert put(body, **header) == 400
    settings.TRUSTED_PROXIES = ["127.0.0.0/8"]
    assert put(body, **header) == 200


def test_a_client_certificate_is_read_as_nginx_escapes_it(
    iphone: SimulatedDevice, settings: Any
) -> None:
    from urllib.parse import quote

    settings.CLIENT_CERTIFICATE_HEADER = "X-Client-Cert"
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    pem = iphone.stay.identity.certificate.public_bytes(Encoding.PEM)
    assert put(idle(iphone), **{"X-Client-Cert": quote(pem)}) == 200
    assert put(idle(iphone), **{"X-Client-Cert": "nonsense"}) == 400


def test_signature_and_client_certificate_must_agree(
    iphone: SimulatedDevice, enroll: Enroll, settings: Any
) -> None:
    settings.CLIENT_CERTIFICATE_HEADER = "Client-Cert"
    settings.TRUSTED_PROXIES = ["127.0.0.1"]
    other = enroll(IPAD).stay.identity.certificate.public_bytes(Encoding.DER)
    header = {"Client-Cert": f":{base64.b64encode(other).decode()}:"}
    body = idle(iphone)
    assert put(body, signed(iphone, body), **header) == 400


def test_one_url_can_serve_both(iphone: SimulatedDevice) -> None:
    body = plistlib.dumps({"MessageType": "GetBootstrapToken", **iphone.who()})
    signature = base64.b64encode(signed(iphone, body)).decode()
    for path in ("/mdm/connect", "/mdm/checkin"):
        response = Client().put(
            path, body, content_type=CHECKIN, headers={"Mdm-Signature": signature}
        )
        assert response.status_code == 200, path
