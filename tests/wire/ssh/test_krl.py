"""Key revocation lists: what they revoke, and what is refused since it is not known."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.buffer import U64_MAX, Writer
from mft.wire.ssh import krl
from mft.wire.ssh.krl import MAGIC, Bitmap, Certificates, parse


def words(*values: bytes | int) -> bytes:
    """Strings, and numbers of eight bytes."""
    out = Writer()
    for value in values:
        out.u64(value) if isinstance(value, int) else out.string(value)
    return out.finish()


def part(kind: int, content: bytes) -> bytes:
    return bytes((kind,)) + words(content)


def extension(name: bytes, critical: int) -> bytes:
    return words(name) + bytes((critical,)) + words(b"contents")


def listed(*sections: bytes, form: int = 1) -> bytes:
    out = Writer(MAGIC)
    out.u32(form)
    return out.finish() + words(7, 1_700_000_000, 0, b"", b"a comment") + b"".join(sections)


def certificates(*parts: bytes, authority: bytes = b"ca") -> bytes:
    return part(1, words(authority, b"") + b"".join(parts))


EVERYTHING = listed(
    certificates(
        part(0x20, words(5, 9)),
        part(0x21, words(20, 30)),
        part(0x22, words(100, b"\0\x01\x05")),
        part(0x23, words(b"ann", b"bob")),
        part(0x39, extension(b"new", 0)),
    ),
    part(2, words(b"a key", b"another")),
    part(3, words(b"1" * 20)),
    part(5, words(b"2" * 32)),
    part(255, extension(b"new", 0)),
)


def test_a_list_is_read_whole() -> None:
    found = parse(EVERYTHING)
    assert (found.version, found.generated, found.comment) == (7, 1_700_000_000, "a comment")
    bitmap = Bitmap(100, b"\x01\x05")
    ranges = ((5, 5), (9, 9), (20, 30))
    ids = frozenset((b"ann", b"bob"))
    assert found.certificates == (Certificates(b"ca", ranges, (bitmap,), ids),)
    assert found.keys == {b"a key", b"another"}
    assert (found.sha1, found.sha256) == ({b"1" * 20}, {b"2" * 32})


def test_an_empty_list_revokes_nothing() -> None:
    found = parse(listed())
    assert (found.certificates, found.keys | found.sha1 | found.sha256) == ((), frozenset())


def test_a_bitmap_has_the_numbers_whose_bits_are_set() -> None:
    bitmap = Bitmap(100, b"\x01\x05")
    assert [serial for serial in range(90, 130) if serial in bitmap] == [100, 102, 108]
    assert 10**30 not in bitmap
    assert "100" not in bitmap


def test_the_largest_serial_number_is_one() -> None:
    found = parse(listed(certificates(part(0x22, words(U64_MAX - 1, b"\2")))))
    assert U64_MAX in found.certificates[0].bitmaps[0]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"SSHKRL\n\1" + EVERYTHING[8:], "is not a key revocation list"),
        (listed(form=2), "has format 2"),
        (EVERYTHING[:-1], "cut short"),
        (listed(b"\x04" + words(b"key", b"signature")), "is signed"),
        (listed(part(6, b"")), "a section of the unknown type 6"),
        (listed(part(255, extension(b"new", 1))), "the critical extension 'new'"),
        (listed(certificates(part(0x39, extension(b"new", 1)))), "the critical extension 'new'"),
        (listed(certificates(part(0x24, b""))), "of the unknown type 36"),
        (listed(certificates(part(0x20, words(0)))), "a serial number of 0"),
        (listed(certificates(part(0x21, words(9, 8)))), "ends before it begins"),
        (listed(certificates(part(0x22, words(U64_MAX, b"\2")))), "too large"),
        (listed(part(2, words(b""))), "an empty entry"),
        (listed(part(3, words(b"1" * 32))), "the wrong length"),
        (listed(part(5, words(b"1" * 20))), "the wrong length"),
    ],
)
def test_what_is_not_known_or_damaged_refuses_the_list(data: bytes, sentence: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        parse(data)


def test_bytes_entries_and_bitmaps_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Malformed, match="longer than 16777216 bytes"):
        parse(listed() + bytes(krl.MAX_LIST))
    monkeypatch.setattr(krl, "MAX_ENTRIES", 3)
    parse(listed(part(2, words(b"a", b"b", b"c"))))
    for sections in (
        part(2, words(b"a", b"b", b"c", b"d")),
        certificates(part(0x20, words(1, 2, 3, 4))),
        certificates() * 4,
    ):
        with pytest.raises(Malformed, match="more than 3 entries"):
            parse(listed(sections))
    monkeypatch.setattr(krl, "MAX_BITMAPS", 1)
    with pytest.raises(Malformed, match="more than 1 bitmaps"):
        parse(listed(certificates(part(0x22, words(1, b"\1")) * 2)))


@pytest.mark.fuzz
@settings(max_examples=200)
@given(st.binary(max_size=60), st.integers(0, len(EVERYTHING)))
def test_any_bytes_are_a_list_or_malformed(data: bytes, at: int) -> None:
    try:
        parse(EVERYTHING[:at] + data + EVERYTHING[at + len(data) :])
    except Malformed:
        return


@pytest.mark.fuzz
@given(st.integers(1, 1 << 40), st.sets(st.integers(0, 300)))
def test_a_bitmap_holds_what_was_put_into_it(first: int, offsets: set[int]) -> None:
    number = sum(1 << offset for offset in offsets)
    bits = number.to_bytes(40, "big")
    (section,) = parse(listed(certificates(part(0x22, words(first, bits))))).certificates
    found = {offset for offset in range(400) if first + offset in section.bitmaps[0]}
    assert found == offsets
