"""A whole fleet enrolls and answers, against the portal as it runs by default."""

import io
import os
import threading
import time
from collections import Counter

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.fleet import Fleet

from ..portal import Portal

COUNT = int(os.environ.get("FLEET", "20"))
PATIENCE = 60 * 60
PROFILE_URL = """
from enrollment.models import EnrollmentProfile
print(f"{EnrollmentProfile.objects.order_by('pk').first().url}profile", end="")
"""


def test_a_fleet_enrolls_and_answers_without_an_error(portal: Portal) -> None:
    lines = io.StringIO()
    courier = Courier(*portal.courier)
    url = portal.manage("shell", "--no-imports", "--command", PROFILE_URL).decode()
    fleet = Fleet(
        url,
        COUNT,
        courier=courier,
        first=100_000,
        key_pool=50 if COUNT > 100 else 0,
        out=lambda line: lines.write(f"{line}\n"),
    )
    assert fleet.enroll() == COUNT, lines.getvalue()
    running = threading.Thread(target=fleet.run)
    running.start()
    try:
        _wait_for_answers(portal, fleet)
    finally:
        fleet.stop()
        running.join()
        courier.close()
    assert fleet.counts.troubles == 0, lines.getvalue()
    assert fleet.counts.enrolled == COUNT
    print(fleet.counts)


def _wait_for_answers(portal: Portal, fleet: Fleet) -> None:
    """Wait until all that was asked of the fleet was answered, and well.

    Devices of other tests may have left, and owe the portal an answer for ever.
    """
    serials = {device.unit.serial_number for device in fleet.devices}
    rows = portal.manage("devices")
    ours = {row["id"] for row in rows if row["serial_number"] in serials}
    assert len(ours) == COUNT
    end = time.monotonic() + PATIENCE
    states: Counter[str] = Counter()
    while set(states) != {"acknowledged"} and time.monotonic() < end:
        time.sleep(0.5)
        deliveries = portal.manage("deliveries")
        states = Counter(row["state"] for row in deliveries if row["device"] in ours)
        assert not states["failed"], states
    assert set(states) == {"acknowledged"}, states
