"""The ways in over HTTP: Check-in, SCEP, and the page where a person enrolls."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import get_object_or_404, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_safe

from commands import connect
from devices.authentication import Caller
from devices.requests import answer_for_errors, device_endpoint, read_body
from mdmportal.protocol import ProtocolError, plist
from mdmportal.protocol import checkin as protocol
from mdmportal.protocol import scep as scep_protocol

from . import authority, checkin, download, profiles, qr, scep
from .models import EnrollmentProfile

PLIST = "application/xml; charset=UTF-8"


@device_endpoint
def mdm(caller: Caller, body: bytes) -> HttpResponse:
    """Check-in and Connect; a profile may give one URL for both, so each is both."""
    source = plist.loads(body)
    try:
        if "MessageType" in source:
            answer = checkin.take(caller, protocol.read(source))
        else:
            answer = connect.take(caller, source, body)
    except checkin.Declined:
        return HttpResponse(status=410)
    return HttpResponse(answer, content_type=PLIST)


@answer_for_errors
def take_scep(request: HttpRequest) -> HttpResponse:
    """GetCACaps, GetCACert and PKIOperation, RFC 8894 section 4."""
    operation = request.GET.get("operation", "")
    if request.method == "POST" and operation == "PKIOperation":
        return _pki_message(scep.answer(read_body(request, settings.MAX_SCEP_BODY)))
    if request.method not in ("GET", "HEAD"):
        return HttpResponseNotAllowed(["GET", "POST"])
    if operation == "GetCACaps":
        text = "\n".join(scep_protocol.CAPABILITIES)
        return HttpResponse(text, content_type="text/plain")
    if operation == "GetCACert":
        der = authority.current().x509.public_bytes(Encoding.DER)
        return HttpResponse(der, content_type="application/x-x509-ca-cert")
    if operation == "PKIOperation":
        return _pki_message(scep.answer(_message_of(request)))
    raise ProtocolError("unknown SCEP operation")


def _pki_message(body: bytes) -> HttpResponse:
    return HttpResponse(body, content_type="application/x-pki-message")


def _message_of(request: HttpRequest) -> bytes:
    """Return the message of a GET; a plus sign may have come through as a blank."""
    text = request.GET.get("message", "").replace(" ", "+")
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise ProtocolError("the SCEP message is not base64") from error


@require_safe
@never_cache
def enroll(request: HttpRequest, code: str) -> HttpResponse:
    """The page of one way in: what will happen, the profile, a QR code for a phone."""
    way = get_object_or_404(EnrollmentProfile, code=code, is_enabled=True)
    context = {"way": way, "qr": qr.svg(way.url)}
    return render(request, "enrollment/enroll.html", context)


@require_GET
@never_cache
def profile(request: HttpRequest, code: str) -> HttpResponse:
    """A fresh enrollment profile, for one device."""
    way = get_object_or_404(EnrollmentProfile, code=code, is_enabled=True)
    try:
        return download.respond(way)
    except profiles.NotReady as problem:
        context = {"way": way, "problem": problem}
        return render(request, "enrollment/not_ready.html", context, status=503)
