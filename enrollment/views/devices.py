"""What devices ask for: Check-in, Connect and SCEP."""

import base64

from cryptography.hazmat.primitives.serialization import Encoding
from django.conf import settings
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    JsonResponse,
)

from commands import connect
from devices import sessions
from devices.authentication import Caller, Declined
from devices.models import Channel
from devices.requests import answer_for_errors, device_endpoint, read_body
from mdmportal.protocol import ProtocolError, plist
from mdmportal.protocol import checkin as protocol
from mdmportal.protocol import scep as scep_protocol

from .. import account, authority, checkin, scep
from ..models import EnrollmentProfile

PLIST = "application/xml; charset=UTF-8"
UNRECOGNIZED = "com.apple.unrecognized.device"


@device_endpoint
def mdm(caller: Caller, body: bytes) -> HttpResponse:
    """Check-in and Connect; a profile may give one URL for both, so each is both."""
    source = plist.loads(body)
    try:
        if "MessageType" in source:
            answer = checkin.take(caller, protocol.read(source))
        else:
            answer = connect.take(caller, source, body)
    except Declined:
        return HttpResponse(status=410)
    except sessions.SignInRequired:
        return _sign_in(caller)
    except connect.Unrecognized:
        return _leave(caller)
    return HttpResponse(answer, content_type=PLIST)


def _leave(caller: Caller) -> HttpResponse:
    """Answer what has any device remove its profile: staff did not approve it."""
    Channel.objects.filter(enrollment=caller.enrollment_id).update(push_at=None)
    return JsonResponse({"code": UNRECOGNIZED}, status=403)


def _sign_in(caller: Caller) -> HttpResponse:
    """Answer 401, by which an account-driven device has its person sign in.

    Any other would leave over it, so without such a way in it is 400.
    """
    way = EnrollmentProfile.objects.filter(
        challenges__identity=caller.identity_id
    ).first()
    if way is None or not way.is_account_driven:
        raise ProtocolError("the enrollment has no way to sign in")
    return account.unauthorized(way)


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
        ours = authority.named(request.GET.get("message", ""))
        der = ours.x509.public_bytes(Encoding.DER)
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
