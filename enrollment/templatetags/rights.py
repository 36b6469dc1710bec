"""Rights: what the portal may do on a device, said to the person who enrolls."""

from django import template

register = template.Library()

CONTROL = {
    8: "erase the whole device",
    4: "lock it and remove its passcode",
    2: "install and remove settings (profiles)",
    4096: "install and remove apps it manages",
    2048: "change some settings, such as the device's name",
    128: "install what lets in-house apps run",
}
SIGHT = {
    16: "its name, model, serial number, system version and storage",
    32: "its network addresses and phone numbers",
    256: "which apps are installed",
    1: "which settings (profiles) and certificates are installed",
    1024: "whether it is encrypted and has a passcode, never the passcode itself",
    512: "which restrictions are in force",
}


@register.filter
def control(access_rights: int) -> list[str]:
    """Return what IT can do, most drastic first."""
    return [words for bit, words in CONTROL.items() if access_rights & bit]


@register.filter
def sight(access_rights: int) -> list[str]:
    """Return what IT can see."""
    return [words for bit, words in SIGHT.items() if access_rights & bit]
