"""What each road costs the database, counted in statements."""

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import queue, reports
from devices.authentication import ChannelRow
from devices.models import Channel, Device, Enrollment
from mdmportal.protocol.connect import Report, Status
from mdmportal.simulator.device import SimulatedDevice

from .conftest import TOPIC, Enroll, channel

pytestmark = pytest.mark.django_db(transaction=True)

PER_BATCH = 20
"""SQLite takes 999 values in one statement, and so splits an INSERT of a batch."""

TRANSACTION = ("BEGIN", "COMMIT")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect what the database is asked, in order."""
    found: list[str] = []
    with CaptureQueriesContext(connection) as captured:
        yield found
    found.extend(one["sql"].lstrip().split(None, 1)[0] for one in captured)


@pytest.fixture
def device(enroll: Enroll) -> SimulatedDevice:
    device = enroll()
    device.connect()  # seen just now, as a device in the middle of its day
    return device


def test_an_idle_with_an_empty_queue_is_one_select_and_no_commit(
    device: SimulatedDevice,
) -> None:
    with statements() as found:
        assert device.connect() is None
    assert found == ["SELECT"]


def test_a_device_not_seen_for_a_while_is_written_down_once(
    device: SimulatedDevice,
) -> None:
    long_ago = timezone.now() - dt.timedelta(hours=1)
    Channel.objects.update(last_seen_at=long_ago)
    with statements() as found:
        device.connect()
    assert found == ["SELECT", "UPDATE"]
    with statements() as found:
        device.connect()
    assert "UPDATE" not in found


def test_a_report_with_the_next_command_is_one_transaction_of_few_statements(
    device: SimulatedDevice,
) -> None:
    for _ in range(3):
        queue.enqueue([channel(device).pk], "ProfileList")
    sent = device.connect()
    with statements() as found:
        sent = device.connect("Acknowledged", to=sent, ProfileList=[])
    assert sent is not None
    if connection.vendor == "postgresql":
        assert found == ["SELECT", "WITH"], "one statement, which is a transaction"
    else:
        assert found.count("BEGIN") == found.count("COMMIT") == 1
    assert len([one for one in found if one not in TRANSACTION]) <= 5


def test_the_last_report_costs_no_more(device: SimulatedDevice) -> None:
    queue.enqueue([channel(device).pk], "ProfileList")
    sent = device.connect()
    with statements() as found:
        assert device.connect("Acknowledged", to=sent, ProfileList=[]) is None
    assert len([one for one in found if one not in TRANSACTION]) <= 5


def test_the_cost_does_not_grow_with_what_was_settled_or_waits(
    device: SimulatedDevice,
) -> None:
    for _ in range(30):
        queue.enqueue([channel(device).pk], "ProfileList")
    costs = []
    sent = device.connect()
    while sent:
        with statements() as found:
            sent = device.connect("Acknowledged", to=sent, ProfileList=[])
        costs.append(len(found))
    assert max(costs) <= 7
    assert len(costs) == 30


def test_a_token_update_that_says_nothing_new_writes_nothing(
    device: SimulatedDevice,
) -> None:
    keys = {
        "Topic": TOPIC,
        "Token": device.kept.token,
        "PushMagic": device.kept.push_magic,
        "AwaitingConfiguration": False,
        "UnlockToken": device.state.unlock_token,
        **device.who(),
    }
    with statements() as found:
        device.check_in("TokenUpdate", **keys)
    assert found == ["SELECT", "SELECT"]
    del keys["UnlockToken"]
    with statements() as found:
        device.check_in("TokenUpdate", **keys)
    assert found == ["SELECT"]


@pytest.mark.parametrize("name", ["SEND_NEXT", "REST"])
def test_a_device_with_a_long_history_is_asked_by_what_is_open(
    device: SimulatedDevice, name: str
) -> None:
    row = caller_row(device)
    values = reports._values(row, Report(status=Status.IDLE))
    unchanged = reports._unchanged(row)
    sql = getattr(reports, name).format(lock="", within="", unchanged=unchanged)
    explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
    with connection.cursor() as cursor:
        cursor.execute(f"{explain} {sql}", values)
        plan = "\n".join(str(line[-1]) for line in cursor.fetchall())
    looks = plan.count("delivery_open")
    if name == "SEND_NEXT":
        assert looks == 1, plan
    elif connection.vendor == "postgresql":
        assert looks == 3, plan
    assert "SCAN" not in plan.upper().replace("INDEX SCAN", ""), plan
    assert "by_state" not in plan, plan


def caller_row(device: SimulatedDevice) -> ChannelRow:
    one = channel(device)
    return ChannelRow(
        one.pk, "", one.push_token, one.push_magic, None, False, 0, 0, True
    )


def make_fleet(count: int) -> list[int]:
    """Write enrolled devices down, and return the ids of their channels."""
    devices = Device.objects.bulk_create(
        [Device(udid=f"fleet-{number}") for number in range(count)]
    )
    enrollments = Enrollment.objects.bulk_create(
        [
            Enrollment(device=one, state=Enrollment.State.ACTIVE, topic=TOPIC)
            for one in devices
        ]
    )
    channels = Channel.objects.bulk_create(
        [
            Channel(enrollment=one, push_token=f"{one.pk:064x}", push_magic="m")
            for one in enrollments
        ]
    )
    return [one.pk for one in channels]


def test_an_order_to_many_costs_statements_by_the_batch() -> None:
    ids = make_fleet(5 * queue.BATCH)
    counts = {}
    for size in (1, queue.BATCH, 5 * queue.BATCH):
        with statements() as found:
            queue.enqueue(ids[:size], "DeviceLock")
        counts[size] = len(found)
    assert counts[queue.BATCH] <= PER_BATCH
    assert counts[5 * queue.BATCH] <= 5 * PER_BATCH
    assert Channel.objects.filter(push_at__isnull=False).count() == len(ids)


def test_ten_thousand_channels_are_ordered_to_at_once() -> None:
    ids = make_fleet(10_000)
    with statements() as found:
        command = queue.enqueue(ids, "DeviceLock")
    assert command.deliveries.count() == 10_000
    assert len(found) <= 10 * PER_BATCH
    assert found.count("COMMIT") == 1
