"""Every operation that permissions know, by HTTP: allowed, denied, and on another path.

The accounts, the folders and what is expected are those of the tests over SFTP; every request that
does an operation is one row here.
"""

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import pytest

from mft.auth.permissions import Operation
from tests.interop.instance import Server
from tests.interop.services import cheap_hash
from tests.interop.web import SCHEMES, Web
from tests.system.http_client import HttpClient
from tests.system.rig import Rig
from tests.system.test_permissions import KINDS, TEXT, expected, fill, lines, name_of, state

DENIED = 403
UNDONE = 422  # a command: what was denied is told in the body
NONE: Mapping[str, str] = MappingProxyType({})
JSON: Mapping[str, str] = MappingProxyType({"Content_Type": "application/json"})


class Deed(NamedTuple):
    """A request for `/home/{at}/...`, and how the disk shows that it was done."""

    method: str
    target: str
    body: bytes | None = None
    fields: Mapping[str, str] = NONE
    done: Callable[[Path], bool] | None = None  # None: the answer tells
    denied: int = DENIED


def _new(disk: Path) -> bool:
    return (disk / "new").exists()


def _made(disk: Path) -> bool:
    return (disk / "made").is_dir()


def _moved(disk: Path) -> bool:
    return (disk / "moved").exists() and not (disk / "file").exists()


def _gone(disk: Path) -> bool:
    return not (disk / "file").exists()


def _command(name: str, target: str) -> bytes:
    return b'{"commands":[{"command":"%s","target":"%s"}]}' % (name.encode(), target.encode())


def _form(boundary: str) -> bytes:
    parts = [
        'Content-Disposition: form-data; name="action"\r\n\r\nupload-file',
        'Content-Disposition: form-data; name="file"; filename="new"\r\n\r\nmore',
    ]
    return "".join(f"--{boundary}\r\n{part}\r\n" for part in parts).encode() + b"--x--\r\n"


DEPTH_0: Mapping[str, str] = MappingProxyType({"Depth": "0"})
DEPTH_1: Mapping[str, str] = MappingProxyType({"Depth": "1"})
DEEDS: dict[Operation, tuple[Deed, ...]] = {
    Operation.READ: (
        Deed("GET", "file"),
        Deed("GET", "file", fields={"Range": "bytes=0-3"}),
        Deed("GET", "file", fields={"Want_Repr_Digest": "sha-256=1"}),
    ),
    Operation.READ_ATTRIBUTES: (
        Deed("HEAD", "file"),
        Deed("PROPFIND", "file", fields=DEPTH_0),
    ),
    Operation.LIST: (
        Deed("GET", ""),
        Deed("GET", "", fields={"Accept": "text/html"}),
        Deed("PROPFIND", "", fields=DEPTH_1),
    ),
    Operation.TRAVERSE: (
        Deed("HEAD", "folder/"),
        Deed("PROPFIND", "folder/", fields=DEPTH_0),
    ),
    Operation.WRITE: (
        Deed("PUT", "new", TEXT, done=_new),
        Deed("PUT", "new", TEXT, {"If_None_Match": "*"}, done=_new),
        Deed(
            "POST",
            "",
            _form("x"),
            {"Content_Type": "multipart/form-data; boundary=x"},
            done=_new,
            denied=UNDONE,
        ),
    ),
    Operation.CREATE_FOLDER: (
        Deed("PUT", "made/", done=_made),
        Deed("MKCOL", "made/", done=_made),
        Deed("POST", "", _command("create-folder", "made"), JSON, _made, UNDONE),
        Deed("POST", "", _command("create-folder-if-missing", "made"), JSON, _made, UNDONE),
    ),
    Operation.RENAME: (Deed("MOVE", "file", fields={"Destination": "moved"}, done=_moved),),
    Operation.DELETE_FILE: (
        Deed("DELETE", "file", done=_gone),
        Deed("POST", "", _command("delete", "file"), JSON, _gone, UNDONE),
    ),
}
# HTTP has no words for some; a folder is emptied before it goes, which has a test of its own.
WITHOUT = {
    Operation.READ_LINK,
    Operation.MAKE_LINK,
    Operation.SET_ATTRIBUTES,
    Operation.DELETE_FOLDER,
}
OTHERS = {
    "passing": "allow-traverse",
    "folders": "allow-delete-folder, allow-list",
    "trees": "allow-delete-folder, allow-delete-file, allow-list",
    "copying": "allow-read, allow-write",
}


@pytest.fixture(scope="module")
def accounts(
    tmp_path_factory: pytest.TempPathFactory, template: Server
) -> Iterator[tuple[dict[str, Server], dict[str, Web]]]:
    """An instance with an account for every operation and kind, and a service of each scheme."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    services = {scheme: rig.web(scheme) for scheme in SCHEMES}
    password = cheap_hash(rig.server)
    wanted = {name_of(one, kind): lines(one, kind) for one in Operation for kind in KINDS} | OTHERS
    found = {
        name: rig.account(name, permissions=given, password=password)
        for name, given in wanted.items()
    }
    found["limited"] = rig.account("limited", password=password, file_write_size="1000")
    rig.start()
    yield found, services
    try:
        rig.stop()
    finally:
        rig.close()


def status(client: HttpClient, deed: Deed, at: str) -> int:
    """How a request is answered; what a read tells must be the file."""
    fields = dict(deed.fields)
    if "Destination" in fields:
        fields["Destination"] = f"{at}/{fields['Destination']}"
    answer = client.ask(deed.method, f"{at}/{deed.target}", deed.body, **fields)
    if answer.status in (200, 206) and deed.target == "file" and deed.method == "GET":
        assert answer.body == TEXT[: len(answer.body)]
    return answer.status


def test_no_operation_is_without_a_request() -> None:
    assert set(DEEDS) | WITHOUT == set(Operation)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("operation", DEEDS, ids=lambda one: one.name.lower())
def test_an_operation_needs_its_own_permission_on_its_own_path(
    accounts: tuple[dict[str, Server], dict[str, Web]], operation: Operation, kind: str, scheme: str
) -> None:
    servers, services = accounts
    server = servers[name_of(operation, kind)]
    with HttpClient(services[scheme], name=server.account) as client:
        for deed in DEEDS[operation]:
            for folder, allowed in expected(operation, kind).items():
                fill(server.home)
                before = state(server.home)
                code = status(client, deed, f"/home/{folder}")
                told = f"{deed.method} {deed.target} in {folder}: {code}"
                assert code // 100 == 2 if allowed else code == deed.denied, told
                if deed.done is not None:
                    assert deed.done(server.home / folder) is allowed, told
                if not allowed:
                    assert state(server.home) == before, told


@pytest.mark.parametrize("where", ["here", "there"])
@pytest.mark.parametrize("name", ["folders", "trees", *(f"delete_folder-{kind}" for kind in KINDS)])
def test_a_folder_is_emptied_by_who_may_see_and_remove_all_of_it(
    accounts: tuple[dict[str, Server], dict[str, Web]], name: str, where: str
) -> None:
    """Who may not remove the folder does not empty it either."""
    servers, services = accounts
    server = servers[name]
    refused = name == "delete_folder-all-but" or (name, where) == ("delete_folder-there", "here")
    fill(server.home)
    inner = server.home / where / "folder" / "inner"
    inner.write_bytes(TEXT)
    with HttpClient(services["https"], name=name) as client:
        for command in (False, True):
            code = removed(client, f"/home/{where}", by_command=command)
            assert code == 204 if name == "trees" and not command else code in (DENIED, 409, UNDONE)
            assert inner.exists() is (name != "trees")
        inner.unlink(missing_ok=True)
        inner.parent.mkdir(exist_ok=True)
        assert removed(client, f"/home/{where}") == (DENIED if refused else 204)
        assert inner.parent.exists() is refused


def removed(client: HttpClient, at: str, *, by_command: bool = False) -> int:
    """Ask to remove a folder and all that is in it."""
    if by_command:
        return client.ask("POST", f"{at}/", _command("delete", "folder"), **JSON).status
    return client.ask("DELETE", f"{at}/folder/").status


@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_needs_to_read_and_to_write(
    accounts: tuple[dict[str, Server], dict[str, Web]], kind: str
) -> None:
    servers, services = accounts
    names = [name_of(one, kind) for one in (Operation.READ, Operation.WRITE)]
    for name in (*names, "copying"):
        server = servers[name]
        fill(server.home)
        with HttpClient(services["http"], name=name) as client:
            answer = client.ask("COPY", "/home/here/file", Destination="/home/here/new")
        assert answer.status == (201 if name == "copying" else DENIED)
        assert (server.home / "here" / "new").exists() is (name == "copying")


def test_a_part_of_an_upload_needs_to_write(
    accounts: tuple[dict[str, Server], dict[str, Web]],
) -> None:
    servers, services = accounts
    for kind in KINDS:
        server = servers[name_of(Operation.WRITE, kind)]
        for folder, allowed in expected(Operation.WRITE, kind).items():
            fill(server.home)
            before = state(server.home)
            with HttpClient(services["https"], name=server.account) as client:
                name = b64encode(f"/{folder}/new".encode()).decode()
                answer = client.ask(
                    "POST",
                    "/__mft__/tus/",
                    TEXT,
                    Tus_Resumable="1.0.0",
                    Upload_Length=str(len(TEXT)),
                    Upload_Metadata=f"path {name}",
                    Content_Type="application/offset+octet-stream",
                )
            assert answer.status == (201 if allowed else DENIED)
            assert (server.home / folder / "new").exists() is allowed
            if not allowed:
                assert state(server.home) == before


def test_attributes_are_not_changed_whatever_is_allowed(
    accounts: tuple[dict[str, Server], dict[str, Web]],
) -> None:
    servers, services = accounts
    server = servers[name_of(Operation.SET_ATTRIBUTES, "only")]
    fill(server.home)
    before = state(server.home)
    body = (
        b'<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:getlastmodified>x'
        b"</D:getlastmodified></D:prop></D:set></D:propertyupdate>"
    )
    with HttpClient(services["http"], name=server.account) as client:
        assert client.ask("PROPPATCH", "/home/here/file", body).status in (207, 403)
    assert state(server.home) == before


def test_who_may_only_pass_through_sees_folders_and_no_file(
    accounts: tuple[dict[str, Server], dict[str, Web]],
) -> None:
    servers, services = accounts
    server = servers["passing"]
    fill(server.home)
    with HttpClient(services["https"], name=server.account) as client:
        listed = client.ask("GET", "/home/here/")
        assert [one["name"] for one in listed.json["content"]] == ["folder"]
        for method in ("GET", "HEAD", "PROPFIND"):
            assert client.ask(method, "/home/here/file", Depth="0").status == DENIED
        assert client.ask("GET", "/home/here/", Accept="application/zip").status in (DENIED, 200)


def test_a_limit_on_files_is_told_as_such(
    accounts: tuple[dict[str, Server], dict[str, Web]],
) -> None:
    servers, services = accounts
    for web in services.values():
        with HttpClient(web, name="limited") as client:
            assert client.ask("PUT", "/home/fits", bytes(1000)).status == 201
            assert client.ask("PUT", "/home/large", bytes(1001)).status == 413
            client.put(client.head("PUT", "/home/large", Transfer_Encoding="chunked"))
            client.put(b"fff\r\n" + bytes(0xFFF) + b"\r\n0\r\n\r\n")
            assert client.answer().status == 413
    assert [path.name for path in servers["limited"].home.iterdir() if path.name[0] != "."] == [
        "fits"
    ]
