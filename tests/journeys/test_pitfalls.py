"""What orders came to grief over elsewhere, told over sockets."""

import json
from urllib.parse import urlencode

import pytest
import urllib3

from mdmportal.protocol import plist
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.hardware import MACBOOK_AIR

from ..servers import wait_for
from .conftest import Enroll, Traveller

HELP_DESK = """
from django.conf import settings
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from api.models import ApiToken
from commands.targets import Targets

user, _ = User.objects.get_or_create(
    username="helpdesk", email="helpdesk@corp.example", is_staff=True
)
user.groups.add(Group.objects.get(name="Help desk"))
client = Client()
client.force_login(user)
form = reverse("admin:commands_command_order_form", args=["EraseDevice"])
custom = reverse("admin:commands_command_custom")
row = Channel.objects.filter(enrollment__device=device, user_id="")
try:
    ordering.order(Targets.of_channels(row, "one"), "EraseDevice", {}, by=user)
    refused = False
except ordering.NotAllowed:
    refused = True
print(json.dumps({
    "cookie": settings.SESSION_COOKIE_NAME,
    "session": client.cookies[settings.SESSION_COOKIE_NAME].value,
    "csrf": settings.CSRF_COOKIE_NAME,
    "token": ApiToken.make("helper", user)[1],
    "form": f"{form}?ids={device.pk}",
    "custom": f"{custom}?ids={device.pk}",
    "name": str(device),
    "refused": refused,
}))
"""
ORDERED = """
print(json.dumps(list(deliveries.filter(
    command__request_type="<name>").values_list("uuid", "state"))))
"""
CUSTOM = plist.dumps({"Command": {"RequestType": "EraseDevice"}}).decode()
CSRF = "c" * 32


class HelpDesk:
    """Someone of the help desk at the portal's pages, and their program."""

    def __init__(self, phone: Traveller) -> None:
        self.url, self.known = phone.portal.url, phone.run(HELP_DESK)
        self.http = urllib3.PoolManager()

    def post(self, page: str, **fields: str) -> int:
        known = self.known
        cookies = f"{known['cookie']}={known['session']}; {known['csrf']}={CSRF}"
        return self.http.request(
            "POST",
            self.url + known[page],
            body=urlencode({"csrfmiddlewaretoken": CSRF, **fields}),
            headers={
                "Cookie": cookies,
                "Content-Type": "application/x-www-form-urlencoded",
            },
            redirect=False,
        ).status

    def ask(self, body: object) -> int:
        return self.http.request(
            "POST",
            f"{self.url}/api/v1/orders/",
            body=json.dumps(body),
            headers={
                "Authorization": f"Bearer {self.known['token']}",
                "Content-Type": "application/json",
            },
        ).status


def test_an_erasure_ordered_without_the_right_is_refused_on_every_road(
    enroll: Enroll,
) -> None:
    phone = enroll()
    desk = HelpDesk(phone)
    assert desk.known["refused"]
    assert desk.post("form", confirm=desk.known["name"]) == 403
    assert desk.post("custom", plist=CUSTOM, confirm=desk.known["name"]) == 403
    to = {"devices": [phone.serial]}
    body = {"command": "EraseDevice", "request_type": "EraseDevice", "to": to}
    assert desk.ask(body) in (400, 403)
    assert phone.run(ORDERED, name="EraseDevice") == []
    assert phone.device.session() == []
    assert phone.device.enrolled


PIN = """
secret = Secret.current_of_device(device.pk, Secret.Kind.LOCK_PIN)
print(json.dumps([bytes(secret.value).decode() if secret else ""]))
"""
CANCEL = """
print(json.dumps([queue.cancel(deliveries.filter(uuid="<uuid>"))]))
"""


def test_a_lock_that_was_on_its_way_when_it_was_cancelled_has_its_pin_in_force(
    enroll: Enroll,
) -> None:
    mac = enroll(MACBOOK_AIR)
    lock = mac.order("DeviceLock")
    command = mac.device.connect()
    assert command is not None
    assert command["CommandUUID"] == lock
    assert mac.run(CANCEL, uuid=lock) == [0], "it is too late, and that is said"
    assert mac.state(lock) == "sent"
    mac.device.connect("Acknowledged", to=command)
    assert mac.state(lock) == "acknowledged"
    pin = command["Command"]["PIN"]
    assert wait_for(lambda: mac.run(PIN)[0], "the PIN to be in force") == pin


EXPIRE = """
past = dt.datetime.now(dt.UTC) - 2 * queue.ANSWER_WITHIN
deliveries.filter(uuid="<uuid>").update(expires_at=past)
print(json.dumps([queue.expire()]))
"""


def test_a_lock_that_was_given_up_and_is_answered_late_has_its_pin_in_force(
    enroll: Enroll,
) -> None:
    mac = enroll(MACBOOK_AIR)
    lock = mac.order("DeviceLock")
    command = mac.device.connect()
    assert command is not None
    mac.run(EXPIRE, uuid=lock)
    mac.device.connect("Acknowledged", to=command)
    assert mac.state(lock) == "expired", "what was settled stays so"
    pin = command["Command"]["PIN"]
    assert wait_for(lambda: mac.run(PIN)[0], "the PIN to be in force") == pin


A_DAY_LATER = """
day = dt.timedelta(days=1)
from django.db.models import F
waiting = deliveries.filter(uuid="<uuid>")
waiting.update(retry_at=F("retry_at") - day, queued_at=F("queued_at") - day)
channel = Channel.objects.filter(enrollment__device=device, push_at__isnull=False)
channel.update(push_at=F("push_at") - day)
one = waiting.get()
print(json.dumps([one.state, one.attempts, one.postponements]))
"""


def test_a_week_of_notnow_neither_loses_a_command_nor_circles(enroll: Enroll) -> None:
    phone = enroll()
    lock = phone.order("DeviceLock")
    phone.device.will("DeviceLock", "NotNow", times=8)
    for day in range(1, 9):
        asked = [(one.command_uuid, one.status) for one in phone.device.session()]
        assert asked == [(lock, "NotNow")], f"once on day {day}"
        assert phone.run(A_DAY_LATER, uuid=lock) == ["postponed", day, day]
    phone.is_pushed()
    assert [one.command_uuid for one in phone.device.session()] == [lock]
    assert phone.state(lock) == "acknowledged"
    assert phone.device.session() == []


def test_a_device_that_enrolled_again_gets_none_of_its_old_orders(
    enroll: Enroll,
) -> None:
    phone = enroll()
    erase = phone.order("EraseDevice")
    phone.is_pushed()
    after = [phone.order("DeviceLock"), phone.order("ProfileList")]
    phone.device.session()
    wait_for(lambda: phone.row()["state"] == "ended", "the erasure to be read")
    phone.install()
    done = {one.command_uuid for one in phone.device.session()}
    assert done.isdisjoint({erase, *after})
    assert phone.row()["state"] == "active", "and not erased"
    assert [phone.state(one) for one in after] == ["cancelled"] * 2


def test_a_device_that_was_not_erased_after_all_goes_on(enroll: Enroll) -> None:
    phone = enroll()
    phone.order("EraseDevice")
    command = phone.device.connect()
    assert command is not None
    phone.device.connect("Acknowledged", to=command)  # and the erasure fails
    wait_for(lambda: phone.row()["state"] == "ended", "the erasure to be read")
    assert phone.device.session() == []
    assert phone.row()["state"] == "active"
    lock = phone.order("DeviceLock")
    assert [one.command_uuid for one in phone.device.session()] == [lock]


PROBLEM = """
result = Result.objects.filter(delivery__uuid="<uuid>", read_at__isnull=False).first()
print(json.dumps([result.problem if result else None]))
"""


def test_an_answer_that_cannot_be_read_holds_up_nothing(enroll: Enroll) -> None:
    phone = enroll()
    first, second = phone.order("ProfileList"), phone.order("DeviceLock")
    command = phone.device.connect()
    assert command is not None
    stay = phone.device.stay
    with pytest.raises(ServerRefused) as refused:
        phone.device.check_in("Nonsense")
    assert refused.value.status == 400
    wrong = [{"PayloadIdentifier": 7, "PayloadContent": "nothing"}, "nothing"]
    following = phone.device.connect("Acknowledged", to=command, ProfileList=wrong)
    assert following is not None
    assert following["CommandUUID"] == second
    phone.device.connect("Acknowledged", to=following)
    assert [phone.state(one) for one in (first, second)] == ["acknowledged"] * 2
    wait_for(lambda: phone.run(PROBLEM, uuid=first)[0] is not None, "it to be read")
    assert phone.device.stay is stay


MANY = """
names = ["ProfileList", "SecurityInfo", "DeviceLock"] * 10
channel = Channel.objects.select_related("enrollment__device").get(
    enrollment__device=device, enrollment__state="active", user_id=""
)
placed = [orders.place([channel], name) for name in names]
uuids = [Delivery.objects.get(command=one.commands[0]).uuid for one in placed]
print(json.dumps(uuids))
"""


def test_many_orders_in_the_same_second_all_arrive_in_their_order(
    enroll: Enroll,
) -> None:
    phone = enroll()
    before = len(phone.device.oddities)
    wanted = phone.run(MANY)
    phone.is_pushed()
    done = [one.command_uuid for one in phone.device.session()]
    assert [one for one in done if one in wanted] == wanted
    assert phone.device.oddities[before:] == []
