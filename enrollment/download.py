"""Download: a profile made now, for one device, as a file."""

from django.http import HttpResponse

from mdmportal.protocol import mobileconfig

from . import profiles
from .models import EnrollmentProfile


def respond(way: EnrollmentProfile) -> HttpResponse:
    """Return the file; profiles.NotReady while none can be made.

    Nobody keeps it on its way: the challenge in it is good for one device, once.
    """
    response = HttpResponse(profiles.make(way), content_type=mobileconfig.CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{way.code}.mobileconfig"'
    response["Cache-Control"] = "no-store"
    return response
