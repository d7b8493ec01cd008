"""Figures for Prometheus."""

import re

import pytest

from mft.core.peer import UNKNOWN, Address, Component, Origin
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.metrics import _MOVED, Metrics
from tests.fakes.http_server import HttpServer

PEER = Address("192.0.2.7", 4000)


@pytest.fixture
def tls() -> bool:
    return False


@pytest.fixture
def metrics(server: HttpServer) -> Metrics:
    made = Metrics(server.bus, server)
    made.start()
    return made


def values(metrics: Metrics, name: str) -> dict[str, float]:
    """The samples of one figure by their labels."""
    text = metrics.text().decode()
    found = re.findall(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in found}


def test_events_are_counted_by_their_number(server: HttpServer, metrics: Metrics) -> None:
    for _ in range(3):
        server.bus.emit(events.HTTP_CONNECTED, p.Nothing())
    assert values(metrics, "mft_events_total") == {'id="40053"': 3}


def test_bytes_that_moved_are_counted_by_direction_and_type_also_of_what_was_cut(
    server: HttpServer, metrics: Metrics
) -> None:
    ftp = Origin(UNKNOWN, PEER, Component("f", "ftp", "f"))
    ssh = Origin(UNKNOWN, PEER, Component("s", "ssh", "s"))
    bus = server.bus
    bus.emit(events.FTP_UPLOAD_DONE, p.Moved("/a", "/a", 5, 1, 0.1, "/a"), ftp)
    bus.emit(events.FTP_UPLOAD_FAILED, p.MoveFailed("/a", "/a", 2, 1, 0.1, "/a", "cut"), ftp)
    bus.emit(events.SSH_DOWNLOAD_DONE, p.Downloaded("/a", "/a", 7, 1, 0.1, "reading", "/a"), ssh)
    assert values(metrics, "mft_file_bytes_total") == {
        'direction="received",type="ftp"': 7,
        'direction="sent",type="ssh"': 7,
    }


def test_every_event_that_moves_bytes_has_the_key_that_is_counted() -> None:
    for number, (_, key) in _MOVED.items():
        assert key in [name for _, name in events.BY_NUMBER[number].keys]


def test_what_is_known_of_the_server_is_told(
    server: HttpServer, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = {"name": 'a "b"', "type": "ssh", "address": "x", "connections": 4}
    status = {**server.status(), "sessions": 2, "running_since": 1000, "services": [service]}
    monkeypatch.setattr(server, "status", lambda: status)
    assert values(metrics, "mft_sessions") == {"": 2}
    assert values(metrics, "mft_start_time_seconds") == {"": 1000}
    assert values(metrics, "mft_journal_healthy") == {"": 1}
    assert values(metrics, "mft_ready") == {"": 1}
    assert values(metrics, "mft_connections") == {'service="a \\"b\\"",type="ssh"': 4}
    assert values(metrics, "mft_handler_events_behind") == {'handler="audit log"': 3}
    assert values(metrics, "process_open_fds")[""] > 0


def test_after_stop_nothing_is_counted(server: HttpServer, metrics: Metrics) -> None:
    metrics.stop()
    server.bus.emit(events.HTTP_CONNECTED, p.Nothing())
    assert values(metrics, "mft_events_total") == {}
