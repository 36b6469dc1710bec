"""Changes: what a device says otherwise than before, and what staff did about it."""

from collections.abc import Mapping

from django.db.models import Q, QuerySet

from devices.models import AuditEntry, Change

from .event import AUDIT, CHANGED, Cursor, Event
from .scope import Found, Scope, listed, rows_of


def changed(scope: Scope, before: Cursor | None, limit: int) -> Found:
    rows = Change.objects.filter(device=scope.device)
    if scope.user:
        rows = rows.filter(user_id=scope.user.user_id)
    names = {one.user_id: one.user_name for one in scope.channels if one.user_id}
    found = rows_of(rows, "at", CHANGED, before, limit)
    return listed([_changed(scope, each, names) for each in found], limit)


def _changed(scope: Scope, change: Change, names: Mapping[str, str]) -> Event:
    return Event(
        Cursor(change.at, CHANGED, change.pk),
        "changed",
        _said(change),
        _tone(change),
        user="" if scope.user else names.get(change.user_id, change.user_id),
        run=f"{change.request_type} {change.user_id} {change.at.isoformat()}",
    )


def _tone(change: Change) -> str:
    if change.request_type == "Compliance":  # a verdict, that may be a bad one
        return "bad" if change.after.startswith("violates") else "info"
    return {"added": "ok", "removed": "warn"}.get(change.kind, "info")


WORDS: Mapping[str, tuple[str, str]] = {
    "AvailableOSUpdates": ("{} can be installed", "{} is not offered any more"),
    "CertificateList": ("Certificate {} added", "Certificate {} removed"),
    "InstalledApplicationList": ("{} installed", "{} removed"),
    "ManagedApplicationList": ("App {} is managed", "App {} is not managed any more"),
    "ProfileList": ("Profile {} installed", "Profile {} removed"),
    "ProvisioningProfileList": (
        "Provisioning profile {} installed",
        "Provisioning profile {} removed",
    ),
    "Restrictions": ("Restriction {} set", "Restriction {} lifted"),
    "UserList": ("Account {} added", "Account {} removed"),
}
"""What coming and going is called, by the query whose answer told it."""


def _said(change: Change) -> str:
    if change.kind == Change.Kind.CHANGED or change.request_type not in WORDS:
        return _otherwise(change)
    is_there = change.kind == Change.Kind.ADDED
    name = change.name
    if change.request_type == "InstalledApplicationList":
        name = f"{name} {change.after if is_there else change.before}".strip()
    return WORDS[change.request_type][not is_there].format(name)


def _otherwise(change: Change) -> str:
    """Tell a fact that is another now; of a profile, not the UUIDs it differs in."""
    if change.request_type == "ProfileList":
        return f"Profile {change.name} changed"
    parts = [change.before, change.after or "nothing"]
    return f"{change.name}: {' → '.join(part for part in parts if part)}"


def audited(scope: Scope, before: Cursor | None, limit: int) -> Found:
    return _audit(scope, AuditEntry.objects.all(), before, limit)


def of_secrets(scope: Scope, before: Cursor | None, limit: int) -> Found:
    return _audit(scope, AuditEntry.objects.filter(OF_SECRETS), before, limit)


def of_staff(scope: Scope, before: Cursor | None, limit: int) -> Found:
    return _audit(scope, AuditEntry.objects.exclude(OF_SECRETS), before, limit)


SECRET_WORDS = ("reveal", "secret")
OF_SECRETS = Q(action__icontains="reveal") | Q(action__icontains="secret")


def _audit(
    scope: Scope,
    entries: "QuerySet[AuditEntry]",
    before: Cursor | None,
    limit: int,
) -> Found:
    if scope.user or not scope.audited:
        return Found(())
    # What was ordered is told by what became of it.
    rows = entries.filter(device=scope.device).exclude(action__startswith="ordered ")
    found = rows_of(rows, "at", AUDIT, before, limit)
    return listed([_written(each) for each in found], limit)


def _written(entry: AuditEntry) -> Event:
    is_secret = any(word in entry.action.lower() for word in SECRET_WORDS)
    details = [f"{name}: {value}" for name, value in entry.details.items() if value]
    return Event(
        Cursor(entry.at, AUDIT, entry.pk),
        "secrets" if is_secret else "staff",
        entry.action[:1].upper() + entry.action[1:],
        "warn" if is_secret else "mute",
        who=entry.actor_name,
        details=details,
    )
