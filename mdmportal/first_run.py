"""First run: what is to be done before devices can be managed, looked at live."""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db.models import Q
from django.urls import reverse

from apns.models import PushCertificate
from commands.models import Delivery, State
from devices.models import User
from enrollment.models import EnrollmentProfile, IdentityProvider
from mdmportal.accounts import SECOND_FACTORS

WAYS = "admin:enrollment_enrollmentprofile_changelist"


@dataclass(frozen=True)
class Check:
    """A step of the first run: done or not, and where it is done."""

    done: bool
    title: str
    words: str
    url: str
    button: str
    is_optional: bool = False


def checks(enrolled: int) -> list[Check]:
    """Return the steps, looked at now; ``enrolled`` is how many devices are."""
    push = PushCertificate.usable().filter(problem="").exists()
    way = EnrollmentProfile.objects.filter(is_enabled=True).exists()
    done = Delivery.objects.filter(state=State.ACKNOWLEDGED).exists()
    staff = Q(is_staff=True, is_active=True)
    admins = User.objects.filter(staff).count()
    steps = [
        Check(
            push,
            "Push certificate",
            "Apple wakes devices only for servers that have one.",
            reverse("admin:apns_pushcertificate_add"),
            "Upload",
        ),
        Check(
            way,
            "A way in",
            "The address and QR code where devices enroll.",
            reverse(WAYS),
            "Open",
        ),
        Check(
            enrolled > 0,
            "First device enrolled",
            "Open a way in on an iPhone, iPad or Mac and follow it to the end.",
            reverse(WAYS),
            "Enroll one",
        ),
        Check(
            done,
            "First command acknowledged",
            "A device is asked about itself as soon as it has enrolled.",
            reverse("admin:commands_command_order"),
            "Send one",
        ),
        Check(
            admins > 1,
            "A second administrator",
            "So that one lost password or phone does not lock everybody out.",
            reverse("admin:devices_user_add") + "?is_staff=1&is_superuser=1",
            "Add",
        ),
        _second_factors(),
        Check(
            IdentityProvider.objects.filter(is_enabled=True).exists(),
            "An identity provider (optional)",
            "So that people sign in with the account of your organisation.",
            reverse("admin:enrollment_identityprovider_add"),
            "Add",
            is_optional=True,
        ),
    ]
    return steps if settings.SIMULATED else [_https(), *steps]


def _second_factors() -> Check:
    """Staff whom a provider lets in are its business: it asks for second factors."""
    safe = Authenticator.objects.filter(type__in=SECOND_FACTORS).values("user")
    sent = SocialAccount.objects.values("user")
    staff = User.objects.filter(is_staff=True, is_active=True)
    return Check(
        not staff.exclude(pk__in=safe).exclude(pk__in=sent).exists(),
        "Two-factor for staff",
        "All who sign in with a password here set up an authenticator app. "
        "STAFF_MFA_REQUIRED makes them.",
        reverse("mfa_index"),
        "Set up yours",
        is_optional=settings.SIMULATED,
    )


def _https() -> Check:
    return Check(
        settings.SECURE,
        "A public https address",
        f"Devices are told {settings.PUBLIC_URL} for good, and trust only https.",
        "",
        "",
    )
