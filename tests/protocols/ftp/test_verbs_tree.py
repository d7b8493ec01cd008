"""Folders and files without their bytes: CWD to RNTO, facts, and checksums."""

import hashlib
import zlib
from collections.abc import Callable

import pytest

from mft.vfs.memory_tree import MAX_FILE
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer

pytestmark = every_way
Serve = Callable[..., FtpServer]

DATA = b"some bytes"
MOMENT = "20240131235959"
TELLING = (10037, 10043, 10049, 10052, 10065, 10071, 10074, 10096)  # what is asked for


@pytest.fixture
def client(server: FtpServer, way: Way) -> FtpClient:
    """Ann, in whose tree are `/file` and `/folder`, with `/folder/full` that is not empty."""
    made = FtpClient(server, way).arrive()
    made.say("MKD /folder", "MKD /folder/full")
    server.put("/file", DATA)
    server.put("/folder/full/file", b"more")
    server.told.clear()
    return made


def of(path: str) -> dict[str, str]:
    return {"path": path, "real_path": f"memory:{path}"}


# The working folder.


def test_a_client_goes_about(client: FtpClient, server: FtpServer) -> None:
    assert client.ask("PWD") == (257, ('"/" is the working folder.',))
    assert client.ask("CWD folder") == (250, ('"/folder" is the working folder now.',))
    assert client.codes("XCWD full", "XPWD") == [250, 257]
    assert client.ask("CDUP") == (200, ('"/folder" is the working folder now.',))
    assert client.codes("XCUP", "CDUP") == [200, 200]
    assert client.codes("CWD ../..", "CWD .", "CWD /folder/") == [250, 250, 250]
    assert client.ask("PWD").text.startswith('"/folder" ')
    assert [one["path"] for one in server.data(10038)][:2] == ["/folder", "/folder/full"]


def test_quotes_in_a_folder_are_doubled(client: FtpClient) -> None:
    assert client.ask('MKD /a"b').text == '"/a""b" has been made.'
    assert client.ask('CWD /a"b').text.startswith('"/a""b" ')


@pytest.mark.parametrize("path", ["/folder", "/file"])
def test_clients_hear_550_of_a_folder_that_is_there(client: FtpClient, path: str) -> None:
    # rclone and others make a folder without a look, and take 550 for one that is there.
    assert client.ask(f"MKD {path}") == (550, ("File exists.",))


@pytest.mark.parametrize(("path", "code"), [("/nothing", 550), ("/file", 550), ("/.mft-x", 553)])
def test_a_client_stays_where_it_is(
    client: FtpClient, server: FtpServer, path: str, code: int
) -> None:
    assert client.codes(f"CWD {path}") == [code]
    assert client.ask("PWD").text.startswith('"/" ')
    assert len(server.data(10039)) == (path != "/.mft-x")


def test_names_are_utf_8(client: FtpClient, server: FtpServer) -> None:
    assert client.ask("MKD /Ærø ☃").text == '"/Ærø ☃" has been made.'
    assert "Ærø ☃" in server.names()
    assert client.codes("CWD Ærø ☃", "MKD  spaces ") == [250, 257]
    assert server.names("/Ærø ☃") == [" spaces "]


# Making, removing, renaming.


def test_folders_are_made_and_removed(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("MKD new", "MKD new", "XMKD /nowhere/new") == [257, 550, 550]
    assert server.data(10053) == [of("/new")]
    assert [one["path"] for one in server.data(10054)] == ["/new", "/nowhere/new"]
    assert client.codes("RMD new", "XRMD new", "RMD /folder", "RMD /file") == [250, 550, 550, 550]
    assert server.data(10072) == [of("/new")]
    assert len(server.data(10073)) == 3
    assert client.codes("RMD /") == [553]
    assert server.names() == ["file", "folder"]


def test_files_are_removed(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("DELE file", "DELE file", "DELE /folder") == [250, 550, 550]
    assert server.data(10044) == [of("/file")]
    assert len(server.data(10045)) == 2


def test_what_is_renamed_has_its_new_name(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("RNFR file", "RNTO /folder/other") == [350, 250]
    assert server.data(10075) == [{**of("/folder/other"), "from": "/file", "to": "/folder/other"}]
    assert server.get("/folder/other") == DATA
    assert client.codes("RNFR /folder", "RNTO elsewhere") == [350, 250]
    assert server.names() == ["elsewhere"]


def test_a_file_may_take_the_name_of_another(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("RNFR /file", "RNTO /folder/full/file") == [350, 250]
    assert server.get("/folder/full/file") == DATA


def test_a_file_gets_no_name_that_ends_in_a_slash(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("RNFR /file", "RNTO archive/") == [350, 550]
    assert client.codes("SITE COPY /file archive/") == [550]
    assert server.names() == ["file", "folder"]
    assert client.codes("RNFR /folder", "RNTO archive/") == [350, 250]
    assert server.names() == ["archive", "file"]


def test_what_cannot_be_renamed(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("RNFR /nothing") == [550]
    assert client.codes("RNFR /file", "RNTO /folder") == [350, 550]
    assert client.codes("RNFR /file", "RNTO /nowhere/file") == [350, 550]
    assert [one["from"] for one in server.data(10076)] == ["/nothing", "/file", "/file"]
    assert server.names() == ["file", "folder"]


def test_a_new_name_needs_an_old_one(client: FtpClient, server: FtpServer) -> None:
    assert client.codes("RNFR /file", "RNFR /nothing", "RNTO /new") == [350, 550, 503]
    (control,) = server.service.hub.presence.peers
    assert client.codes("RNFR /file") == [350]
    control.parameters.renaming = None  # whatever forgot it
    assert client.codes("RNTO /new") == [503]


# What the rules forbid.


@pytest.mark.parametrize(
    "line",
    [
        "CWD /forbidden",
        "MKD /forbidden/new",
        "RMD /forbidden",
        "DELE /forbidden/file",
        "RNFR /forbidden/file",
        "SIZE /forbidden/file",
        "MDTM /forbidden/file",
        f"MDTM {MOMENT} /forbidden/file",
        f"MFMT {MOMENT} /forbidden/file",
        f"MFF modify={MOMENT}; /forbidden/file",
        "MLST /forbidden/file",
        "HASH /forbidden/file",
        "XCRC /forbidden/file",
        "AVBL /forbidden",
        "SITE CHMOD 600 /forbidden/file",
        f"SITE UTIME {MOMENT} /forbidden/file",
        "SITE COPY /forbidden/file /copy",
        "SITE COPY /allowed /forbidden/copy",
    ],
)
def test_what_the_rules_forbid_is_553_and_told(serve: Serve, way: Way, line: str) -> None:
    rules = "allow-full-control\n/forbidden*, deny-full-control"
    server = serve(account("ann", password=CHEAP_HASH, permissions=rules))
    server.put("/allowed", b"")
    client = FtpClient(server, way).arrive()
    server.told.clear()
    assert client.ask(line) == (553, ("Permission denied.",))
    assert server.numbers()
    assert not {10030, 10034} & set(server.numbers())
    assert server.names() == ["allowed"]


# Facts.


def test_the_facts_of_a_file(client: FtpClient, server: FtpServer) -> None:
    assert client.ask("SIZE file") == (213, ("10",))
    assert client.ask("MDTM file") == (213, ("19700101000000",))
    assert server.data(10050) == [
        {**of("/file"), "attributes": "size"},
        {**of("/file"), "attributes": "modify"},
    ]
    assert client.codes("SIZE /nothing", "MDTM /nothing") == [550, 550]
    assert len(server.data(10051)) == 2


def test_a_folder_has_no_size_and_a_time(client: FtpClient) -> None:
    assert client.codes("SIZE /folder", "MDTM /folder") == [550, 213]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"MDTM {MOMENT} /file", MOMENT),
        (f"MFMT {MOMENT} file", f"Modify={MOMENT}; /file"),
        (f"MFF modify={MOMENT}; file", f"modify={MOMENT}; /file"),
    ],
)
def test_the_time_of_a_file_is_set(
    client: FtpClient, server: FtpServer, line: str, told: str
) -> None:
    assert client.ask(line) == (213, (told,))
    assert client.ask("MDTM /file").text == MOMENT
    assert server.data(10097) == [{**of("/file"), "attributes": "modify"}]
    assert client.codes(line.replace("file", "nothing")) == [550]
    assert server.data(10098)[0]["attributes"] == "modify"


def test_mff_sets_bits_as_well(client: FtpClient, server: FtpServer) -> None:
    line = f"MFF modify={MOMENT};unix.MODE=4600; file"
    assert client.ask(line).text == f"modify={MOMENT};UNIX.mode=0600; /file"
    assert server.data(10097)[0]["attributes"] == "modify, UNIX.mode"
    assert "UNIX.mode=0600;" in client.ask("MLST /file").lines[1]
    assert client.codes("MFF UNIX.mode=644; file") == [213]
    assert "UNIX.mode=0644;" in client.ask("MLST /file").lines[1]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("MFF size=3; /file", 504),
        ("MFF modify=20240132000000; /file", 501),
        (f"MFF modify={MOMENT};", 501),
        ("MFF /file", 501),
        ("MFMT 2024 /file", 501),
        ("MFMT 20240131235959", 501),
        ("MDTM 20240199235959 /file", 550),  # the name of a file
        ("HASH /file 1 2", 550),
        ("XCRC /file 5 2", 501),
        ('XCRC ""', 501),
        ("XCRC /file 11", 553),
    ],
)
def test_what_does_not_follow_the_grammar(client: FtpClient, line: str, code: int) -> None:
    assert client.codes(line) == [code]
    assert client.codes("PWD") == [257]


def test_the_room_that_is_left(client: FtpClient, server: FtpServer) -> None:
    assert client.ask("AVBL") == (213, (str(MAX_FILE),))
    assert client.codes("AVBL /folder", "AVBL /nothing") == [213, 550]
    assert server.data(10050)[0]["attributes"] == "AVBL"


# Checksums.


@pytest.mark.parametrize(
    ("verb", "value"),
    [
        ("XCRC", f"{zlib.crc32(DATA):08X}"),
        ("XMD5", hashlib.md5(DATA).hexdigest().upper()),
        ("XSHA", hashlib.sha1(DATA).hexdigest().upper()),
        ("XSHA1", hashlib.sha1(DATA).hexdigest().upper()),
        ("XSHA256", hashlib.sha256(DATA).hexdigest().upper()),
        ("XSHA512", hashlib.sha512(DATA).hexdigest().upper()),
    ],
)
def test_each_checksum_has_its_command(
    client: FtpClient, server: FtpServer, verb: str, value: str
) -> None:
    assert client.ask(f"{verb} file") == (250, (value,))
    assert server.data(90027)[0]["length"] == len(DATA)
    assert client.codes(f"{verb} /nothing", f"{verb} /folder") == [550, 550]
    assert len(server.data(90028)) == 2


def test_a_checksum_of_a_range(client: FtpClient) -> None:
    assert client.ask('XCRC "/file" 5 9').text == f"{zlib.crc32(DATA[5:9]):08X}"
    assert client.ask("XCRC /file 5").text == f"{zlib.crc32(DATA[5:]):08X}"


def test_hash_tells_its_algorithm_and_its_range(client: FtpClient, server: FtpServer) -> None:
    digest = hashlib.sha256(DATA).hexdigest()
    assert client.ask("HASH file") == (213, (f"SHA-256 0-10 {digest} /file",))
    assert client.codes("RANG 5 8", "OPTS HASH CRC32") == [350, 200]
    part = f"{zlib.crc32(DATA[5:9]):08x}"
    assert client.ask("HASH file").text == f"CRC32 5-9 {part} /file"
    assert client.ask("HASH file").text.startswith("CRC32 0-10 ")
    assert server.data(90027)[0].items() >= {**of("/file"), "algorithm": "sha256"}.items()


# What is asked for.


def test_each_request_is_told_where_that_is_wanted(server: FtpServer, way: Way) -> None:
    server.tell_requests = True
    client = FtpClient(server, way).arrive()
    client.say("MKD /a", "CWD /a", "PWD", "CWD /", "RNFR /a", "RNTO /b", "RMD /b", "DELE /c")
    client.say(f"MFMT {MOMENT} /file", "SIZE /file")
    assert set(TELLING) <= set(server.numbers())
    assert len(server.data(10065)) == 1
