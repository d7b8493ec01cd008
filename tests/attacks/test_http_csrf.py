"""Pages of other servers that make a browser ask us: nothing is done with a person's credentials.

Headers are those that browsers send, and that no page can change: Origin, Referer, Sec-Fetch-Site.
"""

import json
from urllib.parse import urlencode

import pytest

from mft.events import catalogue as events
from tests.interop.web import Web
from tests.system.http_client import HttpClient

OTHER = events.HTTP_OTHER_ORIGIN.number
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def log_in(web: Web) -> str:
    """The cookie of a new web session."""
    given = {"username": web.server.account, "password": web.server.password}
    with HttpClient(web, name="") as client:
        body = urlencode(given).encode()
        own = f"{web.scheme}://{web.host}"
        answer = client.ask("POST", "/__mft__/login", body, Content_Type=FORM, Origin=own)
        assert answer.status == 303
        return answer.fields["set-cookie"].partition(";")[0]


def foreign(web: Web) -> list[dict[str, str]]:
    """What a browser says where another page is behind the request, or where nobody knows."""
    host, scheme = web.host, web.scheme
    origins = [
        "null",
        "",
        "https://evil.example",
        f"{scheme}://{host}.evil.example",
        f"{scheme}://evil.example:{web.port}",
        f"{scheme}://{web.server.address}",
        f"{scheme}://{web.server.address}:1",
        f"{scheme}://evil.example/{host}",
        f"{scheme}://evil.example#{host}",
        f"{scheme}://{host}@evil.example",
        f"{scheme}://{host}\\@evil.example",
        f"{scheme}://[::1",
        f"file://{host}",
        f"ftp://{host}",
        f"javascript://{host}/%0aalert(1)",
        f"//{host}",
        host,
        f"{scheme}://{host}, https://evil.example",
        f"{scheme}://{host} https://evil.example",
    ]
    if web.private:
        origins.append(f"http://{host}")  # anybody on the way may have made that page
    found = [{"Origin": origin} for origin in origins]
    found += [{"Referer": f"{origin}/page"} for origin in origins]
    found += [{"Origin": origin, "Referer": f"{scheme}://{host}/"} for origin in origins]
    found += [{"Sec-Fetch-Site": site} for site in ("cross-site", "same-site", "x", "")]
    return found


REQUESTS = [
    ("PUT", "/home/planted", b"planted", "text/plain"),
    ("PUT", "/home/planted/", None, None),
    ("DELETE", "/home/kept", None, None),
    ("POST", "/home/", b'{"commands":[{"command":"delete","target":"kept"}]}', JSON),
    ("POST", "/home/", b'{"commands":[{"command":"delete","target":"kept"}]}', "text/plain"),
    ("POST", "/home/", b"action=delete-members&selected-members=kept", FORM),
    ("MKCOL", "/home/planted/", None, None),
    ("MOVE", "/home/kept", None, None),
    ("COPY", "/home/kept", None, None),
    ("PROPPATCH", "/home/kept", b"<x/>", "text/xml"),
    ("POST", "/__mft__/logout", None, None),
]


@pytest.mark.parametrize("way", ["cookie", "password"])
def test_nothing_is_changed_for_a_page_of_another_server(victim, web: Web, way: str) -> None:
    victim.path("kept").write_bytes(b"kept")
    shown: dict[str, str | None] = {}
    if way == "cookie":
        shown = {"Authorization": None, "Cookie": log_in(web)}
    with HttpClient(web) as client:
        sources: list[dict[str, str]] = [*([{}] if way == "cookie" else []), *foreign(web)]
        tried = [(source, request) for source in sources[:3] for request in REQUESTS]
        tried += [(source, REQUESTS[0]) for source in sources[3:]]
        for source, (method, target, body, kind) in tried:
            fields: dict[str, str | None] = {**shown, **source, "Content-Type": kind}
            if method in ("MOVE", "COPY"):
                fields["Destination"] = "/home/planted"
            assert client.ask(method, target, body, **fields).status == 400, (method, source)
        assert victim.path("kept").read_bytes() == b"kept"
        assert not victim.path("planted").exists()
        assert len(victim.told(OTHER, client.port)) >= len(tried)
        # It was not logged out either, and its own page may do things.
        own = f"{web.scheme}://{web.host}"
        assert client.ask("PUT", "/home/own", b"", **shown, Origin=own).status == 201
        assert client.ask("PUT", "/home/own", b"", **shown, Sec_Fetch_Site="none").status == 201


def test_nobody_is_logged_in_as_somebody_else_by_a_page_of_another_server(web: Web) -> None:
    """Who does not see it puts files into the account of the attacker."""
    given = {"username": web.server.account, "password": web.server.password}
    bodies = [
        (urlencode(given).encode(), FORM),
        (json.dumps(given).encode(), JSON),
        (json.dumps(given).encode(), "text/plain"),
    ]
    for source in foreign(web):
        for body, kind in bodies if "Sec-Fetch-Site" in source else bodies[:1]:
            with HttpClient(web, name="") as client:
                answer = client.ask("POST", "/__mft__/login", body, Content_Type=kind, **source)
            assert answer.status in (400, 415)
            assert "set-cookie" not in answer.fields


def test_no_page_may_read_our_answers(victim, web: Web) -> None:
    """Without CORS a script gets nothing of an answer, and its requests are not allowed before."""
    with HttpClient(web) as client:
        for method in ("GET", "OPTIONS"):
            answer = client.ask(
                method,
                "/home/",
                Origin="https://evil.example",
                Access_Control_Request_Method="PUT",
                Access_Control_Request_Headers="Authorization",
            )
            assert not [name for name in answer.fields if name.startswith("access-control-")]
            assert answer.fields["cross-origin-resource-policy"] == "same-origin"


def test_a_cookie_is_for_our_own_pages_only(web: Web) -> None:
    with HttpClient(web, name="") as client:
        given = {"username": web.server.account, "password": web.server.password}
        answer = client.ask("POST", "/__mft__/login", json.dumps(given).encode(), Content_Type=JSON)
        parts = {part.strip() for part in answer.fields["set-cookie"].split(";")[1:]}
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= parts
    if web.private:
        assert "Secure" in parts
        assert answer.fields["set-cookie"].startswith("__Host-")
