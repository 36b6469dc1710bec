"""Held for review: who claims a device that is another owner's."""

import pytest

from devices.models import (
    Channel,
    Device,
    Enrollment,
    User,
)
from enrollment import arrivals, profiles
from enrollment.models import (
    EnrollmentProfile,
)
from mdmportal.simulator.errors import (
    ServerRefused,
)

from .conftest import (
    Enroll,
    OpenWay,
    Person,
    channel,
    sign_up,
    stay_of,
)

pytestmark = pytest.mark.django_db


def test_another_owners_claim_is_held_until_approved(
    make: Enroll, person: Person, open_way: OpenWay
) -> None:
    open_way("adde")
    owners = sign_up(make(), person("ada"))
    before = stay_of(owners)
    claimed = sign_up(make(), person("bob"))
    held = Enrollment.objects.get(state="held")
    before.refresh_from_db()
    assert before.state == "active"
    assert before.device.owner == before.owner
    assert claimed.connect() is None
    assert not held.channels.get().deliveries.exists()
    assert owners.connect() is None
    arrivals.approve(held, None)
    held.refresh_from_db()
    before.refresh_from_db()
    assert (held.state, before.state) == ("active", "ended")
    assert claimed.session() != []
    assert Device.objects.get().owner == held.owner


def test_a_rejected_claim_has_to_leave(
    make: Enroll, person: Person, open_way: OpenWay
) -> None:
    open_way("adde")
    owners = sign_up(make(), person("ada"))
    claimed = sign_up(make(), person("bob"))
    arrivals.reject(Enrollment.objects.get(state="held"), None)
    assert Channel.objects.filter(push_at__isnull=False).exists(), "to be told so"
    with pytest.raises(ServerRefused):
        claimed.session()
    assert not claimed.enrolled
    assert owners.connect() is None


def test_a_claim_by_nobody_in_particular_is_held_and_tells_us_nothing(
    make: Enroll, enroll: Enroll, person: Person, way: EnrollmentProfile
) -> None:
    person("ada")
    owners = make()
    owners.install(profiles.make(way, user=User.objects.get()))
    owners.session()
    device = Device.objects.get()
    claimed = make()
    claimed.state.os_version = "1.0"
    claimed.install(profiles.make(way))
    assert Enrollment.objects.filter(state="held").count() == 1
    device.refresh_from_db()
    assert device.os_version != "1.0"
    assert channel(owners).enrollment.owner is not None


def test_the_owner_may_enroll_the_device_anew(
    make: Enroll, person: Person, way: EnrollmentProfile
) -> None:
    person("ada")
    for _ in range(2):
        device = make()
        device.install(profiles.make(way, user=User.objects.get()))
    states = Enrollment.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["ended", "active"]
