"""Certificates: answers to CertificateList, as rows to search by and for the pages.

The certificates themselves are not kept, only what is read from them.
https://developer.apple.com/documentation/devicemanagement/certificatelistresponse
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from devices.models import Change, InstalledCertificate

from .history import Difference
from .kept import without_secrets
from .rows import Row, Rows
from .said import Said

LIST = "CertificateList"
LONGEST = 255
KEY = ("fingerprint", "common_name", "is_identity")


def read(said: Said) -> None:
    items = said.answer[LIST]
    if not isinstance(items, list):
        raise TypeError(f"{LIST} is not an array")
    found = [one for one in items if isinstance(one, Mapping)]
    CERTIFICATES.take(said, found)


def fingerprint(data: Any) -> str:
    return hashlib.sha256(data).hexdigest() if isinstance(data, bytes) else ""


def name_of(data: bytes) -> str:
    """Return whose a certificate is, '' where that cannot be read."""
    certificate = _load(data)
    return _said(lambda: _name_in(certificate.subject)) if certificate else ""


def _name_in(subject: x509.Name) -> str:
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else subject.rfc4514_string()


def _load(data: Any) -> x509.Certificate | None:
    try:
        return x509.load_der_x509_certificate(data)
    except (ValueError, TypeError):
        return None


def _said(read: Callable[[], str]) -> str:
    """Names are read when they are asked for, and may be malformed."""
    try:
        return read().replace("\0", "")[:LONGEST]
    except ValueError:
        return ""


def _not_after(certificate: x509.Certificate) -> dt.datetime | None:
    try:
        return certificate.not_valid_after_utc
    except ValueError:
        return None


def _row(item: Mapping[str, Any]) -> Row:
    certificate = _load(item.get("Data"))
    is_identity = item.get("IsIdentity")
    return {
        "common_name": str(item.get("CommonName") or "").replace("\0", "")[:LONGEST],
        "fingerprint": fingerprint(item.get("Data")),
        "is_identity": None if is_identity is None else bool(is_identity),
        "issuer": _said(lambda: certificate.issuer.rfc4514_string())
        if certificate
        else "",
        "not_after": _not_after(certificate) if certificate else None,
    }


def _whole(item: Mapping[str, Any], row: Row) -> Mapping[str, Any]:
    rest = {name: value for name, value in item.items() if name != "Data"}
    told = {
        "SHA256": row["fingerprint"],
        "Issuer": row["issuer"],
        "NotAfter": row["not_after"],
    }
    return without_secrets({**rest, **told})  # type: ignore[no-any-return]


def _differences(removed: Sequence[Row], added: Sequence[Row]) -> Iterator[Difference]:
    """Yield what came, went, or is there in a newer issue."""
    before = {_name(one): one for one in removed}
    for one in added:
        was = before.pop(_name(one), None)
        kind = Change.Kind.CHANGED if was else Change.Kind.ADDED
        yield Difference(kind, _title(one), _until(was), _until(one))
    for left in before.values():
        yield Difference(Change.Kind.REMOVED, _title(left), before=_until(left))


def _name(row: Row) -> tuple[Any, ...]:
    return row["common_name"], row["is_identity"], row["issuer"]


def _title(row: Row) -> str:
    return str(row["common_name"] or row["fingerprint"])


def _until(row: Row | None) -> str:
    moment = row["not_after"] if row else None
    return f"expires {moment:%Y-%m-%d}" if moment else ""


CERTIFICATES = Rows(InstalledCertificate, KEY, _row, _whole, _differences)
