"""XML that becomes more than was sent, names what it must not see, or costs others their turn."""

import pytest

from mft.events import catalogue as events
from mft.wire.http.dav import MAX_XML
from tests.attacks.victim import Victim
from tests.interop.web import Web
from tests.system.http_client import HttpClient

MOST = 24 << 20  # bytes of memory
FILES = 2000
BAD = events.HTTP_BAD_REQUEST.number


def propfind(inner: str) -> str:
    return f'<propfind xmlns="DAV:">{inner}</propfind>'


def fits(pattern: str) -> str:
    """As many of it as a body takes."""
    return pattern * ((MAX_XML - 100) // len(pattern.encode()))


LAUGHS = "".join(f'<!ENTITY l{n + 1} "' + f"&l{n};" * 10 + '">' for n in range(9))
DOCUMENT_TYPES = {
    "a billion laughs": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>' + propfind("&l9;"),
    "quadratic": f'<!DOCTYPE a [<!ENTITY a "{"a" * 30_000}">]>' + propfind("&a;" * 10_000),
    "in attributes": f'<!DOCTYPE a [<!ENTITY l0 "ha">{LAUGHS}]>' + propfind("<a b='&l9;'/>"),
    "a file": '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    + propfind("<prop>&a;</prop>"),
    "a URL": '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd">' + propfind("<allprop/>"),
    "a parameter": (
        '<!DOCTYPE a [<!ENTITY % a SYSTEM "file:///etc/passwd"><!ENTITY % b "<!ENTITY c \'%a;\'>">'
        "%b;]>" + propfind("<allprop/>")
    ),
    "a default": '<!DOCTYPE a [<!ATTLIST propfind x CDATA "y">]>' + propfind("<allprop/>"),
}
SHAPES = {
    "deep": propfind(fits("<a>")),
    "many": propfind("<prop>" + fits("<a/>") + "</prop>"),
    "many names": propfind("<prop>" + "".join(f"<a{n}/>" for n in range(5000)) + "</prop>"),
    "attributes": propfind("<a " + " ".join(f'a{n}=""' for n in range(6000)) + "/>"),
    "namespaces": propfind("<a " + " ".join(f'xmlns:a{n}="b"' for n in range(3000)) + "/>"),
    "one tag": propfind("<" + fits("a")),
    "one comment": propfind("<!--" + fits("- ")),
    "no end": fits("<![CDATA["),
}


@pytest.mark.parametrize("method", ["PROPFIND", "PROPPATCH"])
@pytest.mark.parametrize("kind", DOCUMENT_TYPES)
def test_no_document_type_is_read(victim: Victim, web: Web, method: str, kind: str) -> None:
    with HttpClient(web) as client:
        client.ask("OPTIONS", "/home/")
        before = victim.memory
        answer = client.ask(method, "/home/", DOCUMENT_TYPES[kind].encode(), Depth="0")
        assert answer.status == 400
        assert b"root:" not in answer.body
        assert victim.memory - before < MOST
        assert client.ask("PROPFIND", "/home/", Depth="0").status == 207
        told = victim.tells(BAD, client.port)
        assert told["details"] == "400: a body with a document type"


@pytest.mark.parametrize("kind", SHAPES)
def test_no_shape_costs_memory_or_others_their_turn(victim: Victim, web: Web, kind: str) -> None:
    body = SHAPES[kind].encode()[:MAX_XML]
    with HttpClient(web) as client, HttpClient(web) as other:
        client.ask("OPTIONS", "/home/")
        assert other.ask("PROPFIND", "/home/", Depth="0").status == 207
        other.socket.settimeout(2.0)
        before = victim.memory
        for _ in range(5):
            client.put(client.head("PROPFIND", "/home/", Depth="0", Content_Length=str(len(body))))
            client.put(body)
            assert other.ask("PROPFIND", "/home/", Depth="0").status == 207
            assert client.answer().status == 400
        assert victim.memory - before < MOST


def test_a_body_without_end_is_not_read_to_its_end(victim: Victim, web: Web) -> None:
    with HttpClient(web) as client:
        before = victim.memory
        client.put(client.head("PROPFIND", "/home/", Depth="0", Transfer_Encoding="chunked"))
        chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
        for _ in range(100):
            client.put(chunk)
        assert client.answer().status == 413
        assert victim.memory - before < MOST


def test_no_little_question_has_an_answer_that_is_kept(victim: Victim, web: Web) -> None:
    """Every file is told each of many long names, to a client that does not read."""
    folder = victim.path(victim.name())
    folder.mkdir()
    for number in range(FILES):
        (folder / str(number)).touch()
    names = "".join(f"<a{n} xmlns='{'&quot;' * 70}'/>" for n in range(120))
    body = propfind(f"<prop>{names}</prop>").encode()
    target = f"/home/{folder.name}/"
    with HttpClient(web) as client, HttpClient(web) as other:
        assert other.ask("PROPFIND", target, Depth="0").status == 207
        other.socket.settimeout(2.0)
        before = victim.memory
        length = str(len(body))
        client.put(client.head("PROPFIND", target, Depth="1", Content_Length=length) + body)
        assert client.answer_head()[0] == 207
        for _ in range(20):
            assert other.ask("PROPFIND", target, Depth="0").status == 207
            assert victim.memory - before < MOST
        client.close(reset=True)
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
