"""Ways in, in the dashboard and for the person who enrolls."""

import re
import uuid

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apns import certificates
from devices.models import Enrollment, Identity
from enrollment.models import Challenge, EnrollmentProfile, MailDomain, Route
from mdmportal.protocol import mobileconfig, rights
from mdmportal.protocol.rights import AccessRights

from .agents import IPHONE
from .conftest import Fleet, SignIn
from .test_push_certificate import certificate, key, pem

WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"


FORM = {
    "name": "Visitors",
    "kind": "profile",
    "code": "visitors",
    "is_enabled": "on",
    "method": "apple-as-web",
    "session_days": "90",
    "network_users": "decline",
    "rights": ["1", "2", "16"],
}


@pytest.fixture
def way(db: None) -> EnrollmentProfile:
    return EnrollmentProfile.objects.create(name="Visitors", code="visitors")


@pytest.fixture
def push_certificate(db: None) -> None:
    certificates.take(certificates.read(pem(certificate()), pem(key())))


def page_of(way: EnrollmentProfile) -> str:
    return reverse("admin:enrollment_enrollmentprofile_change", args=[way.pk])


def test_the_page_shows_the_address_and_its_qr_code(
    admin: Client, way: EnrollmentProfile
) -> None:
    page = admin.get(page_of(way)).content.decode()
    assert way.url in page
    assert "<svg" in page


def test_rights_are_chosen_in_words(admin: Client, way: EnrollmentProfile) -> None:
    admin.post(page_of(way), {**FORM, "rights": ["1", "2", "16"]})
    way.refresh_from_db()
    assert way.access_rights == 19


@pytest.mark.parametrize(
    ("chosen", "problem"),
    [
        (["2"], "“Install and remove profiles” needs “Inspect profiles” too."),
        ([], "This field is required."),
    ],
)
def test_rights_that_devices_refuse_are_refused(
    admin: Client, way: EnrollmentProfile, chosen: list[str], problem: str
) -> None:
    form = {**FORM, "rights": chosen}
    assert problem in admin.post(page_of(way), form).content.decode()
    way.refresh_from_db()
    assert way.access_rights == rights.ALL


def test_a_new_way_in_has_all_rights_unless_told_otherwise(admin: Client) -> None:
    url = reverse("admin:enrollment_enrollmentprofile_add")
    form = admin.get(url).context["adminform"].form
    assert len(form.fields["rights"].initial) == 13


def test_a_profile_for_one_device_is_downloaded(
    admin: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    url = reverse("admin:enrollment_enrollmentprofile_download", args=[way.pk])
    answer = admin.get(url)
    assert answer.headers["Content-Type"] == mobileconfig.CONTENT_TYPE
    assert mobileconfig.read(answer.content)["PayloadType"] == "Configuration"
    assert Challenge.objects.filter(way=way).count() == 1


def test_without_a_push_certificate_no_profile_is_made(
    admin: Client, way: EnrollmentProfile
) -> None:
    url = reverse("admin:enrollment_enrollmentprofile_download", args=[way.pk])
    page = admin.get(url, follow=True).content.decode()
    assert "before a push certificate is uploaded" in page


def test_only_who_sees_ways_in_downloads_profiles(
    sign_in: SignIn, way: EnrollmentProfile, push_certificate: None
) -> None:
    url = reverse("admin:enrollment_enrollmentprofile_download", args=[way.pk])
    assert sign_in().get(url).status_code == 403


def test_the_person_reads_what_it_can_see_and_do(
    client: Client, way: EnrollmentProfile
) -> None:
    page = client.get(way.get_absolute_url(), headers={"user-agent": IPHONE})
    text = page.content.decode()
    assert "erase the whole device" in text
    assert "your messages, mail and calls" in text
    assert reverse("enroll-profile", args=[way.code]) in text
    assert "<script" not in text.partition("<body")[2]


def test_a_way_in_keeps_its_devices_when_it_is_renamed(
    admin: Client, way: EnrollmentProfile, fleet: Fleet
) -> None:
    for channel in fleet(2):
        came_by(way, channel.enrollment)
        came_by(way, channel.enrollment)  # a certificate renewed is no second device
    [by_another_way, left] = fleet(2)
    came_by(EnrollmentProfile.objects.exclude(pk=way.pk)[0], by_another_way.enrollment)
    came_by(way, left.enrollment)
    left.enrollment.end("checked out")
    EnrollmentProfile.objects.filter(pk=way.pk).update(name="Guests")
    page = admin.get(page_of(way)).content.decode()
    link = re.search(r'<a href="([^"]+)">2 devices</a> enrolled by it now', page)
    assert link
    shown = admin.get(link[1].replace("&amp;", "&")).context["cl"]
    assert shown.result_count == 2
    [row] = (
        admin.get(page_of(way).replace(f"{way.pk}/change/", "?q=Guests"))
        .context["cl"]
        .result_list
    )
    assert row.devices == 2


def came_by(way: EnrollmentProfile, stay: Enrollment) -> None:
    """Give the enrollment an identity that was issued for a challenge of this way."""
    now, name = timezone.now(), str(uuid.uuid4())
    identity = Identity.objects.create(
        enrollment=stay, fingerprint=name, not_before=now, not_after=now
    )
    Challenge.objects.create(way=way, digest=name, expires_at=now, identity=identity)


def told(client: Client, way: EnrollmentProfile, access_rights: int) -> int:
    """Return how many things the person is told that IT can see or do."""
    EnrollmentProfile.objects.update(access_rights=access_rights)
    page = client.get(way.get_absolute_url()).content.decode()
    return page.count("is-yes")


def test_the_person_is_told_of_every_right(
    client: Client, way: EnrollmentProfile
) -> None:
    assert told(client, way, rights.ALL) == len(AccessRights) == 13
    for right in AccessRights:
        assert told(client, way, right) == 1, right


def test_a_right_that_is_not_asked_for_is_not_claimed(
    client: Client, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.update(access_rights=rights.ALL - 8)
    text = client.get(way.get_absolute_url()).content.decode()
    assert "erase the whole device" not in text


def test_on_another_system_the_person_is_told_where_to_open_it(
    client: Client, way: EnrollmentProfile
) -> None:
    page = client.get(way.get_absolute_url(), headers={"user-agent": WINDOWS})
    text = page.content.decode()
    assert "This page is for iPhone, iPad, Mac" in text
    assert reverse("enroll-profile", args=[way.code]) not in text


def test_before_all_is_ready_the_person_is_told_kindly(
    client: Client, way: EnrollmentProfile
) -> None:
    answer = client.get(reverse("enroll-profile", args=[way.code]))
    assert answer.status_code == 503
    assert b"Nothing was installed on your device." in answer.content


def test_a_closed_way_in_is_not_there(client: Client, way: EnrollmentProfile) -> None:
    EnrollmentProfile.objects.update(is_enabled=False)
    answer = client.get(way.get_absolute_url())
    assert answer.status_code == 404
    assert b"IT has closed this way in" in answer.content


def test_a_way_that_devices_came_by_is_closed_not_deleted(
    admin: Client, way: EnrollmentProfile, fleet: Fleet
) -> None:
    delete = page_of(way).replace("/change/", "/delete/")
    assert admin.get(delete).status_code == 200
    [channel] = fleet()
    came_by(way, channel.enrollment)
    assert admin.post(delete, {"post": "yes"}).status_code == 403
    several = {"action": "delete_selected", "_selected_action": [way.pk], "post": "yes"}
    admin.post(reverse("admin:enrollment_enrollmentprofile_changelist"), several)
    assert Challenge.objects.filter(way=way).exists()
    assert "It cannot be deleted" in admin.get(page_of(way)).content.decode()


def test_the_kind_is_fixed_once_a_device_came_by_it(
    admin: Client, way: EnrollmentProfile, fleet: Fleet
) -> None:
    admin.post(page_of(way), {**FORM, "kind": "ota"})
    way.refresh_from_db()
    assert way.kind == "ota"
    [channel] = fleet()
    came_by(way, channel.enrollment)
    admin.post(page_of(way), {**FORM, "kind": "byod"})
    way.refresh_from_db()
    assert way.kind == "ota"


@pytest.mark.parametrize("code", ["devices", "i"])
def test_a_code_is_no_address_of_the_portals_own(
    admin: Client, way: EnrollmentProfile, code: str
) -> None:
    page = admin.post(page_of(way), {**FORM, "code": code}).content.decode()
    assert "an address of the portal’s own" in page.replace("&#x27;", "’")
    way.refresh_from_db()
    assert way.code == "visitors"


def test_an_account_driven_way_says_which_domains_lead_to_it(
    admin: Client, way: EnrollmentProfile
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="byod")
    page = admin.get(page_of(way)).content.decode()
    assert "None yet, so no device finds it." in page
    assert "Download a profile" not in page
    domain = MailDomain.objects.create(name="example.com")
    Route.objects.create(domain=domain, way=way)
    page = admin.get(page_of(way)).content.decode()
    assert domain.get_absolute_url() in page
    assert "None yet" not in page


def test_an_account_driven_way_hands_out_no_profile(
    admin: Client, way: EnrollmentProfile, push_certificate: None
) -> None:
    EnrollmentProfile.objects.filter(pk=way.pk).update(kind="adde")
    for name, code in (
        ("admin:enrollment_enrollmentprofile_download", way.pk),
        ("enroll-profile", way.code),
    ):
        answer = admin.get(reverse(name, args=[code]))
        assert answer.status_code == 302
    assert not Challenge.objects.exists()


def test_what_becomes_of_users_is_chosen_in_words(
    admin: Client, way: EnrollmentProfile
) -> None:
    page = admin.get(page_of(way)).content.decode()
    assert "are managed if their password is that of the portal" in page
    admin.post(page_of(way), {**FORM, "network_users": "password"})
    way.refresh_from_db()
    assert way.network_users == EnrollmentProfile.NetworkUsers.PASSWORD
    assert not way.manages_shared_users, "the box was not ticked"
