"""Files and folders of keys, read at login: bounded, and never a way to hang or to crash."""

import os
from pathlib import Path

import pytest

from mft.auth.key_files import MAX_FILES, MAX_FOLDER_BYTES, search, trouble
from mft.trust.ssh_keys import MAX_KEY_FILE, HostKey

KEY, OTHER = HostKey.generate().public, HostKey.generate().public


def test_a_key_is_found_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# two\n{OTHER.line('b')}\n{KEY.line('a')}\r\nrubbish\n")
    found = search(path, KEY.blob)
    assert [one.comment for one in found.keys] == ["a"]
    assert found.troubles == ()
    assert search(path, HostKey.generate().public.blob).keys == ()


def test_every_file_of_a_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(OTHER.line())
    (tmp_path / "b").write_text(KEY.line("first"))
    (tmp_path / "c").write_text(KEY.line("second"))
    (tmp_path / "folder").mkdir()
    found = search(tmp_path, KEY.blob)
    assert [one.comment for one in found.keys] == ["first", "second"]
    assert found.troubles == ()


def test_a_part_of_a_key_finds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(KEY.line())
    for blob in (b"", KEY.blob[:9], KEY.blob[:-3]):
        assert search(path, blob).keys == ()


def test_a_key_in_a_comment_or_after_options_of_another_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f"# {KEY.line()}\n{OTHER.line(KEY.line())}\n")
    assert search(path, KEY.blob).keys == ()


def test_a_line_of_the_key_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(f'command="x" {KEY.line()}\n')
    found = search(path, KEY.blob)
    assert found.keys == ()
    assert "not supported" in found.troubles[0][1]


@pytest.mark.parametrize("in_folder", [False, True])
def test_what_cannot_be_read_is_told_and_the_rest_is_read(tmp_path: Path, in_folder: bool) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    (folder / "large").write_text("#" * (MAX_KEY_FILE + 1))
    (folder / "private").write_bytes(HostKey.generate().pem() + KEY.line().encode())
    os.mkfifo(folder / "fifo")
    (folder / "gone").symlink_to(folder / "nowhere")
    (folder / "z-good").write_text(KEY.line())
    if in_folder:
        found = search(folder, KEY.blob)
        assert len(found.keys) == 1
        told = {Path(path).name: sentence for path, sentence in found.troubles}
    else:
        told = {}
        for path in sorted(folder.iterdir())[:-1]:
            found = search(path, KEY.blob)
            assert found.keys == ()
            told[path.name] = found.troubles[0][1]
    assert "longer than" in told["large"]
    assert "private key" in told["private"]
    assert "regular file" in told["fifo"]
    assert "No such file" in told["gone"]


def test_a_missing_path_is_told(tmp_path: Path) -> None:
    assert "No such file" in search(tmp_path / "x", KEY.blob).troubles[0][1]
    assert search(Path("/a\0b"), KEY.blob).troubles


def test_a_folder_is_read_to_its_limits_only(tmp_path: Path) -> None:
    for number in range(MAX_FILES + 1):
        (tmp_path / f"{number:04}").write_text("")
    (tmp_path / "zzzz").write_text(KEY.line())
    found = search(tmp_path, KEY.blob)
    assert found.keys == ()
    assert "more than 200 files" in found.troubles[0][1]


def test_the_bytes_of_a_folder_are_bounded(tmp_path: Path) -> None:
    count = MAX_FOLDER_BYTES // MAX_KEY_FILE
    for number in range(count):
        (tmp_path / f"{number:04}").write_text("#" * MAX_KEY_FILE)
    (tmp_path / "zzzz").write_text(KEY.line())
    found = search(tmp_path, KEY.blob)
    assert found.keys == ()
    assert "holds more than" in found.troubles[0][1]


def test_what_stands_in_the_way_of_a_path_is_told_before_any_login(tmp_path: Path) -> None:
    assert trouble(tmp_path / "missing") == "does not exist"
    assert trouble(tmp_path) == ""
    (tmp_path / "ann").write_text("no key, and no private one")
    assert trouble(tmp_path / "ann") == ""
    os.mkfifo(tmp_path / "pipe")
    assert trouble(tmp_path / "pipe") == "is not a regular file"
