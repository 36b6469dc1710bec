"""The answers of simulated devices: the keys of Apple's schema, on every platform."""

import dataclasses
import datetime as dt
import functools
import plistlib
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mdmportal.catalogue import commands
from mdmportal.protocol import cms, mobileconfig, passwordhash, plist
from mdmportal.protocol.mobileconfig import EnrollmentProfile
from mdmportal.protocol.schema import Key
from mdmportal.simulator import profile
from mdmportal.simulator.answers import ANSWERS, answer
from mdmportal.simulator.channel import Channel
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.enrollment import Enrollment
from mdmportal.simulator.errors import (
    MALFORMED_REQUEST,
    UNKNOWN_REQUEST_TYPE,
    Error,
    FormatError,
)
from mdmportal.simulator.hardware import (
    APPLE_TV,
    IPAD,
    IPHONE,
    MAC,
    MACBOOK_PRO_INTEL,
    SHARED_IPAD,
    VISION_PRO,
    Hardware,
)
from mdmportal.simulator.identity import Identity
from mdmportal.simulator.places import PLACES
from mdmportal.simulator.transport import Response, Unreachable

from .small_server import CA, KEY, TOPIC

IDENTITY = Identity(CA, KEY)
RESTRICTIONS = {
    "PayloadType": "com.apple.applicationaccess",
    "PayloadVersion": 1,
    "PayloadIdentifier": "com.example.restrictions.1",
    "PayloadUUID": "00000000-0000-4000-8000-00000000000A",
    "allowCamera": False,
    "maxGracePeriod": 5,
}
KINDS: dict[str, type | tuple[type, ...]] = {
    "array": list,
    "boolean": bool,
    "data": bytes,
    "date": dt.datetime,
    "dictionary": dict,
    "integer": int,
    "real": (int, float),
    "string": str,
}
NEVER_SENT = {"UnusedRedemptionCode"}
"""Required in the schema, yet not in the answers that devices were seen to give."""

OTHERWISE_SENT = {
    "Settings.Settings",
    "DeviceInformation.QueryResponses.OSUpdateSettings.PreviousScanResult",
}
"""Of one type in the schema, and of another in those answers: an array, an integer."""


class Nowhere:
    """A transport of a device that has no network."""

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        raise Unreachable(url)


class Web(Nowhere):
    """A transport that gives the same body to every request."""

    def __init__(self, body: bytes) -> None:
        self.body = body

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        return Response(200, {}, self.body)


def configuration(
    *payloads: Mapping[str, Any], identifier: str = "com.example.p"
) -> bytes:
    return plist.dumps(
        {
            "PayloadType": "Configuration",
            "PayloadVersion": 1,
            "PayloadIdentifier": identifier,
            "PayloadUUID": str(uuid.uuid5(uuid.NAMESPACE_DNS, identifier)),
            "PayloadDisplayName": "Restrictions",
            "PayloadContent": list(payloads),
        }
    )


@functools.cache
def enrollment(**changes: Any) -> Enrollment:
    keys: dict[str, Any] = {
        "seed": uuid.UUID(int=1),
        "identifier": "com.example.enrollment",
        "name": "Example",
        "organization": "Example",
        "topic": TOPIC,
        "server_url": "https://mdm.example.com/connect",
        "checkin_url": "https://mdm.example.com/checkin",
        "scep_url": "https://mdm.example.com/scep",
        "challenge": "challenge",
        "subject": "subject",
        "anchors": [CA],
    }
    raw = EnrollmentProfile(**keys | changes).to_plist()
    return Enrollment(profile.read(raw), IDENTITY)


def enrolled(hardware: Hardware, **options: Any) -> SimulatedDevice:
    """Return a supervised device that is enrolled, though no server was asked."""
    rights = options.pop("access_rights", 8191)
    options = {"supervised": True, "automated": True, **options}
    device = SimulatedDevice(hardware, options.pop("transport", Nowhere()), **options)
    device.enrollment = enrollment(access_rights=rights)
    raw = device.enrollment.profile.raw
    device.state.profiles[device.enrollment.profile.identifier] = raw
    device.new_token()
    device.state.unlock_token = b"unlock"
    device.state.bootstrap_token = b"bootstrap"
    device.state.announced = True
    return device


def anonymous(hardware: Hardware) -> SimulatedDevice:
    """Return a device under User Enrollment."""
    device = SimulatedDevice(hardware, Nowhere(), supervised=False)
    content = plist.loads(enrollment().profile.raw)
    mdm = content["PayloadContent"][-1]
    del mdm["AccessRights"]
    mdm["EnrollmentMode"] = "BYOD"
    device.enrollment = Enrollment(profile.read(plist.dumps(content)), IDENTITY, "E")
    return device


def user_of(device: SimulatedDevice) -> Channel:
    """Return the channel of a user for whom the server was not asked."""
    user = device.user("ada", "Ada Lovelace")
    user.account.token, user.account.announced = b"token", True
    user.account.logged_in = True
    return user


def ask(channel: Channel, request_type: str, **keys: Any) -> dict[str, Any]:
    return answer(channel, {"RequestType": request_type, **keys})


@functools.cache
def provisioning_profile() -> bytes:
    return cms.sign(
        plistlib.dumps(
            {
                "Name": "Example",
                "UUID": "provisioning",
                "ExpirationDate": dt.datetime(2030, 1, 1),
            }
        ),
        CA,
        KEY,
    )


# Every command on every platform

PNG = b"\x89PNG\r\n\x1a\n"
DER = CA.public_bytes(Encoding.DER)
MANIFEST = {"items": [{"metadata": {"bundle-identifier": "com.example.pkg"}}]}
KEYS: dict[str, dict[str, Any]] = {
    "ApplyRedemptionCode": {"Identifier": "com.example.app", "RedemptionCode": "1"},
    "ClearPasscode": {"UnlockToken": b"unlock"},
    "DeleteUser": {"UserName": "joe"},
    "DeviceInformation": {
        "Queries": list(
            commands()["DeviceInformation"].keys["Queries"].items[0].choices
        )
    },
    "DeviceLock": {"Message": "Found me?", "PIN": "123456"},
    "EnableLostMode": {"Message": "Lost"},
    "EraseDevice": {"PIN": "123456"},
    "InstallApplication": {"iTunesStoreID": 361309726, "InstallAsManaged": True},
    "InstallEnterpriseApplication": {"Manifest": MANIFEST},
    "InstallMedia": {"MediaType": "Book", "iTunesStoreID": 1},
    "InstallProfile": {
        "Payload": configuration(RESTRICTIONS, identifier="com.example.new")
    },
    "InstallProvisioningProfile": {"ProvisioningProfile": provisioning_profile()},
    "InviteToProgram": {
        "ProgramID": "com.apple.cloudvpp",
        "InvitationURL": "https://example.com",
    },
    "LOMDeviceRequest": {
        "RequestList": [
            {
                "DeviceRequestType": "PowerON",
                "DeviceRequestUUID": "1",
                "DeviceDNSName": "mac.example.com",
                "PrimaryIPv6AddressList": ["fe80::1"],
                "SecondaryIPv6AddressList": [],
                "LOMProtocolVersion": 1,
            }
        ]
    },
    "ManagedApplicationAttributes": {"Identifiers": ["com.example.app"]},
    "ManagedApplicationConfiguration": {"Identifiers": ["com.example.app"]},
    "ManagedApplicationFeedback": {"Identifiers": ["com.example.app"]},
    "RefreshCellularPlans": {"eSIMServerURL": "https://example.com"},
    "RemoveApplication": {"Identifier": "com.example.app"},
    "RemoveMedia": {"MediaType": "Book", "iTunesStoreID": "9"},
    "RemoveProfile": {"Identifier": "com.example.p"},
    "RemoveProvisioningProfile": {"UUID": "provisioning"},
    "RequestMirroring": {"DestinationName": "Apple TV"},
    "Restrictions": {"ProfileRestrictions": True},
    "RotateFileVaultKey": {
        "KeyType": "personal",
        "FileVaultUnlock": {"Password": "1"},
        "ReplyEncryptionCertificate": DER,
    },
    "ScheduleOSUpdate": {
        "Updates": [{"InstallAction": "Default", "ProductVersion": "18.1.1"}]
    },
    "SetAutoAdminPassword": {"passwordHash": passwordhash.make("secret")},
    "SetFirmwarePassword": {"NewPassword": "secret"},
    "SetRecoveryLock": {"NewPassword": "secret"},
    "Settings": {"Settings": [{"Item": "TimeZone", "TimeZone": "Europe/Rome"}]},
    "TriggerEnhancedLogCollection": {"AppleCareToken": "token"},
    "UnlockUserAccount": {"UserName": "joe"},
    "VerifyFirmwarePassword": {"Password": "secret"},
    "VerifyRecoveryLock": {"Password": "secret"},
}
NOT_ON_SILICON = {"SetFirmwarePassword", "VerifyFirmwarePassword"}
NOT_ON_INTEL = {"SetRecoveryLock", "VerifyRecoveryLock"}
TODAY = (IPHONE, IPAD, SHARED_IPAD, MAC, MACBOOK_PRO_INTEL, APPLE_TV, VISION_PRO)
TOMORROW = tuple(
    dataclasses.replace(one, os_version="27.0")
    for one in (IPHONE, MAC, APPLE_TV, VISION_PRO)
)
MODELS = (*TODAY, *TOMORROW)


def in_use(hardware: Hardware) -> SimulatedDevice:
    """Return a device on which there is something of everything."""
    device = enrolled(hardware)
    state = device.state
    state.recovery_key = "1"
    state.provisioning_profiles["provisioning"] = provisioning_profile()
    install = {"Identifier": "com.example.app", "InstallAsManaged": True}
    ask(device, "InstallApplication", **install, Configuration={"a": 1})
    if "InstallMedia" in ANSWERS and hardware.platform == "iOS":
        ask(device, "InstallMedia", MediaType="Book", iTunesStoreID=9)
    state.lost_mode = {"Message": "Lost"}
    state.bypass_code = "code"
    state.update = {"ProductKey": "iOS-18", "Action": "DownloadOnly"}
    state.enhanced_logging = True
    if hardware.has_user_channels:
        user_of(device)
        device.user("ada").account.awaiting = True
        state.account("joe")
    for channel in device.channels:
        channel.kept.profiles["com.example.p"] = configuration(RESTRICTIONS)
        channel.kept.managed_profiles.append("com.example.p")
    return device


def request_keys(device: SimulatedDevice, request_type: str) -> dict[str, Any]:
    keys = dict(KEYS.get(request_type, {}))
    if request_type == "EnableLostMode":
        device.state.lost_mode = {}
    if request_type == "SetAutoAdminPassword":
        administrator = device.state.account("joe")
        administrator.made_by_setup = True
        keys["GUID"] = administrator.guid
    return keys


@pytest.mark.parametrize("request_type", list(commands()))
def test_every_command_is_answered_with_the_keys_of_the_schema(
    request_type: str,
) -> None:
    answering = {one.platform for one in MODELS if answers_well(one, request_type)}
    simulated = {one.platform for one in MODELS}
    assert answering == commands()[request_type].support.keys() & simulated


def answers_well(hardware: Hardware, request_type: str) -> bool:
    """Whether it answers on a channel, with keys as they must be; else with Error."""
    command = commands()[request_type]
    absent = NOT_ON_SILICON if hardware.apple_silicon else NOT_ON_INTEL
    answered = 0
    for number in range(len(channels_of(hardware))):
        device = in_use(hardware)
        channel = device.channels[number]
        keys = request_keys(device, request_type)
        if (
            hardware.platform not in command.support
            or channel.lacks(command)
            or request_type in absent
        ):
            with pytest.raises(Error):
                ask(channel, request_type, **keys)
            continue
        found = ask(channel, request_type, **keys)
        plistlib.loads(plist.dumps(found))
        check_answer(command.answers, found, hardware.platform, request_type)
        answered += 1
    return answered > 0


@functools.cache
def channels_of(hardware: Hardware) -> Sequence[Channel]:
    return in_use(hardware).channels


def check_answer(
    keys: Mapping[str, Key], found: Mapping[str, Any], platform: str, path: str
) -> None:
    """Hold an answer against the schema: what is required is there, of its type."""
    for name, key in keys.items():
        here = f"{path}.{name}"
        if name in found:
            check_value(key, found[name], platform, here)
        elif key.required and platform in key.support:
            assert name in NEVER_SENT, here
    if keys:
        unknown = found.keys() - keys.keys()
        assert not unknown, f"{path}: {unknown}"


def check_value(key: Key, value: Any, platform: str, path: str) -> None:
    if key.type in KINDS:
        assert isinstance(value, KINDS[key.type]) or path in OTHERWISE_SENT, path
    if key.values:
        assert value in key.values, path
    if isinstance(value, dict) and key.wildcard:
        for name, item in value.items():
            check_value(key.wildcard, item, platform, f"{path}.{name}")
    elif isinstance(value, dict):
        check_answer(key.keys, value, platform, path)
    elif isinstance(value, list):
        for item in value:
            for shape in key.items[:1]:
                check_value(shape, item, platform, path)


def test_what_the_schema_does_not_know_is_no_valid_request_type() -> None:
    with pytest.raises(Error) as caught:
        ask(enrolled(IPHONE), "MakeCoffee")
    assert caught.value.chain() == [
        {
            "ErrorCode": UNKNOWN_REQUEST_TYPE,
            "ErrorDomain": "MCMDMErrorDomain",
            "LocalizedDescription": "“MakeCoffee” is not a valid request type.",
            "USEnglishDescription": "“MakeCoffee” is not a valid request type.",
        }
    ]


@pytest.mark.parametrize(
    ("request_type", "keys"),
    [
        ("RemoveProfile", {}),
        ("RemoveProfile", {"Identifier": 1}),
        ("DeviceInformation", {"Queries": "UDID"}),
        ("Settings", {"Settings": [{"Item": "DeviceName"}]}),
        ("ScheduleOSUpdate", {"Updates": [{"ProductKey": "x"}]}),
        ("RotateFileVaultKey", {"KeyType": "both", "FileVaultUnlock": {}}),
        ("Settings", {"Settings": [{"Item": "Wallpaper", "Image": b"", "Where": 4}]}),
        ("EraseDevice", {"PreserveDataPlan": 1}),
        ("RequestMirroring", {"ScanTime": True}),
        ("ProfileList", {"RequestRequiresNetworkTether": "yes"}),
    ],
)
def test_a_malformed_command_is_a_format_error(
    request_type: str, keys: dict[str, Any]
) -> None:
    device = enrolled(MAC if request_type == "RotateFileVaultKey" else IPAD)
    with pytest.raises(FormatError):
        ask(device, request_type, **keys)
    assert len(device.oddities) == 1


@pytest.mark.parametrize(
    ("request_type", "keys"),
    [
        ("InstallApplication", {}),
        ("InstallApplication", {"Identifier": "a", "iTunesStoreID": 1}),
        ("EnableLostMode", {}),
        ("EnableLostMode", {"Footnote": "Reception"}),
        ("InstallMedia", {"MediaType": "Book"}),
        ("RemoveMedia", {"MediaType": "Book"}),
        ("RequestMirroring", {"ScanTime": 5}),
    ],
)
def test_keys_that_do_not_go_together_are_an_error(
    request_type: str, keys: dict[str, Any]
) -> None:
    with pytest.raises(Error) as caught:
        ask(enrolled(IPAD), request_type, **keys)
    assert caught.value.code == MALFORMED_REQUEST


@pytest.mark.parametrize(
    ("request_type", "keys", "oddity"),
    [
        ("ProfileList", {"Surprise": 1}, "Surprise"),
        ("EraseDevice", {"PIN": "123456"}, "PIN not on iOS"),
        ("EraseDevice", {"ReturnToService": {"Enabled": False, "x": 1}}, "Service.x"),
        ("DeviceInformation", {"Queries": ["UDID", "HostName"]}, "HostName"),
        ("DeviceInformation", {"Queries": ["UDID", "Mood"]}, "Mood"),
        ("Settings", {"Settings": [{"Item": "HostName", "HostName": "x"}]}, "HostName"),
        ("Settings", {"Settings": [{"Item": "Mood"}]}, "Mood"),
    ],
)
def test_what_a_device_does_not_know_is_passed_over_and_remembered(
    request_type: str, keys: dict[str, Any], oddity: str
) -> None:
    device = enrolled(IPHONE)
    ask(device, request_type, **keys)
    (found,) = device.oddities
    assert found.startswith(request_type)
    assert oddity in found


def test_nothing_is_odd_about_a_command_as_it_should_be() -> None:
    device = enrolled(IPHONE)
    ask(device, "ProfileList", ManagedOnly=True, RequestRequiresNetworkTether=False)
    ask(device, "DeviceInformation", Queries=["UDID", "IMEI"])
    assert device.oddities == []


def test_a_newer_key_is_odd_to_an_older_system() -> None:
    device = enrolled(dataclasses.replace(IPHONE, os_version="18.0"))
    attributes = {"Hideable": False}
    item = {"Identifier": "com.example.app", "Attributes": attributes}
    ask(device, "InstallApplication", **item)
    assert device.oddities == ["InstallApplication: Attributes.Hideable needs iOS 18.1"]


def test_what_needs_supervision_fails_without() -> None:
    with pytest.raises(Error, match="supervised"):
        ask(enrolled(IPHONE, supervised=False), "EnableLostMode", Message="Lost")


def test_what_the_profile_gave_no_right_to_fails() -> None:
    with pytest.raises(Error, match="erase"):
        ask(enrolled(IPHONE, access_rights=1), "EraseDevice")


# Information


def test_a_device_answers_the_queries_it_can_and_leaves_out_the_others() -> None:
    device = enrolled(IPAD)
    queries = ["UDID", "DeviceName", "IMEI", "HostName", "NoSuchQuery", "OSVersion"]
    responses = ask(device, "DeviceInformation", Queries=queries)["QueryResponses"]
    assert responses == {
        "UDID": device.unit.udid,
        "DeviceName": device.state.name,
        "OSVersion": "18.1",
    }


def test_an_anonymous_device_keeps_its_identifiers_to_itself() -> None:
    device = anonymous(IPHONE)
    queries = ["UDID", "SerialNumber", "WiFiMAC", "OSVersion"]
    responses = ask(device, "DeviceInformation", Queries=queries)["QueryResponses"]
    assert responses.keys() == {"OSVersion"}
    with pytest.raises(Error):
        ask(device, "EraseDevice")


def test_security_info_is_that_of_the_platform() -> None:
    phone = ask(enrolled(IPHONE), "SecurityInfo")["SecurityInfo"]
    silicon = ask(enrolled(MAC), "SecurityInfo")["SecurityInfo"]
    intel = ask(enrolled(MACBOOK_PRO_INTEL), "SecurityInfo")["SecurityInfo"]
    assert "PasscodePresent" in phone
    assert "FDE_Enabled" in silicon.keys() & intel.keys()
    assert "IsRecoveryLockEnabled" in silicon.keys() - intel.keys()
    assert "FirmwarePasswordStatus" in intel.keys() - silicon.keys()


def test_the_certificates_are_the_identity_and_those_in_profiles() -> None:
    listed = ask(enrolled(IPHONE), "CertificateList")["CertificateList"]
    assert [one["IsIdentity"] for one in listed] == [True, False]
    assert listed[0]["Data"] == DER


# Profiles


def test_a_profile_is_installed_listed_and_removed() -> None:
    device = enrolled(IPHONE, supervised=False, automated=False)
    signed = cms.sign(configuration(RESTRICTIONS), CA, KEY)
    ask(device, "InstallProfile", Payload=signed)
    ask(device, "InstallProfile", Payload=signed)
    listed = ask(device, "ProfileList")["ProfileList"]
    assert [one["PayloadIdentifier"] for one in listed] == [
        "com.example.enrollment",
        "com.example.p",
    ]
    assert listed[1]["SignerCertificates"] == [DER]
    assert listed[1]["IsManaged"] is True
    assert listed[1]["PayloadContent"][0]["PayloadType"] == RESTRICTIONS["PayloadType"]
    ask(device, "RemoveProfile", Identifier="com.example.p")
    with pytest.raises(Error, match="not installed"):
        ask(device, "RemoveProfile", Identifier="com.example.p")


def test_a_supervised_device_does_not_say_what_is_managed() -> None:
    assert "IsManaged" not in ask(enrolled(IPHONE), "ProfileList")["ProfileList"][0]


def test_the_profiles_of_a_user_are_not_those_of_the_device() -> None:
    mac = enrolled(MAC)
    user = user_of(mac)
    ask(user, "InstallProfile", Payload=configuration(RESTRICTIONS))
    assert len(ask(user, "ProfileList")["ProfileList"]) == 1
    assert len(ask(mac, "ProfileList")["ProfileList"]) == 1


def test_an_invalid_profile_fails_with_two_errors() -> None:
    with pytest.raises(Error) as caught:
        ask(enrolled(IPHONE), "InstallProfile", Payload=b"not a profile")
    assert [one["ErrorDomain"] for one in caught.value.chain()] == [
        "MCInstallationErrorDomain",
        "MCProfileErrorDomain",
    ]


def test_an_encrypted_profile_is_opened_with_the_identity() -> None:
    device = enrolled(IPHONE)
    content = plist.loads(configuration())
    sealed = cms.encrypt(plistlib.dumps([RESTRICTIONS]), CA)
    del content["PayloadContent"]
    content["EncryptedPayloadContent"] = sealed
    ask(device, "InstallProfile", Payload=plist.dumps(content))
    listed = ask(device, "ProfileList")["ProfileList"][1]
    assert listed["IsEncrypted"] is True
    assert (
        listed["PayloadContent"][0]["PayloadIdentifier"] == "com.example.restrictions.1"
    )


def test_of_two_restrictions_the_stricter_holds() -> None:
    device = enrolled(IPHONE)
    milder = {**RESTRICTIONS, "allowCamera": True, "maxGracePeriod": 60}
    for number, payload in enumerate((RESTRICTIONS, milder)):
        raw = configuration(payload, identifier=f"com.example.{number}")
        ask(device, "InstallProfile", Payload=raw)
    found = ask(device, "Restrictions", ProfileRestrictions=True)
    assert found["GlobalRestrictions"]["restrictedBool"] == {
        "allowCamera": {"value": False}
    }
    assert found["GlobalRestrictions"]["restrictedValue"] == {
        "maxGracePeriod": {"value": 5}
    }
    assert found["ProfileRestrictions"].keys() == {"com.example.0", "com.example.1"}


# Apps


def test_an_app_is_installed_managed_configured_and_removed() -> None:
    device = enrolled(IPHONE)
    installed = ask(device, "InstallApplication", iTunesStoreID=361309726)
    assert installed == {"Identifier": "com.apple.Pages", "State": "Installing"}
    item = {
        "Item": "ApplicationConfiguration",
        "Identifier": "com.apple.Pages",
        "Configuration": {"server": "example.com"},
    }
    assert ask(device, "Settings", Settings=[item])["Settings"] == [
        {"Status": "Acknowledged", "Identifier": "com.apple.Pages"}
    ]
    managed = ask(device, "ManagedApplicationList")["ManagedApplicationList"]
    assert managed["com.apple.Pages"]["Status"] == "Managed"
    assert managed["com.apple.Pages"]["HasConfiguration"] is True
    configurations = ask(
        device, "ManagedApplicationConfiguration", Identifiers=["com.apple.Pages"]
    )
    assert configurations["ApplicationConfigurations"][0]["Configuration"] == {
        "server": "example.com"
    }
    ask(device, "RemoveApplication", Identifier="com.apple.Pages")
    listed = ask(device, "InstalledApplicationList")["InstalledApplicationList"]
    assert "com.apple.Pages" not in [app["Identifier"] for app in listed]


def test_an_app_of_the_user_is_not_taken_over_unasked() -> None:
    device = enrolled(IPHONE)
    with pytest.raises(Error) as caught:
        ask(device, "InstallApplication", Identifier="com.apple.Keynote")
    assert caught.value.keys == {"RejectionReason": "AppAlreadyInstalled"}
    with pytest.raises(Error, match="not managed"):
        ask(device, "RemoveApplication", Identifier="com.apple.Keynote")
    taken = {"Identifier": "com.apple.Keynote", "ChangeManagementState": "Managed"}
    assert ask(device, "InstallApplication", **taken)["State"] == "Installing"


def test_a_manifest_is_fetched_and_says_what_the_app_is() -> None:
    device = enrolled(IPHONE, transport=Web(plist.dumps(MANIFEST)))
    url = "https://example.com/manifest"
    found = ask(device, "InstallApplication", ManifestURL=url)
    assert found["Identifier"] == "com.example.pkg"
    with pytest.raises(Error, match="No manifest"):
        ask(enrolled(IPHONE), "InstallApplication", ManifestURL=url)


def test_the_list_of_apps_can_be_narrowed() -> None:
    device = enrolled(MAC)
    found = ask(
        device,
        "InstalledApplicationList",
        Identifiers=["com.apple.mail"],
        Items=["Identifier", "Version"],
    )
    assert found["InstalledApplicationList"] == [
        {"Identifier": "com.apple.mail", "Version": "16.0"}
    ]


def test_apps_that_go_with_the_profile_go_and_the_others_stay() -> None:
    device = enrolled(IPHONE)
    ask(device, "InstallApplication", iTunesStoreID=361309726, ManagementFlags=1)
    ask(device, "InstallApplication", iTunesStoreID=618783545)
    device.forget()
    assert "com.apple.Pages" not in device.state.apps
    assert "com.tinyspeck.chatlyio" in device.state.apps


# Settings


def test_each_setting_succeeds_or_fails_by_itself() -> None:
    device = enrolled(IPAD)
    items = [
        {"Item": "DeviceName", "DeviceName": "Reception"},
        {"Item": "DataRoaming", "Enabled": True},
        {"Item": "HostName", "HostName": "reception"},
        {"Item": "TimeZone", "TimeZone": "Europe/Rome"},
        {"Item": "NoSuchThing"},
    ]
    statuses = ask(device, "Settings", Settings=items)["Settings"]
    assert [one["Status"] for one in statuses] == [
        "Acknowledged",
        "Error",
        "Error",
        "Acknowledged",
        "Error",
    ]
    queries = ["DeviceName", "TimeZone"]
    assert ask(device, "DeviceInformation", Queries=queries)["QueryResponses"] == {
        "DeviceName": "Reception",
        "TimeZone": "Europe/Rome",
    }


@pytest.mark.parametrize(
    ("item", "reason"),
    [
        ({"Item": "TimeZone", "TimeZone": "Europe/Rom"}, "time zone"),
        ({"Item": "Wallpaper", "Image": b"GIF", "Where": 1}, "PNG"),
    ],
)
def test_a_value_that_means_nothing_is_not_set(
    item: dict[str, Any], reason: str
) -> None:
    with pytest.raises(Error, match=reason):
        ask(enrolled(IPAD), "Settings", Settings=[item])


def test_a_wallpaper_is_for_one_screen_or_both() -> None:
    device = enrolled(IPAD)
    for where, picture in ((3, PNG), (1, PNG + b"lock")):
        item = {"Item": "Wallpaper", "Image": picture, "Where": where}
        ask(device, "Settings", Settings=[item])
    assert device.state.wallpaper == {"home": PNG, "lock": PNG + b"lock"}


def test_what_a_setting_leaves_out_stays_as_it_is() -> None:
    device = enrolled(IPAD)
    for key in ("BoldTextEnabled", "VoiceOverEnabled"):
        item = {"Item": "AccessibilitySettings", key: True}
        ask(device, "Settings", Settings=[item])
    told = ask(device, "DeviceInformation", Queries=["AccessibilitySettings"])
    settings = told["QueryResponses"]["AccessibilitySettings"]
    assert settings["BoldTextEnabled"] is settings["VoiceOverEnabled"] is True


def test_an_organization_that_is_left_out_is_forgotten() -> None:
    device, query = enrolled(MAC), ["OrganizationInfo"]
    ours = {"OrganizationName": "Example"}
    for item in ({"OrganizationInfo": ours}, {}):
        ask(device, "Settings", Settings=[{"Item": "OrganizationInfo", **item}])
        told = ask(device, "DeviceInformation", Queries=query)["QueryResponses"]
        assert told == item


def test_a_shared_ipad_is_divided_before_it_is_configured() -> None:
    ipad = enrolled(SHARED_IPAD)
    item = {"Item": "SharedDeviceConfiguration", "ResidentUsers": 4}
    for expected in ("Acknowledged", "Error"):
        (outcome,) = ask(ipad, "Settings", Settings=[item])["Settings"]
        assert outcome["Status"] == expected
        ipad.is_configured()


def test_units_are_in_several_time_zones() -> None:
    zones = {
        ask(enrolled(IPHONE, seed=seed), "DeviceInformation", Queries=["TimeZone"])[
            "QueryResponses"
        ]["TimeZone"]
        for seed in range(20)
    }
    assert len(zones) == len(PLACES)


# Locking, losing and updating


def test_a_mac_without_apple_silicon_wants_a_pin() -> None:
    mac = enrolled(MACBOOK_PRO_INTEL)
    for wrong in ({}, {"PIN": "1234"}):
        with pytest.raises(Error, match=r"(six|6) digits"):
            ask(mac, "DeviceLock", **wrong)
    ask(mac, "DeviceLock", PIN="123456")
    assert ask(enrolled(MAC), "DeviceLock", Message="Hello") == {
        "MessageResult": "Success"
    }


def test_the_passcode_is_cleared_with_the_right_token_only() -> None:
    device = enrolled(IPHONE)
    with pytest.raises(Error, match="unlock token"):
        ask(device, "ClearPasscode", UnlockToken=b"wrong")
    ask(device, "ClearPasscode", UnlockToken=b"unlock")
    assert ask(device, "SecurityInfo")["SecurityInfo"]["PasscodePresent"] is False
    assert ask(device, "DeviceLock", Message="Hello") == {
        "MessageResult": "NoPasscodeSet"
    }


def test_a_device_says_where_it_is_only_while_it_is_lost() -> None:
    device = enrolled(IPHONE)
    for request_type in ("DeviceLocation", "PlayLostModeSound", "DisableLostMode"):
        with pytest.raises(Error, match="Lost Mode"):
            ask(device, request_type)
    ask(device, "EnableLostMode", PhoneNumber="+1")
    assert ask(device, "DeviceLocation")["Timestamp"].endswith("Z")
    ask(device, "DisableLostMode")
    with pytest.raises(Error):
        ask(device, "DeviceLocation")


def test_a_lost_device_is_carried_about_the_same_way_every_time() -> None:
    ways = []
    for _ in range(2):
        device = enrolled(IPHONE, seed=7)
        ask(device, "EnableLostMode", Message="Lost")
        told = [ask(device, "DeviceLocation") for _ in range(3)]
        ways.append([(one["Latitude"], one["Longitude"]) for one in told])
    assert ways[0] == ways[1]
    assert len(set(ways[0])) == 3
    (north, west), (last_north, last_west) = ways[0][0], ways[0][-1]
    assert abs(north - last_north) + abs(west - last_west) < 0.01


def test_a_new_passcode_is_due_within_the_hour() -> None:
    device = enrolled(IPHONE)
    policy = {
        "PayloadType": "com.apple.mobiledevice.passwordpolicy",
        "PayloadVersion": 1,
        "PayloadIdentifier": "com.example.policy.1",
        "PayloadUUID": "00000000-0000-4000-8000-00000000000B",
        "forcePIN": True,
    }
    ask(device, "InstallProfile", Payload=configuration(policy))
    ask(device, "ClearPasscode", UnlockToken=b"unlock")
    told = ask(device, "SecurityInfo")["SecurityInfo"]
    assert (told["PasscodePresent"], told["PasscodeCompliant"]) == (False, False)
    device.state.passcode_by -= 60 * 60  # and an hour later
    told = ask(device, "SecurityInfo")["SecurityInfo"]
    assert (told["PasscodePresent"], told["PasscodeCompliant"]) == (True, True)


def test_passwords_are_changed_by_who_knows_them() -> None:
    mac = enrolled(MAC)
    ask(mac, "SetRecoveryLock", NewPassword="one")
    with pytest.raises(Error, match="current password"):
        ask(mac, "SetRecoveryLock", NewPassword="two")
    ask(mac, "SetRecoveryLock", NewPassword="two", CurrentPassword="one")
    assert ask(mac, "VerifyRecoveryLock", Password="two") == {"PasswordVerified": True}
    assert ask(mac, "VerifyRecoveryLock", Password="one") == {"PasswordVerified": False}


def test_a_new_filevault_key_is_told_to_the_holder_of_the_certificate() -> None:
    mac = enrolled(MAC)
    mac.state.recovery_key = "1"
    found = ask(mac, "RotateFileVaultKey", **KEYS["RotateFileVaultKey"])
    sealed = found["RotateResult"]["EncryptedNewRecoveryKey"]
    key = cms.decrypt(sealed, CA, KEY).content.decode()
    assert key == mac.state.recovery_key
    with pytest.raises(Error):  # the key before opens nothing any more
        ask(mac, "RotateFileVaultKey", **KEYS["RotateFileVaultKey"])


def test_a_mac_hands_over_its_filevault_key_by_an_escrow_profile() -> None:
    mac = enrolled(MAC)
    assert "FDE_PersonalRecoveryKeyCMS" not in ask(mac, "SecurityInfo")["SecurityInfo"]
    escrow = mobileconfig.RecoveryKeyEscrow(
        seed=uuid.uuid4(),
        identifier="com.example.escrow",
        organization="Example",
        location="Example",
        device_key="",
        certificate=CA,
    )
    ask(mac, "InstallProfile", Payload=escrow.to_plist())
    info = ask(mac, "SecurityInfo")["SecurityInfo"]
    sealed = info["FDE_PersonalRecoveryKeyCMS"]
    assert cms.decrypt(sealed, CA, KEY).content.decode() == mac.state.recovery_key
    assert info["FDE_PersonalRecoveryKeyDeviceKey"] == mac.unit.serial_number
    mac.state.filevault = False
    info = ask(mac, "SecurityInfo")["SecurityInfo"]
    assert info["FDE_Enabled"] is False
    assert "FDE_PersonalRecoveryKeyCMS" not in info


def test_the_administrator_gets_the_password_whose_hash_is_sent() -> None:
    mac = enrolled(MAC)
    accounts = [{"shortName": "admin", "passwordHash": passwordhash.make("first")}]
    ask(mac, "AccountConfiguration", AutoSetupAdminAccounts=accounts)
    told = ask(mac, "DeviceInformation", Queries=["AutoSetupAdminAccounts"])
    (told,) = told["QueryResponses"]["AutoSetupAdminAccounts"]
    second = passwordhash.make("second")
    ask(mac, "SetAutoAdminPassword", GUID=told["GUID"], passwordHash=second)
    kept = mac.state.accounts["admin"].password_hash
    assert passwordhash.matches(kept, "second")
    assert not passwordhash.matches(kept, "first")


def test_the_bypass_code_stays_until_it_is_cleared() -> None:
    device = enrolled(IPHONE)
    code = ask(device, "ActivationLockBypassCode")
    assert ask(device, "ActivationLockBypassCode") == code
    ask(device, "ClearActivationLockBypassCode")
    with pytest.raises(Error):
        ask(device, "ClearActivationLockBypassCode")


def test_an_update_is_offered_once_and_unknown_ones_fail() -> None:
    device = enrolled(IPHONE)
    update = ask(device, "AvailableOSUpdates")["AvailableOSUpdates"][0]
    wanted = {"ProductKey": update["ProductKey"], "InstallAction": "DownloadOnly"}
    unknown = {"ProductKey": "iOS-1", "InstallAction": "InstallASAP"}
    results = ask(device, "ScheduleOSUpdate", Updates=[wanted, unknown])
    assert [one["InstallAction"] for one in results["UpdateResults"]] == [
        "DownloadOnly",
        "Error",
    ]
    status = ask(device, "OSUpdateStatus")["OSUpdateStatus"]
    assert status[0]["ProductKey"] == update["ProductKey"]


def test_a_device_that_waits_to_be_configured_stops_waiting() -> None:
    device = enrolled(MAC)
    assert device.state.awaiting
    ask(device, "DeviceConfigured")
    assert not device.state.awaiting
    queries = ["AwaitingConfiguration"]
    assert ask(device, "DeviceInformation", Queries=queries)["QueryResponses"] == {
        "AwaitingConfiguration": False
    }


# Users


def test_users_are_listed_and_deleted() -> None:
    mac = enrolled(MAC)
    user_of(mac)
    mac.state.account("joe")
    users = ask(mac, "UserList")["Users"]
    assert [(one["UserName"], one["IsLoggedIn"]) for one in users] == [
        ("ada", True),
        ("joe", False),
    ]
    with pytest.raises(Error, match="logged in"):
        ask(mac, "DeleteUser", UserName="ada")
    ask(mac, "DeleteUser", UserName="ada", ForceDeletion=True)
    ask(mac, "DeleteUser", DeleteAllUsers=True)
    assert ask(mac, "UserList")["Users"] == []


def test_the_administrators_of_setup_assistant_are_made() -> None:
    mac = enrolled(MAC)
    accounts = [{"shortName": "admin", "fullName": "Administrator"}]
    ask(mac, "AccountConfiguration", AutoSetupAdminAccounts=accounts)
    assert ask(mac, "UserList")["Users"][0]["FullName"] == "Administrator"
