"""People whom the providers of the tests know, and what is set up for them here."""

from typing import Any

NAMES = {
    "corp.example": ("ada", "bob", "carol", "dan", "eve", "frank", "grace", "heidi"),
    "journeys.example": ("uma", "vik", "wes", "xia"),
}
"""Who has an address of which domain."""
PEOPLE: dict[str, dict[str, Any]] = {
    name: {
        "password": f"{name} of these tests",
        "claims": {
            "email": f"{name}@{domain}",
            "email_verified": True,
            "name": f"{name.title()} Example",
            "given_name": name.title(),
            "family_name": "Example",
            "preferred_username": name,
            "groups": ["everyone"],
        },
    }
    for domain, names in NAMES.items()
    for name in names
}

# Run in the portal: JSON in, so that nothing has to be quoted.
SET_UP = """
import json
from django.contrib.auth.models import Group
from devices.models import DeviceGroup
from enrollment.models import GroupRule, IdentityProvider, MailDomain

given = json.loads(%r)
rules, domains = given.pop("rules"), given.pop("domains")
secret = given.pop("client_secret", "").encode()
row, _ = IdentityProvider.objects.update_or_create(
    code=given.pop("code"), defaults={**given, "client_secret": secret}
)
row.group_rules.all().delete()
for rule in rules:
    role, group = rule.pop("role", ""), rule.pop("device_group", "")
    role = Group.objects.get_or_create(name=role)[0] if role else None
    group = DeviceGroup.objects.get_or_create(name=group)[0] if group else None
    GroupRule.objects.create(provider=row, role=role, device_group=group, **rule)
for name in domains:
    MailDomain.objects.update_or_create(name=name, defaults={"provider": row})
"""
