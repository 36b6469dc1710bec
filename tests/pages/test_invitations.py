"""Invitations: made and sent by IT, opened by who was invited, and never more often."""

import datetime as dt
import re
from collections.abc import Callable

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone

from apns import certificates
from devices.models import AuditEntry, User
from enrollment import invitations
from enrollment.models import Challenge, EnrollmentProfile, Invitation, digest

from .agents import IPHONE
from .conftest import SignIn
from .test_push_certificate import certificate, key, pem

ADD = "/admin/enrollment/invitation/add/"
Invite = Callable[..., tuple[Invitation, str]]


@pytest.fixture(autouse=True)
def _no_one_was_counted() -> None:
    cache.clear()


@pytest.fixture
def way(db: None) -> EnrollmentProfile:
    return EnrollmentProfile.objects.create(
        name="Staff", code="staff", requires_sign_in=True
    )


@pytest.fixture
def push_certificate(db: None) -> None:
    certificates.take(certificates.read(pem(certificate()), pem(key())))


@pytest.fixture
def invite(way: EnrollmentProfile) -> Invite:
    def make(**more: object) -> tuple[Invitation, str]:
        end = timezone.now() + dt.timedelta(days=1)
        invitation = Invitation(**{"way": way, "expires_at": end, **more})
        return invitation, invitations.make(invitation, None)

    return make


def form(way: EnrollmentProfile, **more: object) -> dict[str, object]:
    return {
        "way": way.pk,
        "by": "mail",
        "user": "",
        "email": "anna@example.com",
        "limit": "1",
        "expires_at_0": "2099-01-01",
        "expires_at_1": "12:00:00",
        "note": "",
        **more,
    }


def token_in(text: object) -> str:
    found = re.search(r"/enroll/i/([\w-]+)/", str(text))
    assert found
    return found[1]


# --- Made and sent


def test_a_letter_is_sent_whose_address_lets_in(
    admin: Client, client: Client, way: EnrollmentProfile
) -> None:
    answer = admin.post(ADD, form(way), follow=True)
    assert "on its way to anna@example.com" in answer.content.decode()
    [letter] = mail.outbox
    assert letter.to == ["anna@example.com"]
    token = token_in(letter.body)
    invitation = Invitation.objects.get()
    assert invitation.sent_at
    assert invitation.digest == digest(token)
    assert token not in answer.content.decode()
    page = client.get(f"/enroll/i/{token}/", headers={"user-agent": IPHONE})
    assert f"/enroll/i/{token}/profile" in page.content.decode()


def test_the_audit_trail_says_who_was_invited_and_not_how(
    admin: Client, way: EnrollmentProfile
) -> None:
    admin.post(ADD, form(way))
    entry = AuditEntry.objects.get()
    assert entry.action == "invited"
    assert "anna@example.com" in entry.target
    assert token_in(mail.outbox[0].body) not in f"{entry.target} {entry.details}"


def test_a_letter_needs_somewhere_to_go(admin: Client, way: EnrollmentProfile) -> None:
    answer = admin.post(ADD, form(way, email=""))
    assert "Where should the letter go?" in answer.content.decode()
    assert not Invitation.objects.exists()


def test_a_letter_goes_to_the_user_if_no_address_is_given(
    admin: Client, way: EnrollmentProfile
) -> None:
    anna = User.objects.create_user("anna", email="a@example.com", first_name="Anna")
    admin.post(ADD, form(way, email="", user=anna.pk))
    assert mail.outbox[0].to == ["a@example.com"]
    assert "Hello Anna," in mail.outbox[0].body


@pytest.mark.parametrize(
    "more", [{"limit": "0"}, {"expires_at_0": "2020-01-01"}, {"limit": ""}]
)
def test_an_invitation_that_lets_no_one_in_is_not_made(
    admin: Client, way: EnrollmentProfile, more: dict[str, object]
) -> None:
    assert admin.post(ADD, form(way, **more)).status_code == 200
    assert not Invitation.objects.exists()
    assert not mail.outbox


def test_a_printed_code_is_shown_once(admin: Client, way: EnrollmentProfile) -> None:
    answer = admin.post(ADD, form(way, by="print", email="", limit="30"))
    text = answer.content.decode()
    token = token_in(text)
    assert "<svg" in text
    assert "For 30 devices" in text
    assert "no-store" in answer["Cache-Control"]
    invitation = Invitation.objects.get()
    again = admin.get(f"/admin/enrollment/invitation/{invitation.pk}/change/")
    assert again.status_code == 200
    assert token not in again.content.decode()
    assert not mail.outbox


@override_settings(
    EMAIL_BACKEND="django.core.mail.backends.smtp.EmailBackend",
    EMAIL_HOST="127.0.0.1",
    EMAIL_PORT=9,
)
def test_a_letter_that_was_not_sent_can_be_printed(
    admin: Client, way: EnrollmentProfile
) -> None:
    text = admin.post(ADD, form(way)).content.decode()
    assert "could not be sent" in text
    assert digest(token_in(text)) == Invitation.objects.get().digest
    assert Invitation.objects.get().sent_at is None


def step(name: str, invitation: Invitation) -> str:
    return reverse(f"admin:enrollment_invitation_{name}", args=[invitation.pk])


def test_a_new_code_makes_the_old_one_void(
    admin: Client, client: Client, invite: Invite
) -> None:
    invitation, old = invite()
    new = token_in(admin.post(step("renew", invitation)).content.decode())
    assert client.get(f"/enroll/i/{old}/").status_code == 404
    assert client.get(f"/enroll/i/{new}/").status_code == 200


def test_sending_again_sends_a_new_address(
    admin: Client, client: Client, invite: Invite
) -> None:
    invitation, old = invite(email="anna@example.com")
    admin.post(step("send", invitation))
    new = token_in(mail.outbox[0].body)
    assert client.get(f"/enroll/i/{old}/").status_code == 404
    assert client.get(f"/enroll/i/{new}/").status_code == 200


def test_withdrawn_it_lets_no_one_in(
    admin: Client, client: Client, invite: Invite, push_certificate: None
) -> None:
    invitation, token = invite()
    assert admin.get(step("revoke", invitation)).status_code == 405
    admin.post(step("revoke", invitation))
    answer = client.get(f"/enroll/i/{token}/")
    assert answer.status_code == 410
    assert "It was withdrawn." in answer.content.decode()
    assert client.get(f"/enroll/i/{token}/profile").status_code == 410
    assert not Challenge.objects.exists()


@pytest.mark.parametrize("name", ["renew", "send", "revoke"])
def test_who_may_only_look_changes_nothing(
    sign_in: SignIn, client: Client, invite: Invite, name: str
) -> None:
    invitation, token = invite(email="anna@example.com")
    viewer = sign_in("enrollment.view_invitation")
    page = viewer.get(f"/admin/enrollment/invitation/{invitation.pk}/change/")
    assert page.status_code == 200
    assert step(name, invitation) not in page.content.decode()
    assert viewer.post(step(name, invitation)).status_code == 403
    assert client.get(f"/enroll/i/{token}/").status_code == 200


def test_the_list_says_how_each_stands(admin: Client, invite: Invite) -> None:
    invite(note="open one")
    gone, _ = invite(note="late one")
    Invitation.objects.filter(pk=gone.pk).update(expires_at=timezone.now())
    rows = admin.get("/admin/enrollment/invitation/").content.decode()
    assert "0 of 1" in rows
    assert ">open<" in rows
    assert ">expired<" in rows


# --- Opened


def test_an_invitation_stands_in_for_signing_in(
    client: Client, invite: Invite, push_certificate: None
) -> None:
    anna = User.objects.create_user("anna")
    invitation, token = invite(user=anna)
    answer = client.get(f"/enroll/i/{token}/profile")
    assert answer.status_code == 200
    challenge = Challenge.objects.get()
    assert challenge.user == anna
    assert challenge.invitation == invitation
    status = client.get(f"/enroll/i/{token}/status").json()["attempt"]
    assert "Profile downloaded" in status


def test_without_a_user_the_device_belongs_to_nobody(
    admin: Client, invite: Invite, push_certificate: None
) -> None:
    _, token = invite(email="anna@example.com")
    admin.get(f"/enroll/i/{token}/profile")  # even if somebody is signed in
    assert Challenge.objects.get().user is None
    assert not User.objects.filter(email="anna@example.com").exists()


def test_a_guess_finds_nothing(client: Client, invite: Invite) -> None:
    invitation, _ = invite()
    for guess in ("x", invitation.digest, str(invitation.pk)):
        assert client.get(f"/enroll/i/{guess}/").status_code == 404
        assert client.get(f"/enroll/i/{guess}/profile").status_code == 404
        assert client.get(f"/enroll/i/{guess}/status").status_code == 404


def test_account_driven_it_only_shows_the_steps(
    client: Client, invite: Invite, way: EnrollmentProfile, push_certificate: None
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="byod")
    _, token = invite()
    page = client.get(f"/enroll/i/{token}/", headers={"user-agent": IPHONE})
    assert "Sign In to Work or School Account" in page.content.decode()
    answer = client.get(f"/enroll/i/{token}/profile")
    assert answer["Location"] == f"/enroll/i/{token}/"
    assert not Challenge.objects.exists()


def test_expired_it_says_whom_to_ask(client: Client, invite: Invite) -> None:
    _, token = invite(expires_at=timezone.now() - dt.timedelta(minutes=1))
    answer = client.get(f"/enroll/i/{token}/")
    assert answer.status_code == 410
    assert "It has expired." in answer.content.decode()
