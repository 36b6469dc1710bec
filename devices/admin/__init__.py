"""The dashboard's lists of people and devices; a device's own page is in commands."""

from . import audit, enrollment, identity, secret, user

__all__ = ["audit", "enrollment", "identity", "secret", "user"]
