"""Columns: conditions on what the device's own row holds."""

from collections.abc import Callable
from typing import Any

from django.db.models import F, Q

from ..models import Device, Inventory
from .field import Field, Operator, among, not_among
from .values import Choice, Number, Text, Value, Version

YES_NO = Choice(entries={"yes": "yes", "no": "no"})
DEVICE, SECURITY = "Device", "Security"


def _is(column: str, lookup: str = "iexact") -> Callable[[Any], Q]:
    return lambda value: Q(**{f"{column}__{lookup}": value})


def _is_not(column: str, lookup: str = "iexact") -> Callable[[Any], Q]:
    return lambda value: ~Q(**{f"{column}__{lookup}": value})


def _says(column: str) -> Callable[[Device, str], str]:
    return lambda device, _: str(getattr(device, column) or "")


def comparing(column: str, value: Value) -> dict[str, Operator]:
    """Return how a column of text is compared."""
    return {
        "is": Operator("is", _is(column), value),
        "is_not": Operator("is not", _is_not(column), value),
        "contains": Operator("contains", _is(column, "icontains"), value),
        "contains_not": Operator(
            "does not contain", _is_not(column, "icontains"), value
        ),
        "begins": Operator("begins with", _is(column, "istartswith"), value),
    }


def _text(column: str, label: str, section: str = DEVICE) -> Field:
    return Field(
        column,
        label,
        section,
        comparing(column, Text()),
        _says(column),
        told=lambda: ~Q(**{column: ""}),
        untold=lambda: Q(**{column: ""}),
    )


def _boolean(name: str, label: str, column: str, section: str = SECURITY) -> Field:
    """Return the field of a column that is None until the device has told."""

    def find(value: str) -> Q:
        return Q(**{column: value == "yes"})

    def say(device: Device, _: str) -> str:
        return {True: "yes", False: "no"}.get(getattr(device, column), "")

    return Field(
        name,
        label,
        section,
        {"is": Operator("is", find, YES_NO, phrase="{field}: {value}")},
        say,
        told=lambda: Q(**{f"{column}__isnull": False}),
        untold=lambda: Q(**{f"{column}__isnull": True}),
    )


# --- Of their own kind

VERSION = Version(hint="17.6.1")


def _in_series(key: str) -> Q:
    """Return the devices whose version is this one, or begins with it."""
    return Q(os_version_key=key) | Q(os_version_key__startswith=f"{key}.")


def os_version() -> Field:
    return Field(
        "os_version",
        "OS version",
        DEVICE,
        {
            "at_least": Operator("is at least", _is("os_version_key", "gte"), VERSION),
            "below": Operator("is below", _is("os_version_key", "lt"), VERSION),
            "is": Operator("is", _is("os_version_key", "exact"), VERSION),
            "series": Operator("is, or begins with,", _in_series, VERSION),
        },
        _says("os_version"),
        told=lambda: ~Q(os_version_key=""),
        untold=lambda: Q(os_version_key=""),
    )


def platform() -> Field:
    kinds = Choice(entries={each: each for each in Device.Platform.values})
    return Field(
        "platform",
        "Platform",
        DEVICE,
        {
            "is": Operator("is", _is("platform", "exact"), kinds),
            "is_not": Operator("is not", _is_not("platform", "exact"), kinds),
        },
        _says("platform"),
        told=lambda: ~Q(platform=""),
        untold=lambda: Q(platform=""),
    )


def update_available() -> Field:
    """An update that is installed already is none any more."""
    asked = Inventory.objects.filter(request_type="AvailableOSUpdates")
    offered = ~Q(update_available="") & ~Q(update_available=F("os_version"))
    return Field(
        "update_available",
        "OS update",
        DEVICE,
        {
            "any": Operator(
                "is available", lambda _: offered, phrase="{field} is available"
            ),
            "none": Operator(
                "is not available", lambda _: ~offered, phrase="no {field} is available"
            ),
        },
        _says("update_available"),
        told=lambda: ~Q(update_available="") | among(asked),
        untold=lambda: Q(update_available="") & not_among(asked),
    )


def _number(
    name: str,
    label: str,
    value: Number,
    find: Callable[[str, float], Q],
    say: Callable[[Device], str],
    told: Q,
) -> Field:
    """Return the field of a number; ``find`` takes a lookup and what is compared."""
    return Field(
        name,
        label,
        DEVICE,
        {
            "below": Operator("is below", lambda limit: find("lt", limit), value),
            "at_least": Operator(
                "is at least", lambda limit: find("gte", limit), value
            ),
        },
        lambda device, _: say(device),
        told=lambda: told,
        untold=lambda: ~told,
    )


PERCENT = Number(unit="%", high=100)
GIGABYTES = Number(unit="GB", high=100_000)
FREE, FREE_SHARE = Q(available_capacity__isnull=False), Q(capacity__gt=0)


def storage_free() -> Field:
    return _number(
        "storage_free",
        "Free storage (GB)",
        GIGABYTES,
        lambda lookup, limit: Q(**{f"available_capacity__{lookup}": limit}),
        lambda device: (
            ""
            if device.available_capacity is None
            else f"{device.available_capacity:.1f} GB"
        ),
        FREE,
    )


def storage_free_percent() -> Field:
    def say(device: Device) -> str:
        if device.available_capacity is None or not device.capacity:
            return ""
        return f"{100 * device.available_capacity / device.capacity:.0f} %"

    return _number(
        "storage_free_percent",
        "Free storage (%)",
        PERCENT,
        lambda lookup, limit: Q(
            **{f"available_capacity__{lookup}": F("capacity") * (limit / 100)}
        ),
        say,
        FREE & FREE_SHARE,
    )


def battery() -> Field:
    """A device that cannot tell says -1."""
    return _number(
        "battery",
        "Battery (%)",
        PERCENT,
        lambda lookup, limit: Q(**{f"battery_level__{lookup}": limit / 100}),
        lambda device: (
            ""
            if device.battery_level is None or device.battery_level < 0
            else f"{100 * device.battery_level:.0f} %"
        ),
        Q(battery_level__gte=0),
    )


def asset_tag() -> Field:
    """Staff gives it, not the device: one without has none."""
    return Field(
        "asset_tag",
        "Asset tag",
        DEVICE,
        {
            **comparing("asset_tag", Text()),
            "none": Operator(
                "is not given",
                lambda _: Q(asset_tag=""),
                phrase="{field} is not given",
            ),
        },
        _says("asset_tag"),
    )


COLUMNS = (
    _text("name", "Name"),
    _text("serial_number", "Serial number"),
    platform(),
    _text("model", "Model"),
    _text("product_name", "Product name"),
    os_version(),
    _text("build_version", "Build"),
    update_available(),
    storage_free(),
    storage_free_percent(),
    battery(),
    _text("carrier", "Carrier"),
    _text("phone_number", "Phone number"),
    _boolean("roaming", "Roaming", "is_roaming", DEVICE),
    _text("time_zone", "Time zone"),
    _boolean("apple_silicon", "Apple silicon", "is_apple_silicon", DEVICE),
    asset_tag(),
    _boolean("supervised", "Supervised", "is_supervised"),
    _boolean("passcode", "Passcode set", "passcode_present"),
    _boolean("passcode_compliant", "Passcode compliant", "passcode_compliant"),
    _boolean("encrypted", "Encrypted", "is_encrypted"),
    _boolean("firewall", "Firewall on", "firewall_enabled"),
    _boolean("activation_lock", "Activation Lock", "is_activation_locked"),
    _boolean("lost_mode", "Lost Mode", "in_lost_mode"),
)
