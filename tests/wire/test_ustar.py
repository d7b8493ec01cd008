"""Archives of plain files: what Python's tarfile and tar make of them, and what is not taken."""

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ustar import BLOCK, END, MAX_SIZE, Entry, has_place, header, padding, parse

NAME = "instance/conf/server.ini"
THEN = 1_000_000_000
LONG = f"{'folder/' * 20}{'x' * 90}"


def archive(*files: tuple[Entry, bytes]) -> bytes:
    made = b"".join(
        header(entry) + content + bytes(padding(entry.size)) for entry, content in files
    )
    return made + END


@pytest.mark.parametrize("name", [NAME, LONG, "a", "gr\u00fc\u00dfe/\u96ea"])
def test_tarfile_reads_what_was_written(name: str) -> None:
    entry = Entry(name, 5, 0o640, THEN)
    with tarfile.open(fileobj=io.BytesIO(archive((entry, b"hello")))) as read:
        (found,) = read.getmembers()
        assert (found.name, found.size, found.mode, found.mtime) == entry
        content = read.extractfile(found)
        assert content is not None
        assert content.read() == b"hello"


def test_tar_lists_it(tmp_path: Path) -> None:
    made = tmp_path / "made.tar"
    made.write_bytes(archive((Entry(NAME, 1, 0o600, THEN), b"x"), (Entry(LONG, 0, 0o600, 0), b"")))
    told = subprocess.run(["tar", "tf", made], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [NAME, LONG]
    assert told.stderr == ""


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_only_the_form_that_is_written_is_read(form: int) -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as made:
        made.addfile(tarfile.TarInfo(NAME))
    if form == tarfile.USTAR_FORMAT:
        assert parse(file.getvalue()[:BLOCK]) == Entry(NAME, 0, 0o644, 0)
    else:
        with pytest.raises(Malformed, match="no header of ustar"):
            parse(file.getvalue()[:BLOCK])


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.LNKTYPE,
        tarfile.SYMTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.DIRTYPE,
        tarfile.FIFOTYPE,
        tarfile.CONTTYPE,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_SPARSE,
        tarfile.AREGTYPE,
    ],
)
def test_nothing_but_plain_files_is_read(kind: bytes) -> None:
    info = tarfile.TarInfo(NAME)
    info.type = kind
    with pytest.raises(Malformed, match="no plain file"):
        parse(info.tobuf(tarfile.USTAR_FORMAT)[:BLOCK])


def test_a_link_is_none_whatever_its_type_says() -> None:
    info = tarfile.TarInfo(NAME)
    info.linkname = "/etc/shadow"
    with pytest.raises(Malformed, match="no plain file"):
        parse(info.tobuf(tarfile.USTAR_FORMAT)[:BLOCK])


def test_zeros_are_the_end() -> None:
    assert parse(bytes(BLOCK)) is None
    with pytest.raises(Malformed, match="ends in the middle"):
        parse(bytes(BLOCK - 1))


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("", 0, "empty"),
        ("a\0b", 0, "NUL"),
        ("x" * 101, 0, "too long"),
        (f"{'x' * 156}/{'y' * 100}", 0, "too long"),
        (f"{'x' * 100}/", 0, "too long"),
        (NAME, MAX_SIZE + 1, "larger"),
        (NAME, -1, "larger"),
    ],
)
def test_what_has_no_place_in_a_header_is_not_written(name: str, size: int, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        header(Entry(name, size, 0o600, 0))
    assert has_place(name) is (name == NAME)


def sealed(block: bytes) -> bytes:
    """The block with the checksum that it ought to have."""
    blank = block[:148] + b" " * 8 + block[156:]
    return block[:148] + b"%06o\0 " % sum(blank) + block[156:]


def changed(at: int, text: bytes) -> bytes:
    block = header(Entry(NAME, 1, 0o600, THEN))
    return sealed(block[:at] + text + block[at + len(text) :])


@pytest.mark.parametrize(
    "block",
    [
        changed(124, b"-0000000001\0"),
        changed(124, b"\x80" + b"\xff" * 11),  # a size in binary, as GNU writes it
        changed(124, b"00000000009\0"),
        changed(124, b"000\0000000\0\0"),
        changed(0, b"a\0b"),
        changed(0, b"\xff"),
        header(Entry(NAME, 1, 0o600, THEN))[:-1] + b"\1",
    ],
)
def test_numbers_names_and_sums_that_are_none_are_refused(block: bytes) -> None:
    with pytest.raises(Malformed):
        parse(block)


@pytest.mark.fuzz
@given(st.binary(min_size=BLOCK, max_size=BLOCK))
@example(header(Entry(NAME, 1, 0o600, THEN)))
def test_any_block_is_a_file_or_refused(block: bytes) -> None:
    for one in (block, sealed(block), sealed(block[:257] + b"ustar\x0000" + block[265:])):
        try:
            found = parse(one)
        except Malformed:
            continue
        assert found is None or 0 <= found.size <= MAX_SIZE


@pytest.mark.fuzz
@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1),
    st.integers(0, MAX_SIZE),
    st.integers(0, 0o7777),
    st.integers(0, MAX_SIZE),
)
def test_what_is_written_is_read_again(name: str, size: int, mode: int, modified: int) -> None:
    entry = Entry(name, size, mode, modified)
    try:
        block = header(entry)
    except ValueError:
        assert len(name.encode()) > 100
        return
    assert parse(block) == entry
