"""What can be written of a server that judges logins, and what is told of the rest."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from mft.config.kinds import Context
from tests.fakes.auth_service import http_options


def sentence(**options: str) -> str:
    with pytest.raises(ValidationError) as raised:
        http_options(**options)
    return str(raised.value)


def test_several_urls_are_kept_in_their_order() -> None:
    given = http_options(url="https://one.example/a?b=c, http://[::1]:8080/")
    assert given.url == ("https://one.example/a?b=c", "http://[::1]:8080/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "auth.example.com",
        "ftp://a.example/",
        "file:///etc/passwd",
        "https://",
        "http://a:0/",
        "http://a:99999/",
        "http://a.example/#top",
        "http://ex\u00e4mple.com/",
        "http://a b/",
        "http://a.example/" + "x" * 2000,
        "http://[::1/",
        "javascript:alert(1)",
        "http://a.example/, http://a.example/",
        ",".join(f"http://a{n}/" for n in range(11)),
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    assert "url" in sentence(url=url)


def test_a_password_in_a_url_is_refused_and_not_shown() -> None:
    told = sentence(url="https://me:hunter2@auth.example.com/")
    assert "name before the host" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "line",
    [
        "X-Token",
        "X Token: a",
        ": a",
        "X-Token: a\x00b",
        "X-Token: caf\u00e9",
        "Host: other",
        "content-length: 5",
        "Transfer-Encoding: chunked",
        "X: " + "y" * 8000,
        "X\x7f: a",
    ],
)
def test_what_is_no_header_is_refused_without_showing_it(line: str) -> None:
    told = sentence(headers=f"X-Good: hunter2\n{line}")
    assert "headers" in told
    assert "hunter2" not in told


def test_headers_are_lines_whose_values_never_print() -> None:
    given = http_options(headers="X-Token: hunter2\nAuthorization: Bearer abc")
    assert [one.name for one in given.headers] == ["X-Token", "Authorization"]
    assert given.headers[0].value.reveal() == "hunter2"
    assert "hunter2" not in repr(given)


@pytest.mark.parametrize("seconds", ["0", "-1", "301", "1h"])
def test_a_wait_has_bounds(seconds: str) -> None:
    assert "timeout" in sentence(timeout=seconds)


@pytest.mark.parametrize("name", ["a:b", "a\x00b"])
def test_a_name_that_basic_cannot_carry_is_refused(name: str) -> None:
    assert "username" in sentence(username=name)


@pytest.mark.parametrize(
    ("url", "clear"),
    [
        ("https://auth.example.com/", False),
        ("http://auth.example.com/", True),
        ("http://192.0.2.1/", True),
        ("http://127.0.0.1:8080/", False),
        ("http://127.9.9.9/", False),
        ("http://[::1]/", False),
        ("http://localhost/", False),
        ("http://localhost.example.com/", True),
        ("HTTP://auth.example.com/", True),
    ],
)
def test_it_is_known_which_urls_carry_passwords_in_clear(url: str, clear: bool) -> None:
    assert bool(http_options(url=url).clear) is clear


def test_authorities_that_cannot_be_read_and_a_password_alone_are_told(tmp_path: Path) -> None:
    more: dict[str, Any] = {"ssl_certificate_authority": str(tmp_path / "none.pem")}
    given = http_options(password="p", **more)
    told = {wrong.option: wrong.sentence for wrong in given.check(Context(tmp_path))}
    assert "cannot be read" in told["ssl_certificate_authority"]
    assert told["password"] == "is given without a username"
    assert list(http_options().check(Context(tmp_path))) == []
