"""The simulated device: coming in, obeying, misbehaving, leaving and being kept."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from mdmportal.protocol import checkin, plist, scep
from mdmportal.simulator import storage
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import (
    Error,
    NotEnrolled,
    ProfileRefused,
    Removed,
    ServerRefused,
)
from mdmportal.simulator.hardware import (
    APPLE_TV,
    IPAD,
    IPHONE,
    MAC,
    SHARED_IPAD,
    Hardware,
)
from mdmportal.simulator.identity import KeyPool
from mdmportal.simulator.signature import Style
from mdmportal.simulator.transport import HTTPTransport, Unreachable

from .small_server import TOPIC, SmallServer, running

keys = KeyPool(4)
transport = HTTPTransport()


@pytest.fixture(scope="module")
def module_server() -> Iterator[SmallServer]:
    with running() as server:
        yield server


@pytest.fixture
def server(module_server: SmallServer) -> SmallServer:
    for kept in ("messages", "reports", "requests", "posted", "signed", "commands"):
        getattr(module_server, kept).clear()
    module_server.answers, module_server.statuses = {}, {}
    module_server.capabilities, module_server.refuses = list(scep.CAPABILITIES), None
    return module_server


def device_of(hardware: Hardware, **options: Any) -> SimulatedDevice:
    return SimulatedDevice(hardware, transport, make_key=keys, **options)


def enrolled(
    server: SmallServer, hardware: Hardware, **options: Any
) -> SimulatedDevice:
    device = device_of(hardware, **options)
    device.install(server.profile())
    return device


def kinds(server: SmallServer) -> list[str]:
    return [message["MessageType"] for message in server.messages]


def changed(server: SmallServer, **mdm: Any) -> bytes:
    """Return an enrollment profile whose MDM payload has other keys; None: without."""
    profile = plist.loads(server.profile())
    payload = profile["PayloadContent"][-1]
    for name, value in mdm.items():
        payload.pop(name, None)
        if value is not None:
            payload[name] = value
    return plist.dumps(profile)


# Coming in


def test_a_device_enrolls_with_scep_authenticate_and_token_update(
    server: SmallServer,
) -> None:
    device = enrolled(server, IPHONE)
    authenticate, token_update = (
        checkin.parse(plist.dumps(message)) for message in server.messages
    )
    assert isinstance(authenticate, checkin.Authenticate)
    assert authenticate.topic == TOPIC
    assert authenticate.udid == device.unit.udid
    assert authenticate.serial_number == device.unit.serial_number
    assert authenticate.imei == device.unit.imei
    assert isinstance(token_update, checkin.TokenUpdate)
    assert token_update.token == device.state.token
    assert token_update.unlock_token == device.state.unlock_token
    assert device.enrolled
    assert device.state.announced


def test_the_certificate_has_the_subject_and_the_request_the_challenge(
    server: SmallServer,
) -> None:
    device = device_of(IPAD)
    device.install(server.profile(challenge="open sesame", subject="name it"))
    assert server.posted == ["POST"]
    assert server.requests[0].challenge == "open sesame"
    assert device.stay.identity.common_name == "name it"
    extension = server.requests[0].csr.extensions.get_extension_for_class(x509.KeyUsage)
    assert extension.value.digital_signature
    assert extension.value.key_encipherment


def test_every_request_is_signed_by_the_identity(server: SmallServer) -> None:
    device = enrolled(server, MAC)
    device.log_in("ada")
    device.session()
    assert len(server.signed) == 5
    signers = {signed.signer for signed in server.signed}
    assert signers == {device.stay.identity.certificate}


def test_a_signature_can_be_written_as_devices_write_it(server: SmallServer) -> None:
    device = device_of(IPHONE)
    device.style = Style.CAPTURED
    device.install(server.profile())
    assert all(signed.attributes == {} for signed in server.signed)


def test_without_post_the_request_goes_into_the_url(server: SmallServer) -> None:
    server.capabilities = ["AES", "SHA-256"]
    enrolled(server, IPHONE)
    assert server.posted == ["GET"]


def test_a_ca_without_a_digest_is_refused(server: SmallServer) -> None:
    server.capabilities = ["POSTPKIOperation", "AES"]
    with pytest.raises(ProfileRefused, match="capability"):
        enrolled(server, IPHONE)


def test_a_wrong_fingerprint_of_the_ca_is_refused(server: SmallServer) -> None:
    with pytest.raises(ProfileRefused, match="CAFingerprint"):
        device_of(IPHONE).install(server.profile(ca_fingerprint=b"\0" * 32))


def test_a_refused_challenge_leaves_the_device_as_it_was(server: SmallServer) -> None:
    server.refuses = scep.FailInfo.BAD_REQUEST
    device = device_of(IPHONE)
    with pytest.raises(ProfileRefused, match="BAD_REQUEST"):
        device.install(server.profile())
    assert not device.enrolled
    assert server.messages == []


@pytest.mark.parametrize(
    ("mdm", "why"),
    [
        ({"IdentityCertificateUUID": None}, "IdentityCertificateUUID"),
        ({"IdentityCertificateUUID": "1" * 36}, "form of a UUID"),
        (
            {"IdentityCertificateUUID": "00000000-0000-0000-0000-000000000000"},
            "No payload",
        ),
        ({"ServerURL": "http://mdm.example.com/connect"}, "https"),
        ({"CheckInURL": "ftp://mdm.example.com"}, "https"),
        ({"Topic": "com.example.push"}, "Topic"),
        ({"Topic": None}, "Topic"),
        ({"AccessRights": 0}, "AccessRights"),
        ({"AccessRights": 2}, "AccessRights"),
        ({"AccessRights": 8191, "EnrollmentMode": "BYOD"}, "AccessRights"),
        ({"PayloadType": "com.apple.wifi.managed"}, "one MDM payload"),
    ],
)
def test_a_profile_that_no_device_takes_is_refused(
    server: SmallServer, mdm: dict[str, Any], why: str
) -> None:
    device = device_of(IPHONE)
    if mdm == {"PayloadType": "com.apple.wifi.managed"}:
        device.install(changed(server, **mdm))  # a profile, but it does not enroll
        assert not device.enrolled
        return
    with pytest.raises(ProfileRefused, match=why):
        device.install(changed(server, **mdm))
    assert not device.enrolled
    assert server.requests == []


@pytest.mark.parametrize("raw", [b"", b"<html></html>", b"\x30\x03abc", b"<plist/>"])
def test_what_is_no_profile_is_refused(raw: bytes) -> None:
    with pytest.raises(ProfileRefused):
        device_of(IPHONE).install(raw)


def test_two_payloads_of_one_uuid_are_refused(server: SmallServer) -> None:
    profile = plist.loads(server.profile())
    for payload in profile["PayloadContent"]:
        payload["PayloadUUID"] = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(ProfileRefused, match="Two payloads"):
        device_of(IPHONE).install(plist.dumps(profile))


def test_a_managed_device_takes_no_other_enrollment(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    with pytest.raises(ProfileRefused, match="already managed"):
        device.install(server.profile(identifier="com.example.other"))


def test_a_refused_authenticate_ends_the_enrollment(server: SmallServer) -> None:
    server.statuses["Authenticate"] = (401, b"")
    device = device_of(IPHONE)
    with pytest.raises(ServerRefused, match="401"):
        device.install(server.profile())
    assert not device.enrolled


def test_a_lost_token_update_is_sent_again(server: SmallServer) -> None:
    server.statuses["TokenUpdate"] = (503, b"")
    device = device_of(IPHONE)
    with pytest.raises(ServerRefused):
        device.install(server.profile())
    assert device.enrolled
    device.session()
    assert kinds(server) == ["Authenticate", "TokenUpdate"]


def test_an_unreachable_server_is_told_apart_from_one_that_refuses() -> None:
    profile = SmallServer()
    raw = profile.profile()
    profile.server_close()
    with pytest.raises(Unreachable):
        device_of(IPHONE).install(raw)


def test_a_user_enrollment_is_anonymous(server: SmallServer) -> None:
    device = device_of(IPHONE)
    device.install(changed(server, EnrollmentMode="BYOD", AccessRights=None))
    for message in server.messages:
        assert message["EnrollmentID"] == device.stay.enrollment_id
        assert not {"UDID", "SerialNumber", "IMEI", "UnlockToken"} & message.keys()


def test_without_the_right_to_device_information_authenticate_says_little(
    server: SmallServer,
) -> None:
    device_of(IPHONE).install(server.profile(access_rights=3))
    authenticate, token_update = server.messages
    assert authenticate.keys() == {"MessageType", "Topic", "UDID"}
    assert "UnlockToken" not in token_update


# Users, and the bootstrap token


def test_two_users_of_a_mac_have_channels_of_their_own(server: SmallServer) -> None:
    mac = enrolled(server, MAC)
    ada, joe = mac.log_in("ada", "Ada Lovelace"), mac.log_in("joe")
    server.order("ProfileList")
    ada.session()
    tokens = [message for message in server.messages if "UserID" in message]
    assert [one["UserShortName"] for one in tokens] == ["ada", "joe"]
    assert tokens[0]["UserLongName"] == "Ada Lovelace"
    assert tokens[0]["NotOnConsole"] is False
    assert len({mac.state.token, ada.account.token, joe.account.token}) == 3
    assert {report["UserID"] for report in server.reports} == {ada.account.guid}


def test_a_user_whom_the_server_declines_never_connects(server: SmallServer) -> None:
    mac = enrolled(server, MAC)
    server.statuses["TokenUpdate"] = (410, b"")
    user = mac.log_in("ada")
    assert not user.managed
    assert user.session() == []
    assert server.reports == []


def test_a_user_may_be_declined_later_and_is_asked_for_at_the_next_login(
    server: SmallServer,
) -> None:
    mac = enrolled(server, MAC)
    user = mac.log_in("ada")
    server.statuses["Idle"] = (410, b"")
    assert user.session() == []
    assert not user.managed
    assert mac.log_in("ada") is user
    user.session()
    assert len(server.reports) == 1


def test_a_user_of_a_shared_ipad_goes_by_the_managed_apple_account(
    server: SmallServer,
) -> None:
    ipad = enrolled(server, SHARED_IPAD)
    ipad.log_in("ada@example.com")
    message = checkin.parse(plist.dumps(server.messages[-1]))
    assert message.user_id == "ada@example.com"


def test_a_network_user_answers_the_challenge_and_carries_the_token(
    server: SmallServer,
) -> None:
    mac = enrolled(server, MAC)
    server.answers["UserAuthenticate"] = {
        "DigestChallenge": 'Digest nonce="abc",realm="example"',
        "AuthToken": "a token",
    }
    user = mac.log_in("ada", password="secret")
    assert user.managed
    assert "DigestResponse" in server.messages[3]
    assert server.messages[4]["MessageType"] == "TokenUpdate"
    assert server.messages[4]["AuthToken"] == "a token"


def test_a_login_may_wait_until_the_server_has_no_more(server: SmallServer) -> None:
    mac = enrolled(server, MAC)
    wanted = [server.order("ProfileList"), server.order("ProfileList")]
    ada = mac.log_in("ada", sync=True)
    assert [one.command_uuid for one in ada.at_login] == wanted
    assert [one["NeedSyncResponse"] for one in server.reports] == [True] * 3
    ada.session()
    assert "NeedSyncResponse" not in server.reports[-1]


def test_in_setup_assistant_a_user_of_a_mac_can_do_nothing_yet(
    server: SmallServer,
) -> None:
    mac = enrolled(server, MAC)
    ada = mac.user("ada")
    server.order("ProfileList")
    assert [one.status for one in ada.set_up()] == ["NotNow"]
    assert {one["UserConfiguration"] for one in server.reports} == {True}
    assert not ada.is_open
    server.order("ProfileList")
    mac.log_in("ada")
    assert [one.status for one in ada.session()] == ["Acknowledged"]
    assert "UserConfiguration" not in server.reports[-1]


def test_a_shared_ipad_tells_of_every_login(server: SmallServer) -> None:
    ipad = enrolled(server, SHARED_IPAD)
    ada = ipad.log_in("ada@example.com")
    ada.log_out()
    ipad.state.settings["SharedDeviceConfiguration"] = {
        "AwaitUserConfiguration": {"Enabled": True}
    }
    ipad.log_in("ada@example.com")
    first, second = (
        one for one in server.messages if one.get("UserShortName") == "ada@example.com"
    )
    assert first["Token"] == second["Token"]
    assert "AwaitingConfiguration" not in first
    assert second["AwaitingConfiguration"] is True


def test_a_mac_escrows_its_bootstrap_token_at_the_first_login(
    server: SmallServer,
) -> None:
    mac = enrolled(server, MAC)
    mac.log_in("ada")
    assert kinds(server)[-1] == "SetBootstrapToken"
    server.answers["GetBootstrapToken"] = {"BootstrapToken": mac.state.bootstrap_token}
    assert mac.get_bootstrap_token() == mac.state.bootstrap_token


def test_an_iphone_has_no_users(server: SmallServer) -> None:
    with pytest.raises(ValueError, match="no user channels"):
        enrolled(server, IPHONE).log_in("ada")


# Obeying


def test_a_session_obeys_until_nothing_comes(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    wanted = [server.order("ProfileList"), server.order("SecurityInfo")]
    executed = device.session()
    assert [one.command_uuid for one in executed] == wanted
    assert [report["Status"] for report in server.reports] == [
        "Idle",
        "Acknowledged",
        "Acknowledged",
    ]


def test_connect_executes_nothing(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    server.order("EraseDevice")
    command = device.connect()
    assert command is not None
    assert command["Command"]["RequestType"] == "EraseDevice"
    assert device.connect("NotNow", to=command) is None
    assert server.reports[-1]["CommandUUID"] == command["CommandUUID"]
    assert device.polls
    assert device.enrolled


def test_what_the_device_is_told_to_do_it_does_so_many_times(
    server: SmallServer,
) -> None:
    device = enrolled(server, IPHONE)
    device.will("ProfileList", "NotNow", times=2)
    device.will("DeviceLock", Error(1, "Domain", "No."))
    device.will("*", "CommandFormatError")
    for request_type in ("ProfileList", "DeviceLock", "ProfileList", "SecurityInfo"):
        server.order(request_type)
    server.order("ProfileList")
    assert [one.status for one in device.session()] == [
        "NotNow",
        "Error",
        "NotNow",
        "CommandFormatError",
        "Acknowledged",
    ]
    assert server.reports[2]["ErrorChain"][0]["ErrorCode"] == 1


def test_a_device_that_repeats_itself_reports_twice_and_goes_on(
    server: SmallServer,
) -> None:
    device = enrolled(server, IPHONE)
    device.will("ProfileList", "repeat")
    server.order("ProfileList")
    device.session()
    assert [report["Status"] for report in server.reports] == [
        "Idle",
        "Acknowledged",
        "Acknowledged",
    ]
    assert server.reports[1] == server.reports[2]


def test_a_device_that_vanishes_never_answers(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    device.will("ProfileList", "vanish")
    server.order("ProfileList")
    assert device.session() == []
    assert len(server.reports) == 1


def test_an_unknown_behaviour_is_an_error_of_the_test() -> None:
    with pytest.raises(ValueError, match="maybe"):
        device_of(IPHONE).will("ProfileList", "maybe")


def test_a_report_the_server_did_not_take_is_kept(
    server: SmallServer, tmp_path: Path
) -> None:
    device = enrolled(server, IPHONE)
    wanted = server.order("ProfileList")
    server.statuses["Acknowledged"] = (500, b"")
    with pytest.raises(ServerRefused):
        device.session()
    storage.save(device, tmp_path / "device.plist")
    again = storage.load(tmp_path / "device.plist", transport)
    again.session()
    assert server.reports[-1]["CommandUUID"] == wanted
    assert again.state.unsent == {}


def test_an_updated_enrollment_profile_renews_the_identity(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    old, token = device.stay.identity, device.state.token
    server.order("InstallProfile", Payload=server.profile())
    executed = device.session()
    assert executed[0].status == "Acknowledged"
    assert device.stay.identity.certificate != old.certificate
    assert server.signed[-1].signer == device.stay.identity.certificate
    assert kinds(server) == ["Authenticate", "TokenUpdate"] * 2
    assert device.state.token == token


@pytest.mark.parametrize(
    "changes",
    [
        {"server_url": "https://mdm.example.com/connect"},
        {"topic": "com.apple.mgmt.External.other"},
        {"identifier": "com.example.other"},
    ],
)
def test_an_update_cannot_change_what_must_stay(
    server: SmallServer, changes: dict[str, Any]
) -> None:
    device = enrolled(server, IPHONE)
    server.order("InstallProfile", Payload=server.profile(**changes))
    assert device.session()[0].status == "Error"
    assert len(server.messages) == 2


# Leaving


def test_a_device_that_leaves_checks_out_once(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    device.check_out()
    assert kinds(server)[-1] == "CheckOut"
    with pytest.raises(NotEnrolled):
        device.connect()


def test_check_out_is_lost_if_the_server_fails_and_the_device_leaves(
    server: SmallServer,
) -> None:
    device = enrolled(server, IPHONE)
    server.statuses["CheckOut"] = (500, b"")
    with pytest.raises(ServerRefused):
        device.check_out()
    assert not device.enrolled


def test_removing_the_enrollment_profile_is_reported_and_checks_out(
    server: SmallServer,
) -> None:
    device = enrolled(server, IPHONE)
    server.order("RemoveProfile", Identifier=device.stay.profile.identifier)
    server.order("ProfileList")
    assert [one.status for one in device.session()] == ["Acknowledged"]
    assert kinds(server)[-1] == "CheckOut"
    assert not device.enrolled


def test_an_erased_device_acknowledges_and_forgets(server: SmallServer) -> None:
    device = enrolled(server, IPHONE)
    ours = {"OrganizationName": "Example"}
    items = [{"Item": "OrganizationInfo", "OrganizationInfo": ours}]
    server.order("Settings", Settings=items)
    server.order("EraseDevice")
    old = device.stay.identity
    assert [one.status for one in device.session()] == ["Acknowledged"] * 2
    assert not device.enrolled
    assert device.state.settings == {}
    device.install(server.profile())
    assert device.stay.identity.certificate != old.certificate
    assert server.messages[-1]["UDID"] == server.messages[0]["UDID"]


@pytest.mark.parametrize(
    "answer",
    [
        (401, b""),
        (403, b'{"code": "com.apple.unrecognized.device"}'),
        (403, plist.dumps({"code": "com.apple.unrecognized.device"})),
    ],
)
def test_some_answers_make_a_device_remove_its_profile(
    server: SmallServer, answer: tuple[int, bytes]
) -> None:
    device = enrolled(server, MAC)
    user = device.log_in("ada")
    server.statuses["Idle"] = answer
    with pytest.raises(Removed):
        device.session()
    assert not device.enrolled
    assert user.session() == []


@pytest.mark.parametrize(
    "answer", [(400, b""), (403, b"<html>"), (404, b""), (500, b"")]
)
def test_other_answers_leave_the_device_enrolled(
    server: SmallServer, answer: tuple[int, bytes]
) -> None:
    device = enrolled(server, IPHONE)
    server.statuses["Idle"] = answer
    with pytest.raises(ServerRefused):
        device.session()
    assert device.enrolled
    assert device.session() == []


def test_an_account_driven_device_survives_401(server: SmallServer) -> None:
    device = device_of(IPHONE)
    device.install(changed(server, EnrollmentMode="BYOD", AccessRights=None))
    server.statuses["Idle"] = (401, b"")
    with pytest.raises(ServerRefused):
        device.session()
    assert device.enrolled


# Pushes


class Pushes:
    """A courier that does what the test says."""

    def __init__(self) -> None:
        self.callbacks: dict[str, Any] = {}

    def register(self, token: str, topic: str, callback: Any) -> None:
        assert topic == TOPIC
        self.callbacks[token] = callback

    def unregister(self, token: str) -> None:
        del self.callbacks[token]


def test_a_push_with_the_right_magic_is_heard(server: SmallServer) -> None:
    pushes = Pushes()
    device = enrolled(server, IPHONE, courier=pushes)
    heard: list[Any] = []
    device.on_push = heard.append
    push = pushes.callbacks[device.state.token.hex()]
    push("wrong")
    assert not device.pushed.is_set()
    push(device.state.push_magic)
    assert heard == [device]
    assert device.pushed.is_set()


def test_a_renewed_token_replaces_the_old_one_everywhere(server: SmallServer) -> None:
    pushes = Pushes()
    device = enrolled(server, IPHONE, courier=pushes)
    old = device.state.token
    device.renew_token()
    assert pushes.callbacks.keys() == {device.state.token.hex()}
    assert server.messages[-1]["Token"] == device.state.token != old


def test_a_device_that_left_cannot_be_pushed_to(server: SmallServer) -> None:
    pushes = Pushes()
    device = enrolled(server, MAC, courier=pushes)
    device.log_in("ada")
    assert len(pushes.callbacks) == 2
    device.wipe()
    assert pushes.callbacks == {}


# Being kept


def test_a_saved_device_goes_on_as_it_was(server: SmallServer, tmp_path: Path) -> None:
    mac = enrolled(server, MAC, seed=7)
    mac.log_in("ada")
    mac.state.settings["TimeZone"] = {"TimeZone": "Europe/Rome"}
    path = tmp_path / "mac.plist"
    storage.save(mac, path)
    pushes = Pushes()
    again = storage.load(path, transport, courier=pushes)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert again.state == mac.state
    assert again.unit == mac.unit
    assert len(pushes.callbacks) == 2
    again.session()
    again.users["ada"].session()
    assert server.signed[-1].signer == mac.stay.identity.certificate
    assert kinds(server).count("TokenUpdate") == 2


def test_units_differ_by_seed_and_are_the_same_for_the_same() -> None:
    units = [device_of(IPHONE, seed=seed).unit for seed in range(200)]
    for number in ("udid", "serial_number", "imei", "wifi_mac", "name"):
        assert len({getattr(unit, number) for unit in units}) == 200
    assert device_of(IPHONE, seed=3).unit == units[3]
    assert device_of(APPLE_TV).unit.imei == ""
