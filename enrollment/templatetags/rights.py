"""Rights: what the portal may do on a device, said to the person who enrolls."""

from django import template

from mdmportal.protocol.rights import AccessRights

register = template.Library()

CONTROL = {
    AccessRights.AllowDeviceErase: "erase the whole device",
    AccessRights.AllowPasscodeRemovalAndLock: "lock it and remove its passcode",
    AccessRights.AllowInstallationRemoval: "install and remove settings (profiles)",
    AccessRights.AllowAppInstallation: "install and remove apps it manages",
    AccessRights.AllowSettings: "change some settings, such as the device's name",
    AccessRights.AllowProvisioningInstallationRemoval: "install what lets in-house "
    "apps run",
}
SIGHT = {
    AccessRights.AllowQueryDeviceInformation: "its name, model, serial number, system "
    "version and storage",
    AccessRights.AllowQueryNetworkInformation: "its network addresses and phone "
    "numbers",
    AccessRights.AllowQueryApplications: "which apps are installed",
    AccessRights.AllowInspection: "which settings (profiles) and certificates are "
    "installed",
    AccessRights.AllowProvisioningInspection: "which in-house apps it is allowed to "
    "run",
    AccessRights.AllowQuerySecurity: "whether it is encrypted and has a passcode, "
    "never the passcode itself",
    AccessRights.AllowQueryRestrictions: "which restrictions are in force",
}


@register.filter
def control(access_rights: int) -> list[str]:
    """Return what IT can do, most drastic first."""
    return [words for right, words in CONTROL.items() if access_rights & right]


@register.filter
def sight(access_rights: int) -> list[str]:
    """Return what IT can see."""
    return [words for right, words in SIGHT.items() if access_rights & right]
