"""Kinds: the devices that are told apart when something happened to one."""

from django.db.models import TextChoices

from devices.models import Device, Enrollment


class Kind(TextChoices):
    IPHONE = "iphone", "iPhone or iPad, supervised"
    UNSUPERVISED = "unsupervised", "iPhone or iPad, not supervised"
    SHARED = "shared", "Shared iPad"
    OWN = "own", "iPhone or iPad of its person"
    MAC = "mac", "Mac"
    SILICON = "silicon", "Mac with Apple silicon"
    INTEL = "intel", "Mac with an Intel processor"
    OWN_MAC = "own-mac", "Mac of its person"
    TV = "tv", "Apple TV"
    VISION = "vision", "Apple Vision Pro"
    OWN_VISION = "own-vision", "Apple Vision Pro of its person"
    WATCH = "watch", "Apple Watch"
    UNKNOWN = "unknown", "device that has not told what it is"


ALL = frozenset(Kind)
OWN = frozenset((Kind.OWN, Kind.OWN_MAC, Kind.OWN_VISION))
"""The person's own, enrolled as such: only what is managed is ours to touch."""
MACS = frozenset((Kind.MAC, Kind.SILICON, Kind.INTEL))
SHARED = frozenset((Kind.SHARED,))
LOSABLE = frozenset((Kind.IPHONE, Kind.SHARED))
"""What Lost Mode is for."""

_PLATFORMS = {
    Device.Platform.TVOS: Kind.TV,
    Device.Platform.VISIONOS: Kind.VISION,
    Device.Platform.WATCHOS: Kind.WATCH,
}
_OWN = {
    Device.Platform.IOS: Kind.OWN,
    Device.Platform.IPADOS: Kind.OWN,
    Device.Platform.MACOS: Kind.OWN_MAC,
    Device.Platform.VISIONOS: Kind.OWN_VISION,
}
_PROCESSORS = {None: Kind.MAC, True: Kind.SILICON, False: Kind.INTEL}


def kind_of(device: Device, stay: Enrollment | None) -> Kind:
    """Return what kind the device is, as it is or was last enrolled."""
    mode = stay.mode if stay else ""
    if mode == Enrollment.Mode.USER:
        return _OWN.get(Device.Platform(device.platform or "iOS"), Kind.OWN)
    if mode == Enrollment.Mode.SHARED_IPAD:
        return Kind.SHARED
    if device.platform == Device.Platform.MACOS:
        return _PROCESSORS[device.is_apple_silicon]
    if device.platform in (Device.Platform.IOS, Device.Platform.IPADOS):
        # Unknown is not "no": the device has the last word.
        return Kind.UNSUPERVISED if device.is_supervised is False else Kind.IPHONE
    return _PLATFORMS.get(device.platform, Kind.UNKNOWN)  # type: ignore[call-overload,no-any-return]
