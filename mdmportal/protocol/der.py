"""DER: values of ASN.1, read and written one at a time (ITU-T X.690).

Devices send BER: outer layers of indefinite length around parts which are DER.
``definite`` rewrites those lengths; ``Reader`` then meets definite lengths only, and
takes strings which are cut in segments as one.
"""

from functools import lru_cache
from typing import Final

from . import ProtocolError

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
OBJECT_IDENTIFIER: Final = 0x06
UTF8_STRING: Final = 0x0C
PRINTABLE_STRING: Final = 0x13
SEQUENCE: Final = 0x30
SET: Final = 0x31
NULL: Final = b"\x05\x00"

CONSTRUCTED: Final = 0x20
CONTEXT: Final = 0x80

MAX_DEPTH: Final = 32
MAX_SIZE: Final = 16 * 1024 * 1024

_LONG_TAG: Final = 0x1F
_INDEFINITE: Final = 0x80
_END_OF_CONTENTS: Final = b"\x00\x00"
_LENGTH_OCTETS: Final = 4
_TEXT: Final = {
    0x0C: "utf-8",
    0x12: "ascii",  # NumericString
    0x13: "ascii",  # PrintableString
    0x14: "latin-1",  # TeletexString, as everybody writes it
    0x16: "ascii",  # IA5String
    0x1A: "ascii",  # VisibleString
    0x1C: "utf-32-be",  # UniversalString
    0x1E: "utf-16-be",  # BMPString
}


def context(number: int, *, constructed: bool = True) -> int:
    """Return the tag of a context-specific value, such as ``[0]``."""
    return CONTEXT | (CONSTRUCTED if constructed else 0) | number


class Reader:
    """The values of one content, taken one after the other.

    Every method which takes a tag raises ProtocolError unless the next value has it and
    lies whole inside this content.
    """

    __slots__ = ("_data", "_end", "_next")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._next = start
        self._end = len(data) if end is None else end

    @property
    def tag(self) -> int:
        """The tag of the next value, 0 where none is left."""
        return self._data[self._next] if self._next < self._end else 0

    def _step(self, tag: int) -> int:
        """Pass the next value; return where its content starts."""
        data, at = self._data, self._next
        try:
            if data[at] != tag:
                raise ProtocolError("ASN.1: unexpected tag")
            length = data[at + 1]
        except IndexError:
            raise ProtocolError("ASN.1: truncated") from None
        start = at + 2
        if length >= _INDEFINITE:
            start, length = _long_length(data, start, length)
        self._next = start + length
        if self._next > self._end:
            raise ProtocolError("ASN.1: truncated")
        return start

    def skip(self, tag: int) -> None:
        """Pass one value."""
        self._step(tag)

    def read(self, tag: int) -> bytes:
        """Return the content of one value."""
        start = self._step(tag)
        return self._data[start : self._next]

    def raw(self, tag: int) -> bytes:
        """Return one value whole: tag, length and content."""
        at = self._next
        self._step(tag)
        return self._data[at : self._next]

    def enter(self, tag: int) -> "Reader":
        """Return a reader of the content of one value."""
        start = self._step(tag)
        return Reader(self._data, start, self._next)

    def octets(self, tag: int = OCTET_STRING) -> bytes:
        """Return one octet string, also where it comes in segments (BER)."""
        if self.tag == tag:
            return self.read(tag)
        return b"".join(_segments(self.enter(tag | CONSTRUCTED), 0))

    def done(self) -> None:
        """Raise ProtocolError if a value is left."""
        if self._next != self._end:
            raise ProtocolError("ASN.1: trailing data")


def _long_length(data: bytes, start: int, first: int) -> tuple[int, int]:
    count = first & 0x7F
    if not 0 < count <= _LENGTH_OCTETS:
        raise ProtocolError("ASN.1: unsupported length")
    end = start + count
    if end > len(data):
        raise ProtocolError("ASN.1: truncated")
    return end, int.from_bytes(data[start:end], "big")


def _segments(reader: Reader, depth: int) -> list[bytes]:
    if depth > MAX_DEPTH:
        raise ProtocolError("ASN.1: nested too deeply")
    parts: list[bytes] = []
    while reader.tag:
        if reader.tag == OCTET_STRING:
            parts.append(reader.read(OCTET_STRING))
        else:
            inner = reader.enter(OCTET_STRING | CONSTRUCTED)
            parts.extend(_segments(inner, depth + 1))
    reader.done()
    return parts


def definite(data: bytes) -> bytes:
    """Return ``data`` with its indefinite lengths replaced; DER comes back as it is.

    Only what may hold such a length, because end-of-contents octets occur in it, is
    looked into. Values of definite length, such as certificates, keep every byte.
    """
    if len(data) > MAX_SIZE:
        raise ProtocolError("ASN.1: too large")
    if _END_OF_CONTENTS not in data:
        return data
    value, end = _definite(data, 0, len(data), 0)
    if end != len(data):
        raise ProtocolError("ASN.1: trailing data")
    return value


def _definite(data: bytes, at: int, limit: int, depth: int) -> tuple[bytes, int]:
    """Return the value at ``at``, rewritten, and where the next one starts."""
    if depth > MAX_DEPTH:
        raise ProtocolError("ASN.1: nested too deeply")
    if at + 2 > limit:
        raise ProtocolError("ASN.1: truncated")
    tag, length, start = data[at], data[at + 1], at + 2
    if tag & _LONG_TAG == _LONG_TAG:
        raise ProtocolError("ASN.1: unsupported tag")
    if length == _INDEFINITE:
        return _close(data, tag, start, limit, depth)
    if length > _INDEFINITE:
        start, length = _long_length(data, start, length)
    end = start + length
    if end > limit:
        raise ProtocolError("ASN.1: truncated")
    if tag & CONSTRUCTED and data.find(_END_OF_CONTENTS, start, end) >= 0:
        return _keep(data, at, start, end, depth), end
    return data[at:end], end


def _close(
    data: bytes, tag: int, start: int, limit: int, depth: int
) -> tuple[bytes, int]:
    """Rewrite a value of indefinite length, whose content is at ``start``."""
    if not tag & CONSTRUCTED:
        raise ProtocolError("ASN.1: primitive value of indefinite length")
    parts, at = [], start
    while data[at : at + 2] != _END_OF_CONTENTS:
        part, at = _definite(data, at, limit, depth + 1)
        parts.append(part)
    if at + 2 > limit:
        raise ProtocolError("ASN.1: truncated")
    return tlv(tag, *parts), at + 2


def _keep(data: bytes, at: int, start: int, end: int, depth: int) -> bytes:
    """Rewrite a value of definite length, unless nothing in it changes."""
    parts, child = [], start
    while child < end:
        part, child = _definite(data, child, end, depth + 1)
        parts.append(part)
    content = b"".join(parts)
    if content == data[start:end]:
        return data[at:end]
    return tlv(data[at], content)


def tlv(tag: int, *parts: bytes) -> bytes:
    """Return the value of ``tag`` whose content is the joined ``parts``."""
    content = b"".join(parts)
    size = len(content)
    if size < _INDEFINITE:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _INDEFINITE | len(octets))) + octets + content


def sequence(*parts: bytes) -> bytes:
    """Return a SEQUENCE of values."""
    return tlv(SEQUENCE, *parts)


def set_of(*parts: bytes) -> bytes:
    """Return a SET OF values, in the order DER asks for."""
    return tlv(SET, *sorted(parts))


def explicit(number: int, *parts: bytes) -> bytes:
    """Return the context-specific constructed value ``[number]``."""
    return tlv(context(number), *parts)


def octet_string(content: bytes) -> bytes:
    """Return an OCTET STRING."""
    return tlv(OCTET_STRING, content)


def integer(number: int) -> bytes:
    """Return an INTEGER."""
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return tlv(INTEGER, number.to_bytes(size, "big", signed=True))


def printable(text: str) -> bytes:
    """Return a PrintableString. Characters outside of its alphabet go out as ASCII."""
    return tlv(PRINTABLE_STRING, text.encode("ascii"))


def text(value: bytes) -> str:
    """Return the text of one value of any of ASN.1's string types."""
    reader = Reader(value)
    tag = reader.tag
    content = reader.read(tag)
    reader.done()
    return decode_text(tag, content)


def decode_text(tag: int, content: bytes) -> str:
    """Return the text in the content of a string type."""
    if tag not in _TEXT:
        raise ProtocolError("ASN.1: not a text")
    try:
        return content.decode(_TEXT[tag])
    except UnicodeDecodeError:
        raise ProtocolError("ASN.1: text in another encoding than declared") from None


@lru_cache(maxsize=256)
def oid(dotted: str) -> bytes:
    """Return an OBJECT IDENTIFIER such as ``1.2.840.113549.1.7.2``."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    arcs = (first * 40 + second, *rest)
    return tlv(OBJECT_IDENTIFIER, b"".join(_base128(arc) for arc in arcs))


def _base128(arc: int) -> bytes:
    octets = [arc & 0x7F]
    while arc := arc >> 7:
        octets.append(0x80 | arc & 0x7F)
    return bytes(reversed(octets))


@lru_cache(maxsize=256)
def dotted(content: bytes) -> str:
    """Return the dotted form of an OBJECT IDENTIFIER's content."""
    if not content or content[-1] & 0x80 or len(content) > 64:
        raise ProtocolError("ASN.1: malformed object identifier")
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
