"""Heads of answers: what all of them say, what a service adds, and one line for each field."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.protocols.http import answers
from mft.protocols.http.answers import AnswerHeads, as_json, error_json
from mft.protocols.http.options import HttpOptions

POLICY = "Content-Security-Policy"


def heads(tmp_path: Any, **options: str) -> AnswerHeads:
    given = {"name": "web", "type": "http", "port": "0", **options}
    return AnswerHeads(HttpOptions.model_validate(given, context=Context(tmp_path)))


def fields(head: bytes) -> list[tuple[str, str]]:
    """The fields of a head, which must end in an empty line."""
    assert head.endswith(b"\r\n\r\n")
    lines = head[:-4].decode("latin-1").split("\r\n")[1:]
    return [(line.partition(": ")[0], line.partition(": ")[2]) for line in lines]


def test_every_answer_tells_browsers_what_not_to_do(tmp_path: Any) -> None:
    head = heads(tmp_path).write(200, [("Content-Length", "0")])
    assert head.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    told = dict(fields(head))
    assert len(told) == len(fields(head))
    assert told["Server"] == "mft"
    assert told["X-Content-Type-Options"] == "nosniff"
    assert told[POLICY] == "default-src 'none'; frame-ancestors 'none'; sandbox"
    assert told["Referrer-Policy"] == "no-referrer"
    assert told["Cross-Origin-Resource-Policy"] == "same-origin"
    assert told["Cross-Origin-Opener-Policy"] == "same-origin"
    assert told["Cache-Control"] == "no-store"
    assert told["Content-Length"] == "0"
    assert "Strict-Transport-Security" not in told


def test_an_answer_may_have_policies_of_its_own(tmp_path: Any) -> None:
    given = heads(tmp_path)
    for name in (POLICY, "Cache-Control", "Referrer-Policy"):
        told = fields(given.write(200, [(name, "its own")]))
        assert [value for key, value in told if key == name] == ["its own"]
        assert ("Server", "mft") in told
    assert ("Cache-Control", "no-store") in fields(given.write(200, []))


@pytest.mark.parametrize("name", ["Server", "server", "X-Content-Type-Options"])
def test_a_header_of_the_administrator_takes_the_place_of_ours(tmp_path: Any, name: str) -> None:
    told = fields(heads(tmp_path, headers=f"{name}: files\nX-Robots-Tag: none").write(404, []))
    assert [value for key, value in told if key.lower() == name.lower()] == ["files"]
    assert ("X-Robots-Tag", "none") in told


def test_a_header_without_a_value_hides_ours(tmp_path: Any) -> None:
    told = dict(fields(heads(tmp_path, headers="Server:").write(200, [])))
    assert "Server" not in told
    assert told["X-Content-Type-Options"] == "nosniff"


def test_a_header_may_come_several_times(tmp_path: Any) -> None:
    told = fields(heads(tmp_path, headers="Link: <a>\nLink: <b>").write(200, []))
    assert [value for key, value in told if key == "Link"] == ["<a>", "<b>"]


def test_browsers_are_told_to_insist_on_https(tmp_path: Any) -> None:
    name = "Strict-Transport-Security"
    told = fields(heads(tmp_path, strict_transport_security="365d").write(200, []))
    assert (name, "max-age=31536000") in told
    own = f"{name}: max-age=5; includeSubDomains"
    told = fields(heads(tmp_path, strict_transport_security="365d", headers=own).write(200, []))
    assert [value for key, value in told if key == name] == ["max-age=5; includeSubDomains"]


def test_the_date_is_that_of_the_second(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    given = heads(tmp_path)
    for seconds, date in (
        (784_111_777.2, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (784_111_777.9, "Sun, 06 Nov 1994 08:49:37 GMT"),
        (784_111_778.1, "Sun, 06 Nov 1994 08:49:38 GMT"),
    ):
        monkeypatch.setattr(answers, "time", SimpleNamespace(time=lambda now=seconds: now))
        assert dict(fields(given.write(200, [])))["Date"] == date


@pytest.mark.parametrize(
    "field",
    [
        ("Location", "/home/\r\nSet-Cookie: mft=1"),
        ("Location", "/home/\nSet-Cookie: mft=1"),
        ("Location", "/home/\rSet-Cookie: mft=1"),
        ("Location", "/home/\r\n\r\n<script>"),
        ("X\r\nY", "a"),
        ("X\n", "a"),
        ("Location", "/home/ü€"),
    ],
)
def test_a_value_that_would_end_its_line_is_never_sent(
    tmp_path: Any, field: tuple[str, str]
) -> None:
    given = heads(tmp_path)
    for more in ([], [("Cache-Control", "a")]):
        with pytest.raises(ValueError, match=r"more than one line|latin-1"):
            given.write(302, [*more, field])


def test_errors_are_told_to_programs_as_json() -> None:
    assert as_json([1]) == b"[1]\n"
    body = error_json("Not Found", '"</script>')
    assert json.loads(body) == {"errors": [{"title": "Not Found", "message": '"</script>'}]}
