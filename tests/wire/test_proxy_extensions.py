"""Extensions of PROXY headers: what they tell, lengths that lie, checksums."""

import pytest
from google_crc32c import value as crc32c
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.proxy_extensions import MAX_SHOWN, extensions, read, verify
from tests.fakes.proxy_header import block, extension, summed, tls

TOLD = [
    (extension(0x01, b"h2"), {"alpn": "h2"}),
    (extension(0x02, b"files.example.com"), {"authority": "files.example.com"}),
    (extension(0x02, "bücher.example".encode()), {"authority": "bücher.example"}),
    (extension(0x05, b"abc-1"), {"unique_id": "abc-1"}),
    (extension(0x05, b"\0\xff"), {"unique_id": "0x00ff"}),
    (extension(0x05, b"a" * 128), {"unique_id": "a" * 128}),
    (extension(0x30, b"blue"), {"netns": "blue"}),
    (
        extension(0xEA, b"\x01vpce-08d2bf15fac5001c9"),
        {"0xea": f"0x01{b'vpce-08d2bf15fac5001c9'.hex()}"},
    ),
    (extension(0x02, b"two\nlines"), {"authority": f"0x{b'two'.hex()}0a{b'lines'.hex()}"}),
    (extension(0x04, b"\0" * 50), {}),
    (extension(0x02, b""), {"authority": ""}),
    (extension(0x02, b"a" * 1000), {"authority": "a" * MAX_SHOWN}),
    (extension(0x02, b"first") + extension(0x02, b"second"), {"authority": "first"}),
    (b"", {}),
    (tls(), {"tls_client_certificate": "none"}),
    (
        tls(extension(0x21, b"TLSv1.3"), extension(0x22, b"ann"), flags=7, verify=0),
        {"tls_version": "TLSv1.3", "tls_client_name": "ann", "tls_client_certificate": "verified"},
    ),
    (tls(flags=5), {"tls_client_certificate": "not verified"}),
    (
        tls(
            extension(0x23, b"A"),
            extension(0x24, b"B"),
            extension(0x25, b"C"),
            extension(0x99, b"D"),
        ),
        {
            "tls_cipher": "A",
            "tls_signature_algorithm": "B",
            "tls_key_algorithm": "C",
            "0x99": "D",
            "tls_client_certificate": "none",
        },
    ),
]


@pytest.mark.parametrize(("data", "told"), TOLD)
def test_what_they_tell(data: bytes, told: dict[str, str]) -> None:
    assert read(b"before" + data, 6, crc32c) == told


WRONG = [
    b"\x02",
    b"\x02\0",
    b"\x02\0\x01",
    b"\x02\xff\xffabc",
    extension(0x02, b"abc") + b"\x04",
    extension(0x20, b"\x01\0\0\0"),
    tls(b"\x21\0\x09TLSv1.3"),
    tls(b"\x21"),
    extension(0x05, b"a" * 129),
]


@pytest.mark.parametrize("data", WRONG)
def test_a_length_that_lies_is_malformed(data: bytes) -> None:
    with pytest.raises(Malformed):
        read(data, 0, crc32c)


def test_the_checksum_is_that_of_rfc_3720() -> None:
    # Its appendix B.4, and everybody's check.
    for data, checksum in ((bytes(32), 0x8A9136AA), (b"123456789", 0xE3069283)):
        assert crc32c(data) == checksum


def test_a_checksum_that_is_right_is_over_the_whole_header() -> None:
    header = summed(block(extension(0x02, b"a")))
    verify(header, extensions(header, 28), crc32c)
    assert read(header, 28, crc32c) == {"authority": "a"}
    kind = len(header) - 7  # of the checksum itself: of another kind it is none
    for at in set(range(len(header))) - {kind}:
        changed = bytes((*header[:at], header[at] ^ 1, *header[at + 1 :]))
        with pytest.raises(Malformed):
            verify(changed, extensions(changed, 28), crc32c)
        with pytest.raises(Malformed):
            read(changed, 28, crc32c)


@pytest.mark.parametrize("more", [extension(0x03, b""), extension(0x03, b"12345")])
def test_a_checksum_of_another_length_is_malformed(more: bytes) -> None:
    header = block(more)
    with pytest.raises(Malformed):
        verify(header, extensions(header, 28), crc32c)
    with pytest.raises(Malformed):
        read(header, 28, crc32c)


def test_two_checksums_are_none() -> None:
    header = summed(summed(block()))
    with pytest.raises(Malformed):
        verify(header, extensions(header, 28), crc32c)
    with pytest.raises(Malformed):
        read(header, 28, crc32c)


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=300)), max_size=8))
def test_whatever_is_told_comes_back(told: list[tuple[int, bytes]]) -> None:
    data = b"".join(extension(kind, value) for kind, value in told)
    assert [(kind, value) for kind, value, _ in extensions(data, 0)] == told


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_any_bytes_are_told_or_malformed(data: bytes) -> None:
    try:
        found = read(data, 0, crc32c)
    except Malformed:
        return
    assert all(text.isprintable() and len(text) <= MAX_SHOWN for text in found.values())
