"""Secrets: written with the order, in force when confirmed, replaced once seen."""

import datetime as dt
import logging
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from django.apps import apps
from django.db import connection, models
from django.utils import timezone

from commands import checking, orders, queue, repeating, results
from commands.escrow import filevault, pending, rotation
from commands.models import Delivery, State
from devices import reveal
from devices.models import (
    AuditEntry,
    Channel,
    Device,
    Enrollment,
    EscrowCertificate,
    Inventory,
    Secret,
    User,
)
from enrollment import profiles
from enrollment.models import EnrollmentProfile
from mdmportal.protocol import cms, passwordhash, plist
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.hardware import MACBOOK_PRO_INTEL as INTEL

from .conftest import MAC, Enroll, channel, row

pytestmark = pytest.mark.django_db
KEY, LOCK, PIN = "FileVaultKey", "RecoveryLock", "LockPIN"
FIRMWARE, ADMIN = "FirmwarePassword", "AdminPassword"


@pytest.fixture(scope="session")
def escrow_key() -> rsa.RSAPrivateKey:
    return filevault.new_key()


@pytest.fixture(autouse=True)
def _one_escrow_key(
    monkeypatch: pytest.MonkeyPatch, escrow_key: rsa.RSAPrivateKey
) -> None:
    """Making a key is most of what a test would cost."""
    monkeypatch.setattr(filevault, "new_key", lambda: escrow_key)


def quiet(device: SimulatedDevice) -> SimulatedDevice:
    """Spare the device the questions of its enrollment: they are not the matter."""
    queue.cancel(Delivery.objects.all())
    return device


@pytest.fixture
def mac(enroll: Enroll) -> SimulatedDevice:
    return quiet(enroll(MAC, answered=False))


@pytest.fixture
def intel(enroll: Enroll) -> SimulatedDevice:
    return quiet(enroll(INTEL, answered=False))


@pytest.fixture
def staff() -> User:
    return User.objects.create_user("staff", is_staff=True)


def order(device: SimulatedDevice, request_type: str, **keys: Any) -> Delivery:
    """Order it and return the delivery, not sent yet."""
    placed = orders.place([channel(device)], request_type, keys)
    assert not placed.refused
    return placed.commands[0].deliveries.get()


def refused(device: SimulatedDevice, request_type: str, **keys: Any) -> str:
    placed = orders.place([channel(device)], request_type, keys)
    return placed.refused[0][1]


def run(device: SimulatedDevice) -> None:
    """Have the device do what it is told, and the portal read what it says."""
    while list(device.session()):
        results.read_waiting()
    results.read_waiting()
    pending.settle()


def do(device: SimulatedDevice, request_type: str, **keys: Any) -> Delivery:
    delivery = order(device, request_type, **keys)
    run(device)
    delivery.refresh_from_db()
    return delivery


def versions(device: SimulatedDevice, kind: str) -> list[Secret]:
    return list(Secret.objects.filter(device=row(device), kind=kind).order_by("pk"))


def version(device: SimulatedDevice, kind: str) -> Secret:
    (found,) = versions(device, kind)
    return found


def in_force(device: SimulatedDevice, kind: str) -> str:
    found = Secret.current_of_device(row(device).pk, kind)
    return bytes(found.value).decode() if found else ""


def escrow(mac: SimulatedDevice) -> str:
    """Have the Mac hand over its FileVault key; return it."""
    assert filevault.install(channel(mac)) == ""
    run(mac)
    return in_force(mac, KEY)


def seen(device: SimulatedDevice, kind: str, by: User) -> Secret:
    """Reveal what is in force, an hour and more ago."""
    secret = Secret.current_of_device(row(device).pk, kind)
    assert secret
    reveal.reveal(secret.pk, by=by, reason="the user forgot it")
    due = timezone.now() - dt.timedelta(minutes=1)
    Secret.objects.filter(pk=secret.pk, rotate_at__isnull=False).update(rotate_at=due)
    return secret


# --- What an order is to put in force


def test_a_mac_is_locked_with_a_pin_of_its_own(mac: SimulatedDevice) -> None:
    lock = order(mac, "DeviceLock")
    kept = version(mac, PIN)
    assert (kept.is_confirmed, kept.delivery_uuid) == (False, lock.uuid)
    run(mac)
    kept.refresh_from_db()
    assert kept.is_confirmed
    assert mac.state.locked_with["PIN"] == bytes(kept.value).decode()


def test_what_is_to_be_in_force_is_kept_before_it_can_be_sent(
    mac: SimulatedDevice,
) -> None:
    order(mac, "DeviceLock", PIN="123456")
    sent = mac.connect()
    assert sent is not None
    assert bytes(version(mac, PIN).value).decode() == sent["Command"]["PIN"] == "123456"


def test_a_locked_mac_need_not_confirm_its_pin(mac: SimulatedDevice) -> None:
    order(mac, "DeviceLock", PIN="123456")
    mac.connect()  # and it restarts at once
    pending.settle()
    kept = version(mac, PIN)
    assert kept.is_expected
    assert bytes(kept.value) == b"123456"


def test_a_lock_that_was_given_up_and_is_answered_late_has_its_pin_in_force(
    mac: SimulatedDevice,
) -> None:
    """Whether or not it was noted in between that it was given up."""
    for settles in (True, False):
        lock = order(mac, "DeviceLock")
        command = mac.connect()
        assert command is not None
        Delivery.objects.filter(pk=lock.pk).update(
            expires_at=timezone.now() - 2 * queue.ANSWER_WITHIN
        )
        assert queue.expire() == 1
        if settles:
            pending.settle()
        mac.connect("Acknowledged", to=command)
        results.read_waiting()
        assert in_force(mac, PIN) == command["Command"]["PIN"]


def test_an_iphone_has_no_pin(iphone: SimulatedDevice) -> None:
    assert "PIN" not in order(iphone, "DeviceLock", Message="Found me?").command.keys
    assert not Secret.objects.filter(kind=PIN).exists()


@pytest.mark.parametrize("pin", ["12345", "1234567", "abcdef", "１２３４５６"])
def test_a_pin_that_no_mac_takes_is_not_ordered(mac: SimulatedDevice, pin: str) -> None:
    with pytest.raises(checking.Invalid, match="6 digits"):
        orders.place([channel(mac)], "DeviceLock", {"PIN": pin})


def test_the_password_in_force_counts_until_the_next_is_confirmed(
    mac: SimulatedDevice,
) -> None:
    do(mac, "SetRecoveryLock", NewPassword="first")
    order(mac, "SetRecoveryLock")
    sent = mac.connect()
    assert sent is not None
    assert sent["Command"]["CurrentPassword"] == "first"
    assert in_force(mac, LOCK) == "first"
    assert versions(mac, LOCK)[0].replaced_at is None
    run(mac)
    assert in_force(mac, LOCK) == mac.state.passwords["recovery"] != "first"
    assert versions(mac, LOCK)[0].replaced_at == versions(mac, LOCK)[1].valid_at


def test_a_refused_password_never_comes_in_force(mac: SimulatedDevice) -> None:
    do(mac, "SetRecoveryLock", NewPassword="first")
    do(mac, "SetRecoveryLock", CurrentPassword="wrong", NewPassword="second")
    assert in_force(mac, LOCK) == "first"
    assert versions(mac, LOCK)[1].outcome == Secret.Outcome.REFUSED
    do(mac, "SetRecoveryLock", NewPassword="third")
    assert mac.state.passwords["recovery"] == in_force(mac, LOCK) == "third"


def test_a_cancelled_order_never_comes_in_force(mac: SimulatedDevice) -> None:
    delivery = order(mac, "SetRecoveryLock")
    queue.cancel(Delivery.objects.filter(pk=delivery.pk))
    pending.settle()
    assert version(mac, LOCK).outcome == Secret.Outcome.WITHDRAWN
    assert in_force(mac, LOCK) == ""


def test_an_order_that_was_put_off_and_expired_was_withdrawn(
    mac: SimulatedDevice,
) -> None:
    delivery = order(mac, "SetRecoveryLock")
    mac.connect("NotNow", to=mac.connect())
    past = timezone.now() - dt.timedelta(minutes=1)
    Delivery.objects.filter(pk=delivery.pk).update(expires_at=past)
    queue.expire()
    pending.settle()
    assert version(mac, LOCK).outcome == Secret.Outcome.WITHDRAWN


def test_what_was_sent_when_a_mac_left_may_be_in_force(mac: SimulatedDevice) -> None:
    order(mac, "SetRecoveryLock", NewPassword="on its way")
    mac.connect()
    channel(mac).enrollment.end("checked out")
    pending.settle()
    kept = version(mac, LOCK)
    assert kept.outcome == Secret.Outcome.UNANSWERED
    assert bytes(kept.value) == b"on its way"


def test_a_late_answer_puts_in_force_what_was_given_up(mac: SimulatedDevice) -> None:
    do(mac, "SetRecoveryLock", NewPassword="first")
    delivery = order(mac, "SetRecoveryLock", NewPassword="second")
    sent = mac.connect()
    long_ago = timezone.now() - dt.timedelta(days=2)
    Delivery.objects.filter(pk=delivery.pk).update(expires_at=long_ago)
    queue.expire()
    pending.settle()
    assert in_force(mac, LOCK) == "first"
    assert versions(mac, LOCK)[1].outcome == Secret.Outcome.UNANSWERED
    mac.connect("Acknowledged", to=sent)
    results.read_waiting()
    assert in_force(mac, LOCK) == "second"
    assert versions(mac, LOCK)[1].outcome == ""


def test_a_late_refusal_settles_that_it_is_not_in_force(mac: SimulatedDevice) -> None:
    delivery = order(mac, "SetRecoveryLock")
    sent = mac.connect()
    Delivery.objects.filter(pk=delivery.pk).update(state=State.EXPIRED)
    pending.settle()
    mac.connect("Error", to=sent, ErrorChain=[])
    results.read_waiting()
    assert version(mac, LOCK).outcome == Secret.Outcome.REFUSED


def test_only_one_order_for_a_password_is_under_way(mac: SimulatedDevice) -> None:
    order(mac, "SetRecoveryLock")
    assert "an order for another recovery lock password waits" in refused(
        mac, "SetRecoveryLock"
    )
    run(mac)
    order(mac, "SetRecoveryLock")


def test_a_password_can_be_taken_away(mac: SimulatedDevice) -> None:
    do(mac, "SetRecoveryLock", NewPassword="first")
    do(mac, "SetRecoveryLock", NewPassword="")
    assert "recovery" not in mac.state.passwords
    assert in_force(mac, LOCK) == ""
    assert bytes(versions(mac, LOCK)[0].value) == b"first"


def test_a_firmware_password_is_in_force_when_the_mac_says_it_changed(
    intel: SimulatedDevice,
) -> None:
    do(intel, "SetFirmwarePassword")
    first = in_force(intel, FIRMWARE)
    assert intel.state.passwords["firmware"] == first
    order(intel, "SetFirmwarePassword")
    no = {"SetFirmwarePassword": {"PasswordChanged": False}}
    intel.connect("Acknowledged", to=intel.connect(), **no)
    results.read_waiting()
    assert in_force(intel, FIRMWARE) == first
    assert versions(intel, FIRMWARE)[1].outcome == Secret.Outcome.REFUSED


def test_a_verified_password_is_shown_to_hold(mac: SimulatedDevice) -> None:
    assert "no recovery lock password" in refused(mac, "VerifyRecoveryLock")
    do(mac, "SetRecoveryLock")
    before = version(mac, LOCK).valid_at
    do(mac, "VerifyRecoveryLock")
    after = version(mac, LOCK).valid_at
    assert before
    assert after
    assert after > before
    mac.state.passwords["recovery"] = "another"
    do(mac, "VerifyRecoveryLock")
    assert version(mac, LOCK).invalid_at


def test_a_lock_that_the_mac_has_no_more_is_no_longer_valid(
    mac: SimulatedDevice,
) -> None:
    do(mac, "SetRecoveryLock")
    mac.state.passwords.clear()
    do(mac, "SecurityInfo")
    assert version(mac, LOCK).invalid_at
    do(mac, "SetRecoveryLock")  # without a CurrentPassword
    assert in_force(mac, LOCK) == mac.state.passwords["recovery"]


def test_many_macs_get_a_pin_each_in_a_bounded_number_of_statements(
    enroll: Enroll, django_assert_max_num_queries: Any
) -> None:
    macs = [enroll(INTEL, seed, answered=False) for seed in range(6)]
    rows = Channel.objects.filter(user_id="").select_related("enrollment__device")
    with django_assert_max_num_queries(16):
        placed = orders.place(rows, "DeviceLock")
    assert placed.queued == len(macs)
    pins = {bytes(secret.value) for secret in Secret.objects.filter(kind=PIN)}
    assert len(pins) > 1
    keys = {
        each.command.keys["PIN"].encode()
        for each in Delivery.objects.filter(command__request_type="DeviceLock")
    }
    assert keys == pins


def test_settling_many_takes_a_bounded_number_of_statements(
    enroll: Enroll, django_assert_max_num_queries: Any
) -> None:
    for seed in range(5):
        order(enroll(INTEL, seed, answered=False), "SetFirmwarePassword")
    now = timezone.now()
    Delivery.objects.update(state=State.ACKNOWLEDGED, settled_at=now)
    with django_assert_max_num_queries(12):
        assert pending.settle() == 5
    assert Secret.objects.filter(kind=FIRMWARE, is_confirmed=True).count() == 5


# --- The administrator of Setup Assistant


def automate(mac: SimulatedDevice) -> None:
    """Have the Mac be as one that came in by automated enrollment."""
    Enrollment.objects.update(
        mode=Enrollment.Mode.AUTOMATED, awaiting_configuration=True
    )
    mac.automated = mac.state.awaiting = True


def with_admin(mac: SimulatedDevice) -> None:
    automate(mac)
    accounts = [{"shortName": "admin", "fullName": "Administrator"}]
    do(mac, "AccountConfiguration", AutoSetupAdminAccounts=accounts)
    do(mac, "DeviceInformation", Queries=["AutoSetupAdminAccounts"])


def test_the_administrator_gets_a_password_that_only_its_hash_tells(
    mac: SimulatedDevice,
) -> None:
    with_admin(mac)
    password = in_force(mac, ADMIN)
    told = mac.state.accounts["admin"].password_hash
    assert password
    assert passwordhash.matches(told, password)
    do(mac, "SetAutoAdminPassword")
    assert in_force(mac, ADMIN) != password
    told = mac.state.accounts["admin"].password_hash
    assert passwordhash.matches(told, in_force(mac, ADMIN))


def test_a_password_that_was_said_is_kept_and_hashed(mac: SimulatedDevice) -> None:
    with_admin(mac)
    do(mac, "SetAutoAdminPassword", passwordHash="chosen by a person")
    assert in_force(mac, ADMIN) == "chosen by a person"
    told = mac.state.accounts["admin"].password_hash
    assert passwordhash.matches(told, "chosen by a person")


def test_a_hash_that_was_said_puts_an_end_to_what_we_know(
    mac: SimulatedDevice,
) -> None:
    with_admin(mac)
    do(mac, "SetAutoAdminPassword", passwordHash=passwordhash.make("unknown to us"))
    assert in_force(mac, ADMIN) == ""


def test_an_order_that_is_repeated_sets_the_same_password(
    mac: SimulatedDevice, staff: User
) -> None:
    automate(mac)
    accounts = [{"shortName": "admin"}]
    first = order(mac, "AccountConfiguration", AutoSetupAdminAccounts=accounts)
    queue.cancel(Delivery.objects.filter(pk=first.pk))
    pending.settle()
    found = Delivery.objects.select_related(
        "command", "channel__enrollment__device"
    ).get(pk=first.pk)
    assert repeating.repeat([found], by=staff).queued == 1
    run(mac)
    one, two = versions(mac, ADMIN)
    assert bytes(one.value) == bytes(two.value)
    assert two.is_in_force


def test_without_an_administrator_there_is_no_password_to_set(
    mac: SimulatedDevice,
) -> None:
    automate(mac)
    reason = refused(mac, "SetAutoAdminPassword")
    assert "no administrator made by Setup Assistant" in reason


# --- FileVault


def test_a_mac_hands_over_its_filevault_key(mac: SimulatedDevice) -> None:
    assert escrow(mac) == mac.state.recovery_key != ""
    kept = version(mac, KEY)
    assert kept.valid_at is not None


def test_the_same_key_again_only_shows_that_it_holds(mac: SimulatedDevice) -> None:
    escrow(mac)
    before = version(mac, KEY).valid_at
    do(mac, "SecurityInfo")
    after = version(mac, KEY).valid_at
    assert before
    assert after
    assert after > before


def test_a_key_that_changed_on_the_mac_is_the_next_version(
    mac: SimulatedDevice,
) -> None:
    escrow(mac)
    mac.state.recovery_key, mac.state.sealed_key = "ABCD-EFGH", b""
    do(mac, "SecurityInfo")
    assert in_force(mac, KEY) == "ABCD-EFGH"
    assert versions(mac, KEY)[0].replaced_at is not None


def test_filevault_switched_off_ends_what_the_key_is_good_for(
    mac: SimulatedDevice,
) -> None:
    key = escrow(mac)
    mac.state.filevault = False
    do(mac, "SecurityInfo")
    assert version(mac, KEY).invalid_at is not None
    assert in_force(mac, KEY) == key  # and it is kept
    mac.state.filevault = True
    do(mac, "SecurityInfo")
    assert version(mac, KEY).invalid_at is None


def test_an_erased_disk_is_opened_by_no_key(mac: SimulatedDevice) -> None:
    key = escrow(mac)
    do(mac, "EraseDevice")
    assert version(mac, KEY).invalid_at is not None
    assert in_force(mac, KEY) == key
    assert version(mac, PIN).is_in_force


def test_a_new_enrollment_brings_the_escrow_profile_again(
    mac: SimulatedDevice, way: EnrollmentProfile
) -> None:
    key = escrow(mac)
    mac.check_out()
    assert not mac.state.profiles
    mac.install(profiles.make(way))
    run(mac)
    assert "FDERecoveryKeyEscrow" in str(list(mac.state.profiles.values()))
    kept = version(mac, KEY)
    assert bytes(kept.value).decode() == key
    assert kept.enrollment == channel(mac).enrollment
    assert EscrowCertificate.objects.count() == 1


def test_a_device_that_was_deleted_and_came_back_is_still_understood(
    mac: SimulatedDevice, way: EnrollmentProfile
) -> None:
    key = escrow(mac)
    sealed = mac.state.sealed_key
    row(mac).delete()
    old = Secret.objects.get(kind=KEY)
    assert (old.device, bytes(old.value).decode()) == (None, key)
    assert old.device_label == mac.unit.serial_number
    mac.forget()
    mac.install(profiles.make(way))
    run(mac)
    assert in_force(mac, KEY) == key
    assert filevault.opened(row(mac), sealed).decode() == key


def test_a_key_that_nobody_here_can_read_is_kept_as_it_came(
    mac: SimulatedDevice, authority_key: rsa.RSAPrivateKey
) -> None:
    stranger = filevault._self_signed(authority_key, row(mac))
    sealed = cms.encrypt(b"WXYZ-WXYZ", stranger)
    order(mac, "SecurityInfo")
    info = {"FDE_Enabled": True, "FDE_PersonalRecoveryKeyCMS": sealed}
    mac.connect("Acknowledged", to=mac.connect(), SecurityInfo=info)
    results.read_waiting()
    assert bytes(version(mac, "SealedFileVaultKey").value) == sealed
    assert in_force(mac, KEY) == ""
    escrow(mac)
    assert in_force(mac, "SealedFileVaultKey") == ""


def test_an_older_answer_does_not_bring_back_an_older_key(
    mac: SimulatedDevice,
) -> None:
    older = escrow(mac)
    do(mac, "RotateFileVaultKey")
    stay = channel(mac).enrollment
    certificate = filevault.certificates(row(mac))[0].certificate
    sealed = cms.encrypt(
        older.encode(), x509.load_der_x509_certificate(bytes(certificate))
    )
    yesterday = timezone.now() - dt.timedelta(days=1)
    filevault.take(stay, sealed, yesterday)
    assert in_force(mac, KEY) == mac.state.recovery_key != older
    assert len(versions(mac, KEY)) == 2


def test_the_key_is_replaced_by_itself_knowing_the_one_in_force(
    mac: SimulatedDevice,
) -> None:
    before = escrow(mac)
    assert do(mac, "RotateFileVaultKey").state == State.ACKNOWLEDGED
    after = in_force(mac, KEY)
    assert after == mac.state.recovery_key != before
    assert [bytes(one.value).decode() for one in versions(mac, KEY)] == [before, after]


def test_a_rotation_that_was_answered_late_is_not_lost(mac: SimulatedDevice) -> None:
    escrow(mac)
    delivery = order(mac, "RotateFileVaultKey")
    Delivery.objects.filter(pk=delivery.pk).update(state=State.SENT, attempts=1)
    sent = mac.connect()
    certificate = sent["Command"]["ReplyEncryptionCertificate"]  # type: ignore[index]
    holder = x509.load_der_x509_certificate(certificate)
    sealed = cms.encrypt(b"NEWK-EYNE", holder)
    Delivery.objects.filter(pk=delivery.pk).update(state=State.EXPIRED)
    result = {"EncryptedNewRecoveryKey": sealed}
    mac.connect("Acknowledged", to=sent, RotateResult=result)
    results.read_waiting()
    assert in_force(mac, KEY) == "NEWK-EYNE"


def hand_over(mac: SimulatedDevice, key: bytes) -> None:
    """Have the Mac say that this is its key, encrypted to us."""
    kept = filevault.certificate_of(row(mac))
    holder = x509.load_der_x509_certificate(bytes(kept.certificate))
    order(mac, "SecurityInfo")
    info = {"FDE_Enabled": True, filevault.SEALED: cms.encrypt(key, holder)}
    mac.connect("Acknowledged", to=mac.connect(), SecurityInfo=info)
    results.read_waiting()


@pytest.mark.parametrize("odd", [b"\xff\xfe", b"AB\x01CD", b"x" * 5000])
def test_what_nobody_could_type_is_no_key_and_stops_no_rotation(
    mac: SimulatedDevice, enroll: Enroll, staff: User, odd: bytes
) -> None:
    key = escrow(mac)
    hand_over(mac, odd)
    assert in_force(mac, KEY) == key
    # One that was kept before, all the same, holds up nobody behind it.
    Secret.objects.filter(device=row(mac), kind=KEY).update(value=b"\xff")
    other = quiet(enroll(MAC, 7, answered=False))
    escrow(other)
    for each in (mac, other):
        seen(each, KEY, staff)
    rotation.rotate_due()
    rotated = Delivery.objects.filter(command__request_type="RotateFileVaultKey")
    assert rotated.get().channel == channel(other)


def test_a_new_key_that_nobody_here_can_read_ends_the_one_before(
    mac: SimulatedDevice, authority_key: rsa.RSAPrivateKey
) -> None:
    escrow(mac)
    order(mac, "RotateFileVaultKey")
    stranger = filevault._self_signed(authority_key, row(mac))
    said = {"EncryptedNewRecoveryKey": cms.encrypt(b"WXYZ-WXYZ", stranger)}
    mac.connect("Acknowledged", to=mac.connect(), RotateResult=said)
    results.read_waiting()
    assert version(mac, KEY).invalid_at is not None
    assert version(mac, "SealedFileVaultKey").is_in_force
    waiting = Delivery.objects.filter(command__request_type="SecurityInfo")
    assert waiting.filter(state=State.QUEUED).exists()


def test_without_a_key_there_is_no_rotation(mac: SimulatedDevice) -> None:
    assert "not escrowed here" in refused(mac, "RotateFileVaultKey")
    filevault.certificate_of(row(mac))
    assert "no FileVault recovery key" in refused(mac, "RotateFileVaultKey")


def test_an_iphone_has_no_filevault(iphone: SimulatedDevice) -> None:
    assert "only a Mac" in filevault.install(channel(iphone))


# --- Seen, and replaced


@pytest.mark.parametrize("kind", [KEY, LOCK, ADMIN])
def test_what_was_seen_is_replaced(
    mac: SimulatedDevice, staff: User, kind: str
) -> None:
    if kind == ADMIN:
        with_admin(mac)
    elif kind == KEY:
        escrow(mac)
    else:
        do(mac, "SetRecoveryLock")
    before = in_force(mac, kind)
    secret = seen(mac, kind, staff)
    assert rotation.rotate_due() == 1
    run(mac)
    assert in_force(mac, kind) not in ("", before)
    secret.refresh_from_db()
    assert (secret.rotate_at, secret.rotation) == (None, "")
    assert secret.replaced_at is not None
    assert rotation.rotate_due() == 0


def test_a_firmware_password_that_was_seen_is_replaced(
    intel: SimulatedDevice, staff: User
) -> None:
    do(intel, "SetFirmwarePassword")
    before = in_force(intel, FIRMWARE)
    seen(intel, FIRMWARE, staff)
    rotation.rotate_due()
    run(intel)
    assert intel.state.passwords["firmware"] == in_force(intel, FIRMWARE) != before


def test_there_is_time_to_use_what_was_seen(
    mac: SimulatedDevice, staff: User, settings: Any
) -> None:
    settings.ROTATE_AFTER = 600
    do(mac, "SetRecoveryLock")
    secret = version(mac, LOCK)
    now = timezone.now()
    reveal.reveal(secret.pk, by=staff, reason="the user forgot it")
    secret.refresh_from_db()
    assert secret.rotate_at
    assert secret.rotate_at >= now + dt.timedelta(minutes=10)
    assert rotation.rotate_due() == 0


def test_a_pin_that_was_seen_stays(mac: SimulatedDevice, staff: User) -> None:
    do(mac, "DeviceLock")
    seen(mac, PIN, staff)
    assert rotation.rotate_due() == 0
    assert version(mac, PIN).rotate_at is None


def test_what_a_device_that_left_showed_cannot_be_replaced(
    mac: SimulatedDevice, staff: User
) -> None:
    escrow(mac)
    mac.check_out()
    secret = seen(mac, KEY, staff)
    rotation.rotate_due()
    secret.refresh_from_db()
    assert "has left" in secret.rotation
    assert secret.rotate_at is None


def test_a_mac_that_refuses_leaves_the_seen_one_in_force_and_says_so(
    mac: SimulatedDevice, staff: User
) -> None:
    do(mac, "SetRecoveryLock", NewPassword="first")
    secret = seen(mac, LOCK, staff)
    mac.state.passwords["recovery"] = "set by hand"
    rotation.rotate_due()
    run(mac)
    assert in_force(mac, LOCK) == "first"
    secret.refresh_from_db()
    assert "refused" in secret.rotation


def test_it_is_looked_at_again_while_an_order_is_under_way(
    mac: SimulatedDevice, staff: User
) -> None:
    do(mac, "SetRecoveryLock")
    order(mac, "SetRecoveryLock")
    secret = seen(mac, LOCK, staff)
    rotation.rotate_due()
    secret.refresh_from_db()
    assert secret.rotate_at
    assert secret.rotate_at > timezone.now()
    run(mac)
    secret.refresh_from_db()
    assert secret.replaced_at
    assert secret.rotate_at is None


# --- What must not be found


def test_no_secret_is_found_where_it_does_not_belong(
    mac: SimulatedDevice,
    staff: User,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with_admin(mac)
    escrow(mac)
    do(mac, "SetRecoveryLock")
    for kind in (KEY, LOCK, ADMIN):
        seen(mac, kind, staff)
    rotation.rotate_due()
    run(mac)
    do(mac, "DeviceLock", PIN="918273")
    secrets = list(Secret.objects.all())
    values = {bytes(secret.value) for secret in secrets if secret.value}
    assert len(values) >= 7
    sealed = plist.loads(
        bytes(
            Delivery.objects.filter(
                command__request_type="SecurityInfo", result__isnull=False
            )
            .order_by("-pk")[0]
            .result.body
        )
    )["SecurityInfo"]["FDE_PersonalRecoveryKeyCMS"]
    stored = _everything_stored()
    for value in (*values, sealed):
        assert value not in stored
        assert value.hex().encode() not in stored
        assert value.decode("latin-1") not in caplog.text
    kept = Inventory.objects.get(device=row(mac), request_type="SecurityInfo")
    assert "FDE_PersonalRecoveryKeyDeviceKey" in kept.answer
    assert "FDE_PersonalRecoveryKeyCMS" not in str(kept.answer)
    entry = AuditEntry.objects.filter(action=reveal.ACTION).first()
    assert entry
    assert entry.device == row(mac)
    assert entry.details["reason"] == "the user forgot it"


def _everything_stored() -> bytes:
    """Return all that the portal's tables hold, as the database has it."""
    parts: list[bytes] = []
    for model in apps.get_models():
        columns = [
            field.column
            for field in model._meta.concrete_fields
            if isinstance(
                field,
                models.CharField
                | models.TextField
                | models.JSONField
                | models.BinaryField,
            )
        ]
        if columns:
            listed = ", ".join(f'"{column}"' for column in columns)
            with connection.cursor() as cursor:
                table = connection.ops.quote_name(model._meta.db_table)
                cursor.execute(f"SELECT {listed} FROM {table}")
                for found in cursor.fetchall():
                    parts += [_raw(value) for value in found]
    return b"\n".join(parts)


def _raw(value: Any) -> bytes:
    return (
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    )


def test_secrets_outlive_their_device(mac: SimulatedDevice) -> None:
    escrow(mac)
    do(mac, "SetRecoveryLock")
    order(mac, "DeviceLock", PIN="123456")
    Device.objects.all().delete()
    pending.settle()
    kept = {each.kind: each for each in Secret.objects.all()}
    assert kept.keys() >= {KEY, LOCK, PIN}
    assert all(each.device_label == mac.unit.serial_number for each in kept.values())
    assert bytes(kept[PIN].value) == b"123456"
    assert kept[PIN].outcome == Secret.Outcome.UNANSWERED
