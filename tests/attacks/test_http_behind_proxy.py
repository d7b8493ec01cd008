"""nginx in front, one connection behind it for everybody.

Nobody gets what another has hidden: a request that the proxy takes for one and the server for two
leaves an answer on the connection, which the next client of the proxy is given. And nobody chooses
the address that he has: the proxy adds it to whatever he has said of himself.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from mft.events import catalogue as events
from tests.attacks.test_http_smuggling import BOTH, CHUNKED, CHUNKS, CODINGS, LENGTHS, head, hidden
from tests.interop.ports import free_port
from tests.interop.web import Web
from tests.system.http_client import HttpClient, basic
from tests.system.rig import listens, until
from tests.system.trail import HTTP_UPLOADED

MINE: Final = b"what the other client has asked for"
PATH: Final = f"{os.environ['PATH']}:/usr/sbin"
REFUSED: Final = events.HTTP_UNAUTHENTICATED.number
TURNS: Final = 3  # requests of the other client behind each attack

NGINX: Final = """
daemon off;
master_process off;
pid {folder}/pid;
error_log {folder}/errors;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/answers;
    upstream mft {{ server 127.0.0.1:{behind}; keepalive 1; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://mft;
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_request_buffering off;
        }}
    }}
    server {{
        listen 127.0.0.1:{telling};
        location / {{
            proxy_pass http://127.0.0.1:{told};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        }}
    }}
}}
"""


class Front(NamedTuple):
    """The ports of an nginx."""

    plain: int  # forwards everything as it comes
    telling: int  # adds whom it serves


@pytest.fixture(scope="module")
def front(victim, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """An nginx that runs."""
    folder: Path = tmp_path_factory.mktemp("nginx")
    ports = Front(free_port(), free_port())
    settings = {
        "folder": folder,
        "behind": victim.webs["http"].port,
        "port": ports.plain,
        "told": victim.webs["forwarded"].port,
        "telling": ports.telling,
    }
    (folder / "conf").write_text(NGINX.format(**settings))
    argv = [
        shutil.which("nginx", path=PATH),
        "-e",
        folder / "errors",
        "-p",
        folder,
        "-c",
        folder / "conf",
    ]
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as process:
        try:
            until(lambda: listens(ports.plain) and listens(ports.telling), "nginx")
            yield ports
        finally:
            process.terminate()


def others(web: Web, port: int) -> list[bytes]:
    """What another client gets, who asks for one file again and again."""
    with HttpClient(web, port=port) as client:
        return [client.ask("GET", "/home/mine").body for _ in range(TURNS)]


BODY = b"5\r\n12345\r\n0\r\n\r\n"
CASES = {
    **{repr(lines): (lines, BODY) for lines in BOTH},
    **{repr(line): ((line,), BODY) for line in CODINGS},
    **{f"{line!r} and 4": (("Content-Length: 4", line), BODY) for line in CODINGS},
    **{repr(line): ((line,), b"12345") for line in LENGTHS},
    **{f"{line!r} in chunks": ((CHUNKED, line), BODY) for line in LENGTHS},
    **{repr(body[:32]): ((CHUNKED,), body) for body in CHUNKS},
}


def test_an_attack_changes_nothing_for_the_next_client(victim, front: Front) -> None:
    proxy = front.plain
    web, before = victim.webs["http"], victim.trail.count(HTTP_UPLOADED)
    victim.path("mine").write_bytes(MINE)
    victim.path("hidden").write_bytes(b"what the attacker has hidden")
    for name, (lines, body) in CASES.items():
        with HttpClient(web, port=proxy) as attacker:
            request = b"PUT /home/%b HTTP/1.1" % victim.name().encode()
            with contextlib.suppress(OSError):
                attacker.put(head(attacker, *lines, request=request) + body + hidden(attacker))
            assert others(web, proxy) == [MINE] * TURNS, name
    assert victim.trail.count(HTTP_UPLOADED) > before, "the proxy let nothing through"


CLAIMS: Final = (
    "127.0.0.1",  # which no ban is for
    "::1",
    "203.0.113.1",
    "203.0.113.1, 127.0.0.1",
    "203.0.113.1\r\nX-Forwarded-For: 127.0.0.1",
    "unknown",
    "for=127.0.0.1",
    "",
    ",",
    "127.0.0.1," * 400,
)


def test_nobody_chooses_the_address_that_his_failures_are_counted_for(victim, front: Front) -> None:
    source = "127.0.0.77"
    before = len(victim.trail.told)
    for claim in CLAIMS:
        with HttpClient(victim.webs["forwarded"], source=source, port=front.telling) as client:
            client.fields["Authorization"] = basic("nobody", "wrong")
            assert client.ask("GET", "/home/", X_Forwarded_For=claim).status == 401, claim
    told = [one for one in victim.trail.told[before:] if one["id"] == REFUSED]
    assert [one["peer"]["address"] for one in told] == [source] * len(CLAIMS)
