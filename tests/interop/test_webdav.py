"""WebDAV clients: litmus, cadaver, rclone's webdav backend, curl."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.instance import Place, execute
from tests.interop.trees import HOSTILE, LARGE, SIZES, content, held, make
from tests.interop.web import Web

pytestmark = pytest.mark.interop

NAMES = tuple(name for name in HOSTILE if "\\" not in name)  # refused in every URL
_TEST = re.compile(r"^(?: ?[0-9]+\. |\s+\.+ )([a-z0-9_]*)\.* (pass|FAIL|SKIPPED)", re.MULTILINE)


# litmus

NO_PROPERTIES = "properties that clients make up are not kept"
# Tests of litmus that fail, and why; what needs them is skipped by litmus itself.
FAILS = {
    "basic": {},
    "http": {},
    "copymove": {},
    "props": {
        "propset": NO_PROPERTIES,
        "propmanyns": NO_PROPERTIES,
        "propget": NO_PROPERTIES,
    },
}


@pytest.mark.parametrize("suite", FAILS)
def test_litmus_finds_what_class_1_promises(
    web: Web, web_place: Place, tmp_path: Path, suite: str
) -> None:
    url = web.home(f"{web_place.remote}/")
    words = ["--keep-going", url, web.server.account, web.server.password]
    done = execute("litmus", *words, env={"TESTS": suite}, cwd=tmp_path)
    said = done.stdout.replace("\r", "\n")
    results = _TEST.findall(said)
    assert {name for name, result in results if result == "FAIL"} == set(FAILS[suite]), said
    passed = [name for name, result in results if result == "pass"]
    assert passed[0] == "init"
    assert passed[-1] == "finish"
    skips = suite == "props" or (suite == "http" and web.private)
    assert any(result == "SKIPPED" for _, result in results) is skips, said


# cadaver, which believes the certificates of the system only


def cadaver(web: Web, path: str, tmp_path: Path, *commands: str) -> str:
    """Give commands, one after the other; what it has said."""
    server = web.server
    login = f"machine {server.address} login {server.account} password {server.password}\n"
    (tmp_path / ".netrc").write_text(login)
    (tmp_path / ".netrc").chmod(0o600)
    stdin = "".join(f"{command}\n" for command in (*commands, "quit"))
    env = {"HOME": str(tmp_path)}
    return execute("cadaver", web.home(path), stdin=stdin, env=env, cwd=tmp_path).stdout


def test_cadaver_does_what_a_person_asks_for(web: Web, web_place: Place, tmp_path: Path) -> None:
    if web.private:
        said = cadaver(web, f"{web_place.remote}/", tmp_path, "ls")
        assert "issuer is not trusted" in said
        return
    (tmp_path / "up").write_bytes(content(LARGE))
    said = cadaver(
        web,
        f"{web_place.remote}/",
        tmp_path,
        *("mkcol new", "cd new", "put up", "copy up copied", "move up moved", "ls"),
        *("get moved down", "mkcol ../other", "move moved ../other/again", "delete copied"),
        *("cd ..", "move new renamed", "rmcol renamed"),
    )
    assert "failed" not in said
    assert re.search(rf"copied +{LARGE} ", said)
    assert (tmp_path / "down").read_bytes() == content(LARGE)
    assert held(web_place.disk) == {"other": None, "other/again": content(LARGE)}


# rclone


def rclone(web: Web, place: Place, *words: str | Path, ok: bool = True) -> str:
    """Run one command; a path on the server begins with `:webdav:`."""
    server = web.server
    obscured = execute("rclone", "obscure", "-", stdin=server.password).stdout.strip()
    remote = {
        "--webdav-url": web.home(place.remote),
        "--webdav-user": server.account,
        "--webdav-pass": obscured,
        "--ca-cert": str(web.certificate),
    }
    options = [word for pair in remote.items() for word in pair]
    fixed = ["--config", "/dev/null", "--retries", "1", "--low-level-retries", "1"]
    return execute("rclone", *fixed, *options, *words, ok=ok).stdout


def test_rclone_copies_a_tree_both_ways(web: Web, web_place: Place, tmp_path: Path) -> None:
    tree = make(tmp_path / "tree")
    rclone(web, web_place, "copy", "--create-empty-src-dirs", tree, ":webdav:up")
    assert held(web_place.disk / "up") == held(tree)
    rclone(web, web_place, "copy", "--create-empty-src-dirs", ":webdav:up", tmp_path / "down")
    assert held(tmp_path / "down") == held(tree)
    rclone(web, web_place, "check", "--download", tree, ":webdav:up")
    rclone(web, web_place, "sync", "--size-only", tmp_path / "tree/sub", ":webdav:up")
    assert held(web_place.disk / "up") == held(tree / "sub")


def test_rclone_lists_a_folder_and_the_room_there(web: Web, web_place: Place) -> None:
    make(web_place.disk)
    listed = json.loads(rclone(web, web_place, "lsjson", "--recursive", ":webdav:"))
    sizes = {entry["Path"]: entry["Size"] for entry in listed if not entry["IsDir"]}
    on_disk = held(web_place.disk)
    assert sizes == {path: len(data) for path, data in on_disk.items() if data is not None}
    assert {entry["Path"] for entry in listed if entry["IsDir"]} == {"hollow", "sub", "sub/x"}
    modified = {entry["Path"]: entry["ModTime"] for entry in listed}
    assert all(value.startswith("20") for value in modified.values())
    room = json.loads(rclone(web, web_place, "about", "--json", ":webdav:"))
    assert room["free"] > 0
    assert room["used"] > 0


def test_rclone_copies_and_moves_on_the_server(web: Web, web_place: Place) -> None:
    make(web_place.disk / "tree")
    rclone(web, web_place, "copyto", ":webdav:tree/a.txt", ":webdav:tree/ä %41.txt")
    rclone(web, web_place, "moveto", ":webdav:tree/a.txt", ":webdav:tree/b.txt")
    rclone(web, web_place, "moveto", ":webdav:tree/sub", ":webdav:moved")
    tree = held(web_place.disk)
    assert tree["tree/ä %41.txt"] == tree["tree/b.txt"] == content(10)
    assert "tree/a.txt" not in tree
    assert "tree/sub" not in tree
    assert tree["moved/x/y"] == content(1)
    rclone(web, web_place, "purge", ":webdav:tree")
    rclone(web, web_place, "purge", ":webdav:moved")
    assert held(web_place.disk) == {}


def test_rclone_takes_every_name(web: Web, web_place: Place, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    for name in NAMES:
        (tmp_path / "tree" / name).write_bytes(name.encode())
    rclone(web, web_place, "copy", tmp_path / "tree", ":webdav:up")
    assert held(web_place.disk / "up") == held(tmp_path / "tree")
    rclone(web, web_place, "copy", ":webdav:up", tmp_path / "down")
    assert held(tmp_path / "down") == held(tmp_path / "tree")


# curl


def curl(web: Web, path: str, *words: str | Path) -> str:
    """The answer, and behind it its status in a line of its own."""
    login = ["--user", f"{web.server.account}:{web.server.password}"]
    trust = ["--cacert", str(web.certificate), "--globoff", "--path-as-is"]
    return execute(
        "curl", "-sS", *login, *trust, "-w", "\n%{http_code}", *words, web.home(path)
    ).stdout


def code(web: Web, path: str, *words: str) -> str:
    return curl(web, path, *words).rpartition("\n")[2]


def sizes(web: Web, path: str) -> dict[str, str | None]:
    """The size of each member of a folder, by its name."""
    said, _, status = curl(web, path, "-X", "PROPFIND", "-H", "Depth: 1").rpartition("\n")
    assert status == "207"
    _, *members = ET.fromstring(said)
    prop = "{DAV:}propstat/{DAV:}prop/{DAV:}"
    return {
        one.findtext(f"{prop}displayname") or "": one.findtext(f"{prop}getcontentlength")
        for one in members
    }


def test_a_folder_is_told_as_it_is(web: Web, web_place: Place) -> None:
    for size in SIZES:
        (web_place.disk / str(size)).write_bytes(content(size))
    for name in NAMES:
        (web_place.disk / name).mkdir()
    expected: dict[str, str | None] = {str(size): str(size) for size in SIZES}
    assert sizes(web, f"{web_place.remote}/") == expected | dict.fromkeys(NAMES)


def test_a_large_folder_is_told_whole(web: Web, web_place: Place) -> None:
    for number in range(3000):
        (web_place.disk / f"{number}.txt").touch()
    names = {f"{number}.txt" for number in range(3000)}
    assert sizes(web, f"{web_place.remote}/").keys() == names


def test_an_entity_tag_is_that_of_the_file(web: Web, web_place: Place) -> None:
    (web_place.disk / "file").write_bytes(b"x")
    path = f"{web_place.remote}/file"
    said = curl(web, path, "-X", "PROPFIND", "-H", "Depth: 0").rpartition("\n")[0]
    tag = ET.fromstring(said).findtext("*/*/*/{DAV:}getetag")
    assert code(web, path, "-H", f"If-Match: {tag}") == "200"
    target = f"Destination: {web.home(path)}2"
    assert code(web, path, "-X", "COPY", "-H", target, "-H", f"If-Match: {tag}") == "201"
    (web_place.disk / "file").write_bytes(b"y")
    assert code(web, path, "-X", "MOVE", "-H", target, "-H", f"If-Match: {tag}") == "412"


def test_links_are_moved_as_links_and_never_lead_around(web: Web, web_place: Place) -> None:
    make(web_place.disk / "tree")
    (web_place.disk / "link").symlink_to("tree")
    remote = web_place.remote
    before = held(web_place.disk / "tree")

    def move(source: str, target: str) -> str:
        words = ["-X", "MOVE", "-H", f"Destination: /home{remote}/{target}"]
        return code(web, f"{remote}/{source}", *words)

    assert move("link/sub/x/y", "tree/sub") == "403"
    assert move("tree/sub/x/y", "link/sub") == "403"
    assert held(web_place.disk / "tree") == before
    assert move("link", "moved") == "201"
    assert (web_place.disk / "moved").is_symlink()
    assert move("tree/a.txt", "moved") == "204"
    assert (web_place.disk / "moved").read_bytes() == content(10)
    assert (web_place.disk / "tree/sub/x/y").exists()


def test_names_that_clients_trip_over_are_copied_and_moved(web: Web, web_place: Place) -> None:
    (web_place.disk / "file").write_bytes(b"x")
    for name in NAMES:
        path = f"{web_place.remote}/{quote(name)}"
        target = f"Destination: {web.home(path)}"
        assert code(web, f"{web_place.remote}/file", "-X", "COPY", "-H", target) == "201"
        target = f"Destination: /home{path}%20again"
        assert code(web, path, "-X", "MOVE", "-H", target) == "201"
    assert {path.name for path in web_place.disk.iterdir()} == {
        "file",
        *(f"{name} again" for name in NAMES),
    }
