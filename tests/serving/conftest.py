"""What the tests of serving share: certificates, and nginx as it is deployed."""

import contextlib
import datetime as dt
import http.client
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

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

from ..portal import ROOT
from ..servers import Nginx, free_port

TEMPLATE = ROOT / "deploy" / "nginx" / "portal.conf.template"
PUBLIC_URL = "https://mdm.example.org"
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, and the file that holds both."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey
    file: Path


class Authority:
    """Issues certificates: clients trust ``file``, the proxy knows nothing of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "ca.pem"
        self.key = rsa.generate_private_key(65537, 2048)
        name = _name("CA")
        root = (
            _builder(name, name, self.key, NOW + DAY)
            .add_extension(x509.BasicConstraints(True, None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        self.file.write_bytes(root.public_bytes(Encoding.PEM))

    def issue(self, name: str, *, until: dt.datetime = NOW + DAY) -> Identity:
        """Return an identity; all are good for localhost, and named ``name``."""
        key = rsa.generate_private_key(65537, 2048)
        hosts = x509.SubjectAlternativeName([x509.DNSName("localhost")])
        certificate = (
            _builder(_name(name), _name("CA"), key, until)
            .add_extension(hosts, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return save(certificate, key, self.folder / f"{name}.pem")


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, until: dt.datetime
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=NOW - 30 * DAY,
        not_valid_after=until,
    )


def save(certificate: x509.Certificate, key: rsa.RSAPrivateKey, file: Path) -> Identity:
    file.write_bytes(
        certificate.public_bytes(Encoding.PEM)
        + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return Identity(certificate, key, file)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


class Proxy:
    """nginx as deployed, and a client of it."""

    def __init__(self, http_port: int, https_port: int, trusted: Path) -> None:
        self.http_port, self.https_port, self.trusted = http_port, https_port, trusted

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        identity: Identity | None = None,
        tls: bool = True,
    ) -> http.client.HTTPResponse:
        connection = self.connect(identity) if tls else self._plain()
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            response.read()
            return response
        finally:
            connection.close()

    def _plain(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("localhost", self.http_port, timeout=60)

    def connect(self, identity: Identity | None = None) -> http.client.HTTPConnection:
        context = ssl.create_default_context(cafile=self.trusted)
        if identity:
            context.load_cert_chain(identity.file)
        return http.client.HTTPSConnection(
            "localhost", self.https_port, timeout=60, context=context
        )


@contextlib.contextmanager
def proxy_before(
    portal: int,
    authority: Authority,
    folder: Path,
    *,
    certificates: str,
    ports: tuple[int, int] | None = None,
    public_url: str = PUBLIC_URL,
) -> Iterator[Proxy]:
    """Run nginx, as deployed, before what listens on the port ``portal``."""
    identity = authority.issue("localhost")
    http_port, https_port = ports or (free_port(), free_port())
    values = {
        "PORTAL": f"127.0.0.1:{portal}",
        "PUBLIC_URL": public_url,
        "HTTP_PORT": f"127.0.0.1:{http_port}",
        "HTTPS_PORT": f"127.0.0.1:{https_port}",
        "TLS_CERTIFICATE": str(identity.file),
        "TLS_KEY": str(identity.file),
        "CLIENT_CERTIFICATES": certificates,
    }
    with Nginx(folder, TEMPLATE, values, https_port):
        yield Proxy(http_port, https_port, authority.file)
