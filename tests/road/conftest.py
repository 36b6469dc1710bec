"""The road of a device, told through simulated devices without a network."""

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID
from django.test import Client

from apns import certificates
from apns.models import PushCertificate
from devices.models import Channel, Device, Enrollment, User
from enrollment import authority, profiles
from enrollment.models import EnrollmentProfile, MailDomain, Route
from mdmportal.simulator.device import SimulatedDevice
from mdmportal.simulator.errors import SignInFailed
from mdmportal.simulator.factory import Factory
from mdmportal.simulator.hardware import IPAD_AIR as IPAD
from mdmportal.simulator.hardware import IPHONE_16 as IPHONE
from mdmportal.simulator.hardware import MACBOOK_AIR as MAC
from mdmportal.simulator.hardware import VISION_PRO as VISION
from mdmportal.simulator.hardware import Hardware
from mdmportal.simulator.identity import KeyPool
from mdmportal.simulator.transport import Response

SCHEME = "apple-remotemanagement-user-login:"
TOPIC = "com.apple.mgmt.External.9f1b3d6e-0000-4000-8000-000000000001"


class ClientTransport:
    """Carries a device's requests to Django's test client."""

    def __init__(self) -> None:
        self.client = Client(raise_request_exception=True)
        self.extra: dict[str, str] = {}

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        path = _path(url)
        kind = headers.get("Content-Type", "application/octet-stream")
        rest = {
            name: value for name, value in headers.items() if name != "Content-Type"
        }
        answer = self.client.generic(
            method, path, body, content_type=kind, headers=rest | self.extra
        )
        lower = {name.lower(): value for name, value in answer.headers.items()}
        return Response(answer.status_code, lower, answer.content)


@pytest.fixture(scope="session")
def key_pool() -> KeyPool:
    return KeyPool(12)


@pytest.fixture
def transport() -> ClientTransport:
    return ClientTransport()


def push_pair(
    topic: str = TOPIC, *, days: int = 365, key: rsa.RSAPrivateKey | None = None
) -> tuple[bytes, bytes]:
    """Return a push certificate and its key as PEM."""
    key = key or rsa.generate_private_key(65537, 2048)
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.USER_ID, topic),
            x509.NameAttribute(NameOID.COMMON_NAME, "APSP:test"),
        ]
    )
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=400))
        .not_valid_after(now + dt.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return certificate.public_bytes(Encoding.PEM), pem


@pytest.fixture(scope="session")
def pair() -> tuple[bytes, bytes]:
    return push_pair()


@pytest.fixture
def push_certificate(db: None, pair: tuple[bytes, bytes]) -> PushCertificate:
    return certificates.take(certificates.read(*pair))


@pytest.fixture
def way(push_certificate: PushCertificate) -> EnrollmentProfile:
    way = EnrollmentProfile.objects.order_by("pk").first()
    return way or EnrollmentProfile.objects.create(name="Devices")


@pytest.fixture(scope="session")
def authority_key() -> rsa.RSAPrivateKey:
    return authority.new_key()


@pytest.fixture(autouse=True)
def _one_authority_key(
    monkeypatch: pytest.MonkeyPatch, authority_key: rsa.RSAPrivateKey
) -> None:
    """Making the authority's key is most of what a test would cost."""
    monkeypatch.setattr(authority, "new_key", lambda: authority_key)


class Browser:
    """A person in a device's web view, played by Django's test client."""

    def __init__(self, username: str, password: str) -> None:
        self.username, self.password = username, password
        self.client = Client()

    def __call__(self, url: str) -> str:
        """Return the address that ends the web view, having signed in on the way."""
        answer = self.client.get(_path(url))
        for _ in range(10):
            where = answer.headers.get("Location", "")
            if where.startswith(SCHEME):
                assert answer.status_code == 308
                return where
            if where:
                answer = self.client.get(where)
            elif answer.status_code == 200 and b'name="password"' in answer.content:
                asked = answer.request
                form = {"login": self.username, "password": self.password}
                path = f"{asked['PATH_INFO']}?{asked['QUERY_STRING']}"
                answer = self.client.post(path, form)
                if answer.status_code == 200:
                    raise SignInFailed(url, "the password is wrong", status=200)
            else:
                text = answer.content.decode()
                raise SignInFailed(url, "end", status=answer.status_code, text=text)
        raise SignInFailed(url, "it goes in circles")


def _path(url: str) -> str:
    return "/" + url.split("/", 3)[3] if "://" in url else url


@pytest.fixture
def person(db: None) -> Callable[..., Browser]:
    """Return a maker of people of the portal; keywords are columns of User."""

    def make(name: str = "ada", **columns: object) -> Browser:
        values: dict[str, Any] = {"email": f"{name}@corp.example", **columns}
        User.objects.create_user(name, password=f"secret of {name}", **values)
        return Browser(name, f"secret of {name}")

    return make


@pytest.fixture(scope="session")
def factory(tmp_path_factory: pytest.TempPathFactory) -> Factory:
    """Where simulated devices come from; the portal believes it by device_ca."""
    return Factory(tmp_path_factory.mktemp("factory"))


@pytest.fixture
def device_ca(settings: Any, factory: Factory) -> None:
    settings.DEVICE_CA_FILE = str(factory.ca_file)


Enroll = Callable[..., SimulatedDevice]


@pytest.fixture
def make(transport: ClientTransport, key_pool: KeyPool, factory: Factory) -> Enroll:
    """Return a maker of devices that have not enrolled yet."""

    def make(hardware: Hardware = IPHONE, seed: int = 0) -> SimulatedDevice:
        return SimulatedDevice(
            hardware, transport, seed=seed, make_key=key_pool, factory=factory
        )

    return make


@pytest.fixture
def enroll(make: Enroll, way: EnrollmentProfile) -> Enroll:
    """Return a maker of enrolled devices, their first questions answered."""

    def enroll(
        hardware: Hardware = IPHONE, seed: int = 0, *, answered: bool = True
    ) -> SimulatedDevice:
        device = make(hardware, seed)
        device.install(profiles.make(way))
        if answered:
            device.session()
        return device

    return enroll


@pytest.fixture
def iphone(enroll: Enroll) -> SimulatedDevice:
    return enroll(IPHONE)


@pytest.fixture
def mac(enroll: Enroll) -> SimulatedDevice:
    return enroll(MAC)


def row(device: SimulatedDevice) -> Device:
    return Device.objects.get(udid=device.unit.udid)


def channel(device: SimulatedDevice, user: str = "") -> Channel:
    """Return the open channel of the device, or of its user by short name."""
    found = Channel.objects.filter(enrollment__device__udid=device.unit.udid)
    found = found.filter(enrollment__state="active").select_related(
        "enrollment__device"
    )
    return found.get(user_short_name=user) if user else found.get(user_id="")


# --- Account-driven

HERE = "http://127.0.0.1:8000"
KINDS, METHODS = ["byod", "adde"], ["apple-as-web", "apple-oauth2"]
Person = Callable[..., Browser]
OpenWay = Callable[..., EnrollmentProfile]


@pytest.fixture
def domain(way: EnrollmentProfile) -> MailDomain:
    return MailDomain.objects.create(name="corp.example")


@pytest.fixture
def open_way(domain: MailDomain) -> OpenWay:
    """Return a maker of ways in that the mail domain leads to."""

    def make(
        kind: str = "byod", method: str = "apple-as-web", **columns: Any
    ) -> EnrollmentProfile:
        made = EnrollmentProfile.objects.create(
            name=f"{kind} by {method}", kind=kind, method=method, **columns
        )
        Route.objects.update_or_create(domain=domain, defaults={"way": made})
        return made

    return make


@pytest.fixture
def byod(open_way: OpenWay) -> EnrollmentProfile:
    return open_way()


def sign_up(
    device: SimulatedDevice, person: Browser, **options: Any
) -> SimulatedDevice:
    """Enroll a device as a person does in Settings."""
    identifier = f"{person.username}@corp.example"
    device.enroll_with_account(identifier, person, discovery_url=HERE, **options)
    device.session()
    return device


def stay_of(device: SimulatedDevice) -> Enrollment:
    enrollment_id = device.stay.enrollment_id
    found = Enrollment.objects.filter(state="active").select_related("device", "owner")
    if enrollment_id:
        return found.get(device__enrollment_id=enrollment_id)
    return found.get(device__udid=device.unit.udid)


def channel_of(device: SimulatedDevice) -> Channel:
    return stay_of(device).channels.get(user_id="")


@pytest.fixture(params=METHODS)
def enrolled(
    request: pytest.FixtureRequest,
    make: Enroll,
    person: Person,
    open_way: OpenWay,
) -> tuple[SimulatedDevice, Browser]:
    """A device that came in by either method, and its person."""
    open_way(method=request.param)
    ada = person()
    return sign_up(make(), ada), ada


__all__ = ["IPAD", "IPHONE", "MAC", "TOPIC", "VISION", "push_pair"]
