"""The dashboard's pages about the ways in."""

from . import (
    authority,
    business,
    domain,
    enrollment,
    identity,
    invitation,
    migration,
    provider,
    way,
)

__all__ = [
    "authority",
    "business",
    "domain",
    "enrollment",
    "identity",
    "invitation",
    "migration",
    "provider",
    "way",
]
