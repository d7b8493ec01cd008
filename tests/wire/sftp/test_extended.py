"""Extended requests, both ways."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.wire.sftp import extended
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.extended import EXTENSIONS, NAMES, advertised
from mft.wire.sftp.packets import EXTENDED, MalformedRequest, encode_request, parse_request

ID = "00000007"
A, B = "00000002 2f61", "00000002 2f62"
G, H = "00000001 67", "00000001 68"

BY_HAND = [
    (extended.PosixRename(7, b"/a", b"/b"), f"{A} {B}"),
    (extended.StatVFS(7, b"/a"), A),
    (extended.FStatVFS(7, b"h"), H),
    (extended.FSync(7, b"h"), H),
    (extended.HardLink(7, b"/a", b"/b"), f"{A} {B}"),
    (extended.LSetStat(7, b"/a", Attrs(mode=0o777)), f"{A} 00000004 000001ff"),
    (extended.Limits(7), ""),
    (
        extended.CopyData(7, b"g", 1, 2, b"h", 3),
        f"{G} 0000000000000001 0000000000000002 {H} 0000000000000003",
    ),
    (extended.ExpandPath(7, b"~"), "00000001 7e"),
    (extended.HomeDirectory(7, b""), "00000000"),
    (
        extended.UsersGroupsById(7, (1000, 0), (5,)),
        "00000008 000003e8 00000000 00000004 00000005",
    ),
    (
        extended.CheckFileHandle(7, b"h", b"sha256,md5", 1, 2, 256),
        f"{H} 0000000a {b'sha256,md5'.hex()} 0000000000000001 0000000000000002 00000100",
    ),
    (
        extended.CheckFileName(7, b"/a", b"md5", 0, 0, 0),
        f"{A} 00000003 6d6435 0000000000000000 0000000000000000 00000000",
    ),
]


def called(name: bytes, fields: str) -> bytes:
    return bytes.fromhex(ID) + len(name).to_bytes(4, "big") + name + bytes.fromhex(fields)


@pytest.mark.parametrize(("request_", "fields"), BY_HAND, ids=lambda value: type(value).__name__)
def test_an_extension_is_these_bytes_both_ways(request_, fields: str) -> None:
    body = called(NAMES[type(request_)], fields)
    assert parse_request(EXTENDED, body) == request_
    assert encode_request(request_)[5:] == body


def test_each_extension_has_a_vector() -> None:
    assert {type(request) for request, _ in BY_HAND} == set(NAMES)


def test_the_name_that_paramiko_sends_is_understood() -> None:
    request = parse_request(EXTENDED, called(b"check-file", BY_HAND[-2][1]))
    assert isinstance(request, extended.CheckFileHandle)
    assert NAMES[extended.CheckFileHandle] == b"check-file-handle"


def test_what_openssh_advertises_is_advertised_with_its_versions() -> None:
    pairs = dict(advertised())
    assert pairs[b"posix-rename@openssh.com"] == b"1"
    assert pairs[b"statvfs@openssh.com"] == pairs[b"fstatvfs@openssh.com"] == b"2"
    assert b"check-file" not in pairs


def test_an_extension_can_be_left_out() -> None:
    without = advertised(frozenset({b"hardlink@openssh.com"}))
    assert b"hardlink@openssh.com" not in dict(without)
    assert len(without) == len(advertised()) - 1


def test_ids_that_are_cut_are_malformed() -> None:
    body = called(b"users-groups-by-id@openssh.com", "00000005 0000000001 00000000")
    with pytest.raises(MalformedRequest) as failure:
        parse_request(EXTENDED, body)
    assert failure.value.request_id == 7


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(name=st.sampled_from(sorted(EXTENSIONS)), fields=st.binary(max_size=70))
def test_any_fields_are_a_request_or_malformed(name: bytes, fields: bytes) -> None:
    try:
        request = parse_request(EXTENDED, called(name, "") + fields)
    except MalformedRequest as failure:
        assert failure.request_id == 7  # noqa: PT017 - raising is one of two right outcomes
        return
    assert parse_request(EXTENDED, encode_request(request)[5:]) == request
