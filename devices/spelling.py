"""Spelling: text letter by letter, to be read aloud over a telephone.

The words are those of radio telephony (ICAO Annex 10, volume II).
"""

from collections.abc import Mapping, Sequence

LETTERS = (
    *("Alfa", "Bravo", "Charlie", "Delta", "Echo", "Foxtrot"),
    *("Golf", "Hotel", "India", "Juliett", "Kilo", "Lima"),
    *("Mike", "November", "Oscar", "Papa", "Quebec", "Romeo"),
    *("Sierra", "Tango", "Uniform", "Victor", "Whiskey", "X-ray"),
    *("Yankee", "Zulu"),
)
DIGITS = (
    *("zero", "one", "two", "three", "four"),
    *("five", "six", "seven", "eight", "nine"),
)
SIGNS: Mapping[str, str] = {"-": "dash", " ": "space", ".": "dot", "_": "underscore"}


def spell(text: str) -> Sequence[tuple[str, str]]:
    """Return each sign of ``text`` with how to say it; capitals are said to be so."""
    mixed = text.lower() != text and text.upper() != text
    return [(sign, _say(sign, mixed=mixed)) for sign in text]


def _say(sign: str, *, mixed: bool) -> str:
    if sign.isascii() and sign.isdigit():
        return DIGITS[int(sign)]
    if sign.isascii() and sign.isalpha():
        word = LETTERS[ord(sign.lower()) - ord("a")]
        return f"capital {word}" if mixed and sign.isupper() else word
    return SIGNS.get(sign, sign)
