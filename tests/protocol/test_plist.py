"""Property lists: only dictionaries within limits come through."""

import contextlib
import datetime as dt
import plistlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdmportal.protocol import ProtocolError, plist

scalars = (
    st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=0xD7FF))
    | st.integers(-(2**63), 2**64 - 1)
    | st.booleans()
    | st.binary()
    | st.floats(allow_nan=False)
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abcXYZ", min_size=1), inner, max_size=4)
    ),
    max_leaves=10,
)
dictionaries = st.dictionaries(st.text("abcXYZ", min_size=1), values, max_size=4)


@given(dictionaries)
def test_what_is_written_is_read_again(value: dict[str, Any]) -> None:
    assert plist.loads(plist.dumps(value)) == value


@given(dictionaries)
def test_binary_is_read_as_xml_is(value: dict[str, Any]) -> None:
    assert plist.loads(plistlib.dumps(value, fmt=plistlib.FMT_BINARY)) == value


@given(st.binary())
def test_garbage_is_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        plist.loads(body)


@given(dictionaries, st.data())
def test_a_damaged_plist_is_read_or_a_protocol_error(
    value: dict[str, Any], data: st.DataObject
) -> None:
    kind = data.draw(st.sampled_from([plistlib.FMT_XML, plistlib.FMT_BINARY]))
    body = bytearray(plistlib.dumps(value, fmt=kind))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ProtocolError):
        assert isinstance(plist.loads(bytes(body)), dict)


ENTITIES = b"""<?xml version="1.0"?>
<!DOCTYPE plist [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<plist version="1.0"><dict><key>Status</key><string>&b;</string></dict></plist>"""

EXTERNAL = b"""<?xml version="1.0"?>
<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/passwd">]>
<plist version="1.0"><dict><key>Status</key><string>&a;</string></dict></plist>"""

BAD_DATE = (
    b"""<plist version="1.0"><dict><key>a</key><date>never</date></dict></plist>"""
)
DEEP = (
    b"<plist><dict><key>a</key>"
    + b"<array>" * 200
    + b"</array>" * 200
    + b"</dict></plist>"
)
ARRAY = b"<plist version='1.0'><array/></plist>"
ENCODING = b"<?xml version='1.0' encoding='nonsense'?><plist><dict/></plist>"


@pytest.mark.parametrize(
    "body", [b"", b"{}", ENTITIES, EXTERNAL, BAD_DATE, DEEP, ARRAY, ENCODING]
)
def test_what_no_device_sends_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        plist.loads(body)


def test_a_binary_plist_that_shares_one_array_a_billion_times_is_refused() -> None:
    shared: list[Any] = ["x"] * 10
    for _ in range(9):
        shared = [shared] * 10
    body = _binary_with_sharing({"a": shared})
    assert len(body) < 1000
    with pytest.raises(ProtocolError):
        plist.loads(body)


def _binary_with_sharing(root: dict[str, Any]) -> bytes:
    """Write a binary plist in which an object that occurs often is stored once."""
    objects: list[bytes] = []
    places: dict[int, int] = {}

    def place(value: Any) -> int:
        if id(value) in places:
            return places[id(value)]
        if isinstance(value, str):
            encoded = bytes([0x50 | len(value)]) + value.encode()
        elif isinstance(value, list):
            inner = bytes(place(item) for item in value)
            encoded = bytes([0xA0 | len(value)]) + inner
        else:
            keys = bytes(place(key) for key in value)
            inner = bytes(place(item) for item in value.values())
            encoded = bytes([0xD0 | len(value)]) + keys + inner
        objects.append(encoded)
        places[id(value)] = len(objects) - 1
        return places[id(value)]

    top = place(root)
    body, offsets = b"bplist00", []
    for item in objects:
        offsets.append(len(body))
        body += item
    table = b"".join(offset.to_bytes(2, "big") for offset in offsets)
    trailer = bytes(6) + bytes([2, 1]) + len(objects).to_bytes(8, "big")
    return (
        body + table + trailer + top.to_bytes(8, "big") + len(body).to_bytes(8, "big")
    )


def test_dates_are_written_in_utc() -> None:
    east = dt.timezone(dt.timedelta(hours=2))
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=east)
    assert plist.loads(plist.dumps({"at": noon})) == {"at": dt.datetime(2026, 1, 1, 10)}
