"""Users of Macs and Shared iPads on a journey, beside their device, over sockets."""

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mdmportal.protocol import mobileconfig, plist
from mdmportal.simulator.channel import Channel
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.hardware import MACBOOK_AIR, SHARED_IPAD

from ..portal import Portal
from ..servers import wait_for
from .conftest import Enroll, Traveller

MANY = 12

POLICY = """
from enrollment.models import EnrollmentProfile
EnrollmentProfile.objects.update(network_users=%r)
"""
PERSON = """
from devices.models import User
person = User(username=%r)
person.set_password(%r)
person.save()
"""
CHANNELS = """
import json
from devices.models import Channel
rows = Channel.objects.filter(enrollment__device__serial_number=%r)
print(json.dumps([
    [one.user_short_name, one.push_token, one.push_magic, str(one.person or "")]
    for one in rows.filter(enrollment__state="active").order_by("user_short_name")
]))
"""
ORDER = """
import json
from commands import orders
from devices.models import Channel
placed = {}
for user, payloads in json.loads(%r).items():
    found = Channel.objects.select_related("enrollment__device").filter(
        enrollment__device__serial_number=%r, enrollment__state="active"
    )
    one = found.get(user_short_name=user) if user else found.get(user_id="")
    for payload in payloads:
        keys = {"Payload": payload.encode()}
        command = orders.place([one], "InstallProfile", keys).commands[0]
        placed.setdefault(user, []).append(command.deliveries.get().uuid)
print(json.dumps([placed]))
"""


def shell(portal: Portal, code: str) -> Any:
    return portal.manage("shell", "--no-imports", "--command", code)


@pytest.fixture
def asking(portal: Portal) -> Iterator[None]:
    """The portal asks network users for their password."""
    shell(portal, POLICY % "password")
    yield
    shell(portal, POLICY % "decline")


def profile(identifier: str) -> str:
    keys = {"PayloadDisplayName": identifier, "PayloadContent": []}
    whole = mobileconfig.payload("Configuration", identifier, identifier, **keys)
    return plist.dumps(whole).decode()


def order(traveller: Traveller, users: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Order profiles with these identifiers; return the CommandUUIDs by user."""
    payloads = {user: [profile(one) for one in names] for user, names in users.items()}
    code = ORDER % (json.dumps(payloads), traveller.serial)
    placed: dict[str, list[str]] = shell(traveller.portal, code)[0]
    return placed


def installed(channel: Channel) -> list[str]:
    return [one for one in channel.kept.managed_profiles if one.startswith("test.")]


def test_a_mac_and_two_users_at_once_are_not_mixed_up(
    enroll: Enroll, portal: Portal
) -> None:
    mac = enroll(MACBOOK_AIR)
    channels: dict[str, Channel] = {"": mac.device}
    channels |= {name: mac.device.log_in(name) for name in ("ada", "bob")}
    for channel in channels.values():
        channel.session()
    wanted = {
        user: [f"test.{user or 'device'}.{number}" for number in range(MANY)]
        for user in channels
    }
    placed = order(mac, wanted)
    for channel in channels.values():
        wait_for(channel.pushed.is_set, f"a push to {channel}")
    done: dict[str, list[str]] = {}
    together = threading.Barrier(len(channels))

    def session(user: str) -> None:
        together.wait()
        executed = channels[user].session()
        done[user] = [
            one.command_uuid
            for one in executed
            if (one.request_type, one.status) == ("InstallProfile", "Acknowledged")
        ]

    threads = [threading.Thread(target=session, args=(user,)) for user in channels]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == placed
    assert {user: installed(one) for user, one in channels.items()} == wanted
    kept = {user: (token, magic) for user, token, magic, _ in _channels(mac)}
    assert kept == {
        user: (one.kept.token.hex(), one.kept.push_magic)
        for user, one in channels.items()
    }
    assert len(set(kept.values())) == len(channels)


def _channels(traveller: Traveller) -> list[list[str]]:
    rows: list[list[str]] = shell(traveller.portal, CHANNELS % traveller.serial)
    return rows


def test_a_login_waits_until_everything_has_come(enroll: Enroll) -> None:
    mac = enroll(MACBOOK_AIR)
    ada = mac.device.log_in("ada", sync=True)
    assert ada.at_login, "the first login asks what there is to know"
    ada.log_out()
    names = [f"test.{number}" for number in range(4)]
    order(mac, {"ada": names})
    mac.device.will("InstallProfile", "NotNow", times=2)
    ada.account.logged_in = True
    ada.session()
    ada.log_out()
    assert len(installed(ada)) == 2
    mac.device.log_in("ada", sync=True)
    assert sorted(installed(ada)) == names
    mac.device.session()
    assert installed(mac.device) == []


def test_setup_assistant_asks_for_a_user_who_comes_later(enroll: Enroll) -> None:
    mac = enroll(MACBOOK_AIR)
    mac.device.automated = True
    ada = mac.device.user("ada")
    assert ada.connect(UserConfiguration=True) is None, "the channel is not open yet"
    first = ada.set_up()
    assert {one.status for one in first} == {"NotNow"}
    placed = order(mac, {"ada": ["test.passcode"]})
    again = ada.set_up()
    assert {one.status for one in again} == {"NotNow"}
    waiting = {one.command_uuid for one in again}
    assert waiting >= {one.command_uuid for one in first} | set(placed["ada"])
    mac.device.log_in("ada", sync=True)
    done = {one.command_uuid for one in ada.at_login if one.status == "Acknowledged"}
    assert done >= waiting
    assert installed(ada) == ["test.passcode"]


@pytest.mark.usefixtures("asking")
def test_a_network_user_proves_the_password_and_carries_a_token(
    enroll: Enroll, portal: Portal
) -> None:
    shell(portal, PERSON % ("gracious", "right"))
    mac = enroll(MACBOOK_AIR)
    assert not mac.device.log_in("gracious", password="wrong").managed
    assert not mac.device.log_in("nobody", password="right").managed
    grace = mac.device.log_in("gracious", password="right", sync=True)
    assert grace.managed
    assert grace.at_login
    assert [row[3] for row in _channels(mac) if row[0] == "gracious"] == ["gracious"]
    token, grace.account.auth_token = grace.account.auth_token, "another"
    with pytest.raises(ServerRefused) as refused:
        grace.connect()
    assert refused.value.status == 410
    grace.account.auth_token = token
    order(mac, {"gracious": ["test.gracious"]})
    grace.session()
    assert installed(grace) == ["test.gracious"]


def test_network_users_are_declined_unless_the_way_in_says_otherwise(
    enroll: Enroll,
) -> None:
    mac = enroll(MACBOOK_AIR)
    assert not mac.device.log_in("network", password="secret").managed
    assert mac.device.connect() is None


@pytest.mark.usefixtures("asking")
def test_the_same_person_on_two_macs_is_two_users(
    enroll: Enroll, portal: Portal
) -> None:
    shell(portal, PERSON % ("radia", "right"))
    macs = [enroll(MACBOOK_AIR) for _ in range(2)]
    here, there = [mac.device.log_in("radia", password="right") for mac in macs]
    assert here.account.auth_token != there.account.auth_token
    for user in (here, there):
        user.session()
    order(macs[0], {"radia": ["test.here"]})
    for user in (there, here):
        user.session()
    assert (installed(here), installed(there)) == (["test.here"], [])


def test_users_of_a_shared_ipad_take_turns(enroll: Enroll) -> None:
    ipad = enroll(SHARED_IPAD)
    accounts = ("ada@school.example", "bob@school.example")
    for account in accounts:
        user = ipad.device.log_in(account)
        assert user.managed
        user.session()
        user.log_out()
    assert [row[0] for row in _channels(ipad)] == ["", *accounts]
    order(ipad, {accounts[0]: ["test.ada"]})
    bob = ipad.device.log_in(accounts[1])
    bob.session()
    ada = ipad.device.log_in(accounts[0])
    ada.session()
    assert (installed(ada), installed(bob)) == (["test.ada"], [])
