"""Errors: what an ErrorChain says, in the device's own words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Error:
    """One link of the chain; each text is '' where the device said nothing."""

    words: str
    """In the device's language if it said so."""
    english: str
    code: str


def read(chain: Iterable[Any]) -> list[Error]:
    """Return the links of an ErrorChain; what is not one is left out."""
    return [_error(link) for link in chain if isinstance(link, Mapping)]


def _error(link: Mapping[str, Any]) -> Error:
    english = str(link.get("USEnglishDescription") or "")
    code = (str(link[key]) for key in ("ErrorDomain", "ErrorCode") if key in link)
    return Error(
        words=str(link.get("LocalizedDescription") or english),
        english=english,
        code=" ".join(code),
    )
