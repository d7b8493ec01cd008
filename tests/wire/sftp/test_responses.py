"""What SFTP servers answer: made by hand, recorded from OpenSSH's server, and made up."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.sftp import responses
from mft.wire.sftp.attrs import Attrs, pack_attrs
from mft.wire.sftp.framing import Framer
from mft.wire.sftp.responses import (
    AttrsReply,
    DataReply,
    ExtendedReply,
    HandleReply,
    Named,
    NameReply,
    StatusReply,
    VersionReply,
    Volume,
    parse_reply,
)
from mft.wire.sftp.status import MESSAGES, Status

RECORDED = sorted((Path(__file__).parents[1] / "vectors").glob("*.sftp.server"))
ID = "00000007"
OK = f"{b'Done.'.hex()} 00000002 656e"

BY_HAND = [
    (responses.version(), "02 00000003", VersionReply(3, ())),
    (
        responses.version([(b"a@b", b"1")]),
        "02 00000003 00000003 614062 00000001 31",
        VersionReply(3, ((b"a@b", b"1"),)),
    ),
    (
        responses.status_ok(7),
        f"65 {ID} 00000000 00000005 {OK}",
        StatusReply(7, 0, b"Done.", b"en"),
    ),
    (
        responses.status(7, Status.FAILURE, "Full."),
        f"65 {ID} 00000004 00000005 {b'Full.'.hex()} 00000002 656e",
        StatusReply(7, 4, b"Full.", b"en"),
    ),
    (responses.handle(7, b"h1"), f"66 {ID} 00000002 6831", HandleReply(7, b"h1")),
    (responses.data(7, b"abc"), f"67 {ID} 00000003 616263", DataReply(7, memoryview(b"abc"))),
    (
        responses.name(7, [Named(b"/a")]),
        f"68 {ID} 00000001 00000002 2f61 00000000 00000000",
        NameReply(7, (Named(b"/a"),)),
    ),
    (responses.attrs(7, Attrs(size=1)), f"69 {ID} 00000001 0000000000000001", None),
    (
        responses.attrs_full(7, 0o644, 1, 2, 3, 4, 5),
        f"69 {ID} 0000000f 0000000000000001 00000002 00000003 000001a4 00000004 00000005",
        AttrsReply(7, Attrs(1, 0o644, 4, 5, 2, 3)),
    ),
    (
        responses.limits(7, 100),
        f"c9 {ID} 0000000000040000 000000000003fc00 000000000003fc00 0000000000000064",
        None,
    ),
    (
        responses.users_groups(7, [b"me", b""], [b"us"]),
        f"c9 {ID} 0000000a 00000002 6d65 00000000 00000006 00000002 7573",
        None,
    ),
    (
        responses.check_file(7, b"md5", b"\xaa\xbb"),
        f"c9 {ID} 0000000a {b'check-file'.hex()} 00000003 6d6435 aabb",
        None,
    ),
]


@pytest.mark.parametrize(("packet", "encoded", "reply"), BY_HAND)
def test_an_answer_is_these_bytes_both_ways(packet: bytes, encoded: str, reply) -> None:
    body = bytes.fromhex(encoded)
    assert packet == len(body).to_bytes(4, "big") + body
    if reply is not None:
        assert parse_reply(body[0], body[1:]) == reply


@pytest.mark.parametrize("code", Status)
def test_a_plain_status_says_the_codes_sentence(code: Status) -> None:
    packet = responses.status(0xFFFFFFFF, code)
    assert parse_reply(packet[4], packet[5:]) == StatusReply(
        0xFFFFFFFF, code, MESSAGES[code].encode(), b"en"
    )
    assert packet == responses.status(0xFFFFFFFF, code, MESSAGES[code])


def test_the_header_of_data_stands_before_the_data() -> None:
    header = responses.data_header(7, 3)
    assert len(header) == responses.DATA_HEADER
    assert header + b"abc" == responses.data(7, memoryview(b"abc"))


def rebuilt(reply) -> bytes:
    """The same answer from our own builders; OpenSSH names no language."""
    match reply:
        case VersionReply(_, extensions):
            return responses.version(extensions)
        case StatusReply(request_id, code, message):
            return responses.status(request_id, code, message.decode())
        case HandleReply(request_id, value):
            return responses.handle(request_id, value)
        case DataReply(request_id, data):
            return responses.data(request_id, data)
        case NameReply(request_id, entries):
            return responses.name(request_id, entries)
        case AttrsReply(request_id, attrs):
            return responses.attrs(request_id, attrs)
        case ExtendedReply(request_id, body):
            return responses.extended_reply(request_id, bytes(body))


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda path: path.stem)
def test_what_opensshs_server_answers_is_read_and_written_the_same(recorded: Path) -> None:
    stream = recorded.read_bytes()
    framer = Framer()
    packets = [(len(b) + 5, parse_reply(k, b)) for k, b in framer.feed(memoryview(stream))]
    assert not framer.held
    at = 0
    for length, reply in packets:
        ours = rebuilt(reply)
        if isinstance(reply, StatusReply):
            assert parse_reply(101, ours[5:]) == reply._replace(language=b"en")
        else:
            assert ours == stream[at : at + length]
        at += length
    assert at == len(stream)


def test_the_recordings_are_there() -> None:
    assert len(RECORDED) >= 6


def test_a_volume_comes_back_as_it_was() -> None:
    volume = Volume(4096, 4096, 100, 50, 40, 9, 8, 7, 6, 2, 255)
    reply = parse_reply(201, responses.statvfs(7, volume)[5:])
    assert isinstance(reply, ExtendedReply)
    assert responses.read_statvfs(reply.body) == volume


def test_limits_and_hashes_come_back_as_they_were() -> None:
    assert responses.read_limits(responses.limits(7, 5)[9:]) == (262144, 261120, 261120, 5)
    assert responses.read_check_file(responses.check_file(7, b"md5", b"d")[9:]) == (b"md5", b"d")
    with pytest.raises(Malformed):
        responses.read_check_file(b"\0\0\0\1x")


def test_a_status_without_words_is_one_of_an_early_server() -> None:
    assert parse_reply(101, bytes(8)) == StatusReply(0, 0, b"", b"")


def test_packed_entries_are_a_name_packet() -> None:
    packed = b"\0\0\0\1a\0\0\0\1l" + pack_attrs(1, 2, 3, 4, 5, 6)
    reply = parse_reply(104, responses.name_packed(7, 1, packed)[5:])
    assert reply == NameReply(7, (Named(b"a", b"l", Attrs(2, 1, 5, 6, 3, 4)),))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (1, "00000003"),
        (101, "00000007"),
        (104, "00000007 00004e21"),
        (104, "00000007 00000001"),
        (255, "00000007"),
    ],
)
def test_what_is_no_answer_is_malformed(kind: int, body: str) -> None:
    with pytest.raises(Malformed):
        parse_reply(kind, bytes.fromhex(body))


@pytest.mark.fuzz
@settings(max_examples=400, deadline=None)
@given(kind=st.sampled_from([2, 101, 102, 103, 104, 105, 201]), body=st.binary(max_size=80))
def test_any_answer_is_read_or_malformed(kind: int, body: bytes) -> None:
    try:
        reply = parse_reply(kind, body)
    except Malformed:
        return
    if isinstance(reply, HandleReply | DataReply | NameReply | AttrsReply | ExtendedReply):
        assert parse_reply(kind, rebuilt(reply)[5:]) == reply


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=100))
def test_any_body_of_an_extension_is_read_or_malformed(body: bytes) -> None:
    for read in (responses.read_statvfs, responses.read_limits, responses.read_check_file):
        try:
            read(body)
        except Malformed:
            continue
