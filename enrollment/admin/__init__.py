"""The dashboard's pages about the ways in."""

from . import (
    authority,
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
    "domain",
    "enrollment",
    "identity",
    "invitation",
    "migration",
    "provider",
    "way",
]
