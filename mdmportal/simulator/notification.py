"""Notification: one push as APNs receives it, and what is wrong with it by itself.

https://developer.apple.com/documentation/usernotifications/sending-notification-requests-to-apns
"""

from __future__ import annotations

import enum
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from .apple import TOPIC_PREFIX


@dataclass(frozen=True)
class Notification:
    """A push as it arrived; `uid` is that of the client certificate."""

    uid: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes

    def header(self, name: str, default: str = "") -> str:
        return dict(self.headers).get(name, default)

    @property
    def path(self) -> str:
        return self.header(":path")

    @property
    def token(self) -> str:
        return self.path.removeprefix("/3/device/").lower()

    @property
    def topic(self) -> str:
        return self.header("apns-topic")

    @property
    def expiration(self) -> int:
        """UNIX time; 0 to deliver now or never."""
        return int(self.header("apns-expiration", "0"))

    @property
    def magic(self) -> str:
        """The PushMagic; empty in a payload that is none of MDM."""
        try:
            content = json.loads(self.payload)
        except ValueError:
            return ""
        magic = content.get("mdm") if isinstance(content, dict) else None
        return magic if isinstance(magic, str) else ""

    @property
    def has_duplicates(self) -> bool:
        names = [name for name, _ in self.headers]
        return len(names) != len(set(names))

    @property
    def has_bad_id(self) -> bool:
        try:
            uuid.UUID(self.header("apns-id", str(uuid.UUID(int=0))))
        except ValueError:
            return True
        return False


@dataclass(frozen=True)
class Reply:
    """What APNs says to one push; `timestamp` in milliseconds, with a 410 only."""

    status: int
    reason: str = ""
    timestamp: int | None = None

    @property
    def body(self) -> bytes:
        content: dict[str, object] = {"reason": self.reason} if self.reason else {}
        if self.timestamp is not None:
            content["timestamp"] = self.timestamp
        return json.dumps(content).encode() if content else b""


class Fault(enum.Enum):
    """What APNs or the network do instead of a reply."""

    RESET = "RST_STREAM"
    GOAWAY = "GOAWAY"
    SILENCE = "silence"
    DROP = "connection lost"


SENT = Reply(200)
MAX_PAYLOAD = 4096

# In this order. What needs to know the devices is in `SimulatedAPNs._decide`.
REFUSALS: tuple[tuple[Callable[[Notification], bool], Reply], ...] = (
    (lambda n: n.header(":method") != "POST", Reply(405, "MethodNotAllowed")),
    (lambda n: not n.path.startswith("/3/device/"), Reply(404, "BadPath")),
    (lambda n: not n.token, Reply(400, "MissingDeviceToken")),
    (lambda n: n.has_duplicates, Reply(400, "DuplicateHeaders")),
    (lambda n: not n.uid.startswith(TOPIC_PREFIX), Reply(403, "BadCertificate")),
    (lambda n: n.has_bad_id, Reply(400, "BadMessageId")),
    (
        lambda n: not n.header("apns-expiration", "0").isdecimal(),
        Reply(400, "BadExpirationDate"),
    ),
    (
        lambda n: n.header("apns-priority", "10") not in ("1", "5", "10"),
        Reply(400, "BadPriority"),
    ),
    (
        lambda n: len(n.header("apns-collapse-id")) > 64,
        Reply(400, "BadCollapseId"),
    ),
    (lambda n: n.header("apns-push-type") != "mdm", Reply(400, "InvalidPushType")),
    (lambda n: not n.topic, Reply(400, "MissingTopic")),
    (lambda n: not n.topic.startswith(TOPIC_PREFIX), Reply(400, "BadTopic")),
    (lambda n: n.topic != n.uid, Reply(400, "TopicDisallowed")),
    (lambda n: len(n.payload) > MAX_PAYLOAD, Reply(413, "PayloadTooLarge")),
    (lambda n: not n.magic, Reply(400, "PayloadEmpty")),
    (
        lambda n: not re.fullmatch("([0-9a-f]{2}){32,100}", n.token),
        Reply(400, "BadDeviceToken"),
    ),
)
