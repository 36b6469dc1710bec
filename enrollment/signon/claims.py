"""Claims: what a provider says of a person, read by the names that its row declares.

Nothing else of what it says is looked at or kept.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from ..models import IdentityProvider

LONGEST, MOST = 255, 500
"""Characters of one value, and values of one claim, that are read."""
ACCOUNT = re.compile(r"[^@\s]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
"""What a Managed Apple Account looks like."""
ADDRESS = re.compile(r"[^@\s]{1,64}@[^@\s]{1,189}")
_XML = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
NAMES = {
    "email": (
        "email",
        "mail",
        "urn:oid:0.9.2342.19200300.100.1.3",
        f"{_XML}emailaddress",
    ),
    "first_name": (
        "given_name",
        "givenName",
        "firstName",
        "urn:oid:2.5.4.42",
        f"{_XML}givenname",
    ),
    "last_name": (
        "family_name",
        "sn",
        "surname",
        "lastName",
        "urn:oid:2.5.4.4",
        f"{_XML}surname",
    ),
    "username": ("preferred_username", "uid", "urn:oid:0.9.2342.19200300.100.1.1"),
    "name": ("name", "displayName", "urn:oid:2.16.840.1.113730.3.1.241"),
}
"""Usual names in OpenID Connect (Core, section 5.1) and in SAML, for what is not
declared."""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """Of one person, at one sign-in. Texts are '' where nothing was said."""

    email: str = ""
    is_verified: bool = False
    """The provider says that it made sure of the e-mail address."""
    is_denied: bool = False
    """It says that it did not; many say neither."""
    first_name: str = ""
    last_name: str = ""
    username: str = ""
    groups: tuple[str, ...] = ()
    account: str = ""
    """The Managed Apple Account, if it is said outright."""

    @classmethod
    def read(
        cls, provider: IdentityProvider, said: Mapping[str, Any], email: str = ""
    ) -> Self:
        """Read ``said``; ``email`` is the address if none is among it."""

        def text(declared: str, noun: str) -> str:
            names = (declared, *NAMES[noun]) if declared else NAMES[noun]
            return next((found for name in names if (found := _text(said, name))), "")

        first = text(provider.first_name_attribute, "first_name")
        last = text(provider.last_name_attribute, "last_name")
        if not first and not last:
            first, _, last = text("", "name").partition(" ")
        email = _address(text(provider.email_attribute, "email") or email)
        is_verified = said.get("email_verified") in (True, "true")
        return cls(
            email=email,
            # That is said of the claim of that name only (Core, section 5.1).
            is_verified=is_verified and email == _address(_text(said, "email")),
            is_denied=said.get("email_verified") in (False, "false"),
            first_name=first[:150],
            last_name=last[:150],
            username=text("", "username"),
            groups=tuple(_values(said, provider.groups_attribute)),
            account=_text(said, provider.account_attribute),
        )

    def kept(self) -> dict[str, Any]:
        """Return what is kept of it beside the user: groups, for devices to come."""
        return {"email": self.email, "groups": list(self.groups)}

    def managed_apple_account(self, provider: IdentityProvider) -> str:
        """Return the Managed Apple Account; '': none, or none that could be one."""
        found = self.account
        if not provider.account_attribute:
            found = self._by_pattern(provider.account_pattern)
        return found if ACCOUNT.fullmatch(found) else ""

    def _by_pattern(self, pattern: str) -> str:
        user, _, domain = self.email.rpartition("@")
        values = {
            "email": self.email,
            "user": user,
            "domain": domain,
            "username": self.username.partition("@")[0],
        }
        used = set(re.findall(r"\{(\w+)\}", pattern))
        if any(not values.get(name) for name in used):
            return ""  # something that it is made of was not said
        for name in used:
            pattern = pattern.replace(f"{{{name}}}", values[name])
        return pattern


def _address(text: str) -> str:
    """Return an e-mail address in lower case; '' for what is none.

    Only ASCII has one: in lower case, a Kelvin sign is the k of somebody else.
    """
    if not ADDRESS.fullmatch(text):
        return ""
    return text.lower() if text.isascii() else text


def domain_of(address: str) -> str:
    """Return what is behind the last @ of an address, in lower case."""
    return address.rpartition("@")[2].strip().lower()


def _text(said: Mapping[str, Any], name: str) -> str:
    return next(_values(said, name), "")


def _values(said: Mapping[str, Any], name: str) -> Iterator[str]:
    """Return the values of a claim, be it a text or a list of them."""
    value = said.get(name) if name else None
    several = value if isinstance(value, list) else [value]
    for each in several[:MOST]:
        if isinstance(each, str) and 0 < len(text := each.strip()) <= LONGEST:
            yield text.replace("\0", "")
