"""A way in: an address where devices enroll, as what, and with which rights."""

import datetime as dt
import secrets
import uuid

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.urls import reverse

from devices.models import DeviceGroup, Enrollment
from mdmportal.protocol import rights


def new_code() -> str:
    """Return a code that is short enough to type and too long to guess."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "".join(secrets.choice(alphabet) for _ in range(12))


class EnrollmentProfile(models.Model):
    """A configured way in. Its identifiers never change: devices hold on to them."""

    class Kind(models.TextChoices):
        PROFILE = "profile", "profile from a page"
        OTA = "ota", "over the air, in three phases"
        BYOD = "byod", "account-driven, people's own devices"
        ADDE = "adde", "account-driven, the organisation's devices"

    class NetworkUsers(models.TextChoices):
        """What becomes of users of the network who log in to a Mac."""

        DECLINE = "decline", "are not managed"
        ADMIT = "admit", "are managed, without a password being asked here"
        PASSWORD = "password", "are managed if their password is that of the portal"

    class Method(models.TextChoices):
        """How a device has its person sign in; the names are Apple's."""

        WEB = "apple-as-web", "web page (iOS 15, macOS 14)"
        OAUTH2 = "apple-oauth2", "OAuth 2 (iOS 16, macOS 14)"

    name = models.CharField(max_length=100, unique=True)
    code = models.SlugField(
        max_length=64,
        unique=True,
        default=new_code,
        help_text="Part of the address /enroll/<code>/. Who knows it may enroll.",
    )
    seed = models.UUIDField(default=uuid.uuid4, editable=False, unique=True)
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.PROFILE)
    access_rights = models.PositiveIntegerField(
        default=rights.ALL,
        help_text=f"Sum of Apple's rights; {rights.ALL} is all of them.",
    )
    description = models.TextField(
        blank=True, help_text="Shown to the person who enrolls."
    )
    is_enabled = models.BooleanField(
        "enabled", default=True, help_text="Off: no new device can enroll by it."
    )
    requires_sign_in = models.BooleanField(
        "sign-in required",
        default=False,
        help_text="People sign in before they enroll, and own the devices they enroll. "
        "Account-driven ways in always ask for it.",
    )
    is_listed = models.BooleanField(
        "on the self-service page",
        default=False,
        help_text="Offered at /enroll/ to everybody who signs in there.",
    )
    device_group = models.ForeignKey(
        DeviceGroup,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="ways",
        help_text="Devices that enroll by it join this group.",
    )
    owner_may_lock = models.BooleanField(
        "owners may lock",
        default=True,
        help_text="On “my devices”, if the rights below allow locking.",
    )
    owner_may_remove = models.BooleanField(
        "owners may remove",
        default=True,
        help_text="On “my devices”: end management, and what came with it goes.",
    )

    network_users = models.CharField(
        "network users of a Mac",
        max_length=8,
        choices=NetworkUsers,
        default=NetworkUsers.DECLINE,
        help_text="People who log in with an account of your directory. Whoever "
        "enrolls a Mac is managed in any case; other local users never are.",
    )
    manages_shared_users = models.BooleanField(
        "manage the users of a Shared iPad",
        default=True,
        help_text="Off: they use the iPad unmanaged; asked anew whenever they log in.",
    )

    # Account-driven only.
    method = models.CharField(
        "sign-in method", max_length=16, choices=Method, default=Method.WEB
    )
    session_days = models.PositiveIntegerField(
        "signed in for (days)",
        null=True,
        blank=True,
        default=90,
        validators=[MinValueValidator(1)],
        help_text="After so many days the device asks its person to sign in again. "
        "Empty: never.",
    )
    remove_after_days = models.PositiveIntegerField(
        "profiles removed after (days)",
        null=True,
        blank=True,
        help_text="Who has not signed in again so many days after being asked loses "
        "the profiles that the portal installed. Empty: never.",
    )
    unenroll_after_days = models.PositiveIntegerField(
        "unenrolled after (days)",
        null=True,
        blank=True,
        help_text="And so many days after being asked the device leaves management. "
        "Empty: never.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")
        verbose_name = "way in"
        verbose_name_plural = "ways in"

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("enroll", args=[self.code])

    def clean(self) -> None:
        try:
            rights.check(self.access_rights)
        except ValueError as error:
            raise ValidationError({"access_rights": str(error)}) from error
        remove, leave = self.remove_after_days, self.unenroll_after_days
        if remove is not None and leave is not None and leave < remove:
            words = "A device cannot leave before its profiles are removed."
            raise ValidationError({"unenroll_after_days": words})

    @property
    def url(self) -> str:
        """The whole address of the page where a person enrolls."""
        return f"{settings.PUBLIC_URL}{self.get_absolute_url()}"

    @property
    def mode(self) -> Enrollment.Mode:
        """The mode of the enrollments that come by it."""
        return MODES[EnrollmentProfile.Kind(self.kind)]

    @property
    def is_account_driven(self) -> bool:
        return self.kind in VERSIONS

    @property
    def version(self) -> str:
        """What service discovery calls it; '' unless account-driven."""
        return VERSIONS.get(EnrollmentProfile.Kind(self.kind), "")

    @property
    def session_life(self) -> dt.timedelta | None:
        """How long a sign-in lasts; None for ever."""
        return dt.timedelta(days=self.session_days) if self.session_days else None

    @property
    def profile_identifier(self) -> str:
        """The PayloadIdentifier of its profiles, by which they are removed."""
        return f"org.mdmportal.enroll.{self.seed}"


MODES = {
    EnrollmentProfile.Kind.PROFILE: Enrollment.Mode.DEVICE,
    EnrollmentProfile.Kind.OTA: Enrollment.Mode.DEVICE,
    EnrollmentProfile.Kind.BYOD: Enrollment.Mode.USER,
    EnrollmentProfile.Kind.ADDE: Enrollment.Mode.ACCOUNT,
}
VERSIONS = {
    EnrollmentProfile.Kind.BYOD: "mdm-byod",
    EnrollmentProfile.Kind.ADDE: "mdm-adde",
}
