"""The dashboard's lists of people and devices; a device's own page is in commands."""

from . import audit, enrollment, group, identity, secret, software, tag, user

__all__ = [
    "audit",
    "enrollment",
    "group",
    "identity",
    "secret",
    "software",
    "tag",
    "user",
]
