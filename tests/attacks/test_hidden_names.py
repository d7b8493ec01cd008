"""Finding out what an account shall not know of: nothing tells whether something is there."""

import json
from itertools import product

import pytest

from mft.core.vpath import VPath
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import HttpClient, HttpServer
from tests.fakes.run import run
from tests.fakes.scp_client import ScpClient
from tests.fakes.sessions import shape
from tests.fakes.ssh_client import SshClient

HIDDEN = "allow-full-control\n    /vault*, deny-full-control"
BELOW = "allow-full-control\n    /vault, deny-full-control\n    /vault/*, allow-write"


def serving(serve, rules, *, there):
    """A server with a folder that its account shall not know of, or without."""
    options = {"permissions": rules, "hide_denied_entries": "yes"}
    server = serve(account("ann", password=CHEAP_HASH, **options))
    if there:
        run(server.owner().make_directory(VPath.parse("/vault")))
    return server


@pytest.mark.parametrize("command", ["scp -t -d", "scp -t", "scp -r -t -d", "scp -r -t", "scp -f"])
@pytest.mark.parametrize("line", [b"C0644 5 other\n", b"D0755 0 other\n"])
def test_a_folder_that_is_hidden_is_answered_as_one_that_is_not_there(serve, command, line):
    """scp asks with -d whether its target is a folder, before it sends anything."""
    said = []
    for there in (True, False):
        server = serving(serve, HIDDEN, there=there)
        scp = ScpClient(SshClient(server).log_in(), f"{command} /vault")
        said.append((scp.say(), scp.status, scp.say(line), scp.eof().status))
        assert server.names() == ["vault"] * there
    assert said[0] == said[1]


def test_who_knows_the_name_of_a_hidden_folder_puts_files_there(serve):
    server = serving(serve, BELOW, there=True)
    scp = ScpClient(SshClient(server).log_in(), "scp -t -d /vault")
    assert scp.say(b"C0644 5 new\n", b"hello\0") == b"\0" * 3
    assert server.get("/vault/new") == b"hello"


JSON = {"Content_Type": "application/json"}
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
COMMANDS = ("delete", "create-folder", "create-folder-if-missing")
ACTIONS = (
    "create-folder&new-folder=vault",
    "delete-members&selected-members=vault",
    "rename-member&selected-members=vault&new-name=got",
    "rename-member&selected-members=file&new-name=vault",
    "move-members&selected-members=folder&target=/vault",
    "download-members&selected-members=vault",
)
TUS = {"Tus_Resumable": "1.0.0", "Upload_Length": "3", "Upload_Metadata": "path L3ZhdWx0"}  # /vault
CONDITIONS = ({}, {"If_None_Match": "*"}, {"If_Match": "*"}, {"Upload_Complete": "?1"})
OVERWRITE = ("T", "F")
DEPTHS = ({}, {"Depth": "0"})


def asked():
    """Whatever a client may ask about `/vault`, or about what would be in it."""
    for path in ("/home/vault", "/home/vault/", "/home/vault/in"):
        for method in ("GET", "HEAD", "DELETE", "MKCOL"):
            yield from ((method, path, None, fields) for fields in CONDITIONS[:3])
        yield from (("PUT", path, b"x", fields) for fields in CONDITIONS)
        yield from (("PROPFIND", path, None, {"Depth": depth}) for depth in "01")
        yield "GET", f"{path}?zip", None, {}
        for method, overwrite, depth in product(("COPY", "MOVE"), OVERWRITE, DEPTHS):
            fields = {"Overwrite": overwrite, **depth}
            for source in ("/home/file", "/home/folder", "/home/folder/"):
                yield method, source, None, {"Destination": path, **fields}
            for target in ("/home/got", "/home/file", "/home/folder", "/home/none/got"):
                yield method, path, None, {"Destination": target, **fields}
    for command in COMMANDS:
        given = {"commands": [{"command": command, "target": "vault"}]}
        yield "POST", "/home/", json.dumps(given).encode(), JSON
    yield from (("POST", "/home/", f"action={one}".encode(), FORM) for one in ACTIONS)
    yield "POST", "/__mft__/tus", None, TUS


def made_of(server, kind):
    """Put something there, or nothing; gives what the tree is then."""
    owner, vault = server.owner(), VPath.parse("/vault")
    run(owner.make_directory(VPath.parse("/folder")))
    server.put("/folder/file", b"x")
    server.put("/file", b"x")
    if kind == "folder":
        run(owner.make_directory(vault))
        server.put("/vault/in", b"hidden")
    elif kind == "link":
        run(owner.make_link(vault, "folder"))
    elif kind == "file":
        server.put("/vault", b"hidden")
    return shape(owner)


def test_over_http_nothing_tells_whether_something_is_there(tmp_path):
    options = {"permissions": HIDDEN, "hide_denied_entries": "yes"}
    ann = account("ann", password=CHEAP_HASH, **options)
    servers = {
        kind: HttpServer(tmp_path / kind, ann, began=1e9)
        for kind in ("nothing", "folder", "file", "link")
    }
    before = {kind: made_of(server, kind) for kind, server in servers.items()}
    for method, path, body, fields in asked():
        answers = {
            kind: HttpClient(server).ask(method, path, body, **fields)
            for kind, server in servers.items()
        }
        told = {kind: (one.status, bytes(one.body)) for kind, one in answers.items()}
        assert len(set(told.values())) == 1, (method, path, fields, told)
    for kind, server in servers.items():
        assert shape(server.owner()) == before[kind]
        server.close()
