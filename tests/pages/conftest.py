"""A fleet as rows, and people signed in to Django's test client."""

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from devices.models import Channel, Device, Enrollment, Secret, User

TOPIC = "com.apple.mgmt.External.pages"
Fleet = Callable[..., list[Channel]]
SignIn = Callable[..., Client]


@pytest.fixture
def fleet(db: None) -> Fleet:
    """Return the maker of enrolled devices; keywords change device or enrollment."""

    def make(
        count: int = 1, *, platform: str = "iOS", **device: object
    ) -> list[Channel]:
        first = Device.objects.count()
        return [
            _enrolled(number, platform, device)
            for number in range(first, first + count)
        ]

    return make


def _enrolled(number: int, platform: str, facts: dict[str, object]) -> Channel:
    now = timezone.now()
    values = {
        "udid": f"UDID-{number:06}",
        "serial_number": f"SERIAL{number:04}",
        "name": f"Device {number}",
        "platform": platform,
        "os_version": "17.6",
        "is_supervised": True,
        **facts,
    }
    device = Device.objects.create(**values)
    stay = Enrollment.objects.create(
        device=device,
        state=Enrollment.State.ACTIVE,
        topic=TOPIC,
        access_rights=8191,
        enrolled_at=now,
    )
    Secret.keep(stay, Secret.Kind.UNLOCK_TOKEN, b"unlock")
    return Channel.objects.create(
        enrollment=stay,
        push_token="ab" * 32,
        push_magic="magic",
        last_seen_at=now - dt.timedelta(minutes=5),
    )


@pytest.fixture
def sign_in(db: None) -> SignIn:
    """Return the maker of clients: ``sign_in("commands.add_command", …)`` is staff."""

    def make(*permissions: str, staff: bool = True, superuser: bool = False) -> Client:
        user = User.objects.create_user(
            f"user{User.objects.count()}",
            password="of this test",
            is_staff=staff,
            is_superuser=superuser,
        )
        for name in permissions:
            app, _, codename = name.partition(".")
            found = Permission.objects.get(
                content_type__app_label=app, codename=codename
            )
            user.user_permissions.add(found)
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def admin(sign_in: SignIn) -> Client:
    return sign_in(superuser=True)
