"""Every way in, over sockets, with identity providers of others.

Phones, tablets, Macs and Vision Pros; account-driven by both of Apple's methods, for
people's own devices and the organisation's; over the air; each signed in by a password
of the portal's, by OpenID Connect and by SAML 2.0.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pytest

from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import SignInFailed, SignInRequired
from mdmportal.simulator.hardware import (
    IPAD_AIR,
    IPHONE_16,
    MACBOOK_AIR,
    VISION_PRO,
    Hardware,
)
from mdmportal.simulator.person import Person
from mdmportal.simulator.webview import WebView

from ..portal import Portal
from ..providers.oidc import OIDCProvider
from ..providers.saml import SAMLProvider
from ..servers import wait_for
from .conftest import unpacked

MODELS = (IPHONE_16, IPAD_AIR, MACBOOK_AIR, VISION_PRO)
KINDS, METHODS = ("byod", "adde"), ("apple-as-web", "apple-oauth2")
SOURCES = ("local", "oidc", "saml")
PEOPLE = {"local": ("lea", "leo"), "oidc": ("uma", "wes"), "saml": ("vik", "xia")}
"""Who enrolls, and somebody else; nobody has an account at two places."""
NUMBERS = iter(range(7_000, 9_000))
"""No device comes twice: who is not its owner would be held for review."""
PATTERN = "{user}@appleid.example"
ACCOUNTS = {
    "local": "lea@local.example",
    "oidc": "uma@appleid.example",
    "saml": "vik@appleid.example",
}
MODES = {"byod": "user", "adde": "account"}

# Run in the portal: a way in for each kind and method, and a mail domain for each of
# these and each place to sign in, so that any of them can be asked for by an address.
SET_UP = """
from devices.models import User
from enrollment.models import EnrollmentProfile, IdentityProvider, MailDomain, Route

for name in ("lea", "leo"):
    user, _ = User.objects.get_or_create(username=name)
    user.email = f"{name}@local.example"
    user.set_password(f"{name} of these journeys")
    user.save()
EnrollmentProfile.objects.get_or_create(
    code="journey-ota",
    defaults={"name": "Over the air", "kind": "ota", "requires_sign_in": True},
)
providers = {"local": None, "oidc": "journey-oidc", "saml": "journey-saml"}
for kind in ("byod", "adde"):
    for method in ("apple-as-web", "apple-oauth2"):
        way, _ = EnrollmentProfile.objects.get_or_create(
            code=f"journey-{kind}-{method}",
            defaults={"name": f"{kind} {method}", "kind": kind, "method": method},
        )
        for source, code in providers.items():
            provider = IdentityProvider.objects.get(code=code) if code else None
            domain, _ = MailDomain.objects.get_or_create(
                name=f"{kind}.{method}.{source}.example",
                defaults={"provider": provider},
            )
            Route.objects.get_or_create(domain=domain, defaults={"way": way})
"""
STAYS = """
import json
from commands.models import Delivery
from devices.models import Enrollment
stays = Enrollment.objects.filter(state="active").select_related("device", "owner")
print(json.dumps({
    stay.device.device_id: {
        "mode": stay.mode,
        "owner": stay.owner.email if stay.owner else "",
        "account": stay.managed_apple_account,
        "serial": stay.device.serial_number,
        "udid": stay.device.udid,
        "signed_out": stay.signed_out_at is not None,
        "deliveries": dict(Delivery.objects.filter(
            channel__enrollment=stay
        ).values_list("uuid", "state")),
    }
    for stay in stays
}))
"""
SIGN_OUT = """
from enrollment.admin.enrollment import sign_out
from devices.models import Enrollment
sign_out(Enrollment.objects.get(state="active", device__enrollment_id=%r), None)
"""


@dataclass
class World:
    """The portal with everything set up, and who signs in where."""

    portal: Portal
    courier: Courier
    passwords: dict[str, dict[str, str]]
    numbers: Iterator[int]

    def device(self, hardware: Hardware) -> SimulatedDevice:
        return unpacked(self.portal, self.courier, hardware, next(self.numbers))

    def person(self, source: str, number: int = 0) -> Person:
        """Return who enrolls by this place to sign in, or (1) somebody else there."""
        name = PEOPLE[source][number]
        password = self.passwords[source][name]
        return Person(name, password, email=f"{name}@local.example")

    def run(self, code: str) -> Any:
        return self.portal.manage("shell", "--no-imports", "--command", code)

    def stays(self) -> dict[str, dict[str, Any]]:
        """Return all that is enrolled, by what each device calls itself."""
        return dict(self.run(STAYS))

    def has_told_all(self, device: SimulatedDevice) -> bool:
        """Whether all that it was asked is acknowledged; it connects to be asked."""
        device.session()
        deliveries = self.stays()[_name(device)]["deliveries"].values()
        assert "failed" not in deliveries
        return set(deliveries) == {"acknowledged"}

    def order(self, device: SimulatedDevice, request_type: str) -> str:
        rows = self.portal.manage("order", request_type, "--to", _name(device))
        return str(rows[0]["command_uuid"])


def _name(device: SimulatedDevice) -> str:
    return device.stay.enrollment_id or device.unit.udid


@pytest.fixture
def world(
    portal: Portal,
    courier: Courier,
    oidc_provider: OIDCProvider,
    saml_provider: SAMLProvider,
) -> World:
    passwords = {
        "local": {name: f"{name} of these journeys" for name in PEOPLE["local"]},
        "oidc": oidc_provider.people,
        "saml": saml_provider.people,
    }
    return World(portal, courier, passwords, NUMBERS)


@pytest.fixture(autouse=True, scope="module")
def _set_up(
    portal: Portal, oidc_provider: OIDCProvider, saml_provider: SAMLProvider
) -> None:
    oidc_provider.add_to(portal, "journey-oidc", account_pattern=PATTERN)
    saml_provider.add_to(portal, "journey-saml", account_pattern=PATTERN)
    portal.manage("shell", "--no-imports", "--command", SET_UP)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_people_enroll_devices_with_their_accounts(
    world: World, kind: str, method: str
) -> None:
    first = KINDS.index(kind) + METHODS.index(method)
    came = {}
    for number, hardware in enumerate(MODELS):  # the places to sign in take turns
        source = SOURCES[(first + number) % len(SOURCES)]
        device, person = world.device(hardware), world.person(source)
        identifier = f"{person.username}@{kind}.{method}.{source}.example"
        device.enroll_with_account(identifier, person, discovery_url=world.portal.url)
        wait_for(device.pushed.is_set, "a push")
        assert device.session() != []
        came[_name(device)] = (device, source)
    for device, _ in came.values():
        wait_for(partial(world.has_told_all, device), "the last answer")
    stays = world.stays()
    for name, (device, source) in came.items():
        stay, anonymous = stays[name], kind == "byod"
        assert stay["mode"] == MODES[kind]
        assert stay["owner"].startswith(f"{PEOPLE[source][0]}@")
        assert stay["account"] == ACCOUNTS[source]
        assert stay["serial"] == ("" if anonymous else device.unit.serial_number)
        assert stay["udid"] == ("" if anonymous else device.unit.udid)


def test_devices_enroll_over_the_air_once_their_people_signed_in(world: World) -> None:
    buttons = {"local": "", "oidc": "Journey-Oidc", "saml": "Journey-Saml"}
    came = {}
    for number, hardware in enumerate(MODELS):
        source = SOURCES[number % len(SOURCES)]
        person = replace(world.person(source), provider=buttons[source])
        device = world.device(hardware)
        page = f"{world.portal.url}/enroll/journey-ota/"
        device.install(WebView(person, press=("Sign in", "Download")).download(page))
        wait_for(device.pushed.is_set, "a push")
        assert device.session() != []
        came[_name(device)] = (device, source)
    stays = world.stays()
    for name, (device, source) in came.items():
        assert stays[name]["serial"] == device.unit.serial_number
        assert stays[name]["owner"].startswith(f"{PEOPLE[source][0]}@")


@pytest.mark.parametrize(
    ("method", "source"),
    [
        ("apple-as-web", "local"),
        ("apple-as-web", "oidc"),
        ("apple-oauth2", "saml"),
        ("apple-oauth2", "oidc"),
    ],
)
def test_a_command_waits_until_the_person_has_signed_in_again(
    world: World, method: str, source: str
) -> None:
    device, person = world.device(IPHONE_16), world.person(source)
    identifier = f"{person.username}@byod.{method}.{source}.example"
    device.enroll_with_account(identifier, person, discovery_url=world.portal.url)
    wait_for(device.pushed.is_set, "a push")
    device.session()
    waiting = world.order(device, "ProfileList")
    wait_for(device.pushed.is_set, "a push for the order")
    device.pushed.clear()
    world.run(SIGN_OUT % device.stay.enrollment_id)
    wait_for(device.pushed.is_set, "a push, to be told")
    with pytest.raises(SignInRequired):
        device.session()
    assert device.enrolled
    stay = world.stays()[_name(device)]
    assert stay["deliveries"][waiting] == "queued"
    assert stay["signed_out"]
    device.sign_in_again(person)
    assert [one.command_uuid for one in device.session()] == [waiting]
    stay = world.stays()[_name(device)]
    assert stay["deliveries"][waiting] == "acknowledged"
    assert not stay["signed_out"]


def test_somebody_else_cannot_sign_in_for_a_device(world: World) -> None:
    device = world.device(IPHONE_16)
    device.enroll_with_account(
        "uma@byod.apple-as-web.oidc.example",
        world.person("oidc"),
        discovery_url=world.portal.url,
    )
    device.session()
    world.run(SIGN_OUT % device.stay.enrollment_id)
    with pytest.raises(SignInRequired):
        device.session()
    device.sign_in_again(world.person("oidc", 1))
    with pytest.raises(SignInRequired):
        device.session()
    device.sign_in_again(world.person("oidc"))
    device.session()
    assert not world.stays()[_name(device)]["signed_out"]


def test_a_wrong_password_enrolls_nothing(world: World) -> None:
    device = world.device(IPHONE_16)
    with pytest.raises(SignInFailed):
        device.enroll_with_account(
            "lea@byod.apple-as-web.local.example",
            Person("lea", "wrong"),
            discovery_url=world.portal.url,
        )
    assert not device.enrolled


def test_nothing_of_it_is_in_the_log(world: World) -> None:
    device = world.device(IPHONE_16)
    device.enroll_with_account(
        "vik@byod.apple-oauth2.saml.example",
        world.person("saml"),
        discovery_url=world.portal.url,
    )
    assert device.account
    log = world.portal.log()
    for secret in (
        device.bearer,
        device.account.refresh_token,
        world.passwords["saml"]["vik"],
        "vik@byod",
    ):
        assert secret
        assert secret not in log
