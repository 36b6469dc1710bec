"""Progress: how far an attempt to enroll has come, for the line that says so."""

import datetime as dt
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

from django.db.models import Model, QuerySet
from django.utils import timezone

from devices.models import Enrollment, User

from ..models import Challenge, EnrollmentProfile, OTASession, SignIn

Row = TypeVar("Row", bound=Model)

PATIENCE = dt.timedelta(hours=1)
"""After which an enrollment that began and did not end is said to have failed."""


class State(Enum):
    """Icon, tone, headline and what to know or do; {device} is its name."""

    NONE = (
        "radio_button_unchecked",
        "mute",
        "Not begun yet",
        "This line follows your device, to the end.",
    )
    FETCHED = (
        "download_done",
        "info",
        "Profile downloaded",
        "Now install it on the device, as described below.",
    )
    SIGNED_IN = (
        "how_to_reg",
        "info",
        "Signed in",
        "Go on in Settings, as described below.",
    )
    INSTALLING = (
        "progress_activity",
        "info",
        "Installing",
        "The device introduces itself. Go on with what it asks.",
    )
    ENROLLED = ("check_circle", "ok", "Enrolled", "{device} is enrolled. That is all.")
    HELD = (
        "front_hand",
        "warn",
        "IT has to approve this device",
        "{device} belonged to somebody else before. IT sees it waiting; once it is "
        "approved all goes on by itself.",
    )
    REJECTED = (
        "block",
        "bad",
        "Not approved",
        "IT did not approve this device. Please ask them why.",
    )
    LEFT = (
        "logout",
        "mute",
        "No longer enrolled",
        "{device} left management. To enroll it again, begin again.",
    )
    EXPIRED = (
        "timer_off",
        "warn",
        "The download has expired",
        "It was not installed in time. Start again: it takes a minute.",
    )
    FAILED = (
        "error",
        "bad",
        "It did not finish",
        "The device began and stopped. Start again; if it happens twice, tell IT.",
    )

    @property
    def is_open(self) -> bool:
        """Whether something may still come."""
        return self in OPEN

    @property
    def is_done(self) -> bool:
        return self is State.ENROLLED

    @property
    def starts_again(self) -> bool:
        return self in (State.EXPIRED, State.FAILED, State.LEFT)


OPEN = (State.NONE, State.FETCHED, State.SIGNED_IN, State.INSTALLING, State.HELD)
OF_ENROLLMENT = {
    Enrollment.State.PENDING: State.INSTALLING,
    Enrollment.State.ACTIVE: State.ENROLLED,
    Enrollment.State.HELD: State.HELD,
    Enrollment.State.ENDED: State.LEFT,
}


@dataclass(frozen=True)
class Progress:
    state: State
    device: str = ""

    @property
    def icon(self) -> str:
        return str(self.state.value[0])

    @property
    def tone(self) -> str:
        return str(self.state.value[1])

    @property
    def title(self) -> str:
        return str(self.state.value[2])

    @property
    def text(self) -> str:
        return str(self.state.value[3]).format(device=self.device or "The device")


def find(way: EnrollmentProfile, attempt: str, user: User | None) -> Progress:
    """Return how far the attempt came that ``attempt`` is the digest of.

    Without one, it is the newest of the person who is signed in. At most two queries.
    """
    if way.is_account_driven:
        return _of_sign_in(way, user)
    if way.kind == EnrollmentProfile.Kind.OTA:
        return _of_session(way, attempt, user)
    return _of_challenge(way, attempt, user)


def _of_challenge(way: EnrollmentProfile, attempt: str, user: User | None) -> Progress:
    found = Challenge.objects.filter(way=way, renews=None)
    joined = found.select_related("identity__enrollment__device")
    challenge = _newest(joined, attempt, user)
    if challenge is None:
        return Progress(State.NONE)
    if challenge.identity is None:
        return Progress(_unless(challenge.expires_at, State.FETCHED, State.EXPIRED))
    stay = challenge.identity.enrollment
    return _of_stay(stay, challenge.created_at)


def _of_session(way: EnrollmentProfile, attempt: str, user: User | None) -> Progress:
    session = _newest(OTASession.objects.filter(way=way), attempt, user)
    if session is None:
        return Progress(State.NONE)
    if session.identified_at is None:
        return Progress(_unless(session.expires_at, State.FETCHED, State.EXPIRED))
    stays = Enrollment.objects.filter(identities__challenge__ota=session)
    stay = stays.select_related("device").first()
    return _of_stay(stay, session.created_at)


def _of_sign_in(way: EnrollmentProfile, user: User | None) -> Progress:
    found = SignIn.objects.filter(way=way).select_related("token__enrollment__device")
    sign_in = _recent(found, user)
    if sign_in is None:
        return Progress(State.NONE)
    token = sign_in.token
    if token is None or token.enrollment is None:
        late = token.bind_by if token else sign_in.created_at + PATIENCE
        return Progress(_unless(late, State.SIGNED_IN, State.FAILED))
    return _of_stay(token.enrollment, sign_in.created_at)


def _newest(found: QuerySet[Row], attempt: str, user: User | None) -> Row | None:
    """Return the attempt, or the newest that the person began not long ago."""
    return found.filter(digest=attempt).first() if attempt else _recent(found, user)


def _recent(found: QuerySet[Row], user: User | None) -> Row | None:
    if user is None:
        return None
    since = timezone.now() - PATIENCE
    return found.filter(user=user, created_at__gt=since).first()


def _of_stay(stay: Enrollment | None, begun: dt.datetime) -> Progress:
    if stay is None:
        return Progress(_unless(begun + PATIENCE, State.INSTALLING, State.FAILED))
    state = OF_ENROLLMENT[Enrollment.State(stay.state)]
    if state is State.LEFT and stay.end_reason == Enrollment.REJECTED:
        state = State.REJECTED
    if state is State.INSTALLING:
        state = _unless(begun + PATIENCE, state, State.FAILED)
    return Progress(state, str(stay.device))


def _unless(late: dt.datetime, state: State, otherwise: State) -> State:
    """Return ``state`` until ``late``, then ``otherwise``."""
    return state if timezone.now() < late else otherwise
