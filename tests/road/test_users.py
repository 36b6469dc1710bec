"""Users of Macs and Shared iPads, as managed entities of their own."""

import datetime as dt
import hashlib
import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from commands import inventory, queue, results
from commands.models import OPEN, Command, Delivery, State
from devices.models import AuditEntry, Channel, NetworkLogin, User
from enrollment import logins, profiles
from enrollment.models import EnrollmentProfile, LoginChallenge, LoginFailure
from mdmportal.protocol import plist
from mdmportal.protocol.identity import SHARED_IPAD_USER
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.hardware import SHARED_IPAD
from mdmportal.simulator.user import User as MacUser

from .conftest import MAC, TOPIC, Enroll, Person, channel, row, sign_up

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse"
Ask = Callable[..., dict[str, Any]]


@pytest.fixture(autouse=True)
def _few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """One question for each user: what is asked is told elsewhere."""

    def ask(one: Channel, *, and_then: Any = ()) -> None:
        question = Command(request_type="ProfileList", keys_plist=plist.dumps({}))
        queue.enqueue_all([one.pk], [question, *and_then])

    monkeypatch.setattr(inventory, "ask", ask)


@pytest.fixture
def asking(way: EnrollmentProfile) -> EnrollmentProfile:
    """A way in that asks network users for their password."""
    way.network_users = EnrollmentProfile.NetworkUsers.PASSWORD
    way.save()
    return way


@pytest.fixture
def ada(asking: EnrollmentProfile) -> User:
    return new_person("ada")


def new_person(name: str, **columns: Any) -> User:
    person = User(username=name, **columns)
    person.set_password(PASSWORD)
    person.save()
    return person


def digest(
    challenge: str, name: str, password: str, *, method: str = "PUT", uri: str = "/"
) -> str:
    """Answer a challenge as RFC 2617 has it, without qop."""
    realm, nonce = (
        re.findall(rf'{part}="([^"]*)"', challenge)[0] for part in ("realm", "nonce")
    )

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret = md5(f"{name}:{realm}:{password}")
    response = md5(f"{secret}:{nonce}:{md5(f'{method}:{uri}')}")
    return (
        f'Digest username="{name}", realm="{realm}", nonce="{nonce}", '
        f'uri="{uri}", response="{response}"'
    )


def ask(user: MacUser, **keys: Any) -> dict[str, Any]:
    return plist.loads(
        user.device.check_in("UserAuthenticate", **user.who(), **keys).body
    )


def challenge_of(user: MacUser) -> str:
    return str(ask(user)["DigestChallenge"])


def token_for(user: MacUser, response: str) -> str:
    return str(ask(user, DigestResponse=response)["AuthToken"])


def refused(user: MacUser, **keys: Any) -> int:
    with pytest.raises(ServerRefused) as refusal:
        user.device.check_in(
            **{"message_type": "UserAuthenticate", **user.who(), **keys}
        )
    return refusal.value.status


# --- Who becomes a managed user


def test_the_local_user_who_enrolls_is_managed_without_being_asked_for(
    mac: SimulatedDevice,
) -> None:
    joe = mac.log_in("joe", "Joe B.")
    assert joe.managed
    one = channel(mac, "joe")
    assert (one.user_name, one.person) == ("Joe B.", None)
    assert [done.request_type for done in joe.session()] == ["ProfileList"]


def test_what_there_is_to_know_of_a_user_is_asked_once(mac: SimulatedDevice) -> None:
    joe = mac.log_in("joe")
    joe.session()
    joe.renew_token()
    mac.log_in("joe")
    assert joe.session() == []


def test_a_user_who_comes_before_the_device_is_enrolled_is_asked_then(
    make: Enroll, way: EnrollmentProfile
) -> None:
    mac = make(MAC)
    announce, mac.announce = mac.announce, lambda: None  # type: ignore[method-assign]
    mac.install(profiles.make(way))
    joe = mac.log_in("joe")
    assert Delivery.objects.count() == 0
    mac.announce = announce  # type: ignore[method-assign]
    mac.announce()
    assert [done.request_type for done in joe.session()] == ["ProfileList"]


def test_a_network_user_is_declined_where_the_way_in_says_so(
    mac: SimulatedDevice,
) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    assert not user.managed
    assert not Channel.objects.filter(user_id=user.account.guid).exists()
    assert mac.connect() is None, "the device goes on"


def test_a_network_user_may_be_managed_without_a_password(
    mac: SimulatedDevice, way: EnrollmentProfile
) -> None:
    way.network_users = EnrollmentProfile.NetworkUsers.ADMIT
    way.save()
    user = mac.log_in("ada", password="whatever")
    assert user.managed
    assert user.account.auth_token == ""
    assert channel(mac, "ada").person is None, "nobody proved to be anybody"
    assert user.session()


def test_who_is_declined_at_a_later_login_gets_nothing_until_the_next(
    mac: SimulatedDevice, way: EnrollmentProfile
) -> None:
    for policy, status in (("admit", None), ("decline", 410), ("admit", None)):
        way.network_users = policy
        way.save()
        user = mac.log_in("ada", password="whatever")
        assert user.managed is (status is None)
        if status:
            with pytest.raises(ServerRefused) as refusal:
                user.connect()
            assert refusal.value.status == status
        else:
            user.connect()


def test_user_enrollment_has_no_network_users(
    make: Enroll, person: Person, byod: EnrollmentProfile
) -> None:
    mac = sign_up(make(MAC), person())
    user = mac.user("ada")
    assert refused(user) == 400


# --- The password


def test_the_right_password_lets_a_network_user_in(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", "Ada L.", password=PASSWORD, sync=True)
    assert user.managed
    assert [done.request_type for done in user.at_login] == ["ProfileList"]
    one = channel(mac, "ada")
    assert one.person == ada
    assert one.user_name == "Ada L."
    token = user.account.auth_token
    assert len(token) >= 32
    assert one.auth_token_digest == hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize("method", ["PUT", "POST", "GET"])
def test_the_method_that_the_digest_was_made_with_does_not_matter(
    mac: SimulatedDevice, ada: User, method: str
) -> None:
    user = mac.user("ada")
    response = digest(challenge_of(user), "ada", PASSWORD, method=method)
    assert token_for(user, response)


def test_a_wrong_password_is_an_empty_token_and_no_refusal(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", password="wrong")
    assert not user.managed
    channel = Channel.objects.get(user_id=user.account.guid)
    assert channel.auth_token_digest == Channel.DECLINED
    assert not channel.push_token
    assert mac.enrolled
    assert mac.log_in("ada", password=PASSWORD).managed


@pytest.mark.parametrize("how", ["nobody", "inactive", "renamed", "other realm"])
def test_only_the_account_of_that_name_lets_in(
    mac: SimulatedDevice, ada: User, how: str
) -> None:
    user = mac.user("bob" if how == "nobody" else "ada")
    challenge = challenge_of(user)
    if how == "inactive":
        User.objects.update(is_active=False)
    elif how == "renamed":
        User.objects.update(username="someone")
    elif how == "other realm":
        challenge = challenge.replace('realm="', 'realm="another ')
    name = user.account.short_name
    assert token_for(user, digest(challenge, name, PASSWORD)) == ""


def test_who_answers_for_another_is_not_let_in(mac: SimulatedDevice, ada: User) -> None:
    bob = mac.user("bob")
    assert token_for(bob, digest(challenge_of(bob), "ada", PASSWORD)) == ""


def test_a_lost_answer_is_given_again(mac: SimulatedDevice, ada: User) -> None:
    user = mac.user("ada")
    response = digest(challenge_of(user), "ada", PASSWORD)
    token = token_for(user, response)
    assert token
    assert token_for(user, response) == token
    assert Channel.objects.filter(user_id=user.account.guid).count() == 1


def test_a_nonce_is_good_for_one_answer(mac: SimulatedDevice, ada: User) -> None:
    user = mac.user("ada")
    challenge = challenge_of(user)
    assert token_for(user, digest(challenge, "ada", "wrong")) == ""
    assert token_for(user, digest(challenge, "ada", PASSWORD)) == ""
    old, new = challenge_of(user), challenge_of(user)
    assert old != new
    assert token_for(user, digest(old, "ada", PASSWORD)) == "", "the last one counts"
    assert token_for(user, digest(new, "ada", PASSWORD))


def test_a_nonce_does_not_last(mac: SimulatedDevice, ada: User) -> None:
    user = mac.user("ada")
    response = digest(challenge_of(user), "ada", PASSWORD)
    LoginChallenge.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert token_for(user, response) == ""


def test_a_nonce_is_for_one_user_of_one_mac(enroll: Enroll, ada: User) -> None:
    here, there = enroll(MAC), enroll(MAC, 1)
    foreign = digest(challenge_of(there.user("ada")), "ada", PASSWORD)
    assert token_for(here.user("ada"), foreign) == ""
    others = digest(challenge_of(here.user("bob")), "ada", PASSWORD)
    assert token_for(here.user("ada"), others) == ""


def test_the_nonce_is_not_kept_as_it_is(mac: SimulatedDevice, ada: User) -> None:
    nonce = re.findall(r'nonce="([^"]+)"', challenge_of(mac.user("ada")))[0]
    kept = LoginChallenge.objects.values_list("nonce", flat=True).get()
    assert nonce != kept
    assert len(nonce) >= 32


@pytest.mark.parametrize("response", ["Basic abc", "Digest ", 'Digest nonce="x"'])
def test_what_is_no_digest_is_refused_without_harm(
    mac: SimulatedDevice, ada: User, response: str
) -> None:
    assert refused(mac.user("ada"), DigestResponse=response) == 400


def test_guessing_ends_after_a_few_times_and_the_device_goes_on(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.user("ada")
    for _ in range(LoginFailure.LIMIT):
        user.account.guid = f"guess {_}"  # whoever guesses says what they like
        assert token_for(user, digest(challenge_of(user), "ada", "wrong")) == ""
    assert token_for(user, digest(challenge_of(user), "ada", PASSWORD)) == ""
    assert AuditEntry.objects.filter(action__contains="wrong passwords").count() == 1
    assert mac.connect() is None
    past = timezone.now() - LoginFailure.WITHIN - dt.timedelta(seconds=1)
    LoginFailure.objects.update(last_at=past)
    assert token_for(user, digest(challenge_of(user), "ada", PASSWORD))
    assert not LoginFailure.objects.exists()


def test_guessing_on_one_mac_locks_no_one_out_of_another(
    enroll: Enroll, ada: User
) -> None:
    here, there = enroll(MAC), enroll(MAC, 1)
    for _ in range(LoginFailure.LIMIT + 1):
        here.log_in("ada", password="wrong")
    assert there.log_in("ada", password=PASSWORD).managed


def test_no_password_reaches_the_log(
    mac: SimulatedDevice, ada: User, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    mac.log_in("ada", password="wrong horse")
    mac.log_in("ada", password=PASSWORD)
    token = mac.users["ada"].account.auth_token
    said = caplog.text
    assert "wrong password" in said
    assert "horse" not in said
    assert token not in said


# --- The token


@pytest.mark.parametrize("token", ["", "another"])
def test_without_the_token_a_user_is_not_managed_until_the_next_login(
    mac: SimulatedDevice, ada: User, token: str
) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    right = user.account.auth_token
    before = Channel.objects.values().get(user_short_name="ada")
    user.account.auth_token = token
    messages = (
        lambda: user.connect(),
        lambda: user.renew_token(),
        lambda: mac.check_in("CheckOut", Topic=TOPIC, **user.who()),
    )
    for send in messages:
        with pytest.raises(ServerRefused) as refusal:
            send()
        assert refusal.value.status == 410
    assert Channel.objects.values().get(user_short_name="ada") == before
    user.account.auth_token = right
    user.connect()


def test_no_user_of_a_mac_passes_for_one_of_a_shared_ipad(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    before = Channel.objects.values().get(user_short_name="ada")
    shared = {"UserID": SHARED_IPAD_USER, "UserShortName": before["user_id"]}
    keys = {"Topic": TOPIC, "Token": b"other" * 6, "PushMagic": "other"}
    assert refused(user, message_type="TokenUpdate", **shared, **keys) == 400
    assert Channel.objects.values().get(user_short_name="ada") == before


def test_a_report_without_the_token_settles_nothing(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    sent = user.connect()
    user.account.auth_token = ""
    with pytest.raises(ServerRefused):
        user.connect("Acknowledged", to=sent, ProfileList=[])
    assert Delivery.objects.get(uuid=sent["CommandUUID"]).state == State.SENT  # type: ignore[index]


def test_the_token_of_a_login_ends_with_the_next(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    old = user.account.auth_token
    user.log_out()
    mac.log_in("ada", password=PASSWORD)
    assert user.account.auth_token != old
    user.account.auth_token = old
    with pytest.raises(ServerRefused):
        user.connect()


def test_the_token_of_one_user_is_not_anothers(mac: SimulatedDevice, ada: User) -> None:
    new_person("bob")
    one = mac.log_in("ada", password=PASSWORD)
    other = mac.log_in("bob", password=PASSWORD)
    other.account.auth_token = one.account.auth_token
    with pytest.raises(ServerRefused):
        other.connect()
    one.connect()


def test_who_failed_does_not_come_in_without_a_token(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", password="wrong")
    LoginChallenge.objects.all().delete()  # forgotten some time later
    user.managed = True
    with pytest.raises(ServerRefused) as refusal:
        user.renew_token()
    assert refusal.value.status == 410
    assert not Channel.objects.exclude(user_id="").exclude(push_token="").exists()


def test_who_was_managed_without_a_password_has_to_prove_it_from_now_on(
    mac: SimulatedDevice, way: EnrollmentProfile
) -> None:
    way.network_users = EnrollmentProfile.NetworkUsers.ADMIT
    way.save()
    user = mac.log_in("ada", password="whatever")
    way.network_users = EnrollmentProfile.NetworkUsers.PASSWORD
    way.save()
    ada = new_person("ada")
    user.connect()  # until the next login
    assert not mac.log_in("ada", password="wrong").managed
    with pytest.raises(ServerRefused) as refusal:
        user.connect()
    assert refusal.value.status == 410
    assert mac.log_in("ada", password=PASSWORD).managed
    assert channel(mac, "ada").person == ada


def test_who_is_switched_off_is_managed_no_longer(
    mac: SimulatedDevice, ada: User
) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    ada.is_active = False
    ada.save()
    with pytest.raises(ServerRefused) as refusal:
        user.connect()
    assert refusal.value.status == 410
    assert mac.connect() is None
    assert not mac.log_in("ada", password=PASSWORD).managed


def test_the_token_costs_no_statement(mac: SimulatedDevice, ada: User) -> None:
    user = mac.log_in("ada", password=PASSWORD)
    user.session()
    with CaptureQueriesContext(connection) as captured:
        assert user.connect() is None
    assert len(captured) == 1


# --- By what a password is recognised


def test_it_is_learned_when_people_sign_in_by_their_password(
    mac: SimulatedDevice, person: Person, asking: EnrollmentProfile
) -> None:
    person("ada")
    assert not NetworkLogin.objects.exists()
    assert not mac.log_in("ada", password="secret of ada").managed
    assert not Client().login(username="ada", password="wrong")
    assert not NetworkLogin.objects.exists()
    assert Client().login(username="ada", password="secret of ada")
    assert mac.log_in("ada", password="secret of ada").managed


def test_it_is_kept_encrypted(ada: User) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT digest FROM devices_networklogin")
        stored = bytes(cursor.fetchone()[0])
    assert bytes(ada.network_login.digest) not in stored
    assert PASSWORD.encode() not in stored


def test_it_changes_with_the_password_and_goes_with_it(
    mac: SimulatedDevice, ada: User
) -> None:
    ada.set_password("another")
    ada.save()
    assert not mac.log_in("ada", password=PASSWORD).managed
    assert mac.log_in("ada", password="another").managed
    ada.set_unusable_password()
    ada.save()
    assert not NetworkLogin.objects.exists()


def test_it_is_not_kept_where_nobody_asks_for_it(
    way: EnrollmentProfile, person: Person
) -> None:
    new_person("ada")
    assert Client().login(username="ada", password=PASSWORD)
    assert not NetworkLogin.objects.exists()


def test_it_is_forgotten_when_nobody_asks_any_more(
    mac: SimulatedDevice, ada: User, asking: EnrollmentProfile
) -> None:
    mac.log_in("ada", password=PASSWORD)
    asking.is_enabled = False
    asking.save()
    logins.forget()
    assert NetworkLogin.objects.exists(), "a Mac that came by it asks still"
    asking.network_users = EnrollmentProfile.NetworkUsers.DECLINE
    asking.save()
    LoginChallenge.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    logins.forget()
    assert not NetworkLogin.objects.exists()
    assert not LoginChallenge.objects.exists()


# --- Who they are


def test_the_owner_of_a_mac_is_known_by_the_short_name(
    mac: SimulatedDevice, person: Person
) -> None:
    person("Ada")
    owner = User.objects.get()
    device = row(mac)
    device.owner = owner
    device.save()
    mac.log_in("ada")
    mac.log_in("joe")
    assert channel(mac, "ada").person == owner
    assert channel(mac, "joe").person is None


def test_the_same_person_on_two_macs_has_two_channels(
    enroll: Enroll, ada: User
) -> None:
    here, there = enroll(MAC), enroll(MAC, 1)
    users = [one.log_in("ada", password=PASSWORD) for one in (here, there)]
    for user in users:
        user.session()
    one, other = channel(here, "ada"), channel(there, "ada")
    assert one.person == other.person == ada
    assert one.auth_token_digest != other.auth_token_digest
    before = Channel.objects.values().get(pk=other.pk)
    queue.enqueue([one.pk], "ProfileList")
    users[0].renew_token()
    users[0].session()
    here.check_in("CheckOut", Topic=TOPIC, **users[0].who())
    assert Channel.objects.values().get(pk=other.pk) == before
    users[0].account.auth_token, kept = users[1].account.auth_token, ""
    with pytest.raises(ServerRefused):
        users[0].connect()
    assert kept == ""
    users[1].connect()


def test_a_user_who_leaves_takes_only_their_own_orders_along(
    mac: SimulatedDevice,
) -> None:
    ada, bob = mac.log_in("ada"), mac.log_in("bob")
    mac.check_in("CheckOut", Topic=TOPIC, **ada.who())
    left = Delivery.objects.filter(channel=channel(mac, "ada"))
    assert {one.state for one in left} == {State.CANCELLED}
    assert bob.session()
    ada.renew_token()
    assert [one.request_type for one in ada.session()] == ["ProfileList"]


def test_who_is_not_at_the_screen_is_managed_all_the_same(mac: SimulatedDevice) -> None:
    ada = mac.log_in("ada")
    ada.on_console = False
    ada.renew_token()
    assert ada.session()


# --- Shared iPad


@pytest.fixture
def ipad(enroll: Enroll) -> SimulatedDevice:
    return enroll(SHARED_IPAD)


def test_a_user_of_a_shared_ipad_is_known_by_the_managed_apple_account(
    ipad: SimulatedDevice,
) -> None:
    account = "ada@school.example"
    ada = User.objects.create(username="a1", managed_apple_account=account.upper())
    ipad.log_in(account)
    ipad.log_in("bob@school.example")
    assert channel(ipad, account).person == ada
    assert channel(ipad, "bob@school.example").person is None
    assert Channel.objects.filter(user_id=account).count() == 1


def test_the_users_of_a_shared_ipad_can_be_declined(
    ipad: SimulatedDevice, way: EnrollmentProfile
) -> None:
    for manages in (True, False, True):
        way.manages_shared_users = manages
        way.save()
        user = ipad.log_in("ada@school.example")
        assert user.managed is manages
        if not manages:
            with pytest.raises(ServerRefused) as refusal:
                user.connect()
            assert refusal.value.status == 410
        user.log_out()
    assert ipad.connect() is None


def test_a_user_who_waits_is_released_after_all_there_is_for_them(
    ipad: SimulatedDevice,
) -> None:
    ipad.state.settings["SharedDeviceConfiguration"] = {
        "AwaitUserConfiguration": {"Enabled": True}
    }
    ipad.automated = True
    ada = ipad.log_in("ada@school.example")
    one = channel(ipad, "ada@school.example")
    assert one.awaiting_configuration
    queue.enqueue([one.pk], "ProfileList")
    ada.renew_token()  # says that it waits, once more
    done = [each.request_type for each in ada.session()]
    assert done == ["ProfileList", "ProfileList", "UserConfigured"]
    assert not ada.account.awaiting
    results.read_waiting()
    one.refresh_from_db()
    assert not one.awaiting_configuration
    ada.log_out()
    ipad.log_in("ada@school.example")
    one.refresh_from_db()
    assert one.awaiting_configuration
    assert [each.request_type for each in ada.session()] == ["UserConfigured"]


# --- Login


def waiting(one: Channel) -> int:
    return one.deliveries.filter(state__in=OPEN).count()


def test_a_login_takes_everything_that_waits(mac: SimulatedDevice) -> None:
    ada = mac.log_in("ada")
    ada.session()
    one = channel(mac, "ada")
    for _ in range(5):
        queue.enqueue([one.pk], "ProfileList")
    mac.will("ProfileList", "NotNow", times=3)
    ada.session()
    assert one.deliveries.filter(state=State.POSTPONED).count() == 3
    ada.log_out()
    mac.log_in("ada", sync=True)
    assert len(ada.at_login) == 3
    assert waiting(one) == 0
    one.refresh_from_db()
    assert one.push_at is None
    assert one.login_at is not None


def test_what_is_postponed_again_does_not_keep_a_login(mac: SimulatedDevice) -> None:
    ada = mac.log_in("ada")
    mac.will("ProfileList", "NotNow", times=None)
    queue.enqueue([channel(mac, "ada").pk], "ProfileList")
    mac.log_in("ada", sync=True)
    assert [one.status for one in ada.at_login] == ["NotNow", "NotNow"]


def test_what_is_ordered_meanwhile_is_sent_but_not_for_ever(
    mac: SimulatedDevice,
) -> None:
    ada = mac.log_in("ada")
    ada.session()
    one = channel(mac, "ada")

    def order() -> None:
        queue.enqueue([one.pk], "ProfileList")

    def answer(sent: Any) -> Any:
        keys = {"ProfileList": [], "NeedSyncResponse": True}
        return ada.connect("Acknowledged", to=sent, **keys)

    order()
    sent = ada.connect(NeedSyncResponse=True)
    for _ in range(3):
        order()
        sent = answer(sent)
        assert sent is not None
    began = timezone.now() - dt.timedelta(minutes=2)
    Channel.objects.filter(pk=one.pk).update(login_at=began)
    order()
    assert answer(sent) is None, "the user has waited long enough"
    one.refresh_from_db()
    assert one.push_at is not None
    assert ada.session(), "and is served like anybody"


def test_a_session_takes_all_that_was_postponed_in_another(
    iphone: SimulatedDevice,
) -> None:
    for _ in range(3):
        queue.enqueue([channel(iphone).pk], "DeviceLock")
    iphone.will("DeviceLock", "NotNow", times=3)
    assert {one.status for one in iphone.session()} == {"NotNow"}
    assert [one.status for one in iphone.session()] == ["Acknowledged"] * 3


# --- Setup Assistant


def test_in_setup_assistant_everything_waits_for_the_login(
    mac: SimulatedDevice,
) -> None:
    ada = mac.user("ada")
    done = ada.set_up()
    assert [one.status for one in done] == ["NotNow"]
    one = channel(mac, "ada")
    postponed = one.deliveries.get()
    assert postponed.state == State.POSTPONED
    assert postponed.postponements == 0, "that was not the command's fault"
    first = postponed.retry_at
    assert [each.status for each in ada.set_up()] == ["NotNow"]
    postponed.refresh_from_db()
    assert postponed.retry_at - first < dt.timedelta(minutes=1), "nor grows the pause"  # type: ignore[operator]
    mac.log_in("ada", sync=True)
    again = [(each.command_uuid, each.status) for each in ada.at_login]
    assert again == [(postponed.uuid, "Acknowledged")]


def test_device_configured_ends_setup_assistant_of_a_user(
    mac: SimulatedDevice,
) -> None:
    mac.automated = True
    mac.state.awaiting = True
    ada = mac.user("ada")
    ada.new_token()
    ada.announce()
    one = channel(mac, "ada")
    queue.enqueue_all([one.pk], [inventory.configured()])
    done = [(each.request_type, each.status) for each in ada.set_up()]
    assert done == [("ProfileList", "NotNow"), ("DeviceConfigured", "Acknowledged")]
    results.read_waiting()
    assert mac.state.awaiting, "the device waits for its own"
    mac.log_in("ada")
    assert [each.status for each in ada.session()] == ["Acknowledged"]


def test_a_user_who_is_not_there_yet_gets_an_empty_answer(mac: SimulatedDevice) -> None:
    ada = mac.user("ada")
    assert ada.connect(UserConfiguration=True) is None
    with pytest.raises(ServerRefused) as refusal:
        ada.connect()
    assert refusal.value.status == 400
    assert not Channel.objects.exclude(user_id="").exists()
