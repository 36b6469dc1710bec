"""Explained: what the usual errors of devices mean, and what to do next.

Domains and codes as Apple listed them for Configuration Profile and MDM errors; newer
ones as devices were seen to answer. Apple says that they may change: they are good for
words and for nothing else.
https://developer.apple.com/library/archive/documentation/Miscellaneous/Reference/MobileDeviceManagementProtocolRef/
"""

from collections.abc import Mapping

FORMAT = (
    "The device does not understand the command as it was put: a key is missing, "
    "unknown or of another type. That is a fault of the order, not of the device: "
    "order it again with other keys."
)

_UPDATE = "Look at Updates on its page, and order it again when that is over."
_MDM: Mapping[int, str] = {
    12002: "It does not reach the portal to check in. Its network is the first to see.",
    12004: "Its enrollment names another push certificate. It must be enrolled again.",
    12005: "The certificate that a profile names is not on the device.",
    12007: "The enrollment does not give the portal the right to do this. Rights come "
    "with the enrollment profile: enroll it again by a way in that has more.",
    12008: FORMAT,
    12009: "The new enrollment profile may not replace the one that it has: topic, "
    "identifier, addresses and rights must be the same.",
    12011: "The enrollment profile contradicts itself.",
    12012: "The new enrollment profile differs in what may not change: topic, "
    "addresses, rights or what the server can do.",
    12013: "That profile was not installed by this portal, so it cannot be removed by "
    "it. Its user can do so in Settings.",
    12014: "That provisioning profile was not installed by this portal.",
    12016: "Its identity is gone. It must be enrolled again.",
    12021: "It cannot take this command: its system is too old or does not have it, it "
    "is not supervised, or it was asked on the wrong channel. See what is said "
    "beside the command on its page.",
    12022: "The push topic is not the one it enrolled with. It must be enrolled again.",
    12023: "The App Store does not know this app, or not in the country of its user.",
    12024: "The manifest could not be read, or names an app that it is not for.",
    12025: "The app is there already. To manage it, order it with "
    "ChangeManagementState: Managed.",
    12026: "There is no licence of this app for the device or its user. Assign one in "
    "Apple Business Manager or Apple School Manager, then order it again.",
    12027: "That is not an app.",
    12028: "The app does not wait for a redemption code.",
    12029: "The app is not managed here, so this cannot be done with it.",
    12030: "The address is wrong.",
    12031: "Installing apps is not allowed on the device, by a restriction or because "
    "its App Store is off.",
    12032: "The manifest lists several apps; it may list one.",
    12033: "The manifest is not one.",
    12034: "The address must begin with https://.",
    12035: "The app cannot be bought: it is not sold there any more.",
    12036: "The app cannot be removed while it is being installed. Order it later.",
    12037: "The redemption code is wrong or was used already.",
    12038: "The app is not managed here, so this cannot be done with it.",
    12040: "Nobody is signed in to the App Store on the device. Have its user sign in, "
    "or assign the app to the device rather than to its user.",
    12041: "It does not know this language.",
    12042: "It does not know this region.",
    12043: "It could not download the book. Does it reach the address?",
    12044: "It takes no media of that type.",
    12046: "The book store does not know this book.",
    12047: "There is no licence of it for the device or its user.",
    12048: "It knows of no such update. Ask for its updates, and choose among those.",
    12049: "An iPhone or iPad of that system updates only without a passcode, or when "
    "its user types it in.",
    12050: "It could not look for updates. Does it reach Apple?",
    12051: f"The update is being downloaded. {_UPDATE}",
    12052: "The update is downloaded already: order that it be installed.",
    12053: "It must be connected to a computer to download the update.",
    12054: "There is not enough space to download the update.",
    12055: "There is not enough power to download the update: charge it.",
    12056: "The network is too slow to download the update, or only cellular.",
    12057: "The download of the update failed. Order it again.",
    12058: f"The update is being installed. {_UPDATE}",
    12059: "The update must be downloaded before it is installed.",
    12060: "There is not enough space to install the update.",
    12061: "There is not enough power to install the update: charge it.",
    12062: "Installing the update failed. Order it again.",
    12063: "Its user said no.",
    12064: "There is no licence of this app for the device or its user.",
    12065: "That is an app of the system.",
    12066: "It could not go into Lost Mode. It must be supervised and set up. Order it "
    "again; if it fails again, restart the device first.",
    12067: "It is not in Lost Mode, and only then it says where it is and plays a "
    "sound. Order Lost Mode first.",
    12068: "It could not find out where it is. It may be inside a building or without "
    "a network: ask again later.",
    12069: "It could not leave Lost Mode. Order it again; at worst erase it.",
    12070: "It could not list its users. Is it a Shared iPad?",
    12071: "There is no such user on it. Ask for its users, and choose among those.",
    12072: "That user is signed in. Order that they be logged out first.",
    12073: "What that user made is not synchronised yet, and would be lost. Wait until "
    "it is, or force the deletion.",
    12074: "It could not delete the user.",
    12075: "There is no such profile on it: it was removed already.",
    12076: "It has no channel for its users.",
    12077: "It installs no update while somebody is signed in.",
    12078: "In Lost Mode it does only what ends that, says where it is, plays a sound "
    "or erases it. Disable Lost Mode first.",
    12079: "It is not managed any more. It must be enrolled again.",
    12080: "It could not play the sound. It plays only in Lost Mode.",
    12081: "It does that only while it is connected to a computer's network.",
    12084: "It could not install the app while it is bound to a single app.",
}

_INSTALLATION: Mapping[int, str] = {
    4000: "The profile is none: it is damaged, or not a configuration profile.",
    4001: "The profile could not be installed. What its user sees under Settings, and "
    "the other lines here, say which payload was at fault.",
    4002: "Another profile with this PayloadUUID is on the device.",
    4004: "Its user cancelled the installation.",
    4005: "Its passcode does not meet what the profile wants: its user must set "
    "another first.",
    4006: "The day on which the profile is to be removed has passed.",
    4007: "That file is not a profile.",
    4008: "The profile was signed by somebody else than the one it is to replace.",
    4009: "The device is locked. It does this when its user has unlocked it.",
    4010: "The new profile has another PayloadIdentifier than the one to replace.",
    4013: "The profile could not be replaced by the new one. The old one is there.",
    4015: "The new enrollment profile does not manage.",
    4017: "There can be one proxy for everything, and another profile has one.",
    4018: "There can be one cellular configuration, and another profile has one.",
    4019: "It can be bound to one app, and another profile binds it already.",
    4020: "Its user may not install profiles; by this portal it can be.",
    4022: "Such a profile can be installed by management alone.",
    4023: "A payload of this profile may not be installed in this way: by hand, or on "
    "a person's own device.",
    4024: "There is no such profile on it.",
    4025: "A payload of this profile is for supervised devices only.",
    4026: "The day on which the profile is to be removed has passed.",
    4027: "Its user must set another passcode before the profile can be installed.",
    4028: "There can be one layout of the home screen, and another profile has one.",
    4029: "There can be one set of notification settings, and another profile has one.",
    4030: "A payload of this profile is not for a Shared iPad.",
    4031: "The profile holds what only its user may know.",
}

_PROFILE: Mapping[int, str] = {
    1000: "The profile is damaged, or not one.",
    1001: "The profile is for a newer system.",
    1002: "The profile lacks a key that it needs.",
    1003: "A key of the profile has a value of another type.",
    1004: "The signature of the profile does not hold: it was changed after signing.",
    1005: "The profile is empty.",
    1006: "The profile was encrypted for another device.",
    1007: "Two payloads of the profile have the same PayloadUUID.",
    1008: "Two payloads of the profile have the same PayloadIdentifier.",
    1009: "The profile could not be installed; the other lines say why.",
    1010: "A key of the profile has a value that the system does not know.",
    2000: "A payload of the profile is damaged.",
    2001: "A payload of the profile is for a newer system.",
    2002: "A payload of the profile lacks a key that it needs.",
    2003: "A key of a payload has a value of another type.",
    2004: "A key of a payload has a value that the system does not know.",
}

_PASSCODE: Mapping[int, str] = {
    5010: "The device is locked. It does this when its user has unlocked it.",
    5011: "The passcode is wrong.",
    5013: "Its passcode could not be removed. The unlock token that is kept may be of "
    "an earlier enrollment, or it has been off since it was last restarted: then only "
    "erasing helps.",
    5014: "It could not set the passcode.",
    5015: "It could not set the time after which the passcode is asked for.",
}

_SETTINGS: Mapping[int, str] = {
    28000: "Its system does not know this setting.",
    28001: "The picture is not a PNG or JPEG.",
    28002: "It could not set the wallpaper. It must be supervised.",
}

_OTHERS: Mapping[str, str] = {
    "MCSCEPErrorDomain 22005": "It did not reach the server that issues certificates.",
    "MCSCEPErrorDomain 22013": "The server that issues certificates refused it: its "
    "challenge was used already, or has run out.",
    "MCWiFiErrorDomain 13000": "It could not add the Wi-Fi network.",
    "MCCertificateErrorDomain 9000": "The password of the identity is wrong.",
    "MCCertificateErrorDomain 9005": "The certificate is damaged.",
    "MCCertificateErrorDomain 9006": "There is no private key beside the certificate.",
    "MCProvisioningProfileErrorDomain 25000": "The provisioning profile is damaged.",
    "MCProvisioningProfileErrorDomain 25001": "It could not install the provisioning "
    "profile: is it for this device?",
    "MCChaperoneErrorDomain 29000": "It is not supervised, and this needs that.",
    "MCStoreErrorDomain 30000": "The sign-in to the App Store failed.",
    "MCStoreErrorDomain 30001": "The App Store did not answer in time. Order it again.",
    "MDMErrorDomain 12075": _MDM[12075],
    "MDMClientError 70": "It has a recovery lock that was not set from here, or "
    "another password than the one kept: it wants to be told the current one.",
    "MDMClientError 89": "There is no such profile on it: it was removed already.",
    "MDMClientError 91": _MDM[12021],
    "MDMClientError 97": FORMAT,
    "ROSLockoutServiceDaemonErrorDomain 8": "The password that is kept is not the one "
    "that is set on the Mac. Verify it, and find out who set another.",
    "NSURLErrorDomain -1001": "The server did not answer in time. Order it again.",
    "NSURLErrorDomain -1003": "It does not find the server of that address.",
    "NSURLErrorDomain -1004": "It does not reach the server of that address.",
    "NSURLErrorDomain -1009": "It has no connection to the internet.",
    "NSURLErrorDomain -1202": "It does not trust the certificate of that server.",
    "NSPOSIXErrorDomain 28": "Its storage is full.",
}

_TABLES: Mapping[str, Mapping[int, str]] = {
    "MCInstallationErrorDomain": _INSTALLATION,
    "MCMDMErrorDomain": _MDM,
    "MCPasscodeErrorDomain": _PASSCODE,
    "MCPayloadErrorDomain": _PROFILE,
    "MCProfileErrorDomain": _PROFILE,
    "MCSettingsErrorDomain": _SETTINGS,
}

CODES: Mapping[str, str] = {
    **{
        f"{domain} {code}": words
        for domain, table in _TABLES.items()
        for code, words in table.items()
    },
    **_OTHERS,
}
"""Domain and code, as errors.Error has them -> what it means and what to do."""

PHRASES: Mapping[str, str] = {
    "not a valid request type": _MDM[12021],
    "unknown command": _MDM[12021],
    "not supervised": _OTHERS["MCChaperoneErrorDomain 29000"],
    "must be supervised": _OTHERS["MCChaperoneErrorDomain 29000"],
    "existing recovery lock password": _OTHERS["MDMClientError 70"],
    "recovery password failed to validate": (
        _OTHERS["ROSLockoutServiceDaemonErrorDomain 8"]
    ),
    "not found on device": "It is not on the device any more.",
    "is not installed": "It is not on the device any more.",
    "not in lost mode": _MDM[12067],
    "not authorized": _MDM[12007],
    "device is locked": _PASSCODE[5010],
    "license for": _MDM[12026],
    "disk is full": _OTHERS["NSPOSIXErrorDomain 28"],
    "internet connection appears to be offline": _OTHERS["NSURLErrorDomain -1009"],
    "timed out": _OTHERS["NSURLErrorDomain -1001"],
}
"""What an error says in English, in small letters -> likewise, for other codes."""
