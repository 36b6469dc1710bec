"""Check-in messages, as real devices sent them and as none may."""

import plistlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdmportal.protocol import ProtocolError, checkin

from ..captures import capture, names


@pytest.mark.parametrize(
    "name", names("authenticate") + names("tokenupdate") + names("checkout")
)
def test_every_capture_is_read(name: str) -> None:
    message = checkin.parse(capture(name))
    assert message.device_id
    assert type(message).__name__.lower() == name.split("/")[0]


def test_a_mac_user_speaks_on_a_channel_of_its_own() -> None:
    message = checkin.parse(capture("tokenupdate/macos-10.12.2-user.plist"))
    assert isinstance(message, checkin.TokenUpdate)
    assert message.user_id == "A522C2FB-D0BA-487E-BBC6-BE0DB2DC7883"
    assert message.user_short_name == "cjoe"


def test_an_ipad_says_what_it_is() -> None:
    message = checkin.parse(capture("authenticate/ios-9.3.5-ipad.plist"))
    assert isinstance(message, checkin.Authenticate)
    assert message.serial_number == "F5JM992LF193"
    assert message.product_name == "iPad2,5"
    assert message.topic.startswith("com.apple.mgmt.")


def body(**keys: object) -> bytes:
    return plistlib.dumps(keys)


def test_a_shared_ipad_user_is_known_by_the_short_name() -> None:
    message = checkin.parse(
        body(
            MessageType="TokenUpdate",
            Topic="com.apple.mgmt.x",
            Token=b"t",
            PushMagic="m",
            UDID="1",
            UserID="ffffffff-ffff-ffff-ffff-ffffffffffff",
            UserShortName="ada@example.com",
        )
    )
    assert message.user_id == "ada@example.com"


def test_under_user_enrollment_the_enrollment_id_names_the_device() -> None:
    message = checkin.parse(
        body(MessageType="CheckOut", EnrollmentID="E1", EnrollmentUserID="U1")
    )
    assert (message.device_id, message.user_id) == ("E1", "U1")


@pytest.mark.parametrize(
    "message",
    [
        body(MessageType="Nonsense", UDID="1"),
        body(MessageType=7, UDID="1"),
        body(UDID="1"),
        body(MessageType="TokenUpdate", UDID="1"),
        body(MessageType="TokenUpdate", Topic="t", Token="text", PushMagic="m"),
        body(MessageType="Authenticate", Topic=["t"]),
        body(MessageType="CheckOut", UDID=True),
    ],
)
def test_a_wrong_message_is_a_protocol_error(message: bytes) -> None:
    with pytest.raises(ProtocolError):
        checkin.parse(message)


def test_a_nul_in_an_identifier_is_refused() -> None:
    message = {"MessageType": "CheckOut", "UDID": "a\0b"}
    with pytest.raises(ProtocolError):
        checkin.parse(plistlib.dumps(message, fmt=plistlib.FMT_BINARY))


def test_a_network_user_asks_first_and_answers_then() -> None:
    who = {"MessageType": "UserAuthenticate", "UDID": "1", "UserID": "2"}
    asks, answers = (
        checkin.parse(body(**who, **keys))
        for keys in ({}, {"DigestResponse": "x" * 900})
    )
    assert isinstance(asks, checkin.UserAuthenticate)
    assert isinstance(answers, checkin.UserAuthenticate)
    assert (asks.digest_response, len(answers.digest_response)) == ("", 900)
    with pytest.raises(ProtocolError):
        checkin.parse(body(**who, DigestResponse="x" * 2000))


def test_a_token_is_for_a_service() -> None:
    message = checkin.parse(
        body(MessageType="GetToken", TokenServiceType="com.apple.maid", UDID="1")
    )
    assert isinstance(message, checkin.GetToken)
    assert message.service_type == "com.apple.maid"
    with pytest.raises(ProtocolError):
        checkin.parse(body(MessageType="GetToken", UDID="1"))


def test_the_token_of_a_user_is_shown_nowhere() -> None:
    message = checkin.parse(body(MessageType="CheckOut", UDID="1", AuthToken="secret"))
    assert message.auth_token == "secret"
    assert "secret" not in repr(message)


keys = st.sampled_from(["UDID", "UserID", "Topic", "Token", "PushMagic", "UnlockToken"])
anything: st.SearchStrategy[object] = (
    st.text() | st.binary() | st.booleans() | st.integers(0, 9) | st.just([])
)


@given(st.sampled_from(sorted(checkin.MESSAGES)), st.dictionaries(keys, anything))
def test_any_mixture_of_keys_is_read_or_a_protocol_error(
    message_type: str, mixture: dict[str, object]
) -> None:
    source = {"MessageType": message_type, **mixture}
    try:
        encoded = plistlib.dumps(source, fmt=plistlib.FMT_BINARY)
    except (ValueError, UnicodeEncodeError):
        return
    try:
        message = checkin.parse(encoded)
    except ProtocolError:
        return
    assert type(message) is checkin.MESSAGES[message_type]
