"""The SSH data types of RFC 4251, section 5, both ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.buffer import MAX_MPINT, MAX_NAMES, Reader, Writer

# The examples of RFC 4251, section 5.
NUMBERS = [
    (0, "00000000"),
    (0x9A378F9B2E332A7, "0000000809a378f9b2e332a7"),
    (0x80, "000000020080"),
    (-0x1234, "00000002edcc"),
    (-0xDEADBEEF, "00000005ff21524111"),
]


@pytest.mark.parametrize(("number", "encoded"), NUMBERS)
def test_numbers_of_any_size_are_encoded_as_in_the_rfc(number: int, encoded: str) -> None:
    writer = Writer()
    writer.mpint(number)
    assert writer.finish().hex() == encoded
    assert Reader(bytes.fromhex(encoded)).mpint() == number


def test_a_padded_number_is_read_and_an_endless_one_refused() -> None:
    assert Reader(bytes.fromhex("00000003000080")).mpint() == 128
    writer = Writer()
    writer.string(b"\1" * (MAX_MPINT + 1))
    with pytest.raises(Malformed):
        Reader(writer.view()).mpint()


def test_every_type_comes_back_as_it_was_written() -> None:
    writer = Writer(b"\x05")
    writer.boolean(True)
    writer.boolean(False)
    writer.u32(0xFFFFFFFF)
    writer.u64(1 << 63)
    writer.string(b"abc")
    writer.text("naïve")
    writer.name_list(["aes128-gcm@openssh.com", "none"])
    writer.name_list([])
    writer.raw(b"end")
    reader = Reader(writer.finish())
    assert len(writer) == 1 + 2 + 4 + 8 + 7 + 10 + 31 + 4 + 3
    assert reader.byte() == 5
    assert (reader.boolean(), reader.boolean()) == (True, False)
    assert (reader.u32(), reader.u64()) == (0xFFFFFFFF, 1 << 63)
    assert (reader.string(), reader.text()) == (b"abc", "naïve")
    assert reader.name_list() == ["aes128-gcm@openssh.com", "none"]
    assert reader.name_list() == []
    assert reader.left == 3
    assert reader.take(3) == b"end"
    reader.finish()


def test_any_byte_but_zero_is_true() -> None:
    assert Reader(b"\x02").boolean() is True


def test_views_are_borrowed_not_copied() -> None:
    packet = bytearray(b"\0\0\0\2abrest")
    reader = Reader(packet)
    view = reader.view()
    rest = reader.rest()
    packet[4] = 0x58
    packet[6] = 0x59
    assert (bytes(view), bytes(rest)) == (b"Xb", b"Yest")


@pytest.mark.parametrize(
    "read",
    [
        Reader.byte,
        Reader.boolean,
        Reader.u32,
        Reader.u64,
        Reader.string,
        Reader.view,
        Reader.text,
        Reader.mpint,
        Reader.name_list,
        lambda reader: reader.take(4),
    ],
)
def test_missing_bytes_are_malformed(read) -> None:
    for data in (b"", b"\0\0\0", b"\0\0\0\x09abc", b"\xff\xff\xff\xffabc"):
        reader = Reader(data)
        with pytest.raises(Malformed):
            [read(reader) for _ in range(9)]


def test_bytes_after_the_last_field_are_refused_where_that_is_asked() -> None:
    reader = Reader(b"\1\2")
    reader.byte()
    with pytest.raises(Malformed):
        reader.finish()


def test_a_negative_count_takes_nothing() -> None:
    with pytest.raises(Malformed):
        Reader(b"abc").take(-1)


def test_text_must_be_utf8() -> None:
    with pytest.raises(Malformed):
        Reader(b"\0\0\0\2\xc3\x28").text()


@pytest.mark.parametrize("names", [b"a,,b", b",", b"a,", b"a b\n", b"\xe9"])
def test_a_list_has_only_printable_names(names: bytes) -> None:
    writer = Writer()
    writer.string(names)
    with pytest.raises(Malformed):
        Reader(writer.view()).name_list()


def test_a_list_has_a_limit() -> None:
    writer = Writer()
    writer.name_list(["x"] * MAX_NAMES)
    writer.name_list(["x"] * (MAX_NAMES + 1))
    reader = Reader(writer.view())
    assert len(reader.name_list()) == MAX_NAMES
    with pytest.raises(Malformed):
        reader.name_list()


READS = ["byte", "boolean", "u32", "u64", "string", "view", "text", "mpint", "name_list", "rest"]


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=64), reads=st.lists(st.sampled_from(READS), max_size=8))
def test_any_bytes_give_values_or_malformed(data: bytes, reads: list[str]) -> None:
    reader = Reader(data)
    try:
        for read in reads:
            getattr(reader, read)()
    except Malformed:
        return
    assert 0 <= reader.left <= len(data)


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(number=st.integers(min_value=-(1 << 2048), max_value=1 << 2048), text=st.text(max_size=20))
def test_what_is_written_is_read(number: int, text: str) -> None:
    writer = Writer()
    writer.mpint(number)
    encodable = text.encode(errors="replace").decode()
    writer.text(encodable)
    reader = Reader(writer.view())
    assert (reader.mpint(), reader.text()) == (number, encodable)
