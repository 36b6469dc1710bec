"""Authentication: which device sent a request, told by its certificate alone.

A device proves itself by ``Mdm-Signature``, a detached CMS over the raw body, or by a
client certificate that a trusted proxy hands over. The certificate must be one that we
issued and did not revoke; it is pinned to one enrollment, and everything is found
through it.
https://developer.apple.com/documentation/devicemanagement/implementing-device-management
"""

import base64
import dataclasses
import datetime as dt
import hashlib
import hmac
import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

from cryptography import x509
from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from django.utils import timezone

from mdmportal.protocol import ProtocolError, cms
from mdmportal.protocol.identity import Speaker

from .models import Enrollment, Identity
from .models.enrollment import ACCOUNT_DRIVEN
from .signals import identity_unknown

# On the hottest road of the server, so by hand: the ORM takes thrice the time to build
# this. Times are compared by the database, which spares reading them.
FIND = """
SELECT i.id, i.revoked_at IS NOT NULL, i.not_after < %s,
       e.id, e.state, e.mode, e.signed_out_at IS NOT NULL, e.is_expelled,
       d.id, d.udid, d.enrollment_id,
       d.platform, d.os_version, d.is_supervised, e.access_rights,
       e.awaiting_configuration, d.in_lost_mode, d.is_apple_silicon,
       d.needs_pin_to_lock, d.needs_pin_to_erase,
       c.id, c.user_id, c.push_token, c.push_magic, c.push_at, c.push_dead,
       c.ordered, c.drained, c.last_seen_at IS NULL OR c.last_seen_at < %s,
       c.auth_token_digest, c.awaiting_configuration
FROM devices_identity i
LEFT JOIN devices_enrollment e ON e.id = i.enrollment_id
LEFT JOIN devices_device d ON d.id = e.device_id
LEFT JOIN devices_channel c ON c.enrollment_id = e.id
WHERE i.fingerprint = %s
"""


CHANNEL = 20
"""Where the columns of the channel begin."""


class Declined(Exception):
    """The user who logs in is not to be managed; the device is, as before."""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel as a device's request needs it; ``push_at`` as the database has it."""

    id: int
    user_id: str
    push_token: str
    push_magic: str
    push_at: object
    push_dead: bool
    ordered: int
    drained: int
    is_stale: bool
    """Not seen within LAST_SEEN_EVERY."""
    auth_token_digest: str = ""
    awaiting_configuration: bool = False
    """Its user of a Shared iPad waits for UserConfigured."""

    def admits(self, auth_token: str) -> bool:
        """Whether a message with this AuthToken is of the user who was let in."""
        if not self.auth_token_digest:
            return True
        given = hashlib.sha256(auth_token.encode()).hexdigest()
        return hmac.compare_digest(given, self.auth_token_digest)

    @property
    def is_drained(self) -> bool:
        """Nothing waits in the queue."""
        return self.ordered == self.drained


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides which commands a device can take; None: unknown.

    Read with the row that is read anyway, so that nothing has to be asked when a
    command is about to be sent.
    """

    platform: str = ""
    os_version: str = ""
    is_supervised: bool | None = None
    access_rights: int = 0
    awaiting_configuration: bool = False
    in_lost_mode: bool | None = None
    is_apple_silicon: bool | None = None
    needs_pin_to_lock: bool | None = None
    needs_pin_to_erase: bool | None = None


UNKNOWN = Facts()


@dataclass(frozen=True, slots=True)
class Caller:
    """Who sent a request. Before Authenticate there is an identity and nothing else."""

    identity_id: int
    is_expired: bool
    enrollment_id: int | None
    state: str
    mode: str
    is_signed_out: bool
    """Account-driven: the device was told to have its person sign in again."""
    is_expelled: bool
    """And may be told to remove profiles although they did not."""
    device_id: int | None
    udid: str
    anonymous_id: str
    channels: tuple[ChannelRow, ...]
    decides: tuple[Any, ...] = ()
    """What decides which commands the device can take, as the database has it."""
    bearer: str = dataclasses.field(default="", repr=False)
    """The session token that came along; '' for none."""

    @property
    def facts(self) -> Facts:
        """What decides; made when a command is there to be sent, which is rare."""
        return _facts(self.decides) if self.decides else UNKNOWN

    @property
    def is_enrolled(self) -> bool:
        return self.state == Enrollment.State.ACTIVE

    @property
    def is_account_driven(self) -> bool:
        return self.mode in ACCOUNT_DRIVEN

    def check_device(self, speaker: Speaker) -> None:
        """Refuse a message that names another device than the identity's."""
        known = self.udid or self.anonymous_id
        # Compared only if both are there: bootstrap messages may carry no UDID.
        if known and speaker.device_id and known != speaker.device_id:
            raise ProtocolError("the message names another device than its identity")

    def check_user(self, speaker: Speaker) -> None:
        """Raise Declined for a user who is not managed, or not until the next login."""
        channel = self.channel(speaker)
        if channel is not None and not channel.admits(speaker.auth_token):
            raise Declined

    def channel(self, speaker: Speaker) -> ChannelRow | None:
        """Return the channel that speaks, None if it was not opened."""
        return next((x for x in self.channels if x.user_id == speaker.user_id), None)


def authenticate(request: HttpRequest, body: bytes) -> Caller:
    """Return who sent ``body``; ProtocolError when that is not proven."""
    certificate = _certificate(request, body)
    rows = _find(certificate)
    if not rows and _is_introduced(certificate, body):
        rows = _find(certificate)
    if not rows:
        raise ProtocolError("the identity is unknown")
    (identity, revoked, expired, *stay), device = rows[0][:8], rows[0][8:11]
    if revoked:
        raise ProtocolError("the identity was revoked")
    enrollment, state, mode, signed_out, expelled = stay
    device_id, udid, anonymous = device
    return Caller(
        identity_id=identity,
        is_expired=bool(expired),
        enrollment_id=enrollment,
        state=state or "",
        mode=mode or "",
        is_signed_out=bool(signed_out),
        is_expelled=bool(expelled),
        device_id=device_id,
        udid=udid or "",
        anonymous_id=anonymous or "",
        channels=tuple(
            _channel_row(row[CHANNEL:]) for row in rows if row[CHANNEL] is not None
        ),
        decides=rows[0][11:CHANNEL] if device_id else (),
        bearer=bearer(request),
    )


def _find(certificate: x509.Certificate) -> list[tuple[Any, ...]]:
    """Return the rows of FIND: one for each channel, none for a stranger."""
    now = timezone.now()
    adapt = connection.ops.adapt_datetimefield_value
    stale = now - dt.timedelta(seconds=settings.LAST_SEEN_EVERY)
    fingerprint = Identity.fingerprint_of(certificate)
    with connection.cursor() as cursor:
        cursor.execute(FIND, [adapt(now), adapt(stale), fingerprint])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _is_introduced(certificate: x509.Certificate, body: bytes) -> bool:
    """Whether somebody above vouches for a stranger, who is known from now on."""
    answers = identity_unknown.send(None, certificate=certificate, body=body)
    return any(answer for _, answer in answers)


def bearer(request: HttpRequest) -> str:
    """Return the token of the Authorization header, RFC 6750 section 2.1; else ''."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _facts(row: tuple[Any, ...]) -> Facts:
    platform, version, supervised, rights, awaiting, *known = row
    lost, silicon, lock, erase = map(_known, known)
    return Facts(
        platform=platform,
        os_version=version,
        is_supervised=_known(supervised),
        access_rights=rights,
        awaiting_configuration=bool(awaiting),
        in_lost_mode=lost,
        is_apple_silicon=silicon,
        needs_pin_to_lock=lock,
        needs_pin_to_erase=erase,
    )


def _known(value: Any) -> bool | None:
    """SQLite says 1 for true."""
    return None if value is None else bool(value)


def _channel_row(row: tuple[Any, ...]) -> ChannelRow:
    number, user_id, token, magic, push_at, dead, *rest = row
    ordered, drained, stale, auth, awaiting = rest
    return ChannelRow(
        id=number,
        user_id=user_id,
        push_token=token,
        push_magic=magic,
        push_at=push_at,
        push_dead=bool(dead),
        ordered=ordered,
        drained=drained,
        is_stale=bool(stale),
        auth_token_digest=auth,
        awaiting_configuration=bool(awaiting),
    )


def _certificate(request: HttpRequest, body: bytes) -> x509.Certificate:
    signature = request.headers.get("Mdm-Signature", "")
    handed_over = _handed_over(request)
    if signature:
        signer = cms.verify(_base64(signature), body).signer
        if handed_over is not None and handed_over != signer:
            raise ProtocolError("Mdm-Signature and the client certificate disagree")
        return signer
    if handed_over is None:
        raise ProtocolError("neither Mdm-Signature nor a client certificate")
    return handed_over


def _base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except ValueError as error:
        raise ProtocolError("Mdm-Signature is not base64") from error


def _handed_over(request: HttpRequest) -> x509.Certificate | None:
    """Return the client certificate that a trusted proxy put into its header."""
    name = settings.CLIENT_CERTIFICATE_HEADER
    value = request.headers.get(name, "") if name else ""
    if not value or not _is_trusted(request.META.get("REMOTE_ADDR", "")):
        return None
    try:
        if value.startswith(":"):  # RFC 9440: base64 of DER between colons
            return x509.load_der_x509_certificate(base64.b64decode(value.strip(":")))
        return x509.load_pem_x509_certificate(unquote(value).encode())
    except (ValueError, x509.InvalidVersion) as error:
        raise ProtocolError("the client certificate cannot be read") from error


def _is_trusted(address: str) -> bool:
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(
        peer in network for network in _networks(tuple(settings.TRUSTED_PROXIES))
    )


@lru_cache(maxsize=4)
def _networks(
    names: tuple[str, ...],
) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(name) for name in names)
