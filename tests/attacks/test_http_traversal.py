"""Paths that try to lead out of the home, in every spelling that servers have been fooled by."""

import json
import os
from pathlib import Path

import pytest

from tests.interop.web import Web
from tests.system.http_client import Answer, HttpClient

SECRET = b"what lies beside the home"
DEPTH = 12  # folders up: more than there are above the home

DOTS = [
    "..",
    "%2e%2e",
    ".%2e",
    "%2E.",
    "%252e%252e",
    "%25252e%25252e",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%fc%80%80%80%80%ae%fc%80%80%80%80%ae",
    "%c0.%c0.",
    "%u002e%u002e",
    "%%32%65%%32%65",
    "%ef%bc%8e%ef%bc%8e",  # full-width
    "%e2%80%a5",  # two dot leader
    "..%00",
    "..%0d",
    "..%0a",
    "..%09",
    "..%20",
    "..;",
    "..;a=b",
    "..%3b",
    "...",
    "....",
    "..%01",
    "..%7f",
    "..%ff",
]
SLASHES = [
    "/",
    "%2f",
    "%2F",
    "%252f",
    "%c0%af",
    "%e0%80%af",
    "%ef%bc%8f",
    "%u2215",
    "\\",
    "%5c",
    "%255c",
    "%c1%9c",
    "//",
    "/./",
    "%00/",
]
WHOLE = [
    "/home/../secret",
    "/home/../home/../secret",
    "/../secret",
    "//secret",
    "/home//secret",
    "/home/./secret",
    "/./home/secret",
    "/home/in/../../secret",
    "/home/.../secret",
    "/home/~/../secret",
    "/home/in/..",
    "/home/in/../",
    "/home/..",
    "/home/.",
    "/home/%00",
    "/home/in%00.txt",
    "/home/C:%5cwindows",
    "/home/file:%2f%2f%2fetc%2fpasswd",
    "/home/%2fetc%2fpasswd",
    "/home//etc/passwd",
    "/home/etc/passwd",
    "/home;/../secret",
    "/home%2f..%2fsecret",
    "/home/in#/../../secret",
    "/etc/passwd",
    "etc/passwd",
    "../secret",
    "file:///etc/passwd",
    "http://a/../secret",
    "http://a/home/../secret",
    "/__mft__/../home/../secret",
    "/__mft__/../../secret",
    "/__mft__/..%2f..%2fsecret",
    "/__mft__/theme/../../secret",
    "/HOME/../secret",
    "/home/in/link/secret",
    "/home/in/out",
    "/home/in/passwd",
]
METHODS = ("GET", "HEAD", "PUT", "DELETE", "POST", "PROPFIND", "MKCOL", "MOVE", "PATCH", "OPTIONS")


@pytest.fixture
def outside(victim) -> Path:
    """What must neither be told nor changed: a file beside the home, and links that lead there."""
    beside: Path = victim.rig.home.parent / "secret"
    beside.write_bytes(SECRET)
    folder = victim.path("in")
    folder.mkdir(exist_ok=True)
    for name, target in (("link", "../.."), ("out", str(beside)), ("passwd", "/etc/passwd")):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)
    return beside


def targets() -> list[str]:
    """Every spelling of the way up, in the folder and at the root."""
    ways = [(dots + slash) * DEPTH for dots in DOTS for slash in SLASHES]
    ends = ("secret", "etc/passwd")
    inner = [f"/home/in/{way}{ends[turn % 2]}" for turn, way in enumerate(ways)]
    return [*WHOLE, *inner, *(f"/{way}etc/passwd" for way in ways[:45])]


def asked(web: Web, method: str, target: str, body: bytes | None = None) -> Answer:
    """One request on a connection of its own: many of the answers end it."""
    with HttpClient(web) as client:
        return client.ask(method, target, body)


def told(answer: Answer) -> bool:
    """Whether an answer has something of what is outside."""
    return SECRET in answer.body or b"root:" in answer.body


def test_no_spelling_of_a_path_reads_what_is_outside(outside: Path, web: Web) -> None:
    for target in targets()[:: 4 if web.private else 1]:
        answer = asked(web, "GET", target)
        assert not told(answer), target
        assert answer.status in (400, 403, 404), f"{target}: {answer.status}"


def test_a_path_in_a_query_is_none(outside: Path, web: Web) -> None:
    for target in ("/home/in/?/../../../secret", "/home/in/?path=../../secret"):
        answer = asked(web, "GET", target)
        assert answer.status == 200
        assert "secret" not in [one["name"] for one in answer.json["content"]]


def held(folder: Path) -> dict[str, bytes | None]:
    """Every name in a folder, and the bytes of files."""
    return {path.name: path.read_bytes() if path.is_file() else None for path in folder.iterdir()}


@pytest.mark.parametrize("method", METHODS)
def test_no_method_changes_what_is_outside(victim, outside: Path, web: Web, method: str) -> None:
    beside, above = outside.parent, outside.parent.parent
    before = held(beside), held(above)
    for target in [*WHOLE, *targets()[:: len(SLASHES) + 1]]:
        fields = {"Destination": target} if method == "MOVE" else {}
        with HttpClient(web) as client:
            answer = client.ask(method, target, b"planted", **fields)
        assert not told(answer), target
        assert (held(beside), held(above)) == before, target


NAMES = [
    *("..", ".", "", "/", "../secret", "in/../../secret", "/etc/passwd", "in/x", "..\\secret"),
    *("../", "a/../../b", "%2e%2e/secret", "\u0000", "a\u0000/../..", "..\u0000", "~/x", "./x"),
    *("//secret", "in//x", "in/", "/home/in/x"),
]


@pytest.mark.parametrize("command", ["delete", "create-folder", "create-folder-if-missing"])
def test_a_command_reaches_no_further_than_its_folder(
    victim, outside: Path, web: Web, command: str
) -> None:
    before = held(outside.parent), os.listdir(victim.rig.home)
    for name in NAMES:
        body = json.dumps({"commands": [{"command": command, "target": name}]}).encode()
        with HttpClient(web) as client:
            answer = client.ask("POST", "/home/", body, Content_Type="application/json")
        assert answer.status in (200, 400, 422), name
        if answer.status == 200:  # these are names, if odd ones
            victim.path(name).rmdir()
        assert (held(outside.parent), os.listdir(victim.rig.home)) == before, name


def test_a_link_that_leads_out_is_listed_and_not_followed(outside: Path, web: Web) -> None:
    listed = {one["name"]: one for one in asked(web, "GET", "/home/in/").json["content"]}
    assert not any(listed[name]["is_directory"] for name in ("link", "out") if name in listed)
    for target in ("/home/in/link/", "/home/in/link", "/home/in/link/secret", "/home/in/out"):
        for method in ("GET", "HEAD", "POST"):
            assert asked(web, method, target).status in (403, 404, 405, 415), target


def test_who_writes_to_a_link_that_leads_out_replaces_the_link(
    victim, outside: Path, web: Web
) -> None:
    for name in ("out", "passwd"):
        assert asked(web, "PUT", f"/home/in/{name}", b"own").status == 201
        assert not victim.path(f"in/{name}").is_symlink()
        assert asked(web, "GET", f"/home/in/{name}").body == b"own"
    assert asked(web, "DELETE", "/home/in/link").status == 204
    assert outside.read_bytes() == SECRET
    assert b"own" not in Path("/etc/passwd").read_bytes()
