"""Metadata: what an identity provider publishes of itself, fetched and read.

OpenID Connect Discovery 1.0, section 4; SAML 2.0 metadata, section 2.4.3. What is wrong
is said in words: Unusable.
"""

import datetime as dt
import json
import logging
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from django.core.cache import cache
from onelogin.saml2.idp_metadata_parser import OneLogin_Saml2_IdPMetadataParser
from urllib3.exceptions import HTTPError

from mdmportal.patience import TookTooLong, within

from ..models import IdentityProvider

log = logging.getLogger(__name__)

TIMEOUT, LARGEST = 10, 2 * 1024 * 1024
"""Seconds between two pieces of the answer, and bytes of it, that are put up with."""
WELL_KNOWN = "/.well-known/openid-configuration"
NEEDED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


class Unusable(Exception):
    """The words say what is wrong, for who sets the provider up."""


@dataclass(frozen=True)
class SAMLMetadata:
    entity_id: str
    sso_url: str
    certificate: str
    """PEM, one after the other: while a provider changes keys it has two."""


# --- OpenID Connect


def check_oidc(provider: IdentityProvider) -> list[str]:
    """Fetch the discovery document; return what is good about it."""
    issuer = provider.server_url.rstrip("/")
    body = fetch(issuer if "/.well-known/" in issuer else issuer + WELL_KNOWN)
    try:
        found = json.loads(body)
    except ValueError as error:
        raise Unusable(
            "What is there is not JSON. Is the issuer right? Leave out everything from "
            "/.well-known on."
        ) from error
    if not isinstance(found, dict):
        raise Unusable("What is there is no discovery document.")
    said = str(found.get("issuer", "")).rstrip("/")
    if said != issuer.partition("/.well-known/")[0]:
        raise Unusable(
            f"The document says that its issuer is {said[:200] or 'nobody'}. If that "
            "is yours, enter it as the issuer."
        )
    if missing := [name for name in NEEDED if not found.get(name)]:
        raise Unusable(f"The document does not say: {', '.join(missing)}.")
    return [f"Issuer: {said}", f"People sign in at {found['authorization_endpoint']}"]


# --- SAML


def check_saml(provider: IdentityProvider) -> list[str]:
    """Look at what is entered, or fetch the metadata; return what is good about it."""
    found = SAMLMetadata(provider.entity_id, provider.sso_url, provider.certificate)
    if provider.metadata_url:
        found = read_saml(fetch(provider.metadata_url))
    if not found.entity_id or not found.sso_url:
        raise Unusable("Entity ID and single sign-on URL are needed, or the metadata.")
    return [
        f"Entity ID: {found.entity_id}",
        f"People sign in at {found.sso_url}",
        *(f"Certificate: {words}" for words in check_certificates(found.certificate)),
    ]


def take_saml(provider: IdentityProvider) -> None:
    """Fetch the metadata and keep what they say. Unusable: nothing was changed."""
    found = read_saml(fetch(provider.metadata_url))
    check_certificates(found.certificate)
    _keep(provider, found)


def refresh_saml(provider: IdentityProvider) -> None:
    """Take the certificates and the address of now. Another provider is not taken for
    this one without anybody's looking: Unusable."""
    found = read_saml(fetch(provider.metadata_url))
    check_certificates(found.certificate)
    if found.entity_id != provider.entity_id:
        raise Unusable("The metadata are of another entity ID now.")
    _keep(provider, found)


def refresh_all() -> int:
    """Refresh each SAML provider in use; return how many. Problems go to the log."""
    rows = IdentityProvider.objects.filter(
        is_enabled=True, protocol=IdentityProvider.Protocol.SAML
    )
    count = 0
    for row in rows.exclude(metadata_url="").exclude(certificate=""):
        try:
            refresh_saml(row)
            count += 1
        except Unusable as problem:
            log.warning("metadata of %s were not taken: %s", row.code, problem)
    return count


def _keep(provider: IdentityProvider, found: SAMLMetadata) -> None:
    provider.entity_id, provider.sso_url = found.entity_id, found.sso_url
    provider.certificate = found.certificate
    provider.save(update_fields=["entity_id", "sso_url", "certificate"])


def read_saml(body: bytes) -> SAMLMetadata:
    """Return what SAML metadata say of the provider."""
    try:
        idp = OneLogin_Saml2_IdPMetadataParser.parse(body).get("idp", {})
    except Exception as error:  # the parser lets through what it meets
        raise Unusable("What is there is not SAML metadata (XML).") from error
    several = idp.get("x509certMulti", {}).get("signing", [])
    certificates = several or [idp.get("x509cert", "")]
    if not idp.get("entityId"):
        raise Unusable("The metadata are not those of an identity provider.")
    if not (sso_url := idp.get("singleSignOnService", {}).get("url", "")):
        raise Unusable("The metadata name no sign-in address for HTTP-Redirect.")
    pems = "\n".join(_pem(each) for each in certificates if each)
    return SAMLMetadata(idp["entityId"], sso_url, pems)


def _pem(base64: str) -> str:
    text = "".join(base64.split())
    lines = "\n".join(text[at : at + 64] for at in range(0, len(text), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----"


def check_certificates(pems: str) -> list[str]:
    """Return who each certificate is and until when; Unusable if none can be used."""
    found = [_load(pem) for pem in PEM.findall(pems)]
    if not found:
        raise Unusable("There is no certificate: paste it as PEM, with its BEGIN line.")
    now = dt.datetime.now(dt.UTC)
    if all(each.not_valid_after_utc < now for each in found):
        until = max(each.not_valid_after_utc for each in found)
        raise Unusable(f"The certificate expired on {until:%d %B %Y}.")
    return [
        f"{each.subject.rfc4514_string() or 'unnamed'}, until "
        f"{each.not_valid_after_utc:%d %B %Y}"
        for each in found
    ]


def _load(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise Unusable("The certificate cannot be read. Copy it again.") from error


def settings_of(provider: IdentityProvider) -> dict[str, str]:
    """Return what allauth is told of a SAML provider.

    It takes several certificates only from metadata that it fetched: so ours stand in
    its cache, and no sign-in waits for, or fails by, the address of the metadata.
    """
    key = f"row:{provider.pk}"
    signing = ["".join(pem.split("\n")[1:-1]) for pem in _clean(provider.certificate)]
    idp: dict[str, Any] = {
        "entityId": provider.entity_id,
        "singleSignOnService": {"url": provider.sso_url},
        "x509certMulti": {"signing": signing},
    }
    cache.set(f"saml.metadata.{key}.{provider.entity_id}", {"idp": idp}, timeout=600)
    return {"metadata_url": key, "entity_id": provider.entity_id}


def _clean(pems: str) -> list[str]:
    """Return certificates as PEM that can be read, without what stands around them."""
    encoded = (_load(pem).public_bytes(Encoding.PEM) for pem in PEM.findall(pems))
    return [each.decode().strip() for each in encoded]


# --- Fetching


def fetch(url: str) -> bytes:
    """Return what is at an http or https address; Unusable says why it is not."""
    try:
        return within(2 * TIMEOUT, lambda: _fetch(url))
    except TookTooLong as error:
        where = urlsplit(url).netloc
        raise Unusable(f"{where} takes too long to answer.") from error


def _fetch(url: str) -> bytes:
    if urlsplit(url).scheme not in ("http", "https"):
        raise Unusable("The address must begin with https://.")
    where = urlsplit(url).netloc
    try:
        with requests.get(url, timeout=TIMEOUT, stream=True) as answer:
            if answer.status_code != 200:
                raise Unusable(f"{url} answers with status {answer.status_code}.")
            body = answer.raw.read(LARGEST + 1, decode_content=True)
    except requests.exceptions.SSLError as error:
        raise Unusable(
            f"The TLS certificate of {where} is not trusted: {_reason(error)}."
        ) from error
    except requests.Timeout as error:
        raise Unusable(f"{where} does not answer within {TIMEOUT} seconds.") from error
    except (requests.RequestException, HTTPError, OSError) as error:
        raise Unusable(
            f"{where} cannot be reached. Is the address right, and may the portal's "
            "server reach it?"
        ) from error
    if len(body) > LARGEST:
        raise Unusable("What is there is too large.")
    return bytes(body)


def _reason(error: Exception) -> str:
    found = re.search(r"certificate verify failed: ([^(]+)", str(error))
    return found[1].strip() if found else "the connection could not be secured"
