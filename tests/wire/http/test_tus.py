"""Fields and names of uploads that go on."""

from base64 import b64encode, urlsafe_b64encode
from hashlib import md5, sha1, sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Refused
from mft.core.vpath import VPath
from mft.wire.http.head import MAX_TARGET
from mft.wire.http.tus import (
    MAX_NAME,
    MAX_PAIRS,
    MAX_SIZE,
    Checksum,
    UploadName,
    complete,
    parse_checksum,
    parse_complete,
    parse_draft_version,
    parse_metadata,
    parse_size,
    parse_upload_name,
)

NAME = UploadName(VPath.parse("/in/a b.txt"), 12, 1_700_000_000_123_456_789, 77)


@pytest.mark.parametrize(
    ("field", "size"),
    [
        ("0", 0),
        (" 12 ", 12),
        ("007", 7),
        (str(MAX_SIZE), MAX_SIZE),
        (str(MAX_SIZE + 1), None),
        ("9" * 19, None),
        ("1" * 20, None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1_0", None),
        ("0x1", None),
        ("\u0661", None),
        ("1, 1", None),
        ("", None),
        (None, None),
    ],
)
def test_a_size_is_digits_that_a_file_can_have(field: str | None, size: int | None) -> None:
    assert parse_size(field) == size


@pytest.mark.parametrize(
    ("field", "ends"),
    [
        ("?1", True),
        ("?0", False),
        (" ?1 ", True),
        ("?1;a", True),
        ("?0; a=1;b", False),
        ("?2", None),
        ("1", None),
        ("true", None),
        ("?1, ?1", None),
        ("?1 a", None),
        ("", None),
        (None, None),
    ],
)
def test_an_end_is_a_boolean(field: str | None, ends: bool | None) -> None:
    assert parse_complete(field) is ends
    if ends is not None:
        assert parse_complete(complete(ends)) is ends


@pytest.mark.parametrize(
    ("field", "version"), [("5", None), ("6", 6), ("8", 8), ("9", None), ("", None), (None, None)]
)
def test_versions_of_the_draft_are_known_or_not(field: str | None, version: int | None) -> None:
    assert parse_draft_version(field) == version


@pytest.mark.parametrize(
    ("field", "pairs"),
    [
        ("", {}),
        ("path aW4vYQ==", {"path": b"in/a"}),
        ("path aW4vYQ==,continue", {"path": b"in/a", "continue": b""}),
        ("path aW4vYQ==, continue ", {"path": b"in/a", "continue": b""}),
        ("filename w6Q=,x AA==", {"filename": "ä".encode(), "x": b"\0"}),
        ("a YQ==,a Yg==", None),
        ("a YQ", None),
        ("a Y Q==", None),
        ("a  YQ==", None),
        ("a Y-==", None),
        ("a YQ==,", None),
        (",", None),
        (" ", None),
        ("\u00e4 YQ==", None),
        ("a\tYQ==", None),
    ],
)
def test_metadata_are_keys_with_values_in_base64(
    field: str, pairs: dict[str, bytes] | None
) -> None:
    assert parse_metadata(field) == pairs


def test_metadata_have_a_limit() -> None:
    keys = [f"k{number}" for number in range(MAX_PAIRS + 1)]
    assert parse_metadata(",".join(keys[:-1])) == dict.fromkeys(keys[:-1], b"")
    assert parse_metadata(",".join(keys)) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("md5", md5(b"a", usedforsecurity=False).digest()),
        ("sha1", sha1(b"a", usedforsecurity=False).digest()),
        ("sha256", sha256(b"a").digest()),
    ],
)
def test_a_checksum_is_an_algorithm_and_a_digest(name: str, value: bytes) -> None:
    text = b64encode(value).decode()
    assert parse_checksum(f" {name} {text}") == Checksum(name, value)
    for wrong in (
        f"{name}{text}",
        f"{name}  {text}",
        f"{name.upper()} {text}",
        f"{name} {text} {text}",
        f"{name} {text[:-1]}",
        f"{name} {b64encode(value[1:]).decode()}",
        f"crc32 {text}",
        name,
        text,
        "",
    ):
        assert parse_checksum(wrong) is None


def test_a_name_says_what_its_upload_is() -> None:
    assert parse_upload_name(str(NAME)) == NAME
    unknown = NAME._replace(length=None, before=None)
    assert parse_upload_name(str(unknown)) == unknown
    assert str(NAME).replace("-", "").replace("_", "").isalnum()
    assert len(f"/__mft__/tus/{'a' * MAX_NAME}") < MAX_TARGET


def made(text: str) -> str:
    return urlsafe_b64encode(text.encode("utf-8", "surrogatepass")).decode().rstrip("=")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "a",
        str(NAME) + "=",
        str(NAME)[:-1],
        str(NAME) + "AAAA",
        "\u00e4" * 8,
        made("1:2:3:/a") + "A",
        made("1:2:3:a"),
        made("1:2:3"),
        made("1:2:3:/a/../b"),
        made("1:2:3:/a/"),
        made("1:2:3:/a//b"),
        made("1:2:3:/.mft-1"),
        made("1:2:3:/a\nb"),
        made("1:2:3:/\ud800"),
        made("01:2:3:/a"),
        made("1:02:3:/a"),
        made("1::3:/a"),
        made("-1:2:3:/a"),
        made(f"{MAX_SIZE + 1}:2:3:/a"),
        b64encode(b"1:2:3:/\xc3\xbf\xc3\xbf").decode().rstrip("="),
        made("1:2:3:/" + "a/" * MAX_NAME),
    ],
)
def test_a_name_that_we_have_never_made_says_nothing(name: str) -> None:
    assert parse_upload_name(name) is None


NAMES = st.text(min_size=1, max_size=20).filter(lambda name: "/" not in name)


@pytest.mark.fuzz
@given(
    st.lists(NAMES, max_size=6),
    st.none() | st.integers(0, MAX_SIZE),
    st.integers(0, 10**20 - 1),
    st.none() | st.integers(0, (1 << 64) - 1),
)
def test_a_name_comes_back_as_it_was_made(
    parts: list[str], length: int | None, begun: int, before: int | None
) -> None:
    path = VPath(tuple(parts))
    name = UploadName(path, length, begun, before)
    try:
        expected = name if VPath.parse(str(path)) == path else None
    except Refused:
        expected = None
    assert parse_upload_name(str(name)) == expected


@pytest.mark.fuzz
@given(st.text(alphabet=st.characters(max_codepoint=0x250)) | st.text("0123:/aAQ=-_").map(made))
def test_any_text_is_a_name_or_none_and_has_one_form(text: str) -> None:
    name = parse_upload_name(text)
    assert name is None or str(name) == text


@pytest.mark.fuzz
@given(st.text() | st.text("?01; a=,") | st.text("path YWI=,").map(lambda text: f"path {text}"))
def test_any_field_is_read_or_malformed(field: str) -> None:
    size = parse_size(field)
    assert size is None or 0 <= size <= MAX_SIZE
    assert parse_complete(field) in (True, False, None)
    assert parse_draft_version(field) in (6, 7, 8, None)
    pairs = parse_metadata(field)
    assert pairs is None or len(pairs) <= MAX_PAIRS
    checksum = parse_checksum(field)
    assert checksum is None or len(checksum.value) in (16, 20, 32)


@pytest.mark.fuzz
@given(st.dictionaries(st.text("abcXYZ-_.1", min_size=1), st.binary(), max_size=MAX_PAIRS))
def test_metadata_come_back_as_they_were_told(pairs: dict[str, bytes]) -> None:
    text = ",".join(f"{key} {b64encode(value).decode()}" for key, value in pairs.items())
    assert parse_metadata(text) == pairs
