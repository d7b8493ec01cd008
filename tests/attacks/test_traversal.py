"""No text that a client can send leads out of its tree."""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Attributes, Existing, FileSystem
from mft.vfs.local import LocalFileSystem
from mft.vfs.mounts import MountedFileSystem
from mft.vfs.resolve import KernelOpener, WalkingOpener
from mft.vfs.volume import Volumes
from tests.fakes.files import get, names, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

SECRET = b"secret"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "home" / "in").mkdir(parents=True)
    (tmp_path / "shared").mkdir()
    (tmp_path / "secret").write_bytes(SECRET)
    return tmp_path


@pytest.fixture(params=["openat2", "walk", "mounted"])
def files(request: pytest.FixtureRequest, tree: Path) -> Iterator[FileSystem]:
    opener = WalkingOpener() if request.param == "walk" else KernelOpener()
    volumes = Volumes(Inline(), io="inline", opener=opener)
    opened: FileSystem = LocalFileSystem(str(tree / "home"), "alice", volumes)
    if request.param == "mounted":
        shared = LocalFileSystem(str(tree / "shared"), "alice", volumes)
        opened = MountedFileSystem(opened, {VPath.parse("/shared"): shared})
    yield opened
    run(opened.close())


TEXTS = [
    "../secret",
    "in/../../secret",
    "/../../secret",
    "in/../../../../../../../../etc/passwd",
    "....//secret",
    "..\\secret",
    "%2e%2e/secret",
    "..%2fsecret",
    "in/./../../secret",
    "//etc/passwd",
    "///etc//passwd",
    "/proc/self/root/etc/passwd",
    "~/secret",
    "~root",
    "in/..",
    "in//..//..//secret",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_path_that_climbs_stops_at_the_root(files: FileSystem, text: str) -> None:
    for base in (ROOT, VPath.parse("/in")):
        path = VPath.parse(text, base)
        with suppress(Refused):
            assert get(files, path) != SECRET
        with suppress(Refused):
            put(files, path, b"planted")
            assert get(files, path) == b"planted"


def test_nothing_was_written_beside_the_tree(files: FileSystem, tree: Path) -> None:
    for text in TEXTS:
        with suppress(Refused):
            put(files, VPath.parse(text), b"planted")
        with suppress(Refused):
            run(files.make_directory(VPath.parse(text)))
    assert sorted(os.listdir(tree)) == ["home", "secret", "shared"]
    assert (tree / "secret").read_bytes() == SECRET


@pytest.mark.parametrize(
    "parts",
    [
        *[("..", "secret"), ("in", "..", "..", "secret"), ("../secret",), ("in/../../secret",)],
        *[
            (
                "in",
                "..",
            ),
            (".",),
            ("..",),
            ("",),
            ("/etc/passwd",),
            ("secret\0.txt",),
        ],
    ],
)
def test_paths_that_no_parser_made_are_refused_all_the_same(
    files: FileSystem, tree: Path, parts: tuple[str, ...]
) -> None:
    path = VPath(parts)
    for attempt in (
        lambda: run(files.stat(path)),
        lambda: run(files.list(path)),
        lambda: run(files.download(path)),
        lambda: run(files.upload(path, Existing.REPLACE)),
        lambda: run(files.make_directory(path)),
        lambda: run(files.remove(path)),
        lambda: run(files.remove_directory(path)),
        lambda: run(files.rename(path, VPath.parse("/stolen"), replace=True)),
        lambda: run(files.rename(VPath.parse("/in"), path, replace=True)),
        lambda: run(files.change(path, Attributes(mode=0o777))),
        lambda: run(files.read_link(path)),
        lambda: run(files.make_link(path, "in")),
        lambda: run(files.make_hard_link(path, VPath.parse("/stolen"))),
    ):
        with refused(Reason.INVALID, Reason.DENIED):
            attempt()
    assert sorted(os.listdir(tree / "home")) == ["in"]


LINKS = ["/etc", "/", "..", "../secret", "../../../../etc", "/proc/self/root", "/proc/self/cwd"]


@pytest.mark.parametrize("target", [*LINKS, "{tree}/home/in", "in/../../secret", "/dev/shm"])
def test_links_from_elsewhere_that_lead_out_are_not_followed(
    files: FileSystem, tree: Path, target: str
) -> None:
    (tree / "home" / "link").symlink_to(target.format(tree=tree))
    link, through = VPath.parse("/link"), VPath.parse("/link/passwd")
    for attempt in (
        lambda: run(files.list(link)),
        lambda: run(files.stat(link)),
        lambda: run(files.download(link)),
        lambda: run(files.download(through)),
        lambda: run(files.upload(through, Existing.REPLACE)),
        lambda: run(files.make_directory(through)),
        lambda: run(files.read_link(link)),
        lambda: run(files.change(link, Attributes(mode=0o777))),
    ):
        with refused(Reason.DENIED):
            attempt()
    assert stat.S_ISLNK(run(files.stat(link, follow=False)).mode)
    run(files.remove(link))  # the link itself, and nothing that it led to
    assert (tree / "secret").read_bytes() == SECRET


@pytest.mark.parametrize("target", LINKS)
def test_a_client_cannot_make_a_link_that_leads_out(
    files: FileSystem, tree: Path, target: str
) -> None:
    with suppress(Refused):
        run(files.make_link(VPath.parse("/in/link"), target))
        with suppress(Refused):
            found = names(files, VPath.parse("/in/link"))
            assert "passwd" not in found
            assert "home" not in found
    for path in (tree / "home" / "in").iterdir():
        assert not os.readlink(path).startswith("/")
        assert (tree / "home") in [path.resolve(), *path.resolve().parents]


NAMES = st.lists(
    st.one_of(
        st.sampled_from(["..", ".", "", "in", "link", "secret", "\0", "/", "..\\", "home"]),
        st.text(max_size=8),
    ),
    max_size=6,
)


@pytest.mark.fuzz
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=NAMES, text=st.text(max_size=40))
def test_no_text_whatever_leads_out(
    files: FileSystem, tree: Path, parts: list[str], text: str
) -> None:
    paths = [VPath(tuple(parts))]
    with suppress(Refused):
        paths.append(VPath.parse(text))
    with suppress(Refused):
        paths.append(VPath.parse("/".join(parts)))
    for path in paths:
        for attempt in (
            lambda path=path: get(files, path),
            lambda path=path: put(files, path, b"planted"),
            lambda path=path: run(files.make_link(path, text)),
            lambda path=path: run(files.rename(path, VPath.parse("/in/x"), replace=True)),
        ):
            with suppress(Refused):
                assert attempt() != SECRET
    assert sorted(os.listdir(tree)) == ["home", "secret", "shared"]
    assert (tree / "secret").read_bytes() == SECRET
