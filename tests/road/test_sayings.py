"""Sayings: what an answer tells in words, and what was not done after all."""

from typing import Any

import pytest

from commands import errors, live, results
from commands.models import Delivery, Result, State
from commands.results import sayings

from .answering import captured, enrolled, said, say

OK = {"Status": "Acknowledged"}
NOT_ALLOWED = {
    "ErrorDomain": "MCSettingsErrorDomain",
    "ErrorCode": 28000,
    "LocalizedDescription": "Unbekannte Einstellung",
    "USEnglishDescription": "Unknown setting",
}


def words(request_type: str, **answer: Any) -> str:
    return " ".join(one.words for one in sayings.of(request_type, {**OK, **answer}))


def settled(request_type: str, answer: dict[str, Any]) -> Delivery:
    """Have a device answer so, and return the delivery as it is shown then."""
    result = say(enrolled(platform="macOS"), request_type, answer)
    return Delivery.objects.get(pk=result.delivery_id)


@pytest.mark.django_db
def test_settings_that_failed_are_said_though_the_command_was_acknowledged() -> None:
    items = [
        {"Item": "DeviceName", "Status": "Acknowledged"},
        {"Item": "Wallpaper", "Status": "Error", "ErrorChain": [NOT_ALLOWED]},
        {"Item": "Bluetooth", "Status": "CommandFormatError"},
    ]
    delivery = settled("Settings", {"Settings": items})
    assert delivery.state == State.ACKNOWLEDGED
    assert delivery.is_partial
    assert delivery.error == (
        "2 of 3 settings failed: Wallpaper: Unbekannte Einstellung; "
        "Bluetooth: the device does not understand it"
    )
    assert "not all done" in live.state_cell(delivery)
    assert "2 of 3 settings failed" in live.state_cell(delivery)
    assert errors.explain(delivery.error_chain).startswith("Its system does not know")


@pytest.mark.django_db
def test_settings_that_were_all_made_are_acknowledged() -> None:
    items = [{"Item": "DeviceName", "Status": "Acknowledged"}]
    delivery = settled("Settings", {"Settings": items})
    assert not delivery.is_partial
    assert ">acknowledged<" in live.state_cell(delivery)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("request_type", "answer"),
    [
        ("Settings", {"Settings": "none"}),
        ("Settings", {"Settings": [7, {}, {"Status": 3, "ErrorChain": "?"}]}),
        ("ScheduleOSUpdate", {"UpdateResults": [{"ErrorChain": [[]]}, "?"]}),
        ("LOMDeviceRequest", {"ResponseList": {"DeviceRequestSuccess": "?"}}),
        ("VerifyRecoveryLock", {"PasswordVerified": "maybe"}),
        ("SetFirmwarePassword", {"SetFirmwarePassword": []}),
        ("DeviceLock", {"MessageResult": ["?"]}),
        ("ActiveNSExtensions", {"Extensions": [{}]}),
        ("InstallApplication", {"State": {}, "RejectionReason": []}),
    ],
)
def test_what_makes_no_sense_holds_no_one_up(
    request_type: str, answer: dict[str, Any]
) -> None:
    channel = enrolled(platform="macOS")
    said(channel, request_type, answer)
    results.read_waiting()
    assert not Result.objects.filter(read_at=None).exists()
    assert isinstance(sayings.of(request_type, {**OK, **answer}), list)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("request_type", "answer", "error"),
    [
        ("VerifyRecoveryLock", {"PasswordVerified": False}, "the password is wrong"),
        (
            "SetFirmwarePassword",
            {"SetFirmwarePassword": {"PasswordChanged": False}},
            "it was not changed",
        ),
        (
            "RequestMirroring",
            {"MirroringResult": "DestinationNotFound"},
            "it does not reach the device that was to show its screen",
        ),
        (
            "InviteToProgram",
            {"InvitationResult": "InvalidProgramID"},
            "it knows no program of this ProgramID",
        ),
        (
            "LOMDeviceRequest",
            {"ResponseList": [{"DeviceRequestSuccess": False}]},
            "A request: no reason given",
        ),
        (
            "InstallApplication",
            {"RejectionReason": "AppStoreDisabled"},
            "the App Store is not allowed on the device",
        ),
    ],
)
def test_what_was_taken_and_not_done_is_not_all_done(
    request_type: str, answer: dict[str, Any], error: str
) -> None:
    delivery = settled(request_type, answer)
    assert (delivery.is_partial, delivery.error) == (True, error)


@pytest.mark.parametrize(
    ("request_type", "answer", "expected"),
    [
        ("DeviceLock", {"MessageResult": "Success"}, "It shows the message."),
        ("DeviceLock", captured("devicelock-ios-11.3.1"), "it has no passcode"),
        ("DeviceLock", {}, ""),
        ("VerifyFirmwarePassword", {"PasswordVerified": True}, "password is right"),
        ("ClearPasscode", {}, "within 60 minutes"),
        ("LOMSetupRequest", {"PrimaryIPv6AddressList": ["fe80::1"]}, "fe80::1"),
        (
            "ScheduleOSUpdate",
            {"UpdateResults": [{"ProductKey": "A", "InstallAction": "InstallLater"}]},
            "A: it is installed later.",
        ),
        ("ActiveNSExtensions", {"Extensions": []}, "0 extensions."),
        (
            "InstallApplication",
            captured("installapplication-ios-12.1-prompting"),
            "asked whether to install it",
        ),
        ("UnlockUserAccount", {}, "can try again"),
        ("SomethingNew", {}, ""),
    ],
)
def test_answers_are_said_in_words(
    request_type: str, answer: dict[str, Any], expected: str
) -> None:
    assert expected in words(request_type, **answer)


def test_an_error_is_not_said_as_if_it_were_done() -> None:
    assert sayings.of("EraseDevice", {"Status": "Error"}) == []


# --- Errors


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("errors-invalid-request-type", "It cannot take this command"),
        ("errors-10.12.5-invalid-command", "does not understand the command"),
    ],
)
def test_errors_of_real_devices_are_explained(name: str, expected: str) -> None:
    assert expected in errors.explain(captured(name)["ErrorChain"])


def test_the_innermost_error_that_is_known_is_explained() -> None:
    chain = [
        {"ErrorDomain": "MCInstallationErrorDomain", "ErrorCode": 4001},
        {"ErrorDomain": "MCWiFiErrorDomain", "ErrorCode": 13000},
        {"ErrorDomain": "Unheard", "ErrorCode": 1},
    ]
    assert errors.explain(chain) == "It could not add the Wi-Fi network."


def test_an_error_of_an_unknown_code_is_explained_by_what_it_says() -> None:
    link = {"ErrorDomain": "New", "USEnglishDescription": "Device is NOT supervised."}
    assert errors.explain([link]) == "It is not supervised, and this needs that."


def test_a_format_error_is_a_fault_of_ours_and_unknown_errors_are_not_explained() -> (
    None
):
    assert errors.explain([], is_format_error=True).endswith("with other keys.")
    assert errors.explain([{"ErrorDomain": "X", "ErrorCode": 1}, "?", None]) == ""
