"""The fleet of the load: enrolled devices as rows, and requests that they sign.

Runs with Django set up on the database under load.
"""

import base64
import plistlib
import secrets
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from django.utils import timezone

from apns.models import PushCertificate
from commands import queue
from commands.models import Delivery
from devices import sessions
from devices.models import (
    Channel,
    Device,
    Enrollment,
    Identity,
    SessionToken,
    User,
)
from enrollment import authority
from enrollment.models import CertificateAuthority
from mdmportal.protocol import cms

from .client import request

TOPIC = "com.apple.mgmt.External.bench"
KEYS = 20
QUERIES = ("UDID", "DeviceName", "OSVersion", "BuildVersion", "SerialNumber")


@dataclass
class Member:
    """One device of the fleet."""

    udid: str
    token: bytes
    magic: str
    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    channel: int
    bearer: str = ""

    def put(self, message: dict[str, object], path: str = "/mdm/connect") -> bytes:
        """Return a whole request, signed."""
        body = plistlib.dumps({**message, "UDID": self.udid})
        signature = cms.sign(body, self.certificate, self.key, detached=True)
        kind = "application/x-apple-aspen-mdm"
        if "MessageType" in message:
            kind, path = f"{kind}-checkin", "/mdm/checkin"
        header = base64.b64encode(signature).decode()
        headers = [("Content-Type", kind), ("Mdm-Signature", header)]
        if self.bearer:
            headers.append(("Authorization", f"Bearer {self.bearer}"))
        return request("PUT", path, body, headers)

    def token_update(self, token: bytes = b"") -> bytes:
        return self.put(
            {
                "MessageType": "TokenUpdate",
                "Topic": TOPIC,
                "Token": token or self.token,
                "PushMagic": self.magic,
            }
        )

    def authenticate(self) -> bytes:
        return self.put({"MessageType": "Authenticate", "Topic": TOPIC})

    def report(self, command_uuid: str) -> bytes:
        answer = dict.fromkeys(QUERIES, "x" * 20)
        return self.put(
            {
                "Status": "Acknowledged",
                "CommandUUID": command_uuid,
                "QueryResponses": answer,
            }
        )


def build(count: int) -> list[Member]:
    """Enroll ``count`` devices by their rows; they share KEYS keys."""
    now = timezone.now()
    PushCertificate.objects.get_or_create(
        topic=TOPIC,
        defaults={
            "certificate": "",
            "private_key": b"",
            "not_before": now,
            "not_after": now,
        },
    )
    keys = [rsa.generate_private_key(65537, 2048) for _ in range(KEYS)]
    ours = authority.current()
    return [_member(ours, keys[number % KEYS]) for number in range(count)]


def _member(ours: CertificateAuthority, key: rsa.RSAPrivateKey) -> Member:
    udid = str(uuid.uuid4()).upper()
    token, magic = secrets.token_bytes(32), str(uuid.uuid4()).upper()
    certificate = authority.issue(ours, key.public_key(), udid)
    enrollment = Enrollment.objects.create(
        device=Device.objects.create(udid=udid, name=udid),
        state=Enrollment.State.ACTIVE,
        topic=TOPIC,
    )
    identity = Identity.keep(certificate)
    identity.enrollment = enrollment
    identity.save(update_fields=["enrollment"])
    channel = Channel.objects.create(
        enrollment=enrollment,
        push_token=token.hex(),
        push_magic=magic,
        last_seen_at=timezone.now(),
    )
    return Member(udid, token, magic, certificate, key, channel.pk)


def sign_in(members: Sequence[Member]) -> None:
    """Make the enrollments account-driven, their person signed in."""
    user, _ = User.objects.get_or_create(username="bench")
    for one in members:
        one.bearer = secrets.token_urlsafe(24)
        enrollment = Enrollment.objects.get(channels=one.channel)
        enrollment.mode, enrollment.owner = Enrollment.Mode.ACCOUNT, user
        enrollment.save(update_fields=["mode", "owner"])
        SessionToken.objects.create(
            digest=sessions.digest(one.bearer),
            user=user,
            enrollment=enrollment,
            bind_by=timezone.now(),
        )


def crowd(count: int) -> list[int]:
    """Write ``count`` enrolled devices down; return the ids of their channels."""
    names = [f"crowd-{secrets.token_hex(8)}" for _ in range(count)]
    devices = Device.objects.bulk_create([Device(udid=name) for name in names])
    enrollments = Enrollment.objects.bulk_create(
        [
            Enrollment(device=one, state=Enrollment.State.ACTIVE, topic=TOPIC)
            for one in devices
        ]
    )
    channels = Channel.objects.bulk_create(
        [Channel(enrollment=one, push_token="00") for one in enrollments]
    )
    return [one.pk for one in channels]


def order(members: Sequence[Member], commands: int) -> dict[int, list[str]]:
    """Queue ``commands`` to each; return their CommandUUIDs by channel, in order."""
    ids = [one.channel for one in members]
    for _ in range(commands):
        queue.enqueue(ids, "DeviceInformation", {"Queries": list(QUERIES)})
    found: dict[int, list[str]] = {}
    for channel, uuid_ in (
        Delivery.objects.filter(channel_id__in=ids, state="queued")
        .order_by("pk")
        .values_list("channel_id", "uuid")
    ):
        found.setdefault(channel, []).append(uuid_)
    return found
