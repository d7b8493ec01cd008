"""Paths stay beneath their root, however they are opened."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.vfs import resolve
from mft.vfs.resolve import DIRECTORY, MAX_HOPS, TRIES, KernelOpener, Opener, WalkingOpener
from tests.fakes.refused import refused


@pytest.fixture(params=[KernelOpener, WalkingOpener])
def opener(request: pytest.FixtureRequest) -> Opener:
    return request.param()


@pytest.fixture
def top(tmp_path: Path) -> Path:
    """A tree with a secret beside it."""
    (tmp_path / "secret").write_text("secret")
    home = tmp_path / "home"
    (home / "a" / "b").mkdir(parents=True)
    (home / "a" / "b" / "file").write_text("inside")
    return home


@pytest.fixture
def root(top: Path) -> Iterator[int]:
    descriptor = os.open(top, DIRECTORY)
    yield descriptor
    os.close(descriptor)


def read(opener: Opener, root: int, path: str) -> str:
    descriptor = opener(root, path.encode(), os.O_RDONLY)
    try:
        return os.pread(descriptor, 100, 0).decode()
    finally:
        os.close(descriptor)


INSIDE = {
    "to a file": ("l", "a/b/file", "l"),
    "to a directory": ("l", "a", "l/b/file"),
    "up and down": ("a/l", "../a/./b/../b/", "a/l/file"),
    "to itself": ("a/l", ".", "a/l/b/file"),
    "up to the root": ("a/b/l", "../..", "a/b/l/a/b/file"),
    "down, up and to the end": ("l", "a/b/..", "l/b/file"),
    "the last name climbs": ("l", "a/..", "l/a/b/file"),
}


@pytest.mark.parametrize("case", INSIDE)
def test_links_inside_the_tree_are_followed(
    opener: Opener, top: Path, root: int, case: str
) -> None:
    link, target, path = INSIDE[case]
    (top / link).symlink_to(target)
    assert read(opener, root, path) == "inside"


OUTSIDE = {
    "absolute": ("l", "/etc/passwd", "l"),
    "absolute into the tree itself": ("l", "{top}/a/b/file", "l"),
    "above the root": ("l", "../secret", "l"),
    "far above": ("a/l", "../../../../../../etc/passwd", "a/l"),
    "out and in again": ("l", "../home/a/b/file", "l"),
    "a directory above": ("l", "..", "l/secret"),
    "the root's root": ("l", "/", "l/etc/passwd"),
}


@pytest.mark.parametrize("case", OUTSIDE)
def test_links_that_lead_out_are_denied(opener: Opener, top: Path, root: int, case: str) -> None:
    link, target, path = OUTSIDE[case]
    (top / link).symlink_to(target.format(top=top))
    with refused(Reason.DENIED):
        read(opener, root, path)
    with refused(Reason.DENIED):
        opener(root, path.encode(), resolve.O_PATH)


def test_a_path_with_dots_of_its_own_cannot_climb_either(opener: Opener, root: int) -> None:
    for path in (b"..", b"a/../..", b"a/b/../../../secret"):
        with refused(Reason.DENIED):
            opener(root, path, os.O_RDONLY)


def test_the_root_itself_is_opened(opener: Opener, top: Path, root: int) -> None:
    descriptor = opener(root, b".", os.O_RDONLY | os.O_DIRECTORY)
    assert os.path.samestat(os.fstat(descriptor), os.stat(top))
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)


def test_a_last_link_is_not_followed_when_not_asked(opener: Opener, top: Path, root: int) -> None:
    (top / "l").symlink_to("a/b/file")
    with pytest.raises(OSError) as raised:
        opener(root, b"l", os.O_RDONLY | os.O_NOFOLLOW)
    assert raised.value.errno == errno.ELOOP
    descriptor = opener(root, b"l", resolve.O_PATH | os.O_NOFOLLOW)
    assert os.readlink("", dir_fd=descriptor) == "a/b/file"
    os.close(descriptor)


def test_magic_links_lead_nowhere(opener: Opener, top: Path) -> None:
    process = os.open("/proc/self", DIRECTORY)
    secret = os.open(top.parent / "secret", os.O_RDONLY)
    try:
        for path in (f"fd/{secret}", "root/etc/passwd", "cwd", "exe"):
            with refused_or_absent():
                os.close(opener(process, path.encode(), os.O_RDONLY))
    finally:
        os.close(process)
        os.close(secret)


def refused_or_absent():
    return pytest.raises((OSError, resolve.Refused))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"none", errno.ENOENT),
        (b"none/a", errno.ENOENT),
        (b"a/b/file/x", errno.ENOTDIR),
        (b"a/b/file/", errno.ENOTDIR),
        (b"n" * 300, errno.ENAMETOOLONG),
    ],
)
def test_mistakes_are_the_system_s_errors(
    opener: Opener, root: int, path: bytes, code: int
) -> None:
    with pytest.raises(OSError) as raised:
        opener(root, path, os.O_RDONLY)
    assert raised.value.errno == code


def test_links_are_followed_a_bounded_number_of_times(opener: Opener, top: Path, root: int) -> None:
    (top / "l0").symlink_to("a/b/file")
    for number in range(MAX_HOPS + 1):
        (top / f"l{number + 1}").symlink_to(f"l{number}")
    assert read(opener, root, f"l{MAX_HOPS - 1}") == "inside"
    with pytest.raises(OSError) as raised:
        opener(root, f"l{MAX_HOPS}".encode(), os.O_RDONLY)
    assert raised.value.errno == errno.ELOOP


def test_a_circle_of_directories_ends(opener: Opener, top: Path, root: int) -> None:
    (top / "a" / "up").symlink_to("../a/up")
    with pytest.raises(OSError) as raised:
        opener(root, b"a/up/up/up", os.O_RDONLY)
    assert raised.value.errno == errno.ELOOP


def test_a_walk_takes_a_bounded_number_of_steps(top: Path, root: int, monkeypatch) -> None:
    monkeypatch.setattr(resolve, "MAX_STEPS", 50)
    (top / "l").symlink_to("a/../" * 30 + "a")
    with pytest.raises(OSError) as raised:
        WalkingOpener()(root, b"l", os.O_RDONLY)
    assert raised.value.errno == errno.ELOOP


def test_no_descriptor_is_left_open(opener: Opener, top: Path, root: int) -> None:
    (top / "in").symlink_to("a/b/../b/../../a/b/file")
    (top / "out").symlink_to("a/b/../../../x")
    before = os.listdir("/proc/self/fd")
    assert read(opener, root, "in") == "inside"
    with refused(Reason.DENIED):
        read(opener, root, "out/y")
    with pytest.raises(OSError):
        read(opener, root, "a/b/none")
    assert os.listdir("/proc/self/fd") == before


def test_a_path_is_walked_where_names_change_all_the_time(top: Path, root: int) -> None:
    opener = KernelOpener()
    tried = []

    def moving(*_: object) -> int:
        tried.append(1)
        raise OSError(errno.EAGAIN, "")

    opener._openat2 = moving
    (top / "a" / "up").symlink_to("../a")
    descriptor = opener(root, b"a/up", os.O_RDONLY)
    try:
        assert os.fstat(descriptor).st_ino == (top / "a").stat().st_ino
    finally:
        os.close(descriptor)
    assert len(tried) == TRIES


def test_a_kernel_without_openat2_is_walked(monkeypatch) -> None:
    assert isinstance(resolve.find_opener(), KernelOpener)

    def absent() -> None:
        raise OSError(errno.ENOSYS, "")

    monkeypatch.setattr(resolve, "Openat2", absent)
    assert isinstance(resolve.find_opener(), WalkingOpener)


@pytest.mark.parametrize(
    "parts",
    [
        *[("..",), ("a", ".."), (".",), ("",), ("a", ""), ("", "a"), ("a/b",), ("/a",), ("a\0",)],
        *[("a\n",), ("\x7f",), ("\u202e",), ("\udcff",), ("x" * 256,), ("é" * 128,)],
        (".mft-a",),
    ],
)
def test_names_that_are_none_are_never_spelled(parts: tuple[str, ...]) -> None:
    with refused(Reason.INVALID):
        resolve.spelled(VPath(parts))


def test_ordinary_paths_are_spelled_as_they_are() -> None:
    assert resolve.spelled(VPath()) == ""
    for text in ("a", "a/b.txt", ".hidden/x..y", "Grüße/日本", "a/" * 200 + "b", "é" * 127):
        assert resolve.spelled(VPath.parse(text)) == text
