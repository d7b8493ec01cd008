"""Sealed files: only whoever has the passphrase reads them, and only as they were sealed."""

import io
from pathlib import Path

import pytest

from mft.core.failure import Malformed
from mft.core.secret import Secret
from mft.trust import sealed
from mft.trust.sealed import (
    CHUNK,
    MAGIC,
    SALT,
    TAG,
    SealedReader,
    SealedWriter,
    is_sealed,
    read_passphrase,
)

PASSPHRASE = Secret("correct horse battery staple")
HEAD = len(MAGIC) + SALT
CONTENT = bytes(range(256)) * 700  # two chunks, and a part of one


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the key costs is tested once."""
    monkeypatch.setattr(sealed, "COST", 2)


def seal(content: bytes, step: int = 10_000, salt: bytes | None = None) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, PASSPHRASE, salt)
    for at in range(0, len(content), step):
        writer.write(content[at : at + step])
    writer.close()
    return file.getvalue()


def opened(data: bytes, passphrase: Secret = PASSPHRASE, step: int = 7000) -> bytes:
    reader = SealedReader(io.BytesIO(data), passphrase)
    found = bytearray()
    while piece := reader.read(step):
        found += piece
    return bytes(found)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, len(CONTENT)])
def test_what_was_sealed_is_read_again(size: int) -> None:
    made = seal(CONTENT[:size])
    assert is_sealed(made)
    assert opened(made) == CONTENT[:size]
    chunks = max(1, -(-size // CHUNK))
    assert len(made) == HEAD + size + chunks * TAG


def test_two_seals_of_the_same_are_not_alike() -> None:
    assert seal(b"the same")[HEAD:] != seal(b"the same")[HEAD:]


def test_the_form_and_the_cost_are_what_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files outlive versions: here is one of the first."""
    monkeypatch.undo()
    kept = MAGIC + bytes(SALT) + bytes.fromhex("ad6e8c12468a2f1e6d99de4e09abf1577d22eb50")
    assert opened(kept) == b"kept"


def test_another_passphrase_opens_nothing() -> None:
    with pytest.raises(Malformed, match="the passphrase is another"):
        opened(seal(CONTENT), Secret("correct horse battery stable"))


@pytest.mark.parametrize("at", [len(MAGIC), HEAD, HEAD + CHUNK + 5, -1])
def test_a_bit_that_has_changed_is_found(at: int) -> None:
    made = bytearray(seal(CONTENT))
    made[at] ^= 1
    with pytest.raises(Malformed):
        opened(bytes(made))


def test_nothing_of_a_damaged_chunk_is_given_out() -> None:
    made = bytearray(seal(CONTENT))
    made[-1] ^= 1
    reader = SealedReader(io.BytesIO(bytes(made)), PASSPHRASE)
    assert reader.read(2 * CHUNK) == CONTENT[: 2 * CHUNK]
    with pytest.raises(Malformed):
        reader.read(1)


FIRST, SECOND = slice(HEAD, HEAD + CHUNK + TAG), slice(HEAD + CHUNK + TAG, HEAD + 2 * (CHUNK + TAG))


@pytest.mark.parametrize("cut", [1, TAG, CHUNK // 2])
def test_an_end_that_was_cut_off_is_found(cut: int) -> None:
    with pytest.raises(Malformed):
        opened(seal(CONTENT)[:-cut])


def test_whole_chunks_that_were_cut_off_moved_or_repeated_are_found() -> None:
    made = seal(CONTENT)
    head, first, second, rest = made[:HEAD], made[FIRST], made[SECOND], made[SECOND.stop :]
    for wrong in (
        head + first,
        head + first + second,
        head + second + first + rest,
        head + first + first + second + rest,
        head + second + rest,
        head + first + second + rest + rest,
        head,
    ):
        with pytest.raises(Malformed):
            opened(wrong)


@pytest.mark.parametrize("data", [b"", MAGIC, MAGIC + bytes(SALT - 1), b"something else" * 10])
def test_what_is_not_sealed_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="not sealed"):
        opened(data)


def test_a_passphrase_is_the_first_line_of_a_file_that_nobody_else_reads(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"correct horse battery\r\nsomething else\n")
    file.chmod(0o600)
    assert read_passphrase(file).reveal() == "correct horse battery"
    file.chmod(0o644)
    with pytest.raises(ValueError, match="can be read by others"):
        read_passphrase(file)


@pytest.mark.parametrize("content", [b"", b"short\n", b"x" * 1025, b"\xff" * 20])
def test_a_passphrase_that_is_none_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(ValueError, match="has a first line"):
        read_passphrase(file)
