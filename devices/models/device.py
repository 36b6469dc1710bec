"""Device: the hardware as we know it, from what it told us."""

import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower, Replace
from django.urls import reverse
from django.utils import timezone

from .tag import Tag


def _bare(column: str, *signs: str) -> Any:
    """Return the column without these signs, which people type or leave out."""
    expression: Any = F(column)
    for sign in signs:
        expression = Replace(expression, Value(sign), Value(""))
    return expression


def _joined(*columns: Any) -> Any:
    """Return the columns in small letters, as one text; flat, for SQLite's parser."""
    parts = [part for column in columns for part in (column, Value("|"))]
    joined = Func(
        *parts,
        template="(%(expressions)s)",
        arg_joiner=" || ",
        output_field=models.TextField(),
    )
    return Lower(joined)


SEARCHED = _joined(
    *("name", "serial_number", "udid", "enrollment_id", "asset_tag"),
    *("model_name", "product_name"),
    *(_bare(name, " ", "-") for name in ("imei", "meid", "phone_number")),
    *(_bare(name, ":", "-") for name in ("wifi_mac", "bluetooth_mac", "ethernet_mac")),
)
"""What a device is searched by, in one text: one comparison instead of a dozen."""


class Device(models.Model):
    """Known by its UDID, or by an EnrollmentID where the person stays anonymous."""

    class Platform(models.TextChoices):
        IOS = "iOS"
        IPADOS = "iPadOS"
        MACOS = "macOS"
        TVOS = "tvOS"
        VISIONOS = "visionOS"
        WATCHOS = "watchOS"

    udid = models.CharField("UDID", max_length=255, blank=True)
    enrollment_id = models.CharField("EnrollmentID", max_length=255, blank=True)
    serial_number = models.CharField(max_length=255, blank=True, db_index=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="devices",
    )
    platform = models.CharField(max_length=16, blank=True, choices=Platform)
    asset_tag = models.CharField(max_length=100, blank=True, db_index=True)
    tags = models.ManyToManyField(Tag, blank=True, related_name="devices")

    name = models.CharField(max_length=255, blank=True)
    product_name = models.CharField(max_length=255, blank=True)
    model = models.CharField(max_length=255, blank=True)
    model_name = models.CharField(max_length=255, blank=True)
    os_version = models.CharField("OS version", max_length=64, blank=True)
    os_version_key = models.CharField(max_length=64, blank=True, editable=False)
    """The OS version as text that sorts as versions do: 15.10 after 15.9."""
    build_version = models.CharField(max_length=64, blank=True)
    update_available = models.CharField(max_length=64, blank=True)
    """The newest version of its system that the device says it can install."""
    imei = models.CharField("IMEI", max_length=64, blank=True)
    meid = models.CharField("MEID", max_length=64, blank=True)
    wifi_mac = models.CharField("Wi-Fi MAC", max_length=64, blank=True)
    bluetooth_mac = models.CharField("Bluetooth MAC", max_length=64, blank=True)
    ethernet_mac = models.CharField("Ethernet MAC", max_length=64, blank=True)
    iccid = models.CharField("ICCID", max_length=64, blank=True)
    phone_number = models.CharField(max_length=64, blank=True)
    carrier = models.CharField(max_length=100, blank=True)
    is_roaming = models.BooleanField("roaming", null=True, blank=True)
    capacity = models.FloatField("capacity (GB)", null=True, blank=True)
    available_capacity = models.FloatField("available (GB)", null=True, blank=True)
    battery_level = models.FloatField(null=True, blank=True)
    is_supervised = models.BooleanField("supervised", null=True, blank=True)
    passcode_present = models.BooleanField(null=True, blank=True)
    passcode_compliant = models.BooleanField(null=True, blank=True)
    is_encrypted = models.BooleanField("encrypted", null=True, blank=True)
    firewall_enabled = models.BooleanField(null=True, blank=True)
    is_activation_locked = models.BooleanField("activation lock", null=True, blank=True)
    in_lost_mode = models.BooleanField("lost mode", null=True, blank=True)
    is_apple_silicon = models.BooleanField("Apple silicon", null=True, blank=True)
    """Of a Mac; it decides between recovery lock and firmware password."""
    needs_pin_to_lock = models.BooleanField(null=True, blank=True, editable=False)
    needs_pin_to_erase = models.BooleanField(null=True, blank=True, editable=False)
    time_zone = models.CharField(max_length=64, blank=True)
    """By its name in the IANA database, such as Europe/Berlin."""

    search_text = models.GeneratedField(
        expression=SEARCHED, output_field=models.TextField(), db_persist=True
    )
    inventory_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(
                fields=["udid"], condition=~Q(udid=""), name="device_udid_once"
            ),
            models.UniqueConstraint(
                fields=["enrollment_id"],
                condition=~Q(enrollment_id=""),
                name="device_enrollment_id_once",
            ),
        )
        indexes = (
            models.Index(fields=["name", "id"]),
            # What is typed in whole is found without going through all devices.
            *(
                models.Index(fields=[name], name=f"device_by_{name}")
                for name in (
                    *("imei", "meid", "phone_number"),
                    *("wifi_mac", "bluetooth_mac", "ethernet_mac"),
                )
            ),
        )

    def __str__(self) -> str:
        return self.name or self.serial_number or self.device_id

    def get_absolute_url(self) -> str:
        return reverse("admin:devices_device_change", args=[self.pk])

    @property
    def device_id(self) -> str:
        """What the device says of itself in every message."""
        return self.udid or self.enrollment_id

    def learn(self, **facts: object) -> list[str]:
        """Take over the facts that differ, save them and return their names.

        None and '' say nothing: what a device leaves out does not erase what it said.
        Its groups are then looked at anew.
        """
        if "os_version" in facts:
            facts["os_version_key"] = version_key(str(facts["os_version"] or ""))
        changed = []
        for name, value in facts.items():
            fitting = _fit(self._meta.get_field(name), value)
            if fitting not in (None, "") and getattr(self, name) != fitting:
                setattr(self, name, fitting)
                changed.append(name)
        if changed:
            self.save(update_fields=changed)
            self.regroup([self.pk])
        return changed

    @staticmethod
    def regroup(ids: Iterable[int]) -> None:
        """Have the groups and policies of these devices looked at anew, soon.

        Also of those that are marked: who is at them may not see yet what changed.
        """
        now = timezone.now()
        RegroupMark.objects.bulk_create(
            # Sorted, so that two who do this never wait for each other in a circle.
            [RegroupMark(device_id=pk, at=now) for pk in sorted(set(ids))],
            batch_size=1000,
            update_conflicts=True,
            unique_fields=["device"],
            update_fields=["at"],
        )


class RegroupMark(models.Model):
    """That a device's groups and policies are to be looked at anew, ``at`` this time.

    Apart from the device's row: that is wide, has many indexes, and a hundred thousand
    devices can be marked at once.
    """

    device = models.OneToOneField(
        Device, models.CASCADE, primary_key=True, related_name="regroup_mark"
    )
    at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.device_id} to be regrouped"


def version_key(version: str) -> str:
    """Return a version's numbers as text that sorts as they do; '' for none.

    ``15.1`` and ``15.1.0`` are alike; what is not a number, such as the letter of a
    rapid security response, does not count.
    """
    numbers = [int(each) for each in re.findall(r"\d+", version.split(" ")[0])[:4]]
    while numbers and numbers[-1] == 0 and len(numbers) > 1:
        numbers.pop()
    return ".".join(f"{min(each, 99_999):05}" for each in numbers)


def _fit(column: Any, value: object) -> object:
    """Return ``value`` as the column can hold it, None if it makes no sense there.

    Old systems say 1 for true; no device is limited to what our columns hold.
    """
    if value is None:
        return None
    if isinstance(column, models.BooleanField):
        return bool(value)
    if isinstance(column, models.FloatField):
        return float(value) if isinstance(value, int | float) else None
    if isinstance(column, models.CharField):
        return str(value).replace("\0", "").strip()[: column.max_length]
    return value
