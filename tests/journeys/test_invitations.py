"""Invited devices that install at the very same moment, over the network."""

import threading

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ProfileRefused, ServerRefused
from mdmportal.simulator.fleet import fetch_profile
from mdmportal.simulator.hardware import IPHONE_16
from mdmportal.simulator.transport import HTTPTransport

from ..portal import Portal

INVITE = """
import datetime as dt, json
from django.utils import timezone
from enrollment import invitations
from enrollment.models import EnrollmentProfile, Invitation

way = EnrollmentProfile.objects.order_by("pk").first()
end = timezone.now() + dt.timedelta(hours=1)
invitation = Invitation(way=way, expires_at=end, limit=2)
print(json.dumps([invitations.make(invitation, None)]))
"""
DEVICES, LIMIT = 5, 2


def test_no_more_devices_come_in_than_were_invited(
    portal: Portal, courier: Courier
) -> None:
    [token] = portal.manage("shell", "--no-imports", "--command", INVITE)
    url = f"{portal.url}/enroll/i/{token}/profile"
    ready = threading.Barrier(DEVICES)
    outcomes: list[bool] = []

    def enroll(seed: int) -> None:
        transport = HTTPTransport()
        device = SimulatedDevice(IPHONE_16, transport, seed=seed, courier=courier)
        profile = fetch_profile(transport, url)
        ready.wait(60)
        try:
            device.install(profile)
        except (ProfileRefused, ServerRefused):
            outcomes.append(False)
        else:
            outcomes.append(device.enrolled)

    base = abs(hash(token)) % 10**8
    threads = [
        threading.Thread(target=enroll, args=(base + number,))
        for number in range(DEVICES)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert sorted(outcomes) == [False] * (DEVICES - LIMIT) + [True] * LIMIT
