"""Software: apps, configuration profiles, certificates, provisioning profiles."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.paginator import Paginator
from django.db.models import Q

from devices.models import InstalledApplication, InstalledCertificate

from .facts import dictionaries, dictionary, read_moment, text, told_flag
from .look import Look
from .reach import expiry_tone
from .told import answer_of, told

PAGE = 200
"""Applications or certificates on one page of their tab."""

SEARCHED = 20
"""From how many of them on there is a box to search in."""

BUSY = {
    "Installing": "installing",
    "DownloadFailed": "download failed",
    "DownloadWaiting": "waits to download",
    "DownloadPaused": "download paused",
    "DownloadCancelled": "download cancelled",
}

MANAGED: Mapping[str, tuple[str, str]] = {
    "Managed": ("managed", "ok"),
    "ManagedButUninstalled": ("removed by its user", "warn"),
    "Queued": ("waits to be installed", "info"),
    "Installing": ("installing", "info"),
    "Updating": ("updating", "info"),
    "Redeeming": ("redeeming its code", "info"),
    "NeedsRedemption": ("needs a redemption code", "warn"),
    "Prompting": ("its user is asked", "info"),
    "PromptingForLogin": ("its user is to sign in to the App Store", "info"),
    "PromptingForUpdate": ("its user is asked to update", "info"),
    "PromptingForUpdateLogin": ("its user is to sign in to update", "info"),
    "PromptingForManagement": ("its user is asked to let it be managed", "info"),
    "ValidatingPurchase": ("its licence is checked", "info"),
    "ValidatingUpdate": ("its licence is checked", "info"),
    "UserInstalledApp": ("installed by its user before, not managed", "mute"),
    "UserRejected": ("refused by its user", "warn"),
    "UpdateRejected": ("its update was refused", "warn"),
    "ManagementRejected": ("management was refused", "warn"),
    "Failed": ("failed", "bad"),
    "Unknown": ("state unknown", "mute"),
}
"""What ManagedApplicationList says of an application, in words, with its colour."""


@dataclass(frozen=True)
class Managed:
    identifier: str
    words: str
    tone: str
    facts: Mapping[str, Any]

    @classmethod
    def read(cls, identifier: str, said: Any) -> "Managed":
        status = text(dictionary(said).get("Status"))
        words, tone = MANAGED.get(status, (status or "managed", "mute"))
        return cls(identifier, words, tone, dictionary(said))


@dataclass(frozen=True)
class App:
    """An application on this device: what all say of it, and what this one says."""

    row: InstalledApplication
    facts: Mapping[str, Any]
    managed: Managed | None

    @property
    def version(self) -> str:
        application = self.row.application
        return application.short_version or application.version

    @property
    def data_size(self) -> int | None:
        size = self.facts.get("DynamicSize")
        return size if isinstance(size, int) else None

    @property
    def state(self) -> str:
        return next((words for key, words in BUSY.items() if self.facts.get(key)), "")


def apps(look: Look) -> dict[str, Any]:
    words = look.query.get("q", "").strip()[:100]
    rows = InstalledApplication.objects.filter(device=look.device)
    rows = rows.filter(user_id=look.user_id).select_related("application")
    total = rows.count()
    if words:
        rows = rows.filter(
            Q(application__name__icontains=words)
            | Q(application__identifier__icontains=words)
        )
    ordered = rows.order_by("application__name", "application__identifier", "pk")
    page = Paginator(ordered, PAGE).get_page(look.query.get("page"))
    managed = _managed(look)
    here = {row.application.identifier for row in page.object_list}
    pending = [] if words or page.number > 1 else _pending(look, managed, here)
    return {
        "told": told(look, "InstalledApplicationList"),
        "total": total,
        "searched": total > SEARCHED or bool(words),
        "words": words,
        "page": page,
        "pending": pending,
        "apps": [_app(row, managed) for row in page.object_list],
    }


def _app(row: InstalledApplication, managed: Mapping[str, Managed]) -> App:
    facts = {**dictionary(row.application.facts), **dictionary(row.own)}
    return App(row, facts, managed.get(row.application.identifier))


def _managed(look: Look) -> dict[str, Managed]:
    found = answer_of(look, "ManagedApplicationList")
    said = dictionary(found.answer if found else None)
    return {name: Managed.read(name, one) for name, one in said.items()}


def _pending(
    look: Look, managed: Mapping[str, Managed], here: set[str]
) -> list[Managed]:
    """Return those managed that are not installed: they wait, or were refused."""
    missing = [one for name, one in sorted(managed.items()) if name not in here]
    if not missing:
        return []
    rows = InstalledApplication.objects.filter(device=look.device, user_id=look.user_id)
    names = [one.identifier for one in missing]
    found = rows.filter(application__identifier__in=names)
    installed = set(found.values_list("application__identifier", flat=True))
    return [one for one in missing if one.identifier not in installed]


# --- Configuration profiles


@dataclass(frozen=True)
class Profile:
    facts: Mapping[str, Any]
    payload_types: list[str]
    signer: str
    is_declared: bool
    """It came by declarative device management."""
    is_enrollment: bool

    @property
    def name(self) -> str:
        return text(self.facts.get("PayloadDisplayName")) or "without a name"

    @property
    def is_managed(self) -> bool | None:
        """None: not told. Supervised devices do not."""
        return told_flag(self.facts, "IsManaged")


def profiles(look: Look) -> dict[str, Any]:
    found = told(look, "ProfileList")
    ours = look.stay.profile_identifier if look.stay else ""
    rows = [_profile(item, ours) for item in dictionaries(found.answer)]
    rows.sort(key=lambda row: row.name.lower())
    return {"told": found, "profiles": rows}


def _profile(item: Mapping[str, Any], ours: str) -> Profile:
    payloads = dictionaries(item.get("PayloadContent"))
    types = {text(each.get("PayloadType")): None for each in payloads}
    return Profile(
        facts=item,
        payload_types=[each for each in types if each],
        signer=_signer(item.get("SignerCertificates")),
        is_declared="declarative" in text(item.get("Source")).lower(),
        is_enrollment=bool(ours) and item.get("PayloadIdentifier") == ours,
    )


def _signer(chain: Any) -> str:
    """Return who signed, by the first certificate; '' if nobody or unreadable."""
    first = next(iter(dictionaries(chain)), {})
    return text(first.get("CommonName"))


# --- Certificates and provisioning profiles


@dataclass(frozen=True)
class Expiring:
    """Something that expires, with the colour of that."""

    row: Any
    expires: dt.datetime | None

    @property
    def tone(self) -> str:
        return expiry_tone(self.expires)


def certificates(look: Look) -> dict[str, Any]:
    rows = InstalledCertificate.objects.filter(device=look.device)
    rows = rows.filter(user_id=look.user_id).order_by("common_name", "pk")
    page = Paginator(rows, PAGE).get_page(look.query.get("page"))
    return {
        "told": told(look, "CertificateList"),
        "page": page,
        "certificates": [Expiring(row, row.not_after) for row in page.object_list],
    }


def provisioning(look: Look) -> dict[str, Any]:
    found = told(look, "ProvisioningProfileList")
    items = dictionaries(found.answer)
    rows = [Expiring(item, read_moment(item.get("ExpiryDate"))) for item in items]
    rows.sort(key=lambda each: text(each.row.get("Name")).lower())
    return {"told": found, "profiles": rows}
