"""The options of a syslog handler: where it sends, old names, and what does not go together."""

from pathlib import Path
from typing import Any, get_args

import pytest

from mft.config.ini import RawSection, Value
from mft.config.kinds import Context
from mft.config.section import check_section, read_section
from mft.handlers.syslog_options import Facility, Severity, SyslogOptions, Url
from mft.wire import syslog

WHERE = "event-handlers/logs"


def read(**given: str) -> tuple[Any, list[str]]:
    """Options as server.ini gives them, and the sentences of every problem."""
    values = {"name": "logs", "type": "syslog"} | given
    raw = RawSection(
        WHERE,
        "server.ini",
        1,
        {name: Value(text, "server.ini", 2) for name, text in values.items()},
    )
    problems: list[Any] = []
    found = read_section(SyslogOptions, raw, Context(Path("/instance")), problems)
    if found is not None:
        check_section(found, raw, Context(Path("/instance")), problems)
    return found, [str(problem) for problem in problems]


def test_the_usual_receiver_is_the_one_of_this_machine() -> None:
    found, problems = read()
    assert problems == []
    assert found.url == Url("file", path="/dev/log")
    assert (found.format, found.framing) == ("rfc3164", "octet-counting")
    assert (found.facility, found.severity, found.severity_of_failures) == (
        "daemon",
        "info",
        "info",
    )
    assert found.fail_after_errors == 0


@pytest.mark.parametrize(
    ("text", "url", "shown"),
    [
        ("file:///run/log", Url("file", path="/run/log"), "file:///run/log"),
        ("udp://logs", Url("udp", "logs", 514), "udp://logs:514"),
        (
            "tcp://logs.example.com",
            Url("tcp", "logs.example.com", 601),
            "tcp://logs.example.com:601",
        ),
        ("tcp://192.0.2.7:5140/", Url("tcp", "192.0.2.7", 5140), "tcp://192.0.2.7:5140"),
        ("tls://[2001:db8::1]", Url("tls", "2001:db8::1", 6514), "tls://[2001:db8::1]:6514"),
        ("TLS://Logs.Example", Url("tls", "logs.example", 6514), "tls://logs.example:6514"),
    ],
)
def test_a_url_has_the_port_of_its_scheme(text: str, url: Url, shown: str) -> None:
    found, problems = read(url=text)
    assert problems == []
    assert found.url == url
    assert str(found.url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "logs.example.com",
        "http://logs",
        "file://dev/log",
        "file://",
        "tcp://",
        "tcp://a b",
        "tcp://logs:0",
        "tcp://logs:70000",
        "tcp://logs:x",
        "tcp://me:secret@logs",
        "tcp://logs/path",
        "tcp://logs?x=1",
        "tcp://[::1",
        "tcp://lögs",
        "tcp://logs\x07",
        "tcp://a, udp://b",
        "514",
    ],
)
def test_what_is_no_url_of_a_receiver_is_told(text: str) -> None:
    found, problems = read(url=text)
    assert found is None
    assert len(problems) == 1
    assert "url" in problems[0]


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({"path": "/dev/log"}, Url("file", path="/dev/log")),
        ({"address": "192.0.2.7"}, Url("udp", "192.0.2.7", 514)),
        ({"address": "192.0.2.7", "port": "5140"}, Url("udp", "192.0.2.7", 5140)),
        ({"port": "5140", "address": "192.0.2.7"}, Url("udp", "192.0.2.7", 5140)),
        ({"address": "", "port": "514", "path": "/run/log"}, Url("file", path="/run/log")),
    ],
)
def test_the_old_names_make_a_url_and_are_told(given: dict[str, str], url: Url) -> None:
    found, problems = read(**given)
    assert found.url == url
    assert len(problems) == len(given)
    assert all('write "url"' in one for one in problems)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"format": "rfc1"}, "rfc3164, rfc5424"),
        ({"framing": "xml"}, "octet-counting, newline"),
        ({"facility": "loud"}, "is not one of: kern"),
        ({"severity": "loud"}, "is not one of: emerg"),
        ({"entry_content": "{nothing}"}, 'there is no "nothing"'),
        ({"structured_data_id": "event"}, "private enterprise number"),
        ({"structured_data_id": 'ev"ent@1'}, "private enterprise number"),
        ({"structured_data_id": f"{'e' * 31}@1"}, "private enterprise number"),
        ({"maximum_size": "100"}, "is less than 480 bytes"),
        ({"maximum_size": "1 MiB"}, "is more than 64000 bytes"),
        ({"timeout": "0"}, "is shorter than 1 seconds"),
        ({"url": "tls://logs", "ssl_certificate_authority": "/no/such.pem"}, "such.pem"),
        ({"url": "tcp://logs", "ssl_certificate_authority": "/no/such.pem"}, "with tls:// only"),
    ],
)
def test_what_cannot_be_used_is_told(given: dict[str, str], sentence: str) -> None:
    _, problems = read(**given)
    assert any(sentence in problem for problem in problems), problems


def test_messages_are_shorter_over_udp_unless_a_size_is_given() -> None:
    assert read(url="udp://logs")[0].size == 2048
    assert read(url="tcp://logs")[0].size == 8192
    assert read(url="udp://logs", maximum_size="1 KiB")[0].size == 1024


def test_the_words_are_those_that_have_a_number() -> None:
    assert get_args(Facility) == syslog.FACILITIES
    assert get_args(Severity) == syslog.SEVERITIES
