"""The demo of ``make run``: made once, and never again over what somebody changed."""

from pathlib import Path

import pytest
from django.test import Client

from compliance.models import Policy
from devices.conditions import read
from devices.models import User
from enrollment.models import EnrollmentProfile, MailDomain, Route
from mdmportal import demo

pytestmark = pytest.mark.django_db


def test_its_person_can_sign_in_and_finds_the_ways_in(tmp_path: Path) -> None:
    person = demo.prepare(tmp_path)
    assert person is not None
    client = Client()
    assert client.login(username=demo.NAME, password=person.password)
    page = client.get("/enroll/").content.decode()
    assert all(str(way["name"]).replace("'", "&#x27;") in page for way in demo.WAYS)
    assert Route.objects.get().way.kind == EnrollmentProfile.Kind.BYOD


def test_its_policies_are_for_what_is_simulated(tmp_path: Path) -> None:
    demo.prepare(tmp_path)
    made = Policy.objects.all()
    assert [policy.name for policy in made] == sorted(
        str(each["name"]) for each in demo.POLICIES
    )
    assert all(policy.rules.items for policy in made)
    macs = made.get(groups__name="Macs").groups.get()
    assert read(macs.conditions).words() == "Platform is macOS"


def test_it_is_made_once(tmp_path: Path) -> None:
    first = demo.prepare(tmp_path)
    EnrollmentProfile.objects.filter(kind="byod").delete()
    MailDomain.objects.all().delete()
    assert demo.prepare(tmp_path) == first
    assert not MailDomain.objects.exists()


def test_a_person_who_is_gone_or_changed_is_not_used(tmp_path: Path) -> None:
    demo.prepare(tmp_path)
    ada = User.objects.get(username=demo.NAME)
    ada.set_password("of her own")
    ada.save()
    assert demo.prepare(tmp_path) is None
    ada.delete()
    assert demo.prepare(tmp_path) is None


def test_somebody_elses_account_is_left_alone(tmp_path: Path) -> None:
    User.objects.create_user(demo.NAME, password="theirs")
    assert demo.prepare(tmp_path) is None
    assert not MailDomain.objects.exists()


def test_the_password_is_for_its_owner_alone(tmp_path: Path) -> None:
    person = demo.prepare(tmp_path)
    assert person is not None
    assert person.password_file.stat().st_mode & 0o077 == 0
