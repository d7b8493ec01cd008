"""ZIP archives: what zipfile reads of them, and where the old fields end."""

import io
import os
import stat
import struct
import zlib
from collections.abc import Iterable
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.wire import zip as wire
from mft.wire.zip import MAX_NAME, PIECE, Member, ZipWriter

FILE, FOLDER = stat.S_IFREG | 0o640, stat.S_IFDIR | 0o750
THEN = 1_000_000_000  # 2001-09-09 01:46:40
GIB = 1 << 30
U16, U32 = 0xFFFF, 0xFFFFFFFF

Given = Iterable[tuple[Member, bytes, bool]]


def archive(given: Given) -> bytes:
    """An archive of members, their contents, and whether the CRC-32 is told before them."""
    writer = ZipWriter()
    made = bytearray()
    for member, content, before in given:
        crc = zlib.crc32(content)
        made += writer.begin(member, crc if before else None) + content
        if not before:
            made += writer.end(crc)
    return bytes(made + b"".join(writer.directory()))


def file(name: str, content: bytes, *, before: bool, **fields: int) -> tuple[Member, bytes, bool]:
    given = {"mode": FILE, "modified": THEN, **fields}
    return Member(name, size=len(content), **given), content, before


def read(made: bytes) -> ZipFile:
    return ZipFile(io.BytesIO(made))


def one(made: bytes) -> ZipInfo:
    (info,) = read(made).infolist()
    return info


@pytest.mark.parametrize("before", [False, True])
def test_a_file_comes_back_with_its_name_content_time_and_permissions(before: bool) -> None:
    made = archive([file("a/naïve 日本.txt", b"content", before=before)])
    assert read(made).testzip() is None
    info = one(made)
    assert info.filename == "a/naïve 日本.txt"
    assert read(made).read(info) == b"content"
    assert info.compress_type == ZIP_STORED
    assert info.date_time == (2001, 9, 9, 1, 46, 40)
    assert info.external_attr >> 16 == FILE
    assert info.create_system == 3
    assert info.extract_version == 20
    assert info.extra == struct.pack("<HHBi", 0x5455, 5, 1, THEN)


def test_a_folder_is_one_to_every_reader() -> None:
    made = archive([(Member("a/b", FOLDER, THEN), b"", True)])
    info = one(made)
    assert info.filename == "a/b/"
    assert info.is_dir()
    assert info.external_attr == FOLDER << 16 | 0x10


def test_an_archive_of_nothing_is_one() -> None:
    assert archive([]) == b"PK\5\6" + bytes(18)
    assert read(archive([])).namelist() == []


def test_what_is_not_known_before_a_content_is_told_behind_it() -> None:
    writer = ZipWriter()
    member, content, _ = file("a", b"content", before=False)
    head = writer.begin(member)
    flags, *_, crc, packed, size = struct.unpack_from("<4H3I", head, 6)
    assert flags == 1 << 11 | 1 << 3
    assert (crc, packed, size) == (0, 0, 0)
    crc = zlib.crc32(content)
    assert writer.end(crc) == b"PK\7\x08" + struct.pack("<3I", crc, 7, 7)


def test_what_is_known_before_a_content_needs_nothing_behind_it() -> None:
    head = ZipWriter().begin(*file("a", b"content", before=True)[:1], zlib.crc32(b"content"))
    flags, *_, crc, packed, size = struct.unpack_from("<4H3I", head, 6)
    assert flags == 1 << 11
    assert (crc, packed, size) == (zlib.crc32(b"content"), 7, 7)


def test_only_what_unix_lets_everyone_set_is_told_of_a_mode() -> None:
    made = archive([file("a", b"", before=True, mode=stat.S_IFREG | 0o7755)])
    assert one(made).external_attr >> 16 == stat.S_IFREG | 0o755


@pytest.mark.parametrize(
    ("modified", "told"),
    [
        (-(1 << 40), (1980, 1, 1, 0, 0, 0)),
        (0, (1980, 1, 1, 0, 0, 0)),
        (951_782_399, (2000, 2, 28, 23, 59, 58)),
        ((1 << 31) - 1, (2038, 1, 19, 3, 14, 6)),
        (1 << 31, (2038, 1, 19, 3, 14, 8)),
        (1 << 40, (2107, 12, 31, 23, 59, 58)),
    ],
)
def test_a_time_is_told_as_near_as_ms_dos_comes(
    modified: int, told: tuple[int, int, int, int, int, int]
) -> None:
    info = one(archive([file("a", b"", before=True, modified=modified)]))
    assert info.date_time == told
    known = -(1 << 31) <= modified < 1 << 31
    assert info.extra == (struct.pack("<HHBi", 0x5455, 5, 1, modified) if known else b"")


@pytest.mark.parametrize(
    "name",
    [
        *("", "/", "/etc/passwd", "a//b", "a/", ".", "..", "../a", "a/../b", "a/./b", "a\0b"),
        *("\ud800", "a" * (MAX_NAME + 1)),
    ],
    ids=lambda name: ascii(name[:12]),
)
def test_a_name_that_could_lead_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        ZipWriter().begin(Member(name, FILE, THEN), 0)
    assert refused.value.reason is Reason.INVALID
    assert refused.value.subject in (name, repr(name))


def test_a_backslash_leads_nowhere() -> None:
    made = archive([file("..\\..\\a", b"", before=True)])
    assert one(made).filename == "..\uff3c..\uff3ca"


def test_the_longest_name_fits_and_its_slash_counts() -> None:
    longest = "a" * MAX_NAME
    assert one(archive([file(longest, b"", before=True)])).filename == longest
    with pytest.raises(Refused):
        ZipWriter().begin(Member(longest, FOLDER, THEN), 0)


# What the old fields cannot hold.


class Holes(io.RawIOBase):
    """A file of pieces with zeros between them, as long as it is said to be."""

    def __init__(self) -> None:
        super().__init__()
        self.size = 0
        self._pieces: list[tuple[int, bytes]] = []
        self._at = 0

    def add(self, piece: bytes) -> None:
        self._pieces.append((self.size, piece))
        self.size += len(piece)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        at = (0, self._at, self.size)[whence] + offset
        if at < 0:
            raise OSError("before the beginning")
        self._at = at
        return at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        first, size = self._at, max(self.size - self._at, 0) if size < 0 else size
        last = min(first + size, self.size)
        found = bytearray(max(last - first, 0))
        for at, piece in self._pieces:
            cut = piece[max(first - at, 0) : max(last - at, 0)]
            begin = max(at - first, 0)
            found[begin : begin + len(cut)] = cut
        self._at += len(found)
        return bytes(found)


class Counted:
    """An archive whose contents are holes: only what stands around them is there."""

    def __init__(self) -> None:
        self._writer = ZipWriter()
        self.made = Holes()
        self.heads: list[bytes] = []
        self.tails: list[bytes] = []

    def add(self, size: int, *, before: bool, content: bytes | None = None) -> None:
        """Add a member of a size; its CRC-32 is only right where there is a content."""
        crc = 0 if content is None else zlib.crc32(content)
        self.heads.append(self.begin(size, crc if before else None))
        self.made.add(self.heads[-1])
        if content is None:
            self.made.size += size
        else:
            self.made.add(content)
        self.tails.append(b"" if before else self._writer.end(crc))
        self.made.add(self.tails[-1])

    def begin(self, size: int, crc: int | None) -> bytes:
        member = Member(f"member {len(self.heads)}", FILE, THEN, size)
        return self._writer.begin(member, crc)

    def close(self) -> ZipFile:
        self.end = b"".join(self._writer.directory())
        self.made.add(self.end)
        return ZipFile(self.made)


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("size", [U32 - 1, U32, U32 + 1, 5 * GIB])
def test_a_size_of_4_gib_and_more_is_told_by_zip64(size: int, before: bool) -> None:
    counted = Counted()
    counted.add(size, before=before)
    counted.add(4, before=before, content=b"next")
    made = counted.close()
    first, second = made.infolist()
    assert (first.file_size, first.compress_size) == (size, size)
    assert first.extract_version == (45 if size >= U32 else 20)
    (head, _), (tail, _) = counted.heads, counted.tails
    assert second.header_offset == len(head) + size + len(tail)
    assert second.extract_version == 45
    assert made.read(second) == b"next"
    told = struct.unpack_from("<2I", head, 18)
    if size >= U32:
        assert told == (U32, U32)
        assert head[-20:-16] == struct.pack("<2H", 1, 16)
        assert struct.unpack("<2Q", head[-16:]) == ((size, size) if before else (0, 0))
        assert len(tail) == (0 if before else 24)
    else:
        assert told == ((size, size) if before else (0, 0))
        assert len(tail) == (0 if before else 16)


@pytest.mark.parametrize("offset", [U32 - 1, U32, U32 + 1])
def test_an_offset_of_4_gib_and_more_is_told_by_zip64(offset: int) -> None:
    counted = Counted()
    counted.add(offset - len(Counted().begin(0, 0)), before=True)
    counted.add(4, before=True, content=b"last")
    made = counted.close()
    _, last = made.infolist()
    assert last.header_offset == offset
    assert last.extract_version == (45 if offset >= U32 else 20)
    assert made.read(last) == b"last"
    assert b"PK\6\6" in counted.end


@pytest.mark.parametrize("offset", [U32 - 1, U32])
def test_a_directory_behind_4_gib_is_told_by_zip64(offset: int) -> None:
    counted = Counted()
    counted.add(offset - len(Counted().begin(0, 0)), before=True)
    (only,) = counted.close().infolist()
    assert only.header_offset == 0
    assert (b"PK\6\6" in counted.end) is (offset >= U32)


@pytest.mark.parametrize("count", [U16 - 1, U16])
def test_a_count_of_65535_and_more_is_told_by_zip64(count: int) -> None:
    writer = ZipWriter()
    made = [writer.begin(Member(f"{number}", FILE, THEN), 0) for number in range(count)]
    pieces = list(writer.directory())
    assert max(map(len, pieces)) <= PIECE
    assert (b"PK\6\6" in pieces[-1]) is (count >= U16)
    assert struct.unpack_from("<2H", pieces[-1], len(pieces[-1]) - 14) == (min(count, U16),) * 2
    names = read(b"".join(made + pieces)).namelist()
    assert names == [str(number) for number in range(count)]


def test_the_directory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = 46 + len("a") + 9  # bytes of one member there
    monkeypatch.setattr(wire, "MAX_DIRECTORY", 3 * entry)
    writer = ZipWriter()
    made = b"".join(writer.begin(Member("a", FILE, THEN), 0) for _ in range(3))
    with pytest.raises(Refused) as refused:
        writer.begin(Member("b", FILE, THEN), 0)
    assert refused.value.reason is Reason.QUOTA
    assert read(made + b"".join(writer.directory())).namelist() == ["a"] * 3


# Anything at all.

PARTS = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1)
NAMES = st.lists(PARTS.filter(lambda part: part not in (".", "..")), min_size=1).map("/".join)
MODES = st.sampled_from([FILE, stat.S_IFREG, stat.S_IFREG | 0o777, FOLDER])
MEMBERS = st.lists(
    st.tuples(
        NAMES, MODES, st.integers(-(1 << 62), 1 << 62), st.binary(max_size=300), st.booleans()
    ),
    max_size=8,
)


@pytest.mark.fuzz
@given(MEMBERS)
def test_any_members_are_read_back(given: list[tuple[str, int, int, bytes, bool]]) -> None:
    members = [
        (name, mode, modified, b"" if stat.S_ISDIR(mode) else content, before)
        for name, mode, modified, content, before in given
    ]
    made = read(
        archive(
            (Member(name, mode, modified, len(content)), content, before)
            for name, mode, modified, content, before in members
        )
    )
    assert made.testzip() is None
    for (name, mode, _, content, _), info in zip(members, made.infolist(), strict=True):
        slash = "/" * stat.S_ISDIR(mode)
        assert info.filename == name.replace("\\", "\uff3c") + slash
        assert info.external_attr >> 16 == mode
        assert made.read(info) == content


@pytest.mark.fuzz
@given(st.text(), MODES)
@example("a/../b", FILE)
@example("..\\b", FILE)
@example("\ud800", FOLDER)
def test_any_name_is_told_without_harm_or_refused(name: str, mode: int) -> None:
    writer = ZipWriter()
    try:
        head = writer.begin(Member(name, mode, THEN), 0)
    except Refused:
        return
    (told,) = read(head + b"".join(writer.directory())).namelist()
    parts = told.removesuffix("/").split("/")
    assert not {"", ".", ".."} & set(parts)
    assert "\\" not in told


@pytest.mark.fuzz
@given(st.lists(st.tuples(st.integers(0, 1 << 50), st.booleans()), max_size=20))
def test_any_sizes_are_told(given: list[tuple[int, bool]]) -> None:
    counted = Counted()
    offsets = []
    for size, before in given:
        offsets.append(counted.made.size)
        counted.add(size, before=before)
    infos = counted.close().infolist()
    assert [info.file_size for info in infos] == [size for size, _ in given]
    assert [info.header_offset for info in infos] == offsets
