"""Download: a profile made now, for one device, as a file."""

from django.http import HttpResponse

from devices.models import User
from mdmportal.protocol import mobileconfig

from . import ota, profiles
from .models import EnrollmentProfile, Invitation


def make(
    way: EnrollmentProfile,
    *,
    user: User | None = None,
    invitation: Invitation | None = None,
) -> bytes:
    """Return what a device installs first, bound to who enrolls; profiles.NotReady.

    Over the air that is the Profile Service, else the enrollment profile itself.
    """
    if way.kind == EnrollmentProfile.Kind.OTA:
        service, _ = ota.begin(way, user=user, invitation=invitation)
        return service
    return profiles.make(way, user=user, invitation=invitation)


def respond(way: EnrollmentProfile, profile: bytes) -> HttpResponse:
    """Return the file. Nobody keeps it on its way: it is good for one device, once."""
    response = HttpResponse(profile, content_type=mobileconfig.CONTENT_TYPE)
    response["Content-Disposition"] = f'attachment; filename="{way.code}.mobileconfig"'
    response["Cache-Control"] = "no-store"
    return response
