"""Sayings: answers to commands in words, and what of it was not done after all.

Acknowledged says that the device took a command, not that all of it was done: some say
that apart, item by item. What was not done is written beside the delivery as an error,
which stays acknowledged.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import errors
from ..models import Delivery
from .said import Said

Answer = Mapping[str, Any]
Link = Mapping[str, Any]

LONGEST = 1000
LINKS = 20


@dataclass(frozen=True)
class Saying:
    """``tone`` is ok, info, warn or bad: what is bad was not done."""

    words: str
    tone: str = "ok"
    chain: Sequence[Link] = ()
    """Why, in the device's words."""

    @property
    def was_done(self) -> bool:
        return self.tone != "bad"


def of(request_type: str, answer: Answer) -> list[Saying]:
    """Return what an answer says, in words; [] where its state says all."""
    if answer.get("Status") != "Acknowledged":
        return []
    say = SAYINGS.get(request_type)
    if say:
        return list(say(answer))
    done = DONE.get(request_type)
    return [Saying(done)] if done else []


def note(said: Said) -> None:
    """Write down beside the delivery what of it was not done."""
    if not said.is_acknowledged or said.request_type not in SAYINGS:
        return
    failed = [each for each in of(said.request_type, said.answer) if not each.was_done]
    if failed:
        summary = _summary(said, failed)
        chain: list[Link] = [{"LocalizedDescription": summary[:LONGEST]}]
        chain += [_plain(link) for each in failed for link in each.chain]
        rows = Delivery.objects.filter(pk=said.delivery.pk)
        rows.update(error_chain=chain[:LINKS])


def _summary(said: Said, failed: Sequence[Saying]) -> str:
    reasons = "; ".join(each.words for each in failed)
    items = said.answer.get("Settings")
    if not isinstance(items, list):
        return reasons
    setting = "setting" if len(items) == 1 else "settings"
    return f"{len(failed)} of {len(items)} {setting} failed: {reasons}"


def _plain(link: Link) -> Link:
    """Return a link as it is kept: its texts shortened, and nothing else."""
    return {name: str(link[name])[:LONGEST] for name in KEPT if name in link}


KEPT = ("ErrorDomain", "ErrorCode", "LocalizedDescription", "USEnglishDescription")


# --- Said item by item


def _settings(answer: Answer) -> Iterator[Saying]:
    for item in _dictionaries(answer.get("Settings")):
        name = _setting(item)
        status = item.get("Status", "Acknowledged")
        if status == "Acknowledged":
            yield Saying(f"{name}: set.")
        else:
            chain = _dictionaries(item.get("ErrorChain"))
            yield Saying(f"{name}: {_why(chain, str(status))}", "bad", chain)


def _setting(item: Answer) -> str:
    """Return which setting it is: by its Item, of an app with its identifier too."""
    name = str(item.get("Item") or "a setting")
    return " of ".join(filter(None, (name, str(item.get("Identifier") or ""))))


def _why(chain: Sequence[Link], otherwise: str) -> str:
    said = (each.words for each in errors.read(chain))
    return next(filter(None, said), "") or REASONS.get(otherwise, "no reason given")


REASONS: Mapping[str, str] = {"CommandFormatError": "the device does not understand it"}


def _updates(answer: Answer) -> Iterator[Saying]:
    for item in _dictionaries(answer.get("UpdateResults")):
        name = str(item.get("ProductKey") or "the update")
        action, status = str(item.get("InstallAction")), str(item.get("Status"))
        chain = _dictionaries(item.get("ErrorChain"))
        if action == "Error" or status in UPDATES_FAILED:
            why = UPDATES_FAILED.get(status) or _why(chain, status)
            yield Saying(f"{name}: {why}", "bad", chain)
        else:
            yield Saying(f"{name}: {UPDATES.get(action, action)}")


UPDATES: Mapping[str, str] = {
    "DownloadOnly": "it is downloaded and not installed.",
    "InstallASAP": "it is installed as soon as it can be.",
    "NotifyOnly": "its user is told of it.",
    "InstallLater": "it is installed later.",
    "InstallForceRestart": "it is installed, and the device restarts.",
}
UPDATES_FAILED: Mapping[str, str] = {
    "DownloadFailed": "the download failed",
    "DownloadRequiresComputer": "it must be connected to a computer to download it",
    "DownloadInsufficientSpace": "there is not enough space to download it",
    "DownloadInsufficientPower": "there is not enough power to download it",
    "DownloadInsufficientNetwork": "the network is too slow to download it",
    "InstallInsufficientSpace": "there is not enough space to install it",
    "InstallInsufficientPower": "there is not enough power to install it",
    "InstallPhoneCallInProgress": "somebody is on the phone",
    "InstallFailed": "installing it failed",
}


def _lights_out(answer: Answer) -> Iterator[Saying]:
    for item in _dictionaries(answer.get("ResponseList")):
        which = str(item.get("DeviceRequestUUID") or "A request")
        if item.get("DeviceRequestSuccess"):
            yield Saying(f"{which}: done.")
        else:
            why = str(item.get("DeviceRequestReturnError") or "no reason given")
            yield Saying(f"{which}: {why}", "bad")


def _lights_out_setup(answer: Answer) -> Iterator[Saying]:
    for key, words in (
        ("PrimaryIPv6AddressList", "First interface"),
        ("SecondaryIPv6AddressList", "Second interface"),
    ):
        addresses = answer.get(key)
        if isinstance(addresses, list) and addresses:
            yield Saying(f"{words}: {', '.join(map(str, addresses))}", "info")
    version = answer.get("LOMProtocolVersion")
    if version is not None:
        yield Saying(f"It speaks version {version} of the protocol.", "info")


# --- Said in one word


def one_of(key: str, table: Mapping[str, Saying]) -> Callable[[Answer], list[Saying]]:
    """Return what says the one word that an answer has under this key."""

    def say(answer: Answer) -> list[Saying]:
        value = answer.get(key)
        if value is None:
            return []
        return [table.get(str(value)) or Saying(f"{key}: {value}", "info")]

    return say


MESSAGE: Mapping[str, Saying] = {
    "Success": Saying("It shows the message."),
    "NoPasscodeSet": Saying(
        "It does not show the message, because it has no passcode.", "warn"
    ),
    "DeviceInLostMode": Saying(
        "It shows the message of Lost Mode, not this one.", "warn"
    ),
    "Unknown": Saying("It does not show the message and did not say why.", "warn"),
}

MIRRORING: Mapping[str, Saying] = {
    "Prompting": Saying("Its user is asked whether to share the screen.", "info"),
    "DestinationNotFound": Saying(
        "it does not reach the device that was to show its screen", "bad"
    ),
    "Cancelled": Saying("its user did not want to share the screen", "bad"),
    "Unknown": Saying("sharing the screen failed, it did not say why", "bad"),
}

INVITATION: Mapping[str, Saying] = {
    "Acknowledged": Saying("Its user is asked to join the program.", "info"),
    "InvalidProgramID": Saying("it knows no program of this ProgramID", "bad"),
    "InvalidInvitationURL": Saying("the address of the invitation is wrong", "bad"),
}

SCAN: Mapping[str, Saying] = {
    "True": Saying("It looks for updates; that takes a few minutes."),
    "False": Saying("it did not begin to look for updates", "bad"),
}

INSTALLING: Mapping[str, Saying] = {
    "Queued": Saying("The installation waits its turn.", "info"),
    "NeedsRedemption": Saying("It needs a redemption code to go on.", "warn"),
    "Prompting": Saying("Its user is asked whether to install it.", "info"),
    "PromptingForLogin": Saying("Its user must sign in to the App Store.", "warn"),
    "PromptingForManagement": Saying(
        "The app is there already; its user is asked to let it be managed.", "info"
    ),
    "Installing": Saying("It is being installed.", "info"),
    "Updating": Saying("It is being updated.", "info"),
    "Managed": Saying("It is installed and managed."),
    "Installed": Saying("It is installed."),
    "UserRejected": Saying("its user did not want it", "bad"),
    "ManagementRejected": Saying("its user did not let it be managed", "bad"),
    "UpdateRejected": Saying("its user did not want the update", "bad"),
    "Failed": Saying("installing it failed", "bad"),
}

REJECTED: Mapping[str, str] = {
    "AppAlreadyInstalled": "the app is there already",
    "AppAlreadyQueued": "the app is being installed already",
    "AppStoreDisabled": "the App Store is not allowed on the device",
    "CouldNotVerifyAppID": "the App Store does not know it, or was not reached",
    "ManagementChangeNotSupported": "an app that its user installed is not taken over",
    "NotAnApp": "it is not an app",
    "NotSupported": "the device does not support it",
    "PurchaseMethodNotSupported": "it cannot be paid for in this way",
    "PurchaseMethodNotSupportedInMultiUser": (
        "an app for a user cannot be installed on a Shared iPad"
    ),
    "CouldNotVerifyITunesStoreID": "the book store does not know it",
    "PurchaseNotFound": "its user has no licence of it",
    "WrongMediaType": "it is not a book",
    "DownloadInvalid": "what the address gives is not a book",
    "EnterpriseBooksNotSupportedInMultiUser": "a Shared iPad takes no own books",
}


def _installation(answer: Answer) -> Iterator[Saying]:
    reason = answer.get("RejectionReason")
    if reason:
        yield Saying(REJECTED.get(str(reason), f"rejected: {reason}"), "bad")
    else:
        yield from one_of("State", INSTALLING)(answer)


# --- Passwords


def _verified(answer: Answer) -> Iterator[Saying]:
    for each in (answer, *_inner(answer)):
        holds = each.get("PasswordVerified")
        if isinstance(holds, bool):
            right = Saying("The password is right.")
            yield right if holds else Saying("the password is wrong", "bad")


def _firmware(answer: Answer) -> Iterator[Saying]:
    for each in (answer, *_inner(answer)):
        is_changed = each.get("PasswordChanged")
        if isinstance(is_changed, bool):
            changed = Saying("It is in force from the next restart on.", "info")
            yield changed if is_changed else Saying("it was not changed", "bad")


def _inner(answer: Answer) -> list[Answer]:
    names = ("VerifyFirmwarePassword", "VerifyRecoveryLock", "SetFirmwarePassword")
    return [each for name in names if isinstance(each := answer.get(name), Mapping)]


def _extensions(answer: Answer) -> Iterator[Saying]:
    items = _dictionaries(answer.get("Extensions"))
    yield Saying(f"{len(items)} extension{'' if len(items) == 1 else 's'}.", "info")
    for one in items[:LINKS]:
        name = one.get("DisplayName") or one.get("Identifier") or "without a name"
        point = one.get("ExtensionPoint")
        yield Saying(f"{name}{f', for {point}' if point else ''}", "info")


def _location(answer: Answer) -> Iterator[Saying]:
    yield Saying("It said where it is: see Location on its page.", "info")


def _dictionaries(value: Any) -> list[Answer]:
    """Return those items of a list that are dictionaries; a single one counts, too."""
    items = [value] if isinstance(value, Mapping) else value
    items = items if isinstance(items, list) else []
    return [item for item in items if isinstance(item, Mapping)]


SAYINGS: Mapping[str, Callable[[Answer], Iterator[Saying] | list[Saying]]] = {
    "ActiveNSExtensions": _extensions,
    "DeviceLocation": _location,
    "DeviceLock": one_of("MessageResult", MESSAGE),
    "InstallApplication": _installation,
    "InstallMedia": _installation,
    "InviteToProgram": one_of("InvitationResult", INVITATION),
    "LOMDeviceRequest": _lights_out,
    "LOMSetupRequest": _lights_out_setup,
    "NSExtensionMappings": _extensions,
    "RequestMirroring": one_of("MirroringResult", MIRRORING),
    "ScheduleOSUpdate": _updates,
    "ScheduleOSUpdateScan": one_of("ScanInitiated", SCAN),
    "SetFirmwarePassword": _firmware,
    "Settings": _settings,
    "VerifyFirmwarePassword": _verified,
    "VerifyRecoveryLock": _verified,
}
"""RequestType -> what says its answer in words."""

DONE: Mapping[str, str] = {
    "ActivationLockBypassCode": "The code is kept among its secrets.",
    "ClearActivationLockBypassCode": "The code that was kept here opens nothing now.",
    "ClearPasscode": (
        "It has no passcode now. Where one is required, its user is asked for a new "
        "one within 60 minutes, after which the device insists."
    ),
    "ClearRestrictionsPassword": (
        "The passcode of its restrictions is gone, and with it those that its user set."
    ),
    "DeviceConfigured": "Setup Assistant goes on.",
    "DisableLostMode": "Lost Mode is off. Its user is told that it was located.",
    "EnableLostMode": "Lost Mode is on. It is asked where it is.",
    "EraseDevice": "It erases itself now.",
    "PlayLostModeSound": "It plays a sound for two minutes, or until it is stopped.",
    "RefreshCellularPlans": "It asks its carrier for plans; that takes a while.",
    "RequestUnlockToken": "The token is kept among its secrets.",
    "RestartDevice": "It restarts.",
    "ShutDownDevice": "It shuts down.",
    "StopMirroring": "It shares its screen no more.",
    "UnlockUserAccount": "Who failed to sign in too often can try again.",
    "UserConfigured": "Setup Assistant of this user goes on.",
    "ValidateApplications": "The apps that it trusts are looked at anew.",
}
"""RequestType -> what a device does then that says only Acknowledged."""
