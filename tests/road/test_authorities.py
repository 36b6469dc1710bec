"""Certificate authorities: the next one is made in time, and both are believed."""

import datetime as dt
from typing import Any

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client
from django.utils import timezone

from devices.models import Identity
from enrollment import authority, profiles
from enrollment.models import CertificateAuthority, EnrollmentProfile
from enrollment.tasks import renew_identities, roll_over
from mdmportal.protocol import cms, mobileconfig
from mdmportal.simulator.errors import ProfileRefused

from .conftest import MAC, Enroll, channel

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def keys() -> list[rsa.RSAPrivateKey]:
    return [rsa.generate_private_key(65537, 2048) for _ in range(2)]


@pytest.fixture(autouse=True)
def _each_its_own_key(
    monkeypatch: pytest.MonkeyPatch, keys: list[rsa.RSAPrivateKey]
) -> None:
    monkeypatch.setattr(
        authority, "new_key", lambda: keys[CertificateAuthority.objects.count() % 2]
    )


def grow_old(years: float = 1) -> CertificateAuthority:
    """Let the authority in force end in so many years, and return it."""
    ours = authority.current()
    ours.not_after = timezone.now() + dt.timedelta(days=365 * years)
    ours.save()
    return ours


def issuer(identity: x509.Certificate) -> CertificateAuthority:
    """Return the authority that issued it, by its key."""
    for each in CertificateAuthority.objects.all():
        try:
            identity.verify_directly_issued_by(each.x509)
        except InvalidSignature:
            continue
        return each
    raise AssertionError("none of ours issued it")


def asked(name: str) -> x509.Certificate:
    query = {"operation": "GetCACert", "message": name}
    return x509.load_der_x509_certificate(Client().get("/scep", query).content)


def test_another_is_made_before_identities_would_be_cut_short(way: Any) -> None:
    grow_old(2)
    assert roll_over() is True
    assert CertificateAuthority.objects.count() == 2
    whole = authority.current().not_after - timezone.now()
    assert whole > dt.timedelta(days=19 * 365)


def test_it_is_made_once(way: Any) -> None:
    grow_old()
    assert [roll_over(), roll_over()] == [True, False]


def test_nothing_is_made_while_there_is_time(way: Any) -> None:
    grow_old(2.5)
    assert roll_over() is False


def test_lives_longer_than_any_authority_make_no_new_one_each_day(
    settings: Any, way: Any
) -> None:
    settings.IDENTITY_LIFE = 40 * 365 * 24 * 60 * 60
    authority.current()
    assert roll_over() is False


def test_a_profile_made_before_still_enrolls_after(
    make: Enroll, way: EnrollmentProfile
) -> None:
    profile = profiles.make(way)
    old = grow_old()
    roll_over()
    device = make()
    device.install(profile)
    assert issuer(device.stay.identity.certificate) == old
    assert channel(device).enrollment.state == "active"


def test_a_profile_made_after_is_of_the_new_one(
    enroll: Enroll, way: EnrollmentProfile
) -> None:
    before = enroll()
    old = grow_old()
    roll_over()
    new = authority.current()
    assert new != old
    after = enroll(MAC)
    assert issuer(after.stay.identity.certificate) == new
    assert issuer(before.stay.identity.certificate) == old
    for device in (before, after):
        assert device.connect() is None, "both are believed"
    signed = cms.verify(profiles.make(way))
    assert signed.signer == new.x509


def test_a_device_of_the_old_authority_is_renewed_by_the_new_one(
    enroll: Enroll, make: Enroll
) -> None:
    device = enroll()
    grow_old()
    roll_over()
    soon = timezone.now() + dt.timedelta(days=100)
    Identity.objects.update(not_after=soon)
    renew_identities()
    device.session()
    assert issuer(device.stay.identity.certificate) == authority.current()


def test_getcacert_answers_with_the_authority_that_the_profile_names(way: Any) -> None:
    old = grow_old()
    roll_over()
    new = authority.current()
    assert asked(old.fingerprint) == old.x509
    assert asked(new.fingerprint) == new.x509
    for other in ("", "Example Ltd", "0" * 64):
        assert asked(other) == new.x509


def test_the_scep_payload_names_its_authority(way: EnrollmentProfile) -> None:
    payloads = mobileconfig.read(profiles.make(way))["PayloadContent"]
    [scep] = [one for one in payloads if one["PayloadType"] == mobileconfig.SCEP]
    assert scep["PayloadContent"]["Name"] == authority.current().fingerprint


def test_one_that_expired_issues_nothing_any_more(
    make: Enroll, way: EnrollmentProfile
) -> None:
    profile = profiles.make(way)
    grow_old(-1)
    roll_over()
    with pytest.raises(ProfileRefused):
        make().install(profile)
    assert not Identity.objects.exists()
