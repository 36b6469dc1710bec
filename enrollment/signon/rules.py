"""Rules: what the groups of a provider make of a person here, and of their devices.

A rule governs what it names: a role, being staff, a device group. What no rule names is
left as it is; superusers are left alone altogether.
"""

from collections.abc import Iterable

from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from devices.models import AuditEntry, DeviceGroup, User

from ..models import GroupRule, IdentityProvider


def apply_roles(provider: IdentityProvider, user: User, groups: Iterable[str]) -> None:
    """Give and take what the provider's rules govern, for somebody in ``groups``."""
    if user.is_superuser:
        return
    rules = list(provider.group_rules.select_related("role"))
    matching = [rule for rule in rules if rule.value in set(groups)]
    governed = {rule.role for rule in rules if rule.role}
    due = {rule.role for rule in matching if rule.role}
    had = governed & set(user.groups.all())
    changes = {
        "given": ", ".join(sorted(role.name for role in due - had)),
        "taken": ", ".join(sorted(role.name for role in had - due)),
    }
    is_staff = user.is_staff
    if any(rule.is_staff for rule in rules):
        is_staff = any(rule.is_staff for rule in matching)
    if is_staff != user.is_staff:
        changes["staff"] = "yes" if is_staff else "no"
    changes = {name: words for name, words in changes.items() if words}
    if not changes:
        return
    with transaction.atomic():
        user.groups.add(*(due - had))
        user.groups.remove(*(had - due))
        user.is_staff = is_staff
        user.save(update_fields=["is_staff"])
        AuditEntry.write(
            None, "roles changed by sign-on", user, provider=provider.name, **changes
        )


def apply_device_groups(user: User) -> None:
    """Put the devices that ``user`` owns into the groups that rules give them.

    By what the providers said at the person's last sign-in. Devices leave those that
    some rule governs and none gives; to be called when a device gets an owner, too.
    """
    due = set(_groups_due(user))
    governed = DeviceGroup.objects.filter(
        pk__in=GroupRule.objects.values("device_group")
    )
    devices = list(user.devices.all())
    for group in governed:
        change = group.devices.add if group.pk in due else group.devices.remove
        change(*devices)


def apply_device_groups_of(users: Iterable[User]) -> None:
    """Do so for many, if there is a rule at all."""
    if GroupRule.objects.filter(device_group__isnull=False).exists():
        for user in users:
            apply_device_groups(user)


def _groups_due(user: User) -> Iterable[int]:
    for account in SocialAccount.objects.filter(user=user):
        rules = GroupRule.objects.filter(
            provider__code=account.provider,
            value__in=account.extra_data.get("groups", []),
            device_group__isnull=False,
        )
        yield from rules.values_list("device_group", flat=True)
