"""Listings: LIST, NLST, MLSD over data connections, MLST and STAT over the control connection."""

import re
import zlib
from collections.abc import Callable

import pytest

from mft.core.vpath import VPath
from mft.protocols.ftp.verbs_list import MAX_TOLD
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer
from tests.fakes.run import run

pytestmark = every_way
Serve = Callable[..., FtpServer]

LISTED, LIST_FAILED, LIST_ASKED, STAT_DONE, STAT_FAILED = 10047, 10048, 10046, 10050, 10051
TREE = ("a.txt", "b.txt", "c.csv", "folder", "link")
LINE = re.compile(r"([-dl])[-rwx]{9} +[0-9]+ ftp +ftp +([0-9]+) [A-Z][a-z]{2} [ 0-9]{2} .{5} (.+)")


@pytest.fixture
def server(serve: Serve) -> FtpServer:
    return grown(serve())


def grown(server: FtpServer) -> FtpServer:
    """Three files, a link, and a folder with a file."""
    run(server.owner().make_directory(VPath.parse("/folder")))
    run(server.owner().make_link(VPath.parse("/link"), "a.txt"))
    for name in ("/a.txt", "/b.txt", "/c.csv", "/folder/inner"):
        server.put(name, b"some bytes")
    return server


def lines(client: FtpClient, command: str) -> list[str]:
    """What a listing sends, in alphabetical order."""
    sent, codes = client.down(command)
    assert codes == [150, 226]
    assert sent.endswith(b"\r\n") or not sent
    return sorted(sent.decode().split("\r\n")[:-1])


def names(client: FtpClient, command: str) -> list[str]:
    """The names in a listing, without the paths that NLST has before them."""
    found = lines(client, command)
    if command.startswith("LIST"):
        return sorted(LINE.fullmatch(one)[3] for one in found)  # type: ignore[index]  # all match
    if command.startswith("MLSD"):
        return sorted(one.partition(" ")[2] for one in found)
    return sorted(one.rpartition("/")[2] for one in found)


# Over the data connection.


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
def test_a_folder_is_listed(client: FtpClient, server: FtpServer, verb: str) -> None:
    assert names(client, verb) == sorted(TREE)
    assert names(client, f"{verb} /folder") == ["inner"]
    client.say("CWD /folder")
    assert names(client, verb) == ["inner"]
    assert names(client, f"{verb} ..") == sorted(TREE)
    told = {"path": "/", "real_path": "memory:/", "glob": "", "operation": verb}
    assert server.data(LISTED)[0] == told


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
def test_an_empty_folder_is_an_empty_listing(client: FtpClient, verb: str) -> None:
    client.say("MKD /empty")
    assert client.down(f"{verb} /empty") == (b"", [150, 226])


def test_a_line_of_list_is_as_of_ls(client: FtpClient) -> None:
    found = {LINE.fullmatch(one)[3]: LINE.fullmatch(one) for one in lines(client, "LIST")}  # type: ignore[index]  # all match
    assert [found[name][1] for name in sorted(TREE)] == ["-", "-", "-", "d", "l"]  # type: ignore[index]  # as above
    assert found["a.txt"][2] == "10"  # type: ignore[index]  # as above


@pytest.mark.parametrize("options", ["-a", "-la", "-l -a", "-a -l "])
def test_what_ls_knows_is_passed_over(client: FtpClient, options: str) -> None:
    assert names(client, f"LIST {options}") == sorted(TREE)
    assert names(client, f"LIST {options} /folder".replace("  ", " ")) == ["inner"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.txt", ["a.txt", "b.txt"]),
        ("/*.txt", ["a.txt", "b.txt"]),
        ("?.csv", ["c.csv"]),
        ("[ab].txt", ["a.txt", "b.txt"]),
        ("[!a].txt", ["b.txt"]),
        ("folder/in*", ["inner"]),
        ("/folder/*", ["inner"]),
        ("*.nothing", []),
        ("?" + "*" * 250 + ".txt", ["a.txt", "b.txt"]),
        ("-l *.csv", ["c.csv"]),
    ],
)
@pytest.mark.parametrize("verb", ["LIST", "NLST"])
def test_a_pattern_picks_the_names(
    client: FtpClient, server: FtpServer, verb: str, pattern: str, found: list[str]
) -> None:
    assert names(client, f"{verb} {pattern}") == found
    assert server.data(LISTED)[0]["glob"] == pattern.rpartition("/")[2].removeprefix("-l ")


@pytest.mark.parametrize("verb", ["LIST", "NLST"])
def test_one_file_is_a_listing_too(client: FtpClient, server: FtpServer, verb: str) -> None:
    assert names(client, f"{verb} /folder/inner") == ["inner"]
    assert server.data(STAT_DONE)[0]["attributes"] == verb
    assert server.data(LISTED) == []


@pytest.mark.parametrize(
    ("folder", "line", "found"),
    [
        ("/", "NLST folder", "folder/inner"),
        ("/", "NLST folder/", "folder/inner"),
        ("/", "NLST /folder", "/folder/inner"),
        ("/", "NLST -l ./folder/../folder", "./folder/../folder/inner"),
        ("/", "NLST folder/in*", "folder/inner"),
        ("/", "NLST folder/inner", "folder/inner"),
        ("/", "NLST /a*", "a.txt"),
        ("/folder", "NLST", "inner"),
        ("/folder", "NLST .", "inner"),
        ("/folder", "NLST /folder/in*", "inner"),
        ("/folder", "NLST ./inner", "inner"),
        ("/folder", "NLST ../a*", "../a.txt"),
        ("/folder", "NLST /a.txt", "/a.txt"),
        ("/folder", "NLST /a*", "/a.txt"),
        ("/", f"NLST {'/' * 300}folder", "/folder/inner"),
        ("/", f"NLST {'/' * 300}folder/inner", "/folder/inner"),
    ],
)
def test_what_nlst_tells_is_what_retr_takes(
    client: FtpClient, folder: str, line: str, found: str
) -> None:
    client.say(f"CWD {folder}")
    assert lines(client, line) == [found]
    assert client.down(f"RETR {found}") == (b"some bytes", [150, 226])


@pytest.mark.parametrize(
    ("line", "code", "event"),
    [
        ("LIST /nothing", 550, STAT_FAILED),
        ("NLST /nothing", 550, STAT_FAILED),
        ("MLSD /nothing", 550, LIST_FAILED),
        ("MLSD /a.txt", 501, LIST_FAILED),
        ("LIST /nothing/*", 550, LIST_FAILED),
        ("LIST /.mft-x", 553, None),
        ("LIST /" + "*a" * 128, 553, None),
        ("NLST " + "?" * 256, 553, None),
    ],
)
def test_what_cannot_be_listed(
    client: FtpClient, server: FtpServer, line: str, code: int, event: int | None
) -> None:
    assert client.down(line) == (b"", [code])
    assert event is None or len(server.data(event)) == 1


def test_what_is_asked_for_is_told_where_that_is_wanted(server: FtpServer, way: Way) -> None:
    server.tell_requests = True
    client = FtpClient(server, way).arrive()
    client.down("NLST *.txt")
    told = {"path": "/", "real_path": "memory:/", "glob": "*.txt", "operation": "NLST"}
    assert server.data(LIST_ASKED) == [told]


@pytest.mark.parametrize("verb", ["LIST", "NLST", "MLSD"])
def test_a_listing_is_deflated_in_mode_z(client: FtpClient, verb: str) -> None:
    whole = client.down(verb)[0]
    assert client.codes("MODE Z") == [200]
    sent, codes = client.down(verb)
    assert codes == [150, 226]
    assert zlib.decompress(sent) == whole
    single = client.down(f"{verb} /a.txt")
    assert single[1] == ([501] if verb == "MLSD" else [150, 226])
    assert not single[0] or b"a.txt" in zlib.decompress(single[0])


def test_a_folder_of_many_is_sent_bit_by_bit(client: FtpClient, server: FtpServer) -> None:
    for number in range(3000):
        server.put(f"/folder/{number:04}", b"")
    assert len(names(client, "NLST /folder")) == 3001


def test_a_listing_of_folders_only(serve: Serve, way: Way) -> None:
    rules = "allow-full-control\n/, allow-traverse"
    server = grown(serve(account("ann", password=CHEAP_HASH, permissions=rules)))
    client = FtpClient(server, way).arrive()
    assert names(client, "LIST") == ["folder"]
    assert names(client, "MLSD") == ["folder"]
    assert client.down("NLST") == client.down("NLST *") == (b"", [553])  # it cannot tell which
    assert all("allow-list" in one["details"] for one in server.data(LIST_FAILED))
    assert len(server.data(LIST_FAILED)) == 2


def test_a_listing_that_the_rules_forbid(serve: Serve, way: Way) -> None:
    rules = "allow-full-control\n/folder, deny-full-control"
    server = grown(serve(account("ann", password=CHEAP_HASH, permissions=rules)))
    client = FtpClient(server, way).arrive()
    for verb in ("LIST", "NLST", "MLSD"):
        assert client.down(f"{verb} /folder") == (b"", [553])
    assert client.codes("STAT /folder") == [553]
    assert len(server.data(LIST_FAILED)) == 4


# Facts.


def facts(line: str) -> dict[str, str]:
    return dict(one.split("=", 1) for one in line.strip().partition("; ")[0].split(";"))


def test_the_facts_of_everything_in_a_folder(client: FtpClient) -> None:
    found = {one.partition(" ")[2]: facts(one) for one in lines(client, "MLSD")}
    assert (
        found["a.txt"].items()
        >= {
            "type": "file",
            "size": "10",
            "modify": "19700101000000",
            "perm": "adfrw",
            "UNIX.mode": "0644",
        }.items()
    )
    assert found["folder"].items() >= {"type": "dir", "perm": "cdeflmp"}.items()
    assert "size" not in found["folder"]
    assert found["link"]["type"] == "OS.unix=slink"


def test_the_facts_of_one_path(client: FtpClient, server: FtpServer) -> None:
    said = client.ask("MLST folder/inner")
    assert (said.code, len(said.lines)) == (250, 3)
    assert said.lines[1].startswith(" type=file;size=10;")
    assert said.lines[1].endswith("; /folder/inner")
    assert server.data(STAT_DONE)[0]["attributes"] == "MLST"
    assert client.ask("MLST").lines[1].endswith("; /")
    assert facts(client.ask("MLST").lines[1])["perm"] == "celmp"
    assert client.codes("MLST /nothing") == [550]


def test_a_client_chooses_its_facts(client: FtpClient) -> None:
    assert client.ask("OPTS MLST size;type;").text == "MLST OPTS type;size;"
    assert client.ask("MLST a.txt").lines[1] == " type=file;size=10; /a.txt"
    assert "type=file;size=10; a.txt" in lines(client, "MLSD")
    assert client.ask("OPTS MLST").text == "MLST OPTS"
    assert client.ask("MLST a.txt").lines[1] == "  /a.txt"


def test_the_letters_are_those_of_the_rules(serve: Serve, way: Way) -> None:
    rules = "allow-list, allow-read\n/folder/*, allow-full-control"
    server = grown(serve(account("ann", password=CHEAP_HASH, permissions=rules)))
    client = FtpClient(server, way).arrive()
    client.say("OPTS MLST perm")
    assert "perm=r; a.txt" in lines(client, "MLSD")
    assert lines(client, "MLSD /folder") == ["perm=adfrw; inner"]


# Over the control connection.


def test_the_state_of_the_server(client: FtpClient, way: Way) -> None:
    said = client.ask("STAT")
    kind = "TLS" if way.secured else "clear"
    assert said.code == 211
    assert said.lines[1:4] == (
        " Logged in as ann, from 192.0.2.7",
        f" Commands: {client.control.encryption}; data: {kind}",
        " TYPE I, STRU F, MODE S",
    )
    client.say("TYPE A", "MODE Z")
    assert client.ask("STAT").lines[3] == " TYPE A, STRU F, MODE Z"


@pytest.mark.parametrize(
    ("path", "code", "found"),
    [
        ("/", 212, sorted(TREE)),
        ("-la /", 212, sorted(TREE)),
        ("*.txt", 212, ["a.txt", "b.txt"]),
        ("/folder/*", 212, ["inner"]),
        ("a.txt", 213, ["a.txt"]),
        ("*.nothing", 212, []),
    ],
)
def test_stat_lists(client: FtpClient, path: str, code: int, found: list[str]) -> None:
    said = client.ask(f"STAT {path}")
    assert said.code == code
    assert sorted(LINE.fullmatch(one.strip())[3] for one in said.lines[1:-1]) == found  # type: ignore[index]  # all match


def test_stat_of_what_is_not_there(client: FtpClient) -> None:
    assert client.codes("STAT /nothing", "STAT /nothing/*") == [550, 550]


def test_stat_has_a_bound(client: FtpClient, server: FtpServer) -> None:
    for number in range(MAX_TOLD - 1):
        server.put(f"/folder/{number:04}", b"")
    assert client.ask("STAT /folder").code == 212
    server.put("/folder/one more", b"")
    assert client.ask("STAT /folder").code == 552
    assert client.ask("STAT /folder/0*").code == 212
