"""RETR, STOR, STOU, APPE and ABOR, with REST, RANG, ALLO, TYPE and MODE before them."""

import re
import zlib
from collections.abc import Callable

import pytest

from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import End, FtpClient, Way
from tests.fakes.ftp_fixtures import every_way
from tests.fakes.ftp_server import FtpServer

pytestmark = every_way
Serve = Callable[..., FtpServer]

WRITE_OPENED, WRITE_FAILED, APPENDED, APPEND_FAILED = 10012, 10013, 10040, 10041
READ_OPENED, READ_FAILED = 10094, 10095
UPLOAD_ASKED, APPEND_ASKED, DOWNLOAD_ASKED = 10077, 10025, 10068
UPLOAD_DONE, UPLOAD_FAILED, DOWNLOAD_DONE, DOWNLOAD_FAILED = 10078, 10079, 10069, 10070
DATA = bytes(range(256)) * 1000
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


def of(path: str) -> dict[str, str]:
    return {"path": path, "real_path": f"memory:{path}"}


# Both directions.


def test_a_file_goes_there_and_back(client: FtpClient, server: FtpServer) -> None:
    assert client.up("STOR /file", DATA) == [150, 226]
    assert client.down("RETR file") == (DATA, [150, 226])
    opened = {**of("/file"), "offset": 0, "requested_path": "/file"}
    assert server.data(WRITE_OPENED) == [opened]
    assert server.data(READ_OPENED) == [opened]
    moved = {**of("/file"), "total": len(DATA), "requested_path": "/file"}
    assert server.data(UPLOAD_DONE)[0].items() >= moved.items()
    assert server.data(DOWNLOAD_DONE)[0].items() >= moved.items()


def test_what_is_asked_for_is_told_where_that_is_wanted(server: FtpServer, way: Way) -> None:
    server.tell_requests = True
    client = FtpClient(server, way).arrive()
    client.up("STOR /file", b"one")
    client.up("APPE /file", b"two")
    client.down("RETR /file")
    for number in (UPLOAD_ASKED, APPEND_ASKED, DOWNLOAD_ASKED):
        assert server.data(number) == [of("/file")]


def test_a_file_is_replaced_when_the_new_one_is_there(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"old")
    data = client.connect()
    client.say("STOR /file")
    data.write(b"new")
    client.settle()
    assert server.get("/file") == b"old"
    data.finish()
    client.settle()
    assert server.get("/file") == b"new"


@pytest.mark.parametrize(
    ("line", "code", "event"),
    [
        ("RETR /nothing", 550, READ_FAILED),
        ("RETR /folder", 550, READ_FAILED),
        ("STOR /nowhere/file", 550, WRITE_FAILED),
        ("STOR /folder", 550, WRITE_FAILED),
        ("APPE /folder", 550, APPEND_FAILED),
        ("STOR /.mft-own", 553, None),
        ("RETR /forbidden/file", 553, READ_FAILED),
        ("STOR /forbidden/file", 553, WRITE_FAILED),
        ("APPE /forbidden/file", 553, APPEND_FAILED),
        ("STOU /forbidden/file", 553, WRITE_FAILED),
    ],
)
def test_what_cannot_be_opened_moves_nothing(
    serve: Serve, way: Way, line: str, code: int, event: int | None
) -> None:
    rules = "allow-full-control\n/forbidden*, deny-full-control"
    server = serve(account("ann", password=CHEAP_HASH, permissions=rules))
    client = FtpClient(server, way).arrive()
    client.say("MKD /folder")
    data = client.connect()
    assert client.codes(line) == [code]
    assert not data.closed  # it is there for the next command
    assert event is None or len(server.data(event)) == 1
    assert client.codes("LIST") in ([150], [150, 226])
    assert server.data(UPLOAD_FAILED) == server.data(DOWNLOAD_FAILED) == []


def test_a_transfer_needs_a_way(client: FtpClient) -> None:
    for line in ("RETR /file", "STOR /file", "APPE /file", "STOU"):
        assert client.ask(line) == (425, ("Use PASV, EPSV, PORT or EPRT first.",))


def test_a_way_is_for_one_transfer(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"some bytes")
    client.down("RETR /file")
    assert client.codes("RETR /file") == [425]


# From somewhere on.


@pytest.mark.parametrize(("offset", "left"), [(0, DATA), (1000, DATA[1000:]), (len(DATA), b"")])
def test_rest_lets_a_download_begin_later(
    client: FtpClient, server: FtpServer, offset: int, left: bytes
) -> None:
    server.put("/file", DATA)
    assert client.codes(f"REST {offset}") == [350]
    assert client.down("RETR /file") == (left, [150, 226])
    assert server.data(READ_OPENED)[0]["offset"] == offset
    assert client.down("RETR /file")[0] == DATA  # it was for one transfer


@pytest.mark.parametrize("line", [f"REST {len(DATA) + 1}", f"RANG {len(DATA) + 1} {len(DATA) + 9}"])
def test_a_download_does_not_begin_behind_the_end(
    client: FtpClient, server: FtpServer, line: str
) -> None:
    server.put("/file", DATA)
    assert client.codes(line) == [350]
    assert client.down("RETR /file") == (b"", [553])
    assert client.down("RETR /file") == (DATA, [150, 226])


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("RANG 0 0", DATA[:1]),
        ("RANG 10 19", DATA[10:20]),
        (f"RANG 10 {len(DATA) * 2}", DATA[10:]),
        ("RANG 1 0", DATA),
    ],
)
def test_rang_is_for_a_part_of_a_file(
    client: FtpClient, server: FtpServer, line: str, part: bytes
) -> None:
    server.put("/file", DATA)
    client.say("REST 5")
    assert client.codes(line) == [350]
    assert client.down("RETR /file") == (part, [150, 226])
    assert client.down("RETR /file")[0] == DATA


def test_the_last_of_rest_and_rang_counts(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", DATA)
    client.say("RANG 10 19", "REST 5")
    assert client.down("RETR /file")[0] == DATA[5:]


def test_the_size_that_will_come_is_told(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", DATA)
    client.connect()
    client.say("RANG 10 19")
    assert client.say("RETR /file")[0].text == "Sending binary data (10 bytes)."


def test_rest_writes_into_a_file_that_is_there(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"0123456789")
    client.say("REST 4")
    assert client.up("STOR /file", b"ab") == [150, 226]
    assert server.get("/file") == b"0123ab6789"
    assert server.data(WRITE_OPENED)[0]["offset"] == 4
    assert client.up("STOR /file", b"new") == [150, 226]
    assert server.get("/file") == b"new"


def test_rest_behind_the_end_is_refused_for_an_upload(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"0123456789")
    client.say("REST 11")
    data = client.connect()
    assert client.codes("STOR /file") == [553]
    data.close()
    assert server.get("/file") == b"0123456789"


def test_rest_is_for_the_next_transfer_only_even_if_that_is_refused(
    client: FtpClient, server: FtpServer
) -> None:
    server.put("/file", b"0123456789")
    client.say("REST 4")
    assert client.codes("STOR /file") == [425]
    assert client.up("STOR /file", b"new") == [150, 226]
    assert server.get("/file") == b"new"


@pytest.mark.parametrize("line", ["REST 4", "RANG 4 5"])
@pytest.mark.parametrize("listing", ["LIST", "NLST", "MLSD"])
def test_a_listing_is_a_transfer_too(
    client: FtpClient, server: FtpServer, line: str, listing: str
) -> None:
    server.put("/file", b"0123456789")
    client.say(line)
    assert client.down(listing)[1] == [150, 226]
    assert client.up("STOR /file", b"new") == [150, 226]
    assert server.get("/file") == b"new"
    assert client.down("RETR /file")[0] == b"new"


@pytest.mark.parametrize("upload", ["STOR /file", "APPE /file", "STOU /file"])
def test_a_part_of_a_file_cannot_be_uploaded(
    client: FtpClient, server: FtpServer, upload: str
) -> None:
    server.put("/file", b"0123456789")
    client.say("RANG 4 5", "ALLO 2")
    assert client.codes(upload) == [504]
    assert server.get("/file") == b"0123456789"
    assert server.names() == ["file"]
    assert client.up(upload, b"n")[-1] == 226  # neither counts any more


@pytest.mark.parametrize("command", ["RETR /file", "STOR /file", "APPE /file"])
def test_text_begins_at_its_beginning_whenever_it_became_text(
    client: FtpClient, server: FtpServer, command: str
) -> None:
    server.put("/file", b"0123456789")
    assert client.codes("REST 4", "TYPE A") == [350, 200]
    assert client.codes(command) == [504]
    assert server.get("/file") == b"0123456789"
    assert client.down("RETR /file") == (b"0123456789", [150, 226])


@pytest.mark.parametrize("command", ["STOR inbox/", "APPE inbox/", "STOR inbox/.", "STOU inbox/"])
def test_a_name_that_ends_in_a_slash_is_no_file(
    client: FtpClient, server: FtpServer, command: str
) -> None:
    data = client.connect()
    assert client.codes(command)[0] == (150 if command.startswith("STOU") else 550)
    data.close()
    client.settle()
    assert "inbox" not in server.names()


@pytest.mark.parametrize("before", ["", "old"])
def test_appe_goes_on_behind_the_end(client: FtpClient, server: FtpServer, before: str) -> None:
    if before:
        server.put("/file", before.encode())
    assert client.up("APPE /file", b"new") == [150, 226]
    assert server.get("/file") == before.encode() + b"new"
    assert server.data(APPENDED)[0]["offset"] == len(before)


def test_appe_after_rest_is_as_stor(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"0123456789")
    client.say("REST 4")
    assert client.up("APPE /file", b"ab") == [150, 226]
    assert server.get("/file") == b"0123ab6789"
    assert len(server.data(WRITE_OPENED)) == 1


def test_an_upload_that_was_cut_is_gone_on_with_by_appe(
    client: FtpClient, server: FtpServer, way: Way
) -> None:
    data = client.connect()
    client.say("STOR /file")
    data.write(DATA[:1000])
    client.settle()
    client.say("ABOR")
    again = FtpClient(server, way).arrive()
    assert again.up("APPE /file", DATA[1000:]) == [150, 226]
    assert server.get("/file") == DATA


def cut(server: FtpServer, way: Way, sent: bytes) -> FtpClient:
    """An upload of which all may have come, and whose client is back."""
    first = FtpClient(server, way).arrive()
    data = first.connect()
    first.say("STOR /file")
    data.write(sent)
    first.settle()
    first.say("ABOR")
    return FtpClient(server, way).arrive()


@pytest.mark.parametrize("asked", ["SIZE /file", "MLST /file", "STAT /file"])
@pytest.mark.parametrize("sent", [1, 1000, len(DATA)])
def test_an_upload_without_a_file_always_lacks_a_byte_that_appe_brings(
    server: FtpServer, way: Way, asked: str, sent: int
) -> None:
    again = cut(server, way, DATA[:sent])
    assert re.search(rf"\b{sent - 1}\b", "\n".join(again.ask(asked).lines))
    later = FtpClient(server, way).arrive()
    assert later.up("APPE /file", DATA[sent - 1 :]) == [150, 226]
    assert server.get("/file") == DATA
    assert later.ask("SIZE /file").text == str(len(DATA))


def test_what_was_told_of_an_upload_counts_for_the_next_only(server: FtpServer, way: Way) -> None:
    again = cut(server, way, DATA[:1000])
    again.ask("SIZE /file")
    again = cut(server, way, DATA[:1000])
    assert again.up("APPE /file", DATA[1000:]) == [150, 226]
    assert server.get("/file") == DATA


def test_a_download_after_the_size_of_an_upload_was_told_is_refused_once(
    server: FtpServer, way: Way
) -> None:
    server.put("/file", b"finished")
    again = cut(server, way, DATA[:4])
    assert again.ask("SIZE /file").text == "3"
    assert again.down("RETR /file") == (b"", [450])
    assert len(server.data(DOWNLOAD_FAILED)) == 1
    assert again.ask("SIZE /file").text == str(len(b"finished"))
    assert again.down("RETR /file") == (b"finished", [150, 226])


@pytest.mark.parametrize("verb", ["APPE", "STOR"])
def test_bytes_for_an_upload_do_not_reach_a_file_that_is_finished_meanwhile(
    server: FtpServer, way: Way, verb: str
) -> None:
    again = cut(server, way, DATA[:4])
    assert again.ask("SIZE /file").text == "3"
    FtpClient(server, way).arrive().ask("DELE /file")
    server.put("/file", b"finished")
    if verb == "STOR":
        again.say("REST 3")
    again.connect()
    assert again.codes(f"{verb} /file") == [450]
    assert server.get("/file") == b"finished"
    assert len(server.data(UPLOAD_FAILED)) == 2


# Names of our own.


def test_stou_gives_a_name_that_nobody_has(client: FtpClient, server: FtpServer) -> None:
    data = client.connect()
    (said,) = client.say("STOU")
    found = re.fullmatch(rf"FILE: ({UUID}-file)", said.text)
    assert found
    data.write(b"some bytes")
    data.finish()
    client.settle()
    assert server.names() == [found[1]]
    assert server.get(f"/{found[1]}") == b"some bytes"


@pytest.mark.parametrize(
    ("folder", "told"), [("/", rf"FILE: /folder/{UUID}-name"), ("/folder", rf"FILE: {UUID}-name")]
)
def test_stou_with_a_path_keeps_its_folder(
    client: FtpClient, server: FtpServer, folder: str, told: str
) -> None:
    client.say("MKD /folder", f"CWD {folder}", "REST 5")
    client.connect()
    assert re.fullmatch(told, client.say("STOU /folder/name")[0].text)
    assert server.data(WRITE_OPENED)[0]["offset"] == 0


# Of a size that was told.


@pytest.mark.parametrize(
    ("size", "codes"), [(9, [150, 226]), (10, [150, 226]), (11, [150, 426]), (0, [150, 226])]
)
def test_allo_says_how_much_must_come(
    client: FtpClient, server: FtpServer, size: int, codes: list[int]
) -> None:
    assert client.codes(f"ALLO {size}") == [200]
    assert client.up("STOR /file", b"0123456789") == codes
    assert (server.names() == ["file"]) is (codes[1] == 226)
    if codes[1] == 426:
        told = server.data(UPLOAD_FAILED)[0]["details"]
        assert told == "only 10 of the 11 bytes of ALLO are there"
    assert client.up("STOR /file", b"") == [150, 226]  # it was for one upload


@pytest.mark.parametrize(("size", "code"), [(13, 226), (14, 426)])
def test_allo_counts_what_is_there_already(
    client: FtpClient, server: FtpServer, size: int, code: int
) -> None:
    server.put("/file", b"0123456789")
    client.say(f"ALLO {size}", "REST 8")
    assert client.up("STOR /file", b"abcde") == [150, code]
    assert server.get("/file") == b"01234567abcde"


def test_allo_counts_for_one_upload_whatever_comes_of_it(
    client: FtpClient, server: FtpServer
) -> None:
    client.say("ALLO 14")
    assert client.codes("STOR /file") == [425]  # there is no way to a data connection
    assert client.up("STOR /file", b"abcde") == [150, 226]


def test_allo_says_nothing_of_what_is_converted(client: FtpClient, server: FtpServer) -> None:
    client.say("TYPE A", "ALLO 8")
    assert client.up("STOR /file", b"one\r\ntwo") == [150, 226]
    assert server.get("/file") == b"one\ntwo"


# Text.


@pytest.mark.parametrize(
    ("stored", "sent"),
    [
        (b"one\ntwo\n", b"one\r\ntwo\r\n"),
        (b"one\r\ntwo\r\n", b"one\r\ntwo\r\n"),
        (b"one\rtwo\r", b"one\rtwo\r"),
        (b"", b""),
        (b"x" * 32767 + b"\r\nyy", b"x" * 32767 + b"\r\nyy"),  # a pair between two pieces
        (b"\n" * 100_000, b"\r\n" * 100_000),
    ],
)
def test_text_has_the_line_ends_of_the_network(
    client: FtpClient, server: FtpServer, stored: bytes, sent: bytes
) -> None:
    server.put("/file", stored)
    assert client.codes("TYPE A") == [200]
    assert client.down("RETR /file") == (sent, [150, 226])
    assert server.data(DOWNLOAD_DONE)[0]["total"] == len(stored)
    assert client.ask("SIZE /file").text == str(len(stored))


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ([b"one\r\ntwo\r\n"], b"one\ntwo\n"),
        ([b"one\r", b"\ntwo"], b"one\ntwo"),
        ([b"one\r", b"two"], b"one\rtwo"),
        ([b"one\r"], b"one\r"),
        ([b"one\n", b"two\n"], b"one\ntwo\n"),
        ([], b""),
    ],
)
def test_text_gets_the_line_ends_of_files(
    client: FtpClient, server: FtpServer, sent: list[bytes], stored: bytes
) -> None:
    client.say("TYPE A")
    data = client.connect()
    assert client.say("STOR /file")[0].code == 150
    for piece in sent:
        data.write(piece)
        client.settle()
    data.finish()
    client.settle()
    assert [one.code for one in client.take()] == [226]
    assert server.get("/file") == stored


def test_what_kind_is_sent_is_told(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"one\n")
    client.say("TYPE A")
    client.connect()
    assert client.say("RETR /file")[0].text == "Sending text data (4 bytes)."


# Deflated.


@pytest.mark.parametrize("kind", ["I", "A"])
def test_mode_z_deflates_a_download(client: FtpClient, server: FtpServer, kind: str) -> None:
    stored = b"line\n" * 50_000
    server.put("/file", stored)
    assert client.codes(f"TYPE {kind}", "MODE Z") == [200, 200]
    sent, codes = client.down("RETR /file")
    assert codes == [150, 226]
    assert len(sent) < len(stored) // 10
    whole = stored.replace(b"\n", b"\r\n") if kind == "A" else stored
    assert zlib.decompress(sent) == whole
    assert server.data(DOWNLOAD_DONE)[0]["total"] == len(stored)
    assert client.codes("MODE S") == [200]
    assert client.down("RETR /file")[0] == whole


def test_mode_z_of_an_empty_file_is_a_whole_stream(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", b"")
    client.say("MODE Z")
    assert zlib.decompress(client.down("RETR /file")[0]) == b""


@pytest.mark.parametrize("kind", ["I", "A"])
def test_mode_z_inflates_an_upload(client: FtpClient, server: FtpServer, kind: str) -> None:
    client.say(f"TYPE {kind}", "MODE Z")
    sent = b"line\r\n" * 50_000
    assert client.up("STOR /file", zlib.compress(sent)) == [150, 226]
    assert server.get("/file") == (sent.replace(b"\r\n", b"\n") if kind == "A" else sent)


def test_mode_z_takes_its_bytes_one_by_one(client: FtpClient, server: FtpServer) -> None:
    client.say("MODE Z")
    data = client.connect()
    client.say("STOR /file")
    for byte in zlib.compress(b"some bytes"):
        data.write(bytes((byte,)))
        client.settle()
    data.finish()
    client.settle()
    assert server.get("/file") == b"some bytes"


@pytest.mark.parametrize(
    ("sent", "code", "details"),
    [
        (zlib.compress(DATA)[:-1], 426, "the deflated data ends too early"),
        (b"", 426, "the deflated data ends too early"),
        (b"this is not deflated", 553, "what came is not deflated data"),
        (zlib.compress(DATA)[:-4] + b"sum!", 553, "what came is not deflated data"),
        (zlib.compress(DATA) * 2, 553, "bytes behind the end of the deflated data"),
    ],
)
def test_mode_z_is_whole_or_refused(
    client: FtpClient, server: FtpServer, sent: bytes, code: int, details: str
) -> None:
    client.say("MODE Z")
    assert client.up("STOR /file", sent) == [150, code]
    assert server.names() == []
    assert server.data(UPLOAD_FAILED)[0]["details"] == details


# Aborted.


def begun(client: FtpClient, command: str) -> End:
    data = client.connect()
    data.socket.room = 5000  # the handshake, and a little
    assert client.codes(command) == [150]
    return data


@pytest.mark.parametrize(
    ("command", "failed"), [("STOR /new", UPLOAD_FAILED), ("RETR /file", DOWNLOAD_FAILED)]
)
def test_abor_ends_a_transfer_that_runs(
    client: FtpClient, server: FtpServer, command: str, failed: int
) -> None:
    server.put("/file", DATA)
    data = begun(client, command)
    assert client.codes("ABOR", "PWD") == [426, 226, 257]
    assert data.closed
    assert server.names() == ["file"]
    assert server.data(failed)[0]["details"] == "the client aborted the transfer"


def test_abor_as_telnet_has_it_urgently(client: FtpClient, server: FtpServer) -> None:
    server.put("/file", DATA)
    begun(client, "RETR /file")
    assert [one.code for one in client.raw(b"\xff\xf4\xff\xf2ABOR\r\n")] == [426, 226]
    begun(client, "RETR /file")
    assert [one.code for one in client.raw(b"\xff\xf4\xf2ABOR\r\n")] == [426, 226]


def test_abor_before_the_data_connection(serve: Serve, way: Way) -> None:
    server = serve(passive_wait_connection="No")
    client = FtpClient(server, way).arrive()
    client.passive()
    assert client.codes("STOR /new") == [150]
    assert client.codes("ABOR") == [425, 226]
    assert server.listeners.offers == []
    assert len(server.data(UPLOAD_FAILED)) == 1
    assert server.names() == []


def test_abor_when_nothing_runs(client: FtpClient) -> None:
    assert client.ask("ABOR") == (226, ("No transfer is running.",))
    data = client.connect()
    assert client.codes("ABOR") == [226]
    assert data.closed
    assert client.codes("LIST") == [425]


def test_abor_behind_the_end_of_a_transfer(client: FtpClient) -> None:
    assert client.up("STOR /file", b"some bytes") == [150, 226]
    assert client.codes("ABOR") == [226]
