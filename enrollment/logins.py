"""Logins: network users of a Mac, by UserAuthenticate, in two steps.

The Mac is asked for the password by a digest, which is compared with what was kept when
the person signed in here; what it then gets, each message of that user must carry.
Nobody is ever answered 401 or 403: whom the way in does not manage is Declined.
https://developer.apple.com/documentation/devicemanagement/user-authenticate
"""

import datetime as dt
import hmac
import logging

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from devices.authentication import Caller, Declined
from devices.models import AuditEntry, Channel, Enrollment, NetworkLogin, User
from devices.models.login import REALM
from mdmportal.protocol import ProtocolError, checkin
from mdmportal.protocol import digest as protocol

from . import users
from .models import EnrollmentProfile, LoginChallenge, LoginFailure, digest, new_token

logger = logging.getLogger(__name__)

ANSWER_WITHIN = dt.timedelta(minutes=5)
"""How long a challenge can be answered; the Mac has the password at hand."""
WRONG = ""
"""The AuthToken for a wrong password, after which the Mac may ask for it again."""

NetworkUsers = EnrollmentProfile.NetworkUsers


def authenticate(caller: Caller, message: checkin.UserAuthenticate) -> bytes:
    """Answer for a network user who logs in: a challenge, a token, or Declined."""
    if caller.mode == Enrollment.Mode.USER:
        raise ProtocolError("UserAuthenticate is not for User Enrollment")
    if not message.user_id:
        raise ProtocolError("UserAuthenticate without a UserID")
    policy = _policy(caller)
    if policy == NetworkUsers.DECLINE or not caller.is_enrolled:
        users.mark(caller, message, Channel.DECLINED)
        raise Declined
    if policy == NetworkUsers.ADMIT:
        users.mark(caller, message, "")
        return checkin.digest_challenge("")
    if not message.digest_response:
        _close(caller, message)
        return checkin.digest_challenge(_challenge(caller, message))
    return checkin.auth_token(_judge(caller, message))


def _close(caller: Caller, message: checkin.UserAuthenticate) -> None:
    """Decline who has not proved a password, from the first question on.

    Also who was managed without one until now. Who did prove it stays until the next
    proof: the same question may come twice.
    """
    channel = caller.channel(message)
    if channel is None:
        Channel.objects.get_or_create(
            enrollment_id=caller.enrollment_id or 0,
            user_id=message.user_id,
            defaults={
                "auth_token_digest": Channel.DECLINED,
                "user_short_name": message.user_short_name,
                "user_long_name": message.user_long_name,
            },
        )
    elif not channel.auth_token_digest:
        users.mark(caller, message, Channel.DECLINED)


def _policy(caller: Caller) -> str:
    way = users.way_of(caller)
    return way.network_users if way else NetworkUsers.DECLINE


def _challenge(caller: Caller, message: checkin.UserAuthenticate) -> str:
    """Ask for the password, by a nonce for this user of this Mac alone."""
    assert caller.enrollment_id is not None
    nonce = new_token()
    LoginChallenge.objects.update_or_create(
        enrollment_id=caller.enrollment_id,
        user_id=message.user_id,
        defaults={
            "nonce": digest(nonce),
            "expires_at": timezone.now() + ANSWER_WITHIN,
            "answer": "",
            "auth_token": None,
        },
    )
    return protocol.challenge(REALM, nonce)


@transaction.atomic
def _judge(caller: Caller, message: checkin.UserAuthenticate) -> str:
    """Return the AuthToken for who knew the password, else WRONG."""
    response = protocol.read(message.digest_response)
    challenge = _asked(caller, message, response.nonce)
    if challenge is None:
        logger.warning(
            "enrollment %s: %s answers no challenge of theirs that still holds",
            caller.enrollment_id,
            message.user_id,
        )
        return WRONG
    given = digest(message.digest_response)
    if challenge.answer:
        again = hmac.compare_digest(challenge.answer, given)
        return bytes(challenge.auth_token or b"").decode() if again else WRONG
    person = _prove(challenge.enrollment, message, response)
    token = new_token() if person else WRONG
    challenge.answer, challenge.auth_token = given, token.encode()
    challenge.save(update_fields=["answer", "auth_token"])
    if person:
        _let_in(challenge.enrollment, message, person, token)
    return token


def _asked(
    caller: Caller, message: checkin.UserAuthenticate, nonce: str
) -> LoginChallenge | None:
    """Return the challenge, locked, if it is this user's last one and still holds."""
    locked = LoginChallenge.objects.select_for_update(of=("self",))
    return (
        locked.select_related("enrollment__device")
        .filter(
            enrollment=caller.enrollment_id,
            user_id=message.user_id,
            nonce=digest(nonce),
            expires_at__gt=timezone.now(),
        )
        .first()
    )


def _prove(
    enrollment: Enrollment,
    message: checkin.UserAuthenticate,
    response: protocol.Response,
) -> User | None:
    """Return the person of ours whose password was known, None for nobody.

    Who failed too often is not looked at for a while; the device goes on as it was.
    """
    login = NetworkLogin.of(response.username)
    if login is None or message.user_short_name not in ("", response.username):
        why = "has no account here, or has not signed in here with the password yet"
        _refused(enrollment, response.username, why)
        return None
    failure, _ = LoginFailure.objects.select_for_update().get_or_create(
        enrollment=enrollment, person=login.user
    )
    if failure.is_too_many:
        _refused(enrollment, response.username, "failed too often")
        return None
    if login.is_proven_by(response):
        failure.delete()
        return login.user
    failure.add()
    _refused(enrollment, response.username, "gave a wrong password")
    if failure.is_too_many:
        who = {"user": response.username, "minutes": _minutes(LoginFailure.WITHIN)}
        AuditEntry.write(
            None, "refused a login after wrong passwords", enrollment.device, **who
        )
    return None


def _minutes(time: dt.timedelta) -> int:
    return int(time.total_seconds() // 60)


def _refused(enrollment: Enrollment, name: str, why: str) -> None:
    logger.warning("enrollment %d: network user %r %s", enrollment.pk, name, why)


def _let_in(
    enrollment: Enrollment,
    message: checkin.UserAuthenticate,
    person: User,
    token: str,
) -> None:
    """From now on the messages of this user must carry the token."""
    names = {"user_short_name": person.username}
    if message.user_long_name:
        names["user_long_name"] = message.user_long_name
    channel, _ = Channel.objects.update_or_create(
        enrollment=enrollment,
        user_id=message.user_id,
        defaults={"person": person, "auth_token_digest": digest(token), **names},
    )
    users.waken(channel.pk)


# --- What a password is recognised by


def remember(user: User, password: str) -> None:
    """Keep by what a password is recognised at a Mac, if a way in asks for it."""
    if _is_wanted():
        NetworkLogin.keep(user, password)


def forget() -> int:
    """Delete what nobody asks for any more; return how many rows."""
    now = timezone.now()
    gone = LoginChallenge.objects.filter(expires_at__lt=now).delete()[0]
    past = now - LoginFailure.WITHIN
    gone += LoginFailure.objects.filter(last_at__lt=past).delete()[0]
    if not _is_wanted():
        gone += NetworkLogin.objects.all().delete()[0]
    return gone


def _is_wanted() -> bool:
    """Whether a way in asks for passwords: one that is open, or that Macs came by."""
    asking = EnrollmentProfile.objects.filter(network_users=NetworkUsers.PASSWORD)
    came = Q(challenges__identity__enrollment__state=Enrollment.State.ACTIVE)
    return asking.filter(Q(is_enabled=True) | came).exists()
