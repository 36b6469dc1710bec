"""DER: what is written is read again, and what is malformed is refused."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdmportal.protocol import ProtocolError, der

END = b"\x00\x00"
Tree = bytes | list["Tree"]  # an octet string, or a sequence of trees

trees: st.SearchStrategy[Tree] = st.recursive(
    st.binary(max_size=300), lambda inner: st.lists(inner, max_size=4), max_leaves=20
)
arcs = st.lists(st.integers(0, 2**40), max_size=12)


def encode(tree: Tree) -> bytes:
    if isinstance(tree, bytes):
        return der.octet_string(tree)
    return der.sequence(*map(encode, tree))


def encode_indefinitely(tree: Tree, draw: st.DataObject) -> bytes:
    if isinstance(tree, bytes):
        return der.octet_string(tree)
    content = b"".join(encode_indefinitely(child, draw) for child in tree)
    if draw.draw(st.booleans()):
        return b"\x30\x80" + content + END
    return der.sequence(content)


@given(trees)
def test_der_is_left_as_it_is(tree: Tree) -> None:
    assert der.definite(encode(tree)) == encode(tree)


@given(trees, st.data())
def test_indefinite_lengths_become_definite_at_any_depth(
    tree: Tree, draw: st.DataObject
) -> None:
    assert der.definite(encode_indefinitely(tree, draw)) == encode(tree)


@pytest.mark.parametrize("size", [0, 127, 128, 255, 256, 65535, 65536])
def test_lengths_of_every_form_are_read(size: int) -> None:
    content = b"\x01" * size
    value = der.octet_string(content)
    assert der.Reader(value).read(der.OCTET_STRING) == content
    assert der.definite(b"\x30\x80" + value + END) == der.sequence(value)


@given(st.integers())
def test_an_integer_has_its_shortest_form(number: int) -> None:
    content = der.Reader(der.integer(number)).read(der.INTEGER)
    assert int.from_bytes(content, "big", signed=True) == number
    if len(content) > 1:
        assert int.from_bytes(content[1:], "big", signed=True) != number


@given(st.integers(0, 2), st.integers(0, 39), arcs)
def test_an_object_identifier_survives_the_trip(
    first: int, second: int, rest: list[int]
) -> None:
    dotted = ".".join(map(str, (first, second, *rest)))
    content = der.Reader(der.oid(dotted)).read(der.OBJECT_IDENTIFIER)
    if len(content) <= 64:
        assert der.dotted(content) == dotted


def test_object_identifiers_are_spelled_as_everybody_does() -> None:
    assert der.oid("1.2.840.113549.1.7.2").hex() == "06092a864886f70d010702"
    assert der.oid("2.999.3").hex() == "0603883703"
    assert der.dotted(bytes.fromhex("883703")) == "2.999.3"


@pytest.mark.parametrize("content", [b"", b"\x2a\x86", b"\x2a" * 65])
def test_a_malformed_object_identifier_is_refused(content: bytes) -> None:
    with pytest.raises(ProtocolError):
        der.dotted(content)


def test_a_set_is_sorted() -> None:
    assert der.set_of(der.integer(2), der.integer(1)).hex() == "3106020101020102"


def test_a_segmented_octet_string_is_one() -> None:
    inner = der.tlv(0x24, der.octet_string(b"b"), der.octet_string(b"c"))
    segmented = der.tlv(0x24, der.octet_string(b"a"), inner)
    assert der.Reader(segmented).octets() == b"abc"
    assert der.Reader(b"\xa0" + segmented[1:]).octets(0x80) == b"abc"
    assert der.Reader(der.octet_string(b"abc")).octets() == b"abc"


def test_segments_hold_nothing_but_octet_strings() -> None:
    with pytest.raises(ProtocolError):
        der.Reader(der.tlv(0x24, der.integer(1))).octets()


def test_segments_are_not_nested_without_end() -> None:
    value = der.octet_string(b"")
    for _ in range(der.MAX_DEPTH + 2):
        value = der.tlv(0x24, value)
    with pytest.raises(ProtocolError):
        der.Reader(value).octets()


def test_values_are_not_nested_without_end() -> None:
    value = b"\x05\x00"
    for _ in range(der.MAX_DEPTH + 2):
        value = b"\x30\x80" + value + END
    with pytest.raises(ProtocolError):
        der.definite(value)


def test_a_message_of_enormous_size_is_refused() -> None:
    with pytest.raises(ProtocolError):
        der.definite(bytes(der.MAX_SIZE + 1))


def test_a_reader_takes_values_in_turn() -> None:
    reader = der.Reader(der.sequence(der.integer(1), der.NULL, der.printable("x")))
    inner = reader.enter(der.SEQUENCE)
    inner.skip(der.INTEGER)
    assert inner.raw(inner.tag) == der.NULL
    assert inner.tag == der.PRINTABLE_STRING
    with pytest.raises(ProtocolError):
        inner.done()
    assert inner.read(der.PRINTABLE_STRING) == b"x"
    inner.done()
    reader.done()
    assert inner.tag == 0


def test_a_value_does_not_reach_out_of_the_one_around_it() -> None:
    reader = der.Reader(bytes.fromhex("3002 0404 41424344"))
    with pytest.raises(ProtocolError):
        reader.enter(der.SEQUENCE).read(der.OCTET_STRING)


def read_sequence(data: bytes) -> None:
    reader = der.Reader(der.definite(data))
    value = reader.enter(reader.tag)
    reader.done()
    value.done()


@pytest.mark.parametrize(
    "malformed",
    [
        "",
        "30",
        "0482",
        "048201",
        "0403 4142",
        "0480 0000",  # primitive of indefinite length
        "0485 0000000001 41",  # length of five octets
        "04ff 41",
        "3080 0201",
        "3080 020101",  # no end of contents
        "3080 020101 00",
        "3002 3080 0000",  # the end lies outside
        "3080 1f8101 0000",  # long tag
        "3080 0000 00",
        "3005 3080 0201 01",
    ],
)
def test_malformed_values_are_refused(malformed: str) -> None:
    with pytest.raises(ProtocolError):
        read_sequence(bytes.fromhex(malformed))


@given(st.binary(max_size=60))
def test_random_octets_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ProtocolError):
        reader = der.Reader(der.definite(data))
        while reader.tag:
            reader.octets(reader.tag & ~der.CONSTRUCTED)
        reader.done()


@pytest.mark.parametrize(
    ("tag", "content", "text"),
    [
        (der.UTF8_STRING, "Zoë".encode(), "Zoë"),
        (der.PRINTABLE_STRING, b"abc", "abc"),
        (0x14, b"Zo\xeb", "Zoë"),
        (0x16, b"a@b", "a@b"),
        (0x1E, "Zoë".encode("utf-16-be"), "Zoë"),
        (0x1C, "Zoë".encode("utf-32-be"), "Zoë"),
    ],
)
def test_text_is_read_in_every_string_type(tag: int, content: bytes, text: str) -> None:
    assert der.text(der.tlv(tag, content)) == text


@pytest.mark.parametrize("value", ["0c01ff", "1301e9", "1e0141", "040141", "0c02 41"])
def test_text_in_no_encoding_is_refused(value: str) -> None:
    with pytest.raises(ProtocolError):
        der.text(bytes.fromhex(value))
