"""Sessions: whether the person of an account-driven enrollment is signed in.

Such a device sends a session token with every request. Where it holds no more, 401 has
the device ask its person to sign in; it keeps what it had to say, and comes again with
another token. Elsewhere 401 would unenroll, and is never sent.
https://developer.apple.com/documentation/devicemanagement/onboarding-users-with-account-sign-in
"""

import hashlib
import logging

from django.db import connection, transaction
from django.utils import timezone

from .authentication import Caller
from .models import AuditEntry, Enrollment, SessionToken
from .signals import signed_in

logger = logging.getLogger(__name__)

# On the road of every request, as devices.authentication.FIND: by hand.
FIND = """
SELECT t.id, t.enrollment_id
FROM devices_sessiontoken t JOIN devices_user u ON u.id = t.user_id
WHERE t.digest = %s AND t.revoked_at IS NULL AND u.is_active
    AND (t.expires_at IS NULL OR t.expires_at > %s)
    AND (t.enrollment_id IS NOT NULL OR t.bind_by > %s)
"""


class SignInRequired(Exception):
    """The device has to have its person sign in, and then to ask again."""


def digest(token: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def require(caller: Caller) -> None:
    """Raise SignInRequired unless the token that came holds for this enrollment.

    One that belongs to no enrollment yet is bound to it, if it is its person's. One
    SELECT where nothing changes.
    """
    found = _find(caller.bearer)
    if found is not None:
        token, enrollment = found
        if enrollment is None and _bind(token, caller):
            return
        if enrollment == caller.enrollment_id:
            _is_back(caller)
            return
    _note(caller)
    raise SignInRequired


def find(token: str) -> SessionToken | None:
    """Return the token that holds, None for an unknown, expired or revoked one."""
    found = _find(token)
    return SessionToken.objects.get(pk=found[0]) if found else None


def bind(token: SessionToken, enrollment: Enrollment) -> None:
    """Make the token the one by which this enrollment is served, instead of others."""
    now = timezone.now()
    others = enrollment.session_tokens.filter(revoked_at=None).exclude(pk=token.pk)
    others.update(revoked_at=now)
    token.enrollment = enrollment
    token.save(update_fields=["enrollment"])


def _find(token: str) -> tuple[int, int | None] | None:
    if not token:
        return None
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(FIND, [digest(token), now, now])
        row = cursor.fetchone()
    return (row[0], row[1]) if row else None


@transaction.atomic
def _bind(pk: int, caller: Caller) -> bool:
    """Bind a new token if its person enrolled this device; return whether it was.

    The Managed Apple Account of the enrollment stays what it was, whatever the person
    has by now: on the device it cannot change.
    """
    token = SessionToken.objects.select_for_update().get(pk=pk)
    stays = Enrollment.objects.select_for_update()
    enrollment = stays.get(pk=caller.enrollment_id or 0)
    if token.enrollment_id is not None:
        return bool(token.enrollment_id == enrollment.pk)  # by a request beside this
    if token.user_id != enrollment.owner_id:
        logger.warning("a token of another person for enrollment %d", enrollment.pk)
        return False
    bind(token, enrollment)
    _clear(enrollment)
    AuditEntry.write(token.user, "signed in again", enrollment.device)
    return True


def _is_back(caller: Caller) -> None:
    """A person who was let in again had a token that now holds as before."""
    if caller.is_signed_out or caller.is_expelled:
        with transaction.atomic():
            stays = Enrollment.objects.select_for_update()
            _clear(stays.get(pk=caller.enrollment_id or 0))


def _clear(stay: Enrollment) -> None:
    """Let a locked stay be served as before.

    Whether it is expelled is the row's to say: that may have happened since the request
    came, and what was ordered then must not reach a device whose person is back.
    """
    was_expelled = stay.is_expelled
    stay.signed_out_at, stay.is_expelled = None, False
    stay.save(update_fields=["signed_out_at", "is_expelled"])
    if was_expelled:
        signed_in.send(Enrollment, enrollment_id=stay.pk)


def _note(caller: Caller) -> None:
    """Write down since when the person is signed out, if they really are.

    A token that got lost on the way, as through a proxy that drops the header, says
    nothing of the person: no device must be told to leave over that.
    """
    if not caller.bearer:
        logger.warning("enrollment %s came without a token", caller.enrollment_id)
    if caller.is_signed_out or caller.enrollment_id is None:
        return
    if SessionToken.valid().filter(enrollment=caller.enrollment_id).exists():
        return
    stay = Enrollment.objects.filter(pk=caller.enrollment_id, signed_out_at=None)
    stay.update(signed_out_at=timezone.now())
