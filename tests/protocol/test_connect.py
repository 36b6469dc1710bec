"""Connect: reports as real devices sent them, and the commands that answer them."""

import plistlib

import pytest

from mdmportal.protocol import ProtocolError, connect, plist
from mdmportal.protocol.connect import Status

from ..captures import capture, names

WITHOUT_ENVELOPE = "macos-13-"
"""These captures hold the answer's own keys only."""


@pytest.mark.parametrize(
    "name", [one for one in names("results") if WITHOUT_ENVELOPE not in one]
)
def test_every_captured_result_is_read(name: str) -> None:
    report = connect.parse(capture(name))
    assert report.status in set(Status)
    assert report.command_uuid
    assert report.answer["CommandUUID"] == report.command_uuid


@pytest.mark.parametrize(
    "name", [one for one in names("results") if WITHOUT_ENVELOPE in one]
)
def test_every_captured_answer_of_macos_13_is_a_plist(name: str) -> None:
    answer = plist.loads(capture(name))
    envelope = {"Status": "Acknowledged", "CommandUUID": "1", "UDID": "1"}
    assert connect.parse(plist.dumps(envelope | answer)).answer.keys() >= answer.keys()


def test_notnow_and_the_errors_are_told_apart() -> None:
    assert _status("notnow-ios-11.3.1") == Status.NOT_NOW
    assert _status("errors-ios-11.3.1-commandformaterror") == (
        Status.COMMAND_FORMAT_ERROR
    )
    report = connect.parse(capture("results/errors-invalid-request-type.plist"))
    assert report.status == Status.ERROR
    assert report.error_chain[0]["ErrorCode"] == 12021


def _status(name: str) -> Status:
    return connect.parse(capture(f"results/{name}.plist")).status


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"Status": "Happy"},
        {"Status": 1},
        {"Status": "Acknowledged"},
        {"Status": "Acknowledged", "CommandUUID": 7},
        {"Status": "Error", "CommandUUID": "1", "ErrorChain": "text"},
    ],
)
def test_a_wrong_report_is_a_protocol_error(keys: dict[str, object]) -> None:
    with pytest.raises(ProtocolError):
        connect.parse(plistlib.dumps(keys))


def test_a_command_is_written_as_a_device_expects_it() -> None:
    body = connect.command("U1", "DeviceLock", {"PIN": "123456"})
    assert plistlib.loads(body) == {
        "CommandUUID": "U1",
        "Command": {"RequestType": "DeviceLock", "PIN": "123456"},
    }


def test_a_user_of_a_mac_says_what_waits_for_the_session() -> None:
    report = connect.parse(
        plist.dumps(
            {
                "Status": "Idle",
                "UDID": "1",
                "UserID": "2",
                "UserShortName": "ada",
                "NotOnConsole": True,
                "AuthToken": "secret",
                "NeedSyncResponse": True,
                "UserConfiguration": True,
            }
        )
    )
    assert report.need_sync_response
    assert report.user_configuration
    assert report.not_on_console
    assert report.auth_token == "secret"
    plain = connect.parse(plist.dumps({"Status": "Idle", "UDID": "1"}))
    assert not plain.need_sync_response
    assert not plain.user_configuration
