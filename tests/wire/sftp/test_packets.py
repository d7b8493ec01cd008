"""What SFTP clients ask: made by hand, recorded from real clients, and made up."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.sftp import packets
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.framing import Framer
from mft.wire.sftp.packets import (
    EXTENDED,
    INIT,
    KINDS,
    MAX_EXTENSION_PAIRS,
    REQUESTS,
    Init,
    MalformedRequest,
    Unsupported,
    encode_request,
    parse_request,
)

RECORDED = sorted((Path(__file__).parents[1] / "vectors").glob("*.sftp.client"))
ID = "00000007"
A, B = "00000002 2f61", "00000002 2f62"  # the strings /a and /b
H = "00000001 68"  # the handle h

BY_HAND = [
    (Init(3), "01 00000003"),
    (Init(3, ((b"x@y", b"1"),)), "01 00000003 00000003 784079 00000001 31"),
    (packets.Open(7, b"/a", 0x1A, Attrs()), f"03 {ID} {A} 0000001a 00000000"),
    (
        packets.Open(7, b"/a", 1, Attrs(mode=0o644)),
        f"03 {ID} {A} 00000001 00000004 000001a4",
    ),
    (packets.Close(7, b"h"), f"04 {ID} {H}"),
    (packets.Read(7, b"h", 1 << 40, 32768), f"05 {ID} {H} 0000010000000000 00008000"),
    (
        packets.Write(7, b"h", 9, memoryview(b"xyz")),
        f"06 {ID} {H} 0000000000000009 00000003 78797a",
    ),
    (packets.LStat(7, b"/a"), f"07 {ID} {A}"),
    (packets.FStat(7, b"h"), f"08 {ID} {H}"),
    (packets.SetStat(7, b"/a", Attrs(size=0)), f"09 {ID} {A} 00000001 0000000000000000"),
    (packets.FSetStat(7, b"h", Attrs(uid=1, gid=2)), f"0a {ID} {H} 00000002 00000001 00000002"),
    (packets.OpenDir(7, b"/a"), f"0b {ID} {A}"),
    (packets.ReadDir(7, b"h"), f"0c {ID} {H}"),
    (packets.Remove(7, b"/a"), f"0d {ID} {A}"),
    (packets.MkDir(7, b"/a", Attrs()), f"0e {ID} {A} 00000000"),
    (packets.RmDir(7, b"/a"), f"0f {ID} {A}"),
    (packets.RealPath(7, b""), f"10 {ID} 00000000"),
    (packets.Stat(7, b"/a"), f"11 {ID} {A}"),
    (packets.Rename(7, b"/a", b"/b"), f"12 {ID} {A} {B}"),
    (packets.ReadLink(7, b"/a"), f"13 {ID} {A}"),
    (Unsupported(7, 21), f"15 {ID}"),
    (Unsupported(7, EXTENDED, b"?"), f"c8 {ID} 00000001 3f"),
]


@pytest.mark.parametrize(("request_", "encoded"), BY_HAND, ids=lambda value: type(value).__name__)
def test_a_request_is_these_bytes_both_ways(request_, encoded: str) -> None:
    body = bytes.fromhex(encoded)
    assert encode_request(request_) == len(body).to_bytes(4, "big") + body
    assert parse_request(body[0], memoryview(body)[1:]) == request_


def test_a_link_names_its_target_first_as_openssh_has_it() -> None:
    body = bytes.fromhex(f"{ID} {A} {B}")
    assert parse_request(packets.SYMLINK, body) == packets.SymLink(7, target=b"/a", path=b"/b")


def test_every_request_of_version_3_has_a_row() -> None:
    assert set(REQUESTS) == set(range(3, 21))
    assert sorted(KINDS.values()) == sorted(REQUESTS)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_what_real_clients_send_is_read_and_written_the_same(recorded: Path) -> None:
    stream = recorded.read_bytes()
    framer = Framer()
    requests = [parse_request(kind, body) for kind, body in framer.feed(memoryview(stream))]
    assert not framer.held
    assert not any(isinstance(request, Unsupported) for request in requests)
    assert b"".join(map(encode_request, requests)) == stream


def test_the_recordings_are_there() -> None:
    assert len(RECORDED) >= 6


def test_data_to_write_is_borrowed() -> None:
    packet = bytearray(encode_request(packets.Write(1, b"h", 0, memoryview(b"abc"))))
    request = parse_request(packets.WRITE, memoryview(packet)[5:])
    packet[-1] = 0x21
    assert isinstance(request, packets.Write)
    assert bytes(request.data) == b"ab!"


def test_fields_of_later_drafts_are_ignored() -> None:
    body = bytes.fromhex(f"{ID} {A} 000001ff")
    assert parse_request(packets.STAT, body) == packets.Stat(7, b"/a")


def test_what_stands_after_the_data_of_a_write_is_no_data() -> None:
    """rclone 1.60 ends an upload with a WRITE of full length that holds less than that."""
    body = bytes.fromhex(f"{ID} {H} 0000000000010000 00000003 78797a") + bytes(32765)
    write = parse_request(packets.WRITE, body)
    assert write == packets.Write(7, b"h", 1 << 16, memoryview(b"xyz"))


@pytest.mark.parametrize("kind", [*REQUESTS, EXTENDED])
def test_a_request_that_cannot_be_read_still_has_its_id(kind: int) -> None:
    with pytest.raises(MalformedRequest) as failure:
        parse_request(kind, bytes.fromhex(f"{ID} 00000009 61"))
    assert failure.value.request_id == 7


@pytest.mark.parametrize("kind", [*REQUESTS, EXTENDED, 77])
def test_without_four_bytes_there_is_no_id(kind: int) -> None:
    with pytest.raises(MalformedRequest) as failure:
        parse_request(kind, b"\0\0\0")
    assert failure.value.request_id is None


@pytest.mark.parametrize("body", ["", "0000", "00000003 00000009 61"])
def test_a_broken_greeting_is_malformed(body: str) -> None:
    with pytest.raises(MalformedRequest) as failure:
        parse_request(INIT, bytes.fromhex(body))
    assert failure.value.request_id is None


def test_a_greeting_has_a_limit() -> None:
    pair = bytes(8)
    init = parse_request(INIT, bytes(4) + pair * MAX_EXTENSION_PAIRS)
    assert isinstance(init, Init)
    assert len(init.extensions) == MAX_EXTENSION_PAIRS
    with pytest.raises(Malformed):
        parse_request(INIT, bytes(4) + pair * (MAX_EXTENSION_PAIRS + 1))


@pytest.mark.fuzz
@settings(max_examples=500, deadline=None)
@given(
    kind=st.sampled_from([INIT, *REQUESTS, EXTENDED]) | st.integers(0, 255),
    body=st.binary(max_size=80),
)
def test_any_packet_is_a_request_or_malformed_with_its_id(kind: int, body: bytes) -> None:
    try:
        request = parse_request(kind, memoryview(body))
    except MalformedRequest as failure:
        answered = failure.request_id
    else:
        again = encode_request(request)
        assert parse_request(again[4], memoryview(again)[5:]) == request
        return
    known = kind != INIT and len(body) >= 4
    assert answered == (int.from_bytes(body[:4], "big") if known else None)


u32 = st.integers(0, (1 << 32) - 1)
u64 = st.integers(0, (1 << 64) - 1)
names = st.binary(max_size=30)
ATTRIBUTES = st.tuples(st.none() | u64, st.none() | u32).map(lambda pair: Attrs(*pair))
ANY_REQUEST = st.one_of(
    st.builds(packets.Open, u32, names, u32, ATTRIBUTES),
    st.builds(packets.Read, u32, names, u64, u32),
    st.builds(packets.Write, u32, names, u64, names.map(memoryview)),
    st.builds(packets.SetStat, u32, names, ATTRIBUTES),
    st.builds(packets.Rename, u32, names, names),
    st.builds(packets.SymLink, u32, names, names),
    st.builds(packets.Close, u32, names),
)


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(request_=ANY_REQUEST)
def test_what_is_encoded_is_parsed(request_) -> None:
    packet = encode_request(request_)
    ((kind, body),) = Framer().feed(memoryview(packet))
    assert parse_request(kind, body) == request_
