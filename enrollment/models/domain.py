"""MailDomain: what people of a domain find when their device asks where to enroll."""

from django.db import models
from django.urls import reverse

from .provider import IdentityProvider
from .way import EnrollmentProfile


class MailDomain(models.Model):
    """The part behind the last @ of what people type into Settings."""

    name = models.CharField(
        "domain", max_length=253, unique=True, help_text="Such as example.com."
    )
    provider = models.ForeignKey(
        IdentityProvider,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="domains",
        help_text="Where its people sign in. Empty: with a password of the portal's.",
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("admin:enrollment_maildomain_change", args=[self.pk])


class Route(models.Model):
    """Which way in the devices of one family take."""

    class Family(models.TextChoices):
        """The model-family of service discovery; the names are Apple's."""

        ANY = "", "all others"
        IPHONE = "iPhone", "iPhone"
        IPAD = "iPad", "iPad"
        MAC = "Mac", "Mac"
        VISION = "RealityDevice", "Apple Vision"
        TV = "AppleTV", "Apple TV"
        WATCH = "Watch", "Apple Watch"

    domain = models.ForeignKey(MailDomain, models.CASCADE, related_name="routes")
    model_family = models.CharField(
        max_length=16, choices=Family, blank=True, default=Family.ANY
    )
    way = models.ForeignKey(
        EnrollmentProfile,
        models.CASCADE,
        related_name="routes",
        limit_choices_to={"kind__in": ("byod", "adde")},
    )

    class Meta:
        ordering = ("model_family", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["domain", "model_family"], name="route_once_per_family"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_model_family_display()}: {self.way}"
