"""curl over HTTP and HTTPS."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.interop.instance import Place, execute
from tests.interop.trees import HOSTILE, LARGE, SIZES, content
from tests.interop.web import Web

pytestmark = pytest.mark.interop

EMOJI = "\N{PARTY POPPER} party.txt"
NAMES = (*HOSTILE, "a+b", "--output", "%2e%2e", "a&b=c", EMOJI)
# How the client tells where the body ends, and what it says of itself.
WAYS = {
    "at once": ("-H", "Expect:"),
    "invited": ("-H", "Expect: 100-continue"),
    "in chunks": ("-H", "Transfer-Encoding: chunked"),
    "by HTTP/1.0": ("-0",),
}


def curl(
    web: Web, path: str, *words: str | Path, ok: bool = True, password: str = "", stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run curl; it trusts the certificate of the instance and nothing else."""
    login = f"{web.server.account}:{password or web.server.password}"
    given = ["curl", "-sSf", "--user", login, "--cacert", web.certificate, *words, web.home(path)]
    return execute(*given, ok=ok, stdin=stdin)


def code(web: Web, path: str, *words: str | Path) -> str:
    """The status of an answer that may be a refusal."""
    shown = curl(web, path, "--no-fail", "-o", "/dev/null", "-w", "%{http_code}", *words)
    return shown.stdout


@pytest.mark.parametrize("way", WAYS)
def test_a_file_goes_up_and_comes_back(
    web: Web, web_place: Place, tmp_path: Path, way: str
) -> None:
    # curl before version 8 never sends the last chunk of an empty file.
    for size in SIZES[1:] if way == "in chunks" else SIZES:
        (tmp_path / "up").write_bytes(content(size))
        path = f"{web_place.remote}/{size}"
        curl(web, path, *WAYS[way], "--upload-file", tmp_path / "up")
        assert (web_place.disk / str(size)).read_bytes() == content(size)
        curl(web, path, *WAYS[way], "--output", tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == content(size)


def test_what_another_program_writes_goes_up_as_it_comes(web: Web, web_place: Place) -> None:
    curl(web, f"{web_place.remote}/file", "--upload-file", "-", stdin="text" * 10_000)
    assert (web_place.disk / "file").read_bytes() == b"text" * 10_000


def test_many_files_go_over_one_connection(web: Web, web_place: Place, tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).write_bytes(content(1000 + number))
    shown = curl(
        web,
        f"{web_place.remote}/",
        *("--upload-file", f"{tmp_path}/[0-49]", "--write-out", "%{num_connects}\n"),
    )
    assert shown.stdout.split() == ["1"] + ["0"] * 49
    (tmp_path / "down").mkdir()
    again = curl(
        web,
        f"{web_place.remote}/[0-49]",
        *("--output", f"{tmp_path}/down/#1", "--write-out", "%{num_connects}\n"),
    )
    assert again.stdout.split() == ["1"] + ["0"] * 49
    for number in range(50):
        assert (web_place.disk / str(number)).read_bytes() == content(1000 + number)
        assert (tmp_path / "down" / str(number)).read_bytes() == content(1000 + number)


def test_names_that_clients_trip_over_are_names(web: Web, web_place: Place, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x")
    urls = [web.home(f"{web_place.remote}/{quote(name)}") for name in NAMES]
    each: list[str | Path] = []
    for url in urls[1:]:
        each += ["--upload-file", tmp_path / "up", url]
    first = f"{web_place.remote}/{quote(NAMES[0])}"
    curl(web, first, *each, "--upload-file", tmp_path / "up")
    assert {path.name for path in web_place.disk.iterdir()} == set(NAMES)
    assert curl(web, first, *urls[1:]).stdout == "x" * len(NAMES)
    listed = curl(web, f"{web_place.remote}/").stdout
    assert all(
        f'"name":"{name}"' in listed for name in NAMES if '"' not in name and "\\" not in name
    )


def test_a_file_is_saved_under_its_own_name(web: Web, web_place: Place, tmp_path: Path) -> None:
    for name in ("plain.txt", " ahead", "it's"):
        (web_place.disk / name).write_bytes(name.encode())
        path = f"{web_place.remote}/{quote(name)}"
        curl(web, path, "--remote-name", "--remote-header-name", "--output-dir", tmp_path)
        assert (tmp_path / name).read_bytes() == name.encode()


def test_parts_are_fetched_and_a_download_continued(
    web: Web, web_place: Place, tmp_path: Path
) -> None:
    (web_place.disk / "file").write_bytes(content(LARGE))
    path = f"{web_place.remote}/file"
    parts = {"5-9": slice(5, 10), "-7": slice(LARGE - 7, None), f"{LARGE - 3}-": slice(-3, None)}
    for wanted, part in parts.items():
        curl(web, path, "--range", wanted, "--output", tmp_path / "part")
        assert (tmp_path / "part").read_bytes() == content(LARGE)[part]
    (tmp_path / "down").write_bytes(bytes(1000))
    curl(web, path, "--continue-at", "-", "--output", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == bytes(1000) + content(LARGE)[1000:]
    curl(web, path, "--range", "0-4,100-104,9-9", "--output", tmp_path / "several")
    several = (tmp_path / "several").read_bytes()
    assert several.count(b"Content-Range: bytes ") == 3
    assert content(LARGE)[100:105] in several
    assert code(web, path, "--range", f"{LARGE}-") == "416"


def test_a_part_of_an_upload_is_not_taken_for_all_of_it(
    web: Web, web_place: Place, tmp_path: Path
) -> None:
    """curl continues an upload by Content-Range, which a file must not begin in the middle with."""
    (web_place.disk / "file").write_bytes(content(LARGE)[:1000])
    (tmp_path / "up").write_bytes(content(LARGE))
    path = f"{web_place.remote}/file"
    assert code(web, path, "--continue-at", "1000", "--upload-file", tmp_path / "up") == "400"
    assert (web_place.disk / "file").read_bytes() == content(LARGE)[:1000]


def told(lines: Sequence[str]) -> dict[str, str]:
    """The fields of an answer."""
    pairs = [line.partition(": ") for line in lines if ": " in line]
    return {name.lower(): value for name, _, value in pairs}


def test_a_head_tells_what_a_download_would(web: Web, web_place: Place, tmp_path: Path) -> None:
    (web_place.disk / "file.txt").write_bytes(content(1234))
    path = f"{web_place.remote}/file.txt"
    head = told(curl(web, path, "--head").stdout.splitlines())
    assert head["content-length"] == "1234"
    assert head["content-type"] == "text/plain"
    curl(web, path, "--dump-header", tmp_path / "told", "--output", tmp_path / "file")
    got = told((tmp_path / "told").read_text().splitlines())
    assert {**got, "date": ""} == {**head, "date": ""}
    assert code(web, path, "--header", f"If-None-Match: {head['etag']}") == "304"
    assert code(web, path, "--header", f"If-Match: {head['etag']}") == "200"
    assert code(web, path, "--header", 'If-Match: "other"') == "412"
    assert code(web, path, "--time-cond", head["last-modified"]) == "304"


def test_a_wrong_password_is_told_before_the_body_is_sent(
    web: Web, web_place: Place, tmp_path: Path
) -> None:
    (tmp_path / "up").write_bytes(content(LARGE))
    path = f"{web_place.remote}/file"
    curl(web, path, password="wrong", ok=False)
    words = ["--upload-file", tmp_path / "up", "--header", "Expect: 100-continue"]
    shown = curl(web, path, "--no-fail", "-w", "%{http_code} %{size_upload}", *words, password="x")
    assert shown.stdout.endswith("401 0")
    assert list(web_place.disk.iterdir()) == []


def test_no_other_way_to_log_in_is_offered_or_taken(web: Web, web_place: Place) -> None:
    words = ["--no-fail", "--include", "--user", "", "--header", "Authorization:"]
    refused = curl(web, "/", *words).stdout
    ways = [line.split()[1] for line in refused.splitlines() if "WWW-Authenticate:" in line]
    assert ways == ["Session", "Basic"]
    for way in ("--digest", "--ntlm"):
        assert code(web, "/", way) == "401"


def test_a_server_that_is_not_trusted_is_not_talked_to(web: Web) -> None:
    if web.private:
        login = ["--user", f"{web.server.account}:{web.server.password}"]
        execute("curl", "-sSf", *login, web.home("/"), ok=False)
        execute("curl", "-sSf", "--insecure", *login, web.home("/"))


def test_files_and_folders_are_made_and_removed(web: Web, web_place: Place) -> None:
    remote = web_place.remote
    assert code(web, f"{remote}/folder/", "--request", "PUT") == "201"
    assert code(web, f"{remote}/folder/", "--request", "PUT") == "409"
    assert code(web, f"{remote}/missing/deep/", "--request", "PUT") == "404"
    commands = '{"commands":[{"command":"create-folder","target":["a","b"]}]}'
    words = ["--json", commands]
    assert code(web, f"{remote}/folder/", *words) == "200"
    assert {path.name for path in (web_place.disk / "folder").iterdir()} == {"a", "b"}
    assert code(web, f"{remote}/folder", "--request", "DELETE") == "204"
    assert code(web, f"{remote}/folder", "--request", "DELETE") == "404"
    assert list(web_place.disk.iterdir()) == []


def test_a_web_session_is_begun_used_and_ended(web: Web, web_place: Place, tmp_path: Path) -> None:
    (web_place.disk / "file").write_bytes(b"here")
    jar = tmp_path / "jar"
    words = ["-sSf", "--cacert", web.certificate, "--cookie-jar", jar, "--cookie", jar]
    words += ["--header", f"Origin: {web.scheme}://{web.host}"]
    server = web.server
    form = ["--data-urlencode", f"username={server.account}"]
    form += ["--data-urlencode", f"password={server.password}"]
    execute("curl", *words, *form, web.url("/__mft__/login"))
    # curl keeps a Secure cookie of a host that it names by an address like any other.
    got = execute("curl", *words, web.home(f"{web_place.remote}/file"))
    assert got.stdout == "here"
    execute("curl", *words, "--request", "POST", web.url("/__mft__/logout"))
    execute("curl", *words, web.home(f"{web_place.remote}/file"), ok=False)
