"""Over the air over HTTP: the one address that a device answers to, twice."""

import logging

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.views.decorators.csrf import csrf_exempt

from devices.requests import answer_for_errors, read_body
from mdmportal.protocol import mobileconfig

from .. import limits, ota, profiles
from ..models import EnrollmentProfile

logger = logging.getLogger(__name__)

MAX_BODY = 256 * 1024


@csrf_exempt
@answer_for_errors
def answer(request: HttpRequest, code: str) -> HttpResponse:
    """Take a device's signed answer, return the profile of the next phase."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    way = EnrollmentProfile.objects.filter(
        code=code, is_enabled=True, kind=EnrollmentProfile.Kind.OTA
    ).first()
    if way is None:
        raise Http404
    if refusal := limits.check(request, "enroll"):
        return refusal
    try:
        profile = ota.answer(way, read_body(request, MAX_BODY))
    except profiles.NotReady as problem:
        logger.warning("%s: %s", way, problem)
        return HttpResponse(str(problem), status=503, content_type="text/plain")
    return HttpResponse(profile, content_type=mobileconfig.CONTENT_TYPE)
