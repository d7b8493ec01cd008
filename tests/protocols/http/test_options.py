"""A service for HTTP and HTTPS, and what can be wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.problem import Problem
from mft.config.section import check_section, read_section
from mft.core.peer import parse_network
from mft.protocols.http.options import (
    MAX_HEADERS,
    AnsweringOptions,
    HttpOptions,
    HttpsOptions,
    RedirectOptions,
)
from mft.trust.first_certificate import CERTIFICATE
from tests.fakes.ftp_server import identity

MODELS: dict[str, type[AnsweringOptions]] = {
    "http": HttpOptions,
    "https": HttpsOptions,
    "http-redirect": RedirectOptions,
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    (tmp_path / CERTIFICATE).parent.mkdir(parents=True)
    identity().write(tmp_path / CERTIFICATE)
    return tmp_path


def reading(directory: Path, more: str = "", kind: str = "http") -> tuple[Any, list[str]]:
    """The options, and what is wrong with them."""
    problems: list[Problem] = []
    text = f"[services/a]\ntype = {kind}\nname = a\nport = 10080\n{more}"
    raw = parse(text.encode(), "server.ini", problems)["services/a"]
    options = read_section(MODELS[kind], raw, Context(directory), problems)
    if options is not None:
        check_section(options, raw, Context(directory), problems)
    return options, [str(problem).partition("] ")[2] for problem in problems]


def service(directory: Path, more: str = "", kind: str = "http") -> Any:
    options, problems = reading(directory, more, kind)
    assert problems == []
    return options


def lines(name: str, *values: str) -> str:
    return f"{name} =\n" + "".join(f"    {value}\n" for value in values)


def test_the_defaults_are_the_safe_ones(directory: Path) -> None:
    options = service(directory)
    assert options.address == "127.0.0.1"
    assert options.headers == ()
    assert options.origins == ()
    assert options.client_forwarded_header == ""
    assert options.trusted_proxies == (parse_network("127.0.0.0/8"), parse_network("::1"))
    assert options.announce_session_authentication
    assert options.strict_transport_security == 0
    assert not options.is_secure


def test_https_has_tls_and_all_that_http_has(directory: Path) -> None:
    options = service(directory, "accepted_origins = http\nssl_cipher_list = secure\n", "https")
    assert options.is_secure, "its own TLS counts"
    assert options.enable_ssl_certificate_authentication
    assert HttpOptions.model_fields.keys() < HttpsOptions.model_fields.keys()
    assert reading(directory, "ui_version = ui-gen-2\n", "https")[0] is not None


def test_a_certificate_that_cannot_be_used_is_told(directory: Path) -> None:
    (directory / CERTIFICATE).write_text("nothing")
    (problem,) = reading(directory, kind="https")[1]
    assert problem.startswith("ssl_certificate")
    service(directory)


# Headers.


def test_headers_are_kept_as_they_are_written(directory: Path) -> None:
    more = lines("headers", "X-Robots-Tag: none", "Server:", "Link: <https://a/>; rel=x: y ")
    assert service(directory, more).headers == (
        ("X-Robots-Tag", "none"),
        ("Server", ""),
        ("Link", "<https://a/>; rel=x: y"),
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("X-Robots-Tag", "is not a header such as X-Robots-Tag: none"),
        (": none", "is not a header such as X-Robots-Tag: none"),
        ("X Robots: none", "is not a header such as X-Robots-Tag: none"),
        ("X-Robots : none", "is not a header such as X-Robots-Tag: none"),
        ("X-Name: ü", "is not a header such as X-Robots-Tag: none"),
        ("X-Name: a\x01b", "is not a header such as X-Robots-Tag: none"),
        ("Content-Length: 0", "is a header that the server writes itself"),
        ("set-cookie: a=b", "is a header that the server writes itself"),
        ("Transfer-Encoding: chunked", "is a header that the server writes itself"),
        ("DATE: today", "is a header that the server writes itself"),
        ("Connection: close", "is a header that the server writes itself"),
    ],
)
def test_what_is_no_header(directory: Path, text: str, wrong: str) -> None:
    problems = reading(directory, lines("headers", "Server: a", text))[1]
    assert len(problems) == 1
    assert problems[0].endswith(wrong)


def test_there_is_a_limit_of_headers(directory: Path) -> None:
    many = [f"X-{number}: a" for number in range(MAX_HEADERS + 1)]
    assert len(service(directory, lines("headers", *many[1:])).headers) == MAX_HEADERS
    (problem,) = reading(directory, lines("headers", *many))[1]
    assert problem.endswith(f"has more than {MAX_HEADERS} headers")


# Proxies.


@pytest.mark.parametrize(
    ("text", "origins", "secure"),
    [
        ("files.example.com", ("files.example.com",), True),
        ("Files.Example.com:8443, other", ("files.example.com:8443", "other"), True),
        ("http, files.example.com", ("files.example.com",), False),
        ("[2001:db8::1]:443", ("[2001:db8::1]:443",), True),
        ("", (), False),
    ],
)
def test_the_hosts_that_browsers_know(
    directory: Path, text: str, origins: tuple[str, ...], secure: bool
) -> None:
    options = service(directory, f"accepted_origins = {text}\n")
    assert options.origins == origins
    assert options.is_secure is secure


@pytest.mark.parametrize("text", ["https://files.example.com", "a/b", "a b", "ä.example", "a:b"])
def test_what_is_no_origin(directory: Path, text: str) -> None:
    (problem,) = reading(directory, f"accepted_origins = good.example, {text}\n")[1]
    assert "is not a host with an optional port such as files.example.com:8443" in problem


def test_proxies_are_networks(directory: Path) -> None:
    options = service(directory, "trusted_proxies = 10.0.0.0/8, 2001:db8::1\n")
    assert options.trusted_proxies == (parse_network("10.0.0.0/8"), parse_network("2001:db8::1"))
    (problem,) = reading(directory, "trusted_proxies = 10.0.0.0/8, proxy\n")[1]
    assert problem.endswith("is not an IP address or network such as 10.0.0.0/8")


@pytest.mark.parametrize("text", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_the_header_of_a_proxy_has_a_name(directory: Path, text: str) -> None:
    options = service(directory, f"client_forwarded_header = {text}\n")
    assert options.client_forwarded_header == text
    problems = reading(directory, f"client_forwarded_header = {text}:\n")[1]
    assert problems == [
        f'client_forwarded_header = "{text}:" is not the name of a header such as X-Forwarded-For'
    ]


def test_a_header_that_is_believed_of_nobody_is_told(directory: Path) -> None:
    more = "client_forwarded_header = X-Forwarded-For\ntrusted_proxies =\n"
    (problem,) = reading(directory, more)[1]
    assert problem.startswith("trusted_proxies")
    assert problem.endswith("is believed of nobody")


def test_believing_everybody_is_warned_of(directory: Path) -> None:
    more = "client_forwarded_header = X-Forwarded-For\ntrusted_proxies = 0.0.0.0/0\n"
    (problem,) = reading(directory, more)[1]
    assert "believes everybody" in problem


# Numbers.


@pytest.mark.parametrize(
    "more",
    [
        "strict_transport_security = 11y\n",
        "strict_transport_security = -1\n",
        "maximum_open_files = 0\n",
        "maximum_open_files = 101\n",
        "maximum_web_sessions = 0\n",
        "maximum_web_sessions = 100001\n",
        "announce_session_authentication = perhaps\n",
    ],
)
def test_what_is_out_of_bounds_is_told(directory: Path, more: str) -> None:
    assert len(reading(directory, more)[1]) == 1


def test_strict_transport_security_is_a_time(directory: Path) -> None:
    more = "strict_transport_security = 365d\n"
    assert service(directory, more).strict_transport_security == 365 * 86400


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("headers", "X-Robots-Tag: none\nServer:"),
        ("trusted_proxies", "10.0.0.0/8, 2001:db8::1"),
        ("accepted_origins", "files.example.com:8443, other"),
        ("client_forwarded_header", "X-Forwarded-For"),
    ],
)
def test_what_is_read_is_written_as_it_was(name: str, text: str) -> None:
    field = HttpOptions.model_fields[name]
    kind = next(one for one in field.metadata if hasattr(one, "write"))
    value = kind.read(text, None)
    assert value
    assert kind.read(kind.write(value), None) == value


# Sent elsewhere.


@pytest.mark.parametrize(
    "url", ["https://files.example.com/", "http://a", "HTTPS://[2001:db8::1]:8443/files/"]
)
def test_browsers_are_sent_to_a_url(directory: Path, url: str) -> None:
    options = service(directory, f"redirect_url = {url}\n", "http-redirect")
    assert options.redirect_url == url
    assert options.as_http().headers == options.headers


@pytest.mark.parametrize("url", ["files.example.com", "ftp://a/", "https://a/ b", "https:///a"])
def test_what_is_no_url_to_be_sent_to(directory: Path, url: str) -> None:
    (problem,) = reading(directory, f"redirect_url = {url}\n", "http-redirect")[1]
    assert "is not a URL such as https://files.example.com/" in problem
