"""Moving in and renewal, in the dashboard."""

import datetime as dt
import re

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apns import certificates
from apns.models import PushCertificate
from commands import queue
from commands.models import Delivery
from devices.models import AuditEntry, Channel, Identity
from enrollment import moving_in as migration
from enrollment.models import (
    CertificateAuthority,
    Challenge,
    EnrollmentProfile,
    MigrationSource,
    Move,
    digest,
)
from mdmportal.protocol import mobileconfig, plist

from ..other_server import YEAR
from ..other_server import certificate as issue
from .conftest import TOPIC, Fleet, SignIn
from .test_push_certificate import certificate, key, pem

ADD = "admin:enrollment_migrationsource_add"
KEY = re.compile(r"-key ([\w-]{32})")


@pytest.fixture(scope="module")
def authority() -> str:
    own = rsa.generate_private_key(65537, 2048)
    issued = issue("Other CA", own, "Other CA", own)
    return issued.public_bytes(Encoding.PEM).decode()


@pytest.fixture
def way(db: None) -> EnrollmentProfile:
    return EnrollmentProfile.objects.create(name="Moved", code="moved")


@pytest.fixture
def form(way: EnrollmentProfile, authority: str) -> dict[str, object]:
    values = {"name": "NanoMDM", "way": way.pk, "authorities": authority}
    return {**values, "is_enabled": "on"}


@pytest.fixture
def source(way: EnrollmentProfile, authority: str) -> MigrationSource:
    return MigrationSource.objects.create(
        name="NanoMDM", way=way, digest=digest("key"), authorities=authority
    )


def page_of(source: MigrationSource) -> str:
    return reverse("admin:enrollment_migrationsource_change", args=[source.pk])


def profile(*, topic: str = TOPIC, signs: bool = True, names: str = "U1") -> bytes:
    identity = mobileconfig.payload(mobileconfig.SCEP, "old.scep", "U1")
    mdm = mobileconfig.payload(
        mobileconfig.MDM,
        "old.mdm",
        "U2",
        IdentityCertificateUUID=names,
        Topic=topic,
        ServerURL="https://mdm.example.com/mdm",
        SignMessage=signs,
        AccessRights=19,
    )
    content = [identity, mdm]
    return plist.dumps(
        mobileconfig.payload("Configuration", "old", "U3", PayloadContent=content)
    )


def upload(content: bytes) -> SimpleUploadedFile:
    return SimpleUploadedFile("enroll.mobileconfig", content)


def moved(source: MigrationSource, channel: Channel, *, seen: bool) -> None:
    now = timezone.now() if seen else None
    Move.objects.create(source=source, enrollment=channel.enrollment, seen_at=now)


# --- Sources


def test_the_empty_list_says_what_it_is_for(admin: Client) -> None:
    page = admin.get(reverse("admin:enrollment_migrationsource_changelist"))
    assert "without enrolling again" in page.content.decode()


def test_the_key_is_shown_once_and_only_its_digest_is_kept(
    admin: Client, form: dict[str, object]
) -> None:
    answer = admin.post(reverse(ADD), form)
    page = answer.content.decode()
    found = KEY.search(page)
    assert found is not None, page
    source = MigrationSource.objects.get()
    assert source.digest == digest(found[1])
    assert migration.source_of(found[1]) == source
    assert "/migration" in page
    assert "no-store" in answer["Cache-Control"]
    assert found[1] not in admin.get(page_of(source)).content.decode()
    assert AuditEntry.objects.filter(action="added a migration source").exists()


def test_another_key_makes_the_first_void(
    admin: Client, source: MigrationSource
) -> None:
    url = reverse("admin:enrollment_migrationsource_key", args=[source.pk])
    assert admin.get(url).status_code == 405
    found = KEY.search(admin.post(url).content.decode())
    assert found is not None
    assert migration.source_of("key") is None
    assert migration.source_of(found[1]) == source


def test_who_may_not_change_sources_gets_no_key(
    sign_in: SignIn, source: MigrationSource
) -> None:
    url = reverse("admin:enrollment_migrationsource_key", args=[source.pk])
    reader = sign_in("enrollment.view_migrationsource")
    assert reader.post(url).status_code == 403
    assert "Make another key" not in reader.get(page_of(source)).content.decode()


def test_authorities_that_are_no_certificates_are_refused(
    admin: Client, form: dict[str, object]
) -> None:
    page = admin.post(reverse(ADD), {**form, "authorities": "Other CA"})
    assert "Paste certificates as PEM" in page.content.decode()
    assert not MigrationSource.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"nonsense", "no configuration profile"),
        (profile(names="U9"), "no payload that gives the device an identity"),
        (
            plist.dumps(
                mobileconfig.payload("Configuration", "x", "U", PayloadContent=[])
            ),
            "one MDM payload",
        ),
    ],
)
def test_a_profile_that_cannot_renew_is_refused(
    admin: Client, form: dict[str, object], content: bytes, words: str
) -> None:
    page = admin.post(reverse(ADD), {**form, "upload": upload(content)})
    assert words in page.content.decode()
    assert not MigrationSource.objects.exists()


def test_the_uploaded_profile_says_what_the_devices_enrolled_with(
    admin: Client, source: MigrationSource, form: dict[str, object], fleet: Fleet
) -> None:
    [channel] = fleet(1)
    moved(source, channel, seen=False)
    admin.post(page_of(source), {**form, "upload": upload(profile())})
    source.refresh_from_db()
    channel.enrollment.refresh_from_db()
    assert bytes(source.profile) == profile()
    assert channel.enrollment.profile_identifier == "old"
    assert channel.enrollment.access_rights == 19
    admin.post(page_of(source), form)
    source.refresh_from_db()
    assert bytes(source.profile) == profile(), "saved again, it stays"


def test_the_page_tells_how_far_it_is(
    admin: Client, source: MigrationSource, fleet: Fleet
) -> None:
    come, missing, _ = fleet(3)
    moved(source, come, seen=True)
    moved(source, missing, seen=False)
    response = admin.get(page_of(source))
    assert response.context["counts"] == {"moved": 2, "seen": 1, "missing": 1}
    page = response.content.decode()
    assert missing.enrollment.device.get_absolute_url() in page
    assert come.enrollment.device.get_absolute_url() not in page


def test_those_that_have_not_come_are_woken(
    admin: Client, source: MigrationSource, fleet: Fleet
) -> None:
    come, missing, _ = fleet(3)
    moved(source, come, seen=True)
    moved(source, missing, seen=False)
    url = reverse("admin:enrollment_migrationsource_wake", args=[source.pk])
    assert "1 devices." in admin.post(url, follow=True).content.decode()
    due = Channel.objects.filter(push_at__isnull=False)
    assert list(due) == [missing]


def test_the_page_tells_what_will_go_wrong(
    admin: Client, source: MigrationSource
) -> None:
    assert "cannot be renewed" in admin.get(page_of(source)).content.decode()
    MigrationSource.objects.update(profile=profile(signs=False))
    page = admin.get(page_of(source)).content.decode()
    assert "no push certificate with the topic" in page
    assert "do not sign what they send" in page
    certificates.take(certificates.read(pem(certificate()), pem(key())))
    topic = PushCertificate.objects.get().topic
    MigrationSource.objects.update(profile=profile(topic=topic))
    assert admin.get(page_of(source)).context["problems"] == []


def test_a_source_whose_devices_are_here_is_closed_and_not_deleted(
    admin: Client, source: MigrationSource, fleet: Fleet
) -> None:
    moved(source, fleet(1)[0], seen=True)
    url = reverse("admin:enrollment_migrationsource_delete", args=[source.pk])
    assert admin.post(url, {"post": "yes"}).status_code == 403


# --- Identities and who issues them


def test_authorities_say_which_is_in_force(admin: Client) -> None:
    for number in range(2):
        row = CertificateAuthority(certificate=b"", private_key=b"")
        row.fingerprint, row.not_after = f"{number}", timezone.now() + YEAR
        row.save()
    url = reverse("admin:enrollment_certificateauthority_changelist")
    page = admin.get(url).content.decode()
    assert page.index("in force") < page.index("still believed")


def identity(channel: Channel, days: float, way: EnrollmentProfile) -> Identity:
    number, now = Identity.objects.count(), timezone.now()
    row = Identity.objects.create(
        enrollment=channel.enrollment,
        fingerprint=f"{number:064}",
        subject=f"CN=identity{number}",
        certificate=b"",
        not_before=now,
        not_after=now + dt.timedelta(days=days),
    )
    Challenge.issue(way)
    Challenge.objects.filter(identity=None).update(identity=row)
    return row


def renew(client: Client, rows: list[Identity]) -> str:
    chosen = {"action": "renew", "_selected_action": [row.pk for row in rows]}
    url = reverse("admin:devices_identity_changelist")
    return client.post(url, chosen, follow=True).content.decode()


def test_identities_are_renewed_by_hand_and_it_is_said_why_not(
    admin: Client, way: EnrollmentProfile, fleet: Fleet
) -> None:
    one, other = fleet(2)
    rows = [identity(one, 500, way), identity(other, 500, way)]
    other.enrollment.end("gone")
    page = renew(admin, rows)
    assert "1 renewals ordered. 1 not: it is not enrolled." in page
    assert Delivery.objects.get(priority=queue.RENEWAL).channel == one
    assert "renewal is ordered already" in renew(admin, rows)
    device = admin.get(one.enrollment.device.get_absolute_url()).content.decode()
    assert "renewal ordered" in device


def test_only_who_orders_commands_renews(
    sign_in: SignIn, way: EnrollmentProfile, fleet: Fleet
) -> None:
    row = identity(fleet(1)[0], 500, way)
    renew(sign_in("devices.view_identity"), [row])
    assert not Delivery.objects.exists()


def test_only_the_newest_identity_of_a_device_raises_an_alarm(
    admin: Client, way: EnrollmentProfile, fleet: Fleet
) -> None:
    renewed, late = fleet(2)
    old, new = identity(renewed, 10, way), identity(renewed, 500, way)
    due = identity(late, 10, way)
    url = reverse("admin:devices_identity_changelist")
    listed = admin.get(url, {"expires": "30"}).context["cl"].queryset
    assert list(listed) == [due]
    assert "1 device identity" in admin.get(reverse("admin:index")).content.decode()
    page = admin.get(renewed.enrollment.device.get_absolute_url()).content.decode()
    assert f"until {new.not_after:%-d %B %Y}" in page
    assert f"until {old.not_after:%-d %B %Y}" not in page


def test_a_renewal_that_failed_is_not_sent_again_as_it_was(
    admin: Client, way: EnrollmentProfile, fleet: Fleet
) -> None:
    [channel] = fleet(1)
    renew(admin, [identity(channel, 500, way)])
    Delivery.objects.update(state="failed")
    url = reverse("admin:commands_delivery_changelist")
    chosen = {
        "action": "repeat",
        "_selected_action": list(Delivery.objects.values_list("pk", flat=True)),
    }
    page = admin.post(url, chosen, follow=True).content.decode()
    assert "good for one time" in page
    assert Delivery.objects.count() == 1
