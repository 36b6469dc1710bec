"""Trips: every command there and back, ordered of the real portal, over sockets.

A handful of devices take, stage by stage, whatever each can: first what is told while
Setup Assistant waits, last what takes a device away.
"""

import dataclasses
import json
import plistlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.catalogue import commands
from mdmportal.protocol import cms, plist, rules, schema
from mdmportal.simulator.channel import Channel, Executed
from mdmportal.simulator.courier import Courier
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.hardware import (
    APPLE_TV,
    IPHONE_16,
    MACBOOK_AIR,
    MACBOOK_PRO_INTEL,
    SHARED_IPAD,
    VISION_PRO,
    Hardware,
)
from mdmportal.simulator.identity import Identity, KeyPool
from mdmportal.simulator.transport import HTTPTransport, Response

from .. import exercise
from ..portal import Portal
from ..servers import wait_for

PIN = "123456"
SHOP = "https://apps.example.com/"
USER = "ada@school.example"
FIRST_NUMBER = 700_000

IPHONE_27 = dataclasses.replace(IPHONE_16, os_version="27.0", build_version="24A1")
MAC_27 = dataclasses.replace(MACBOOK_AIR, os_version="27.0", build_version="26A1")


class Shop(HTTPTransport):
    """The network, with a place on it where there are manifests of apps."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        if not url.startswith(SHOP):
            return super().send(method, url, headers, body)
        identifier = url.removeprefix(SHOP)
        metadata = {"bundle-identifier": identifier, "title": identifier}
        return Response(200, {}, plistlib.dumps({"items": [{"metadata": metadata}]}))


# --- What is ordered

WHILE_AWAITING: Mapping[str, Sequence[str]] = {
    "automated": ("AccountConfiguration",),
    "shared": ("InstallApplication", "Settings"),
}
"""By mode of enrollment; a Shared iPad is divided only then."""
FIRST = (
    *("InstallProfile", "InstallProvisioningProfile", "InstallApplication"),
    *("InstallEnterpriseApplication", "InstallMedia", "DeviceInformation"),
    *("ActivationLockBypassCode", "SetRecoveryLock", "SetFirmwarePassword"),
    *("TriggerEnhancedLogCollection", "EnableLostMode", "RotateFileVaultKey"),
)
"""The FileVault key is escrowed first, where it is not."""
THEN = (
    *("VerifyRecoveryLock", "VerifyFirmwarePassword", "ScheduleOSUpdate"),
    *("SetAutoAdminPassword", "RotateFileVaultKey"),
    *("DeviceLocation", "PlayLostModeSound", "CancelEnhancedLogCollection"),
)
"""After that all the others, and then these."""
AFTER = (
    *("DisableLostMode", "RemoveProfile", "RemoveProvisioningProfile"),
    *("RemoveApplication", "RemoveMedia", "ClearActivationLockBypassCode"),
    *("StopMirroring", "SetRecoveryLock", "SetFirmwarePassword"),
)
LAST = (
    *("ClearPasscode", "DeleteUser", "LogOutUser"),
    *("RestartDevice", "DeviceLock", "ShutDownDevice", "EraseDevice"),
)
"""Each by itself: the device goes away, and is brought back."""

BY_ITSELF = ("DeviceConfigured", "UserConfigured")
"""What the portal orders of its own accord, and the device awaits only once."""

ALTERNATIVES: Mapping[str, Collection[Collection[str]]] = {
    "AccountConfiguration": (
        ("DontAutoPopulatePrimaryAccountInfo",),
        ("LockPrimaryAccountInfo",),
    ),
    "DeleteUser": (("DeleteAllUsers",), ("UserName",)),
    "InstallApplication": (
        ("Identifier", "ManifestURL"),
        ("iTunesStoreID", "ManifestURL"),
        ("iTunesStoreID", "Identifier"),
    ),
    "InstallEnterpriseApplication": (
        ("ManifestURL", "ManifestURLPinningCerts", "PinningRevocationCheckRequired"),
        ("Manifest",),
    ),
    "InstallMedia": (("MediaURL", "PersistentID"), ("iTunesStoreID",)),
    "RemoveMedia": (("PersistentID",), ("iTunesStoreID",)),
    "Settings": (
        ("Settings.SharedDeviceConfiguration.QuotaSize",),
        ("Settings.SharedDeviceConfiguration.ResidentUsers",),
    ),
}
"""Paths that a command goes without, for each way that excludes the others."""

FILLED = {
    "ClearPasscode": ("UnlockToken",),
    "RotateFileVaultKey": (
        *("KeyType", "FileVaultUnlock", "ReplyEncryptionCertificate"),
        "NewCertificate",
    ),
    "SetAutoAdminPassword": ("GUID", "passwordHash"),
    "VerifyFirmwarePassword": ("Password",),
    "VerifyRecoveryLock": ("Password",),
}
"""What the portal fills in, or knows better."""

NOT_SAID = {
    "RotateFileVaultKey.NewCertificate",
    "RotateFileVaultKey.FileVaultUnlock.PrivateKeyExport",
    "RotateFileVaultKey.FileVaultUnlock.PrivateKeyExportPassword",
}
"""Of an institutional recovery key, which the portal does not keep."""

NOT_THERE: Mapping[bool, Collection[str]] = {
    True: ("SetFirmwarePassword", "VerifyFirmwarePassword"),
    False: ("SetRecoveryLock", "VerifyRecoveryLock"),
}
"""By whether a Mac has Apple silicon."""

CELLULAR = ("DataRoaming", "VoiceRoaming", "PersonalHotspot")


def configuration(identifier: str, *payloads: Mapping[str, Any]) -> bytes:
    return plist.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": identifier,
            "PayloadUUID": "6F1C2A0E-0000-4000-8000-0000000000AA",
            "PayloadDisplayName": "Round trip",
            "PayloadContent": list(payloads),
        }
    )


PNG = b"\x89PNG\r\n\x1a\n picture"
APP = "com.example.managed"
ACCOUNT = {
    "shortName": "admin",
    "fullName": "Administrator",
    "passwordHash": "secret of the admin",
    "hidden": True,
}


def values(device: SimulatedDevice, profile: bytes) -> dict[str, Any]:
    """Return what keys hold that mean something to this device, by path."""
    identity = device.stay.identity
    provisioning = {
        "Name": "Round trip",
        "UUID": "provisioning",
        "ExpirationDate": exercise.BY_TYPE["date"],
    }
    manifest = {"items": [{"metadata": {"bundle-identifier": "com.example.pkg"}}]}
    update = {"ProductVersion": device.hardware.newest[0]}
    return {
        "AccountConfiguration.AutoSetupAdminAccounts": [ACCOUNT],
        "ApplyRedemptionCode.Identifier": APP,
        "DeclarativeManagement.Data": b'{"SyncTokens": {}}',
        "DeleteUser.UserName": "bob",
        "DeviceInformation.DeviceAttestationNonce": b"nonce",
        "DeviceLock.PIN": PIN,
        "EraseDevice.PIN": PIN,
        "EraseDevice.ReturnToService.MDMProfileData": profile,
        "EraseDevice.ReturnToService.WiFiProfileData": configuration("com.example.w"),
        "InstallApplication.Identifier": APP,
        "InstallApplication.ManifestURL": f"{SHOP}com.example.manifest",
        "InstallEnterpriseApplication.Manifest": manifest,
        "InstallEnterpriseApplication.ManifestURL": f"{SHOP}com.example.manifest",
        "InstallEnterpriseApplication.ManifestURLPinningCerts": [
            identity.certificate.public_bytes(Encoding.DER)
        ],
        "InstallMedia.iTunesStoreID": 9,
        "InstallMedia.PersistentID": "com.example.book",
        "InstallProfile.Payload": configuration("com.example.trip"),
        "InstallProvisioningProfile.ProvisioningProfile": _signed(
            provisioning, identity
        ),
        "InstalledApplicationList.Identifiers": [APP],
        "InstalledApplicationList.Items": ["Identifier", "Name", "Version"],
        "InviteToProgram.InvitationURL": "https://example.com/invitation",
        "LOMDeviceRequest.RequestList.RequestListItem.DeviceRequestUUID": "request",
        "ManagedApplicationAttributes.Identifiers": [APP],
        "ManagedApplicationConfiguration.Identifiers": [APP],
        "ManagedApplicationFeedback.Identifiers": [APP],
        "ManagedApplicationList.Identifiers": [APP],
        "RemoveApplication.Identifier": APP,
        "RemoveMedia.iTunesStoreID": "9",
        "RemoveMedia.PersistentID": "com.example.book",
        "RemoveProfile.Identifier": "com.example.trip",
        "RemoveProvisioningProfile.UUID": "provisioning",
        "ScheduleOSUpdate.Updates.UpdatesItem.InstallAction": "InstallLater",
        "ScheduleOSUpdate.Updates.UpdatesItem.ProductVersion": update["ProductVersion"],
        "SetFirmwarePassword.CurrentPassword": "one",
        "SetFirmwarePassword.NewPassword": "two",
        "SetRecoveryLock.CurrentPassword": "one",
        "SetRecoveryLock.NewPassword": "two",
        "Settings.Settings.ApplicationAttributes.Identifier": APP,
        "Settings.Settings.ApplicationConfiguration.Identifier": APP,
        "Settings.Settings.DefaultApplications.Calling": APP,
        "Settings.Settings.DefaultApplications.Messaging": APP,
        "Settings.Settings.DefaultApplications.WebBrowser": APP,
        "Settings.Settings.SharedDeviceConfiguration.PasscodePolicy.AutoLockTime": 300,
        "Settings.Settings.SharedDeviceConfiguration.TemporarySessionTimeout": 60,
        "Settings.Settings.SharedDeviceConfiguration.UserSessionTimeout": 60,
        "Settings.Settings.TimeZone.TimeZone": "Europe/Rome",
        "Settings.Settings.Wallpaper.Image": PNG,
        "UnlockUserAccount.UserName": "bob",
        "ValidateApplications.Identifiers": [APP],
    }


def _signed(content: Mapping[str, Any], identity: Identity) -> bytes:
    certificate: x509.Certificate = identity.certificate
    return cms.sign(plistlib.dumps(dict(content)), certificate, identity.key)


# --- Who gets it


@dataclass(frozen=True)
class Kind:
    """A model that takes part; ``only`` narrows what it is told."""

    hardware: Hardware
    mode: str = "automated"
    only: Collection[str] = ()


SOME = (
    *("DeviceInformation", "InstallApplication", "RestartDevice", "EraseDevice"),
    *("ProfileList", "DeclarativeManagement"),
)
KINDS = (
    Kind(IPHONE_16),
    Kind(SHARED_IPAD, "shared"),
    Kind(MACBOOK_AIR),
    Kind(
        MACBOOK_PRO_INTEL,
        only=(
            *("SetFirmwarePassword", "VerifyFirmwarePassword", "DeviceInformation"),
            *("DeviceLock", "EraseDevice"),
        ),
    ),
    Kind(APPLE_TV, only=SOME),
    Kind(VISION_PRO, only=SOME),
    Kind(
        IPHONE_27,
        only=(
            *("TriggerEnhancedLogCollection", "CancelEnhancedLogCollection"),
            *("DeviceInformation", "InstallApplication", "Settings", "EraseDevice"),
        ),
    ),
    Kind(
        MAC_27,
        only=(
            *("TriggerEnhancedLogCollection", "CancelEnhancedLogCollection"),
            *("DeviceInformation", "EraseDevice"),
        ),
    ),
)


@dataclass
class Trip:
    """One command to one channel, there and back."""

    channel: Channel
    request_type: str
    executed: Executed | None = None
    state: str = ""
    problem: str = ""
    is_read: bool = False

    def __str__(self) -> str:
        return f"{self.request_type} of {self.channel}"


@dataclass
class Journey:
    """All trips, and what the portal would not send, with its reasons."""

    trips: list[Trip] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    known: dict[str, set[str]] = field(default_factory=dict)
    """RequestType -> the paths that a device which took it knows."""
    used: dict[str, set[str]] = field(default_factory=dict)
    devices: Sequence[SimulatedDevice] = ()

    def of(self, request_type: str) -> list[Trip]:
        return [trip for trip in self.trips if trip.request_type == request_type]


ENTER = """
from commands import inventory
from commands.models import Delivery
from devices.models import Channel, Enrollment
stays = Enrollment.objects.filter(state="active", device__serial_number="{serial}")
assert stays.update(mode="{mode}") == 1
channel = Channel.objects.select_related("enrollment__device").get(enrollment__in=stays)
Delivery.objects.filter(channel=channel).delete()
inventory.ask(channel, and_then=[inventory.configured()])
"""
"""Take a device that came in by hand for one that was enrolled automatically."""

ORDER = """
import json, plistlib
from commands import orders
from commands.escrow import filevault
from devices import lookup
said = []
for serial, user, name, keys in plistlib.load(open("{file}", "rb")):
    channels = list(lookup.channels(serial, user))
    if name == "RotateFileVaultKey" and not filevault.certificates(
        channels[0].enrollment.device
    ):
        said.append(filevault.install(channels[0]))
        continue
    try:
        placed = orders.place(channels, name, keys)
        said.append("; ".join(why for _, why in placed.refused))
    except ValueError as error:
        said.append(str(error))
print(json.dumps(said))
"""

ANSWERS = """
import json
from commands.models import Delivery
rows = Delivery.objects.filter(uuid__in=json.load(open("{file}")))
columns = ("uuid", "state", "result__problem", "result__read_at")
print(json.dumps(list(rows.values_list(*columns)), default=str))
"""


NOTHING: Mapping[str, Mapping[str, Any]] = {}


class Travel:
    """The devices, and going through all stages with them."""

    def __init__(self, portal: Portal, courier: Courier) -> None:
        self.portal, self.courier = portal, courier
        self.keys, self.network = KeyPool(4), Shop()
        self.journey = Journey()
        self.kinds: dict[SimulatedDevice, Kind] = {}

    def go(self) -> Journey:
        for number, kind in enumerate(KINDS):
            self.kinds[self._enroll(kind, FIRST_NUMBER + number)] = kind
        for mode, names in WHILE_AWAITING.items():
            self._order(
                [one for one, kind in self.kinds.items() if kind.mode == mode], names
            )
        self._see_through()
        for device in self.kinds:
            self._users_come(device)
        rest = set(commands()) - {"AccountConfiguration", *FIRST, *THEN, *AFTER, *LAST}
        self._stage(FIRST, ONE)
        self._stage((*sorted(rest - {*BY_ITSELF}), *THEN))
        self._stage(AFTER)
        for name in LAST:
            self._stage([name])
            for device in self.kinds:
                self._bring_back(device)
        self.journey.devices = list(self.kinds)
        return self.journey

    def _enroll(self, kind: Kind, number: int) -> SimulatedDevice:
        device = SimulatedDevice(
            kind.hardware,
            self.network,
            seed=number,
            supervised=True,
            automated=True,
            courier=self.courier,
            make_key=self.keys,
        )
        device.install(self._profile())
        self._run(ENTER, serial=device.unit.serial_number, mode=kind.mode)
        return device

    def _profile(self) -> bytes:
        profile: bytes = self.portal.manage("enrollment_profile")
        return profile

    def _users_come(self, device: SimulatedDevice) -> None:
        if device.is_mac or device.hardware.shared:
            device.log_in(USER if device.hardware.shared else "ada")
            device.state.account("bob").locked_out = True

    def _bring_back(self, device: SimulatedDevice) -> None:
        if device.state.locked_with.get("PIN") and device.is_away:
            device.unlock(PIN)
        device.switch_on()

    # Ordering

    def _stage(
        self, names: Sequence[str], said: Mapping[str, Mapping[str, Any]] = NOTHING
    ) -> None:
        """Order these of all that can take them, and see them through."""
        self._order(list(self.kinds), names, said)
        self._see_through()

    def _order(
        self,
        devices: Sequence[SimulatedDevice],
        names: Sequence[str],
        said: Mapping[str, Mapping[str, Any]] = NOTHING,
    ) -> None:
        orders = []
        for device in devices:
            if not device.enrolled:
                continue
            only = self.kinds[device].only
            known = values(device, self._profile() if "EraseDevice" in names else b"")
            for channel in device.channels:
                for name in names:
                    if not only or name in only:
                        keys = said.get(name, {})
                        orders += self._orders(channel, name, known, keys)
        self._place(orders)

    def _see_through(self) -> None:
        done = [
            Trip(channel, one.request_type, one)
            for device in self.kinds
            for channel in device.channels
            for one in channel.session()
        ]
        self._read(done)

    def _orders(
        self,
        channel: Channel,
        name: str,
        known: Mapping[str, Any],
        said: Mapping[str, Any],
    ) -> list[tuple[Channel, str, dict[str, Any]]]:
        command, device = commands()[name], channel.device
        is_there = device.is_mac and name in NOT_THERE[device.hardware.apple_silicon]
        if channel.lacks(command) or is_there or not channel.is_open:
            return []
        if said:
            knows = not schema.unsupported(command, said, channel.target)
            return [(channel, name, dict(said))] if knows else []
        if name == "Settings" and device.hardware.shared and not device.state.awaiting:
            return []
        self.journey.known.setdefault(name, set()).update(
            exercise.known(command, channel.target)
        )
        filled, ways = FILLED.get(name, ()), ALTERNATIVES.get(name) or ((),)
        without = [(*way, *filled, *_not_cellular(device, name)) for way in ways]
        made = exercise.variants(command, channel.target, known, without)
        return [
            (channel, name, keys) for keys in made if not rules.problems(name, keys)
        ]

    def _place(self, orders: Sequence[tuple[Channel, str, dict[str, Any]]]) -> None:
        rows = [
            [channel.device.unit.serial_number, _user(channel), name, keys]
            for channel, name, keys in orders
        ]
        file = self.portal.folder / "orders.plist"
        file.write_bytes(plistlib.dumps(rows, fmt=plistlib.FMT_BINARY))
        for (channel, name, _), why in zip(
            orders, self._run(ORDER, file=str(file)), strict=True
        ):
            if why:
                self.journey.refused.append(f"{name} to {channel}: {why}")

    def _run(self, script: str, **names: str) -> Any:
        code = script.format(**names)
        return self.portal.manage("shell", "--no-imports", "--command", code)

    # What came of it

    def _read(self, trips: Sequence[Trip]) -> None:
        """Wait until the portal has read the answers."""
        self.journey.trips += trips
        by_uuid = {trip.executed.command_uuid: trip for trip in trips if trip.executed}
        file = self.portal.folder / "answers.json"
        file.write_text(json.dumps(list(by_uuid)))

        def are_read() -> bool:
            for uuid, state, problem, read_at in self._run(ANSWERS, file=str(file)):
                trip = by_uuid[uuid]
                trip.state, trip.problem, trip.is_read = state, problem, bool(read_at)
            return all(trip.is_read for trip in trips)

        wait_for(are_read, "the answers to be read")
        for trip in trips:
            command = commands()[trip.request_type]
            assert trip.executed
            used = self.journey.used.setdefault(trip.request_type, set())
            used |= exercise.used(command, trip.executed.request)


ONE: Mapping[str, Mapping[str, Any]] = {
    "DeviceInformation": {"Queries": ["AutoSetupAdminAccounts"]},
    "SetFirmwarePassword": {"NewPassword": "one"},
    "SetRecoveryLock": {"NewPassword": "one"},
}
"""What is ordered first of what is ordered twice."""


def _user(channel: Channel) -> str:
    return str(channel.who().get("UserShortName", "")) if channel.is_user else ""


def _not_cellular(device: SimulatedDevice, name: str) -> Iterator[str]:
    if name == "Settings" and not device.hardware.cellular:
        yield from (f"Settings.{item}" for item in CELLULAR)
