"""Errors: what an ErrorChain says, in the device's own words, and in ours."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import explained


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


def explain(chain: Iterable[Any], *, is_format_error: bool = False) -> str:
    """Return what an ErrorChain means and what to do next; '' where we do not know.

    The innermost link that is known says most; devices put what led to it before.
    ``is_format_error`` is whether the device answered CommandFormatError. These are
    words for people: codes may change with any system, so nothing decides by them.
    """
    links = read(chain)
    found = (_explained(link) for link in reversed(links))
    words = next(filter(None, found), "")
    if words or not is_format_error:
        return words
    return explained.FORMAT


def _explained(link: Error) -> str:
    if link.code in explained.CODES:
        return explained.CODES[link.code]
    said = f"{link.words}\n{link.english}".casefold()
    return next(
        (words for phrase, words in explained.PHRASES.items() if phrase in said), ""
    )
