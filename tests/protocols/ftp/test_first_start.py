"""A service without a certificate, in an instance that has none, makes one when it starts."""

from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.core.peer import Component
from mft.protocols.ftp.service import FtpService
from mft.trust.certificates import Identity
from mft.trust.first_certificate import CERTIFICATE, PUBLIC
from tests.fakes.ftp_client import CLEAR, EXPLICIT, Way
from tests.fakes.ftp_server import FtpServer, identity
from tests.fakes.run import run


@pytest.fixture
def way() -> Way:
    return EXPLICIT


@pytest.fixture
def fresh(server: FtpServer) -> FtpServer:
    """An instance that has not been started yet."""
    (server.directory / CERTIFICATE).unlink()
    return server


def another(server: FtpServer) -> FtpService:
    component = Component("ftp-2", "ftp", "another")
    return FtpService(component, server.options, server.parts(server.listeners, server.disk))


def test_a_service_shows_the_certificate_that_is_there(server: FtpServer) -> None:
    service = another(server)
    assert service.certificate is None
    run(service.prepare())
    assert service.certificate == identity().certificate
    assert not (server.directory / PUBLIC).exists()


def test_the_first_start_makes_a_certificate_and_the_next_service_finds_it(
    fresh: FtpServer,
) -> None:
    first, second = another(fresh), another(fresh)
    run(first.prepare())
    run(second.prepare())
    made = Identity.load(fresh.directory / CERTIFICATE)
    assert first.certificate == second.certificate == made.certificate
    assert (fresh.directory / PUBLIC).read_bytes() == made.chain_pem()


def test_two_services_that_both_find_none_show_the_same(
    fresh: FtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = another(fresh), another(fresh)
    monkeypatch.setattr(type(fresh.options), "makes_certificate", lambda *_: True)
    run(first.prepare())
    run(second.prepare())
    assert first.certificate == second.certificate is not None


def test_a_certificate_that_cannot_be_written_keeps_it_from_starting(
    fresh: FtpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(CERTIFICATE))

    monkeypatch.setattr(type(fresh.options), "make_certificate", fails)
    service = another(fresh)
    with pytest.raises(Refused, match="Permission denied") as refused:
        run(service.prepare())
    assert refused.value.reason is Reason.INVALID
    assert service.certificate is None


@pytest.mark.parametrize("way", [CLEAR], ids=["clear"])
def test_a_service_without_tls_has_no_certificate(fresh: FtpServer, way: Way) -> None:
    run(another(fresh).prepare())
    assert fresh.service.certificate is None
    assert list(Path(fresh.directory / CERTIFICATE).parent.iterdir()) == []
