"""Ordering from a script, by ``manage.py order``."""

import datetime as dt
import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from commands import queue
from commands.models import Command, Delivery, State
from devices.models import AuditEntry, Secret

from .conftest import Fleet


def order(*words: str) -> tuple[list[dict[str, Any]], str]:
    """Return the rows that the command prints, and what it complains of."""
    out, err = io.StringIO(), io.StringIO()
    call_command("order", *words, stdout=out, stderr=err)
    return json.loads(out.getvalue()), err.getvalue()


def test_each_device_gets_the_keys_it_entrusted_to_us(fleet: Fleet) -> None:
    first, second, third = fleet(3)
    Secret.keep(second.enrollment, Secret.Kind.UNLOCK_TOKEN, b"another")
    Secret.objects.filter(enrollment=third.enrollment).delete()
    rows, complaints = order("ClearPasscode", "--to", "all")
    assert {row["device"] for row in rows} == {
        first.enrollment.device_id,
        second.enrollment.device_id,
    }
    told = {
        each.channel: each.command.keys["UnlockToken"]
        for each in Delivery.objects.select_related("command", "channel")
    }
    assert told == {first: b"unlock", second: b"another"}
    assert complaints == "Device 2: the device handed over no unlock token\n"
    assert AuditEntry.objects.get().details == {"channels": 2}


def test_devices_of_one_name_are_each_told_of(fleet: Fleet) -> None:
    fleet(2, name="iPad", is_supervised=False)
    rows, complaints = order("RestartDevice", "--to", "all")
    assert rows == []
    assert complaints == "iPad: needs a supervised device\n" * 2


def test_wrong_keys_are_refused_where_others_are_filled_in(fleet: Fleet) -> None:
    fleet()
    with pytest.raises(CommandError, match="PIN is not a key of ClearPasscode"):
        order("ClearPasscode", "--to", "all", "--keys", '{"PIN": "1"}')
    assert not Command.objects.exists()


def test_an_order_expires_after_the_hours_given(fleet: Fleet) -> None:
    fleet()
    before = timezone.now()
    order("SecurityInfo", "--to", "all", "--expires", "2")
    delivery = Delivery.objects.get()
    assert delivery.expires_at is not None
    assert delivery.expires_at >= before + dt.timedelta(hours=2)
    Delivery.objects.update(expires_at=before)
    queue.expire()
    assert Delivery.objects.get().state == State.EXPIRED


def test_an_order_does_not_expire_by_itself(fleet: Fleet) -> None:
    fleet()
    order("SecurityInfo", "--to", "all")
    assert Delivery.objects.get().expires_at is None


@pytest.mark.parametrize("hours", ["0", "-1", "soon", "nan", "1e9"])
def test_hours_that_make_no_sense_are_refused(fleet: Fleet, hours: str) -> None:
    fleet()
    with pytest.raises(CommandError, match="--expires"):
        order("SecurityInfo", "--to", "all", "--expires", hours)
    assert not Command.objects.exists()
