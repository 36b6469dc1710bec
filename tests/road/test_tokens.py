"""GetToken: by what Apple's services believe that a device is managed here."""

import logging

import jwt
import pytest
from cryptography import x509

from enrollment import profiles, tokens
from enrollment.models import BusinessKey, EnrollmentProfile
from mdmportal.protocol import mobileconfig
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import ServerRefused
from mdmportal.simulator.service_token import TokenRefused, read

from .conftest import MAC, Enroll

pytestmark = pytest.mark.django_db

SERVER = "0F5C9D6E-1111-4222-8333-444455556666"


@pytest.fixture
def business_key(db: None) -> BusinessKey:
    key = tokens.new_key("Corp")
    key.server_uuid = SERVER
    key.save()
    return key


def test_a_device_and_its_users_get_tokens_that_apple_believes(
    business_key: BusinessKey, enroll: Enroll
) -> None:
    mac = enroll(MAC)
    uploaded = x509.load_pem_x509_certificate(business_key.pem)
    given = [one.get_token() for one in (mac, mac.log_in("ada"))]
    for token in given:
        claims = jwt.decode(token.raw, uploaded.public_key(), algorithms=["RS256"])  # type: ignore[arg-type]
        assert claims["iss"] == token.server_uuid == SERVER
        assert claims["service_type"] == "com.apple.maid"
    assert len({token.number for token in given}) == 2, "each is good once"


def test_a_device_does_not_ask_where_there_are_none(
    mac: SimulatedDevice, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ValueError, match="not told to ask"):
        mac.get_token()
    caplog.set_level(logging.WARNING)
    assert status(mac, "com.apple.maid") == 400
    assert "add an Apple Business Manager key" in caplog.text


@pytest.mark.parametrize("service", ["com.apple.watch.pairing", "com.example.other"])
def test_an_unknown_service_is_400(
    business_key: BusinessKey, mac: SimulatedDevice, service: str
) -> None:
    assert status(mac, service) == 400
    assert mac.connect() is None


def status(device: SimulatedDevice, service: str) -> int:
    with pytest.raises(ServerRefused) as refusal:
        device.check_in("GetToken", TokenServiceType=service, **device.who())
    return refusal.value.status


def test_a_key_without_the_uuid_of_the_server_signs_nothing(
    way: EnrollmentProfile, business_key: BusinessKey
) -> None:
    assert mobileconfig.TOKEN in capabilities(way)
    business_key.server_uuid = None
    business_key.save()
    assert mobileconfig.TOKEN not in capabilities(way)
    assert BusinessKey.in_use() is None


def capabilities(way: EnrollmentProfile) -> list[str]:
    content = mobileconfig.read(profiles.make(way))["PayloadContent"]
    mdm = next(one for one in content if one["PayloadType"] == mobileconfig.MDM)
    return list(mdm["ServerCapabilities"])


def test_the_private_key_is_kept_encrypted(business_key: BusinessKey) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT private_key FROM enrollment_businesskey")
        stored = bytes(cursor.fetchone()[0])
    assert bytes(business_key.private_key) not in stored
    assert b"rsaEncryption" not in stored


@pytest.mark.parametrize("forged", [b"", b"a.b", b"a.b.c", b"e30.e30.x", "text"])
def test_the_simulated_service_believes_no_other_token(forged: object) -> None:
    with pytest.raises(TokenRefused):
        read(forged, "com.apple.maid")
