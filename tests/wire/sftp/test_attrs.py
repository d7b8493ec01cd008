"""ATTRS, both ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.vfs.base import Attributes
from mft.wire.buffer import U32_MAX, U64_MAX, Reader, Writer
from mft.wire.sftp.attrs import (
    FULL_LENGTH,
    MAX_EXTENDED,
    NOTHING,
    Attrs,
    clamp,
    pack_attrs,
    read_attrs,
    write_attrs,
)

VECTORS = [
    (NOTHING, "00000000"),
    (Attrs(size=5), "00000001 0000000000000005"),
    (Attrs(uid=1000, gid=100), "00000002 000003e8 00000064"),
    (Attrs(mode=0o100644), "00000004 000081a4"),
    (Attrs(accessed=1, modified=2), "00000008 00000001 00000002"),
    (Attrs(extended=((b"a@b", b"c"),)), "80000000 00000001 00000003 614062 00000001 63"),
]


def encode(attrs: Attrs) -> bytes:
    writer = Writer()
    write_attrs(writer, attrs)
    return writer.finish()


@pytest.mark.parametrize(("attrs", "encoded"), VECTORS)
def test_each_flag_has_its_fields(attrs: Attrs, encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert encode(attrs) == data
    reader = Reader(data)
    assert read_attrs(reader) == attrs
    reader.finish()


def test_a_full_one_is_packed_in_one_call_as_field_by_field() -> None:
    packed = pack_attrs(0o40755, 4096, 1, 2, 3, 4)
    assert len(packed) == FULL_LENGTH == 32
    assert packed == encode(Attrs(4096, 0o40755, 3, 4, 1, 2))


def test_times_and_sizes_that_do_not_fit_are_clamped() -> None:
    packed = read_attrs(Reader(pack_attrs(-1, 1 << 70, -2, 1 << 33, -5, 1 << 40)))
    assert (packed.size, packed.accessed, packed.modified) == (U64_MAX, 0, U32_MAX)
    written = read_attrs(Reader(encode(Attrs(size=-1, accessed=-9, modified=1 << 40))))
    assert (written.size, written.accessed, written.modified) == (0, 0, U32_MAX)
    assert clamp(1_700_000_000) == 1_700_000_000


def test_half_a_pair_is_not_sent() -> None:
    assert encode(Attrs(uid=1, accessed=2)) == bytes(4)


def test_unknown_flags_are_ignored() -> None:
    assert read_attrs(Reader(bytes.fromhex("00000104 000001ff"))) == Attrs(mode=0o777)


def test_extended_attributes_have_a_limit() -> None:
    with pytest.raises(Malformed):
        read_attrs(Reader(bytes.fromhex("80000000") + (MAX_EXTENDED + 1).to_bytes(4, "big")))


def test_the_first_six_are_those_of_the_storage() -> None:
    assert Attrs._fields[:6] == Attributes._fields


u32 = st.integers(0, U32_MAX)
u64 = st.integers(0, U64_MAX)
pairs = st.lists(st.tuples(st.binary(max_size=9), st.binary(max_size=9)), max_size=3).map(tuple)


@st.composite
def any_attrs(draw: st.DrawFn) -> Attrs:
    owner = draw(st.none() | st.tuples(u32, u32)) or (None, None)
    times = draw(st.none() | st.tuples(u32, u32)) or (None, None)
    return Attrs(
        draw(st.none() | u64), draw(st.none() | u32), times[0], times[1], *owner, draw(pairs)
    )


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(attrs=any_attrs())
def test_what_is_encoded_is_decoded(attrs: Attrs) -> None:
    assert read_attrs(Reader(encode(attrs))) == attrs


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_attrs_or_malformed(data: bytes) -> None:
    try:
        attrs = read_attrs(Reader(data))
    except Malformed:
        return
    assert read_attrs(Reader(encode(attrs))) == attrs
