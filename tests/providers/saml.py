"""A SAML 2.0 provider: pysaml2 with Debian's xmlsec1, in a process of its own."""

import datetime as dt
import json
import sys
from collections.abc import Sequence
from pathlib import Path
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

from ..servers import find
from .people import PEOPLE
from .provider import Provider

KEYS = ("idp", "stranger")
"""Who signs: the provider, or somebody whose certificate the portal does not have."""


class SAMLProvider(Provider):
    program = "saml-provider"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        for name in KEYS:
            _make_key(folder, name)

    def command(self) -> Sequence[str]:
        xmlsec = find("xmlsec1")
        if xmlsec is None:
            pytest.skip("xmlsec1 is not installed")
        given = {
            "port": self.port,
            "url": self.url,
            "folder": str(self.folder),
            "xmlsec": xmlsec,
            "people": PEOPLE,
        }
        script = Path(__file__).with_name("saml_idp.py")
        return [sys.executable, "-W", "ignore", str(script), json.dumps(given)]

    def columns(self) -> dict[str, Any]:
        return {
            "protocol": "saml",
            "entity_id": f"{self.url}/metadata",
            "sso_url": f"{self.url}/sso",
            "certificate": self.certificate,
        }

    @property
    def certificate(self) -> str:
        return (self.folder / "idp.crt").read_text()

    def claims(self, name: str) -> dict[str, Any]:
        said = super().claims(name)
        return {
            "mail": said["email"],
            "givenName": said["given_name"],
            "sn": said["family_name"],
            "groups": said["groups"],
        }

    def misbehave(self, **fault: str) -> None:
        """Until told otherwise: algorithm="sha1", key="stranger", audience=…, signed=""
        (no signature at all), answers="" (to no request)."""
        self.tell("fault", fault)


def _make_key(folder: Path, name: str) -> None:
    key = rsa.generate_private_key(65537, 2048)
    now = dt.datetime.now(dt.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / f"{name}.key").write_bytes(pem)
    (folder / f"{name}.crt").write_bytes(certificate.public_bytes(Encoding.PEM))
