"""A client with a certificate wants to be somebody else than the one whom it names."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mft.trust.certificates import Identity
from tests.fakes import pki, tls_peer
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.ftp_client import EXPLICIT, IMPLICIT, FtpClient, Way
from tests.fakes.ftp_server import FtpServer

OPENED, FAILED, DONE, REFUSED = 10080, 20142, 20137, 10029
UNUSABLE, TLS_FAILED = 10014, 10088
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BY_CERTIFICATE = {"allow_certificate_authentication": "yes", "password": CHEAP_HASH}
both_ways = pytest.mark.parametrize("way", [EXPLICIT, IMPLICIT], ids=["explicit", "implicit"])


class Place:
    """Ann and bob log in by certificates of one authority; eve by her password only."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.authority = pki.Authority()
        self.made: list[FtpServer] = []

    def serve(self, way: Way, **options: str) -> FtpServer:
        self._directory.mkdir(exist_ok=True)
        (self._directory / "ca.pem").write_bytes(self.authority.pem)
        accounts = (
            account("ann", **BY_CERTIFICATE),
            account("bob", **BY_CERTIFICATE),
            account("eve", password=CHEAP_HASH),
        )
        given = {"ssl_certificate_authority": str(self._directory / "ca.pem"), **options}
        server = FtpServer(self._directory / "mft", *accounts, **{**way.options, **given})
        self.made.append(server)
        return server


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "place")
    yield made
    for server in made.made:
        server.close()


def come(server: FtpServer, way: Way, identity: Identity | None) -> FtpClient:
    client = FtpClient(server, way, tls=tls_peer.client_context(identity=identity))
    if way.explicit:
        client.secure()
    return client


@both_ways
@pytest.mark.parametrize(
    "names",
    [("bob",), ("Ann",), ("ANN",), ("ann", "bob"), ("bob", "ann"), (), ("ann ",), ("ann\0",)],
    ids=repr,
)
def test_a_certificate_that_does_not_name_ann_alone_is_not_ann(
    place: Place, way: Way, names: tuple[str, ...]
) -> None:
    server = place.serve(way)
    client = come(server, way, place.authority.issue(*names))
    assert client.codes("USER ann") == [331]
    assert client.codes("PASV", "PASS wrong") == [530, 503]
    assert OPENED not in server.numbers()
    assert server.numbers().count(REFUSED) == 1
    (refused,) = server.data(FAILED)
    assert refused["username"] == "ann"
    assert refused["credentials_type"] == "ssl-certificate"


@both_ways
def test_names_that_may_not_or_do_not_exist_get_the_answer_of_a_wrong_certificate(
    place: Place, way: Way
) -> None:
    server = place.serve(way)
    heard = []
    for name in ("bob", "eve", "nobody", "x" * 200):
        client = come(server, way, place.authority.issue("ann"))
        heard.append(client.ask(f"USER {name}"))
    own = come(server, way, place.authority.issue("eve"))
    heard.append(own.ask("USER eve"))
    assert len(set(heard)) == 1
    assert OPENED not in server.numbers()


@both_ways
@pytest.mark.parametrize("kind", ["none", "other authority", "expired", "self-signed"])
def test_a_certificate_that_does_not_count_does_not_get_past_the_handshake(
    place: Place, way: Way, kind: str
) -> None:
    stranger = pki.Authority()
    issued: dict[str, Callable[[], Identity | None]] = {
        "none": lambda: None,
        "other authority": lambda: stranger.issue("ann"),  # of the same name, by another key
        "expired": lambda: place.authority.issue("ann", end=-pki.HOUR / 2),
        "self-signed": lambda: Identity(stranger.certificate, (), stranger.key),
    }
    server = place.serve(way)
    client = come(server, way, issued[kind]())
    client.control.write(b"USER ann\r\n")
    client.settle()
    assert client.gone
    assert DONE not in server.numbers()
    assert server.data(TLS_FAILED)


@both_ways
def test_a_revoked_certificate_is_nobody_even_with_commands_sent_ahead(
    place: Place, way: Way, tmp_path: Path
) -> None:
    identity = place.authority.issue("ann")
    crl = tmp_path / "a.crl"
    of_1970 = EPOCH - pki.now()  # the time of servers in memory
    listed = place.authority.revoke(identity, begin=of_1970)
    crl.write_bytes(listed.public_bytes(pki.Encoding.DER))
    server = place.serve(way, ssl_certificate_revocation_list=crl.as_uri())
    client = FtpClient(server, way, tls=tls_peer.client_context(identity=identity))
    if way.explicit:
        assert client.codes("AUTH TLS") == [234]
        client.control.secure(client.context)
    heard = client.say("USER ann", "PWD")
    assert [one.code for one in (*client.greeting, *heard)][-1] == 421
    assert client.gone
    assert server.data(UNUSABLE)
    assert DONE not in server.numbers()


@both_ways
def test_after_a_login_by_certificate_nobody_becomes_somebody_else(place: Place, way: Way) -> None:
    server = place.serve(way)
    client = come(server, way, place.authority.issue("ann"))
    assert client.codes("USER ann") == [230]
    assert client.codes("USER bob", "PASS right") == [503, 503]
    assert client.codes("REIN") == [220]
    assert client.codes("PWD") == [530]
    assert client.codes("USER bob") == [331]
    assert client.codes("PASS wrong") == [530]
    assert client.codes("USER ann") == [230]
    assert [one["account_name"] for one in server.data(DONE)] == ["ann", "ann"]


@both_ways
def test_a_certificate_proves_nothing_for_the_name_that_comes_after(place: Place, way: Way) -> None:
    both = {**BY_CERTIFICATE, "required_credentials": "password, ssl-certificate"}
    server = place.serve(way)
    two: Any = type(server.method)(account("ann", **both), account("bob", **both))
    server.chain.methods = (two,)
    client = come(server, way, place.authority.issue("ann"))
    assert client.codes("USER ann", "USER bob") == [331, 331]
    assert client.codes("PASS right") == [530]
    assert client.codes("USER ann", "PASS right") == [331, 230]


@both_ways
def test_refused_certificates_count_as_attempts(place: Place, way: Way) -> None:
    server = place.serve(way, maximum_login_attempts="3")
    client = come(server, way, place.authority.issue("bob"))
    assert client.codes("USER ann", "USER eve", "USER nobody", "USER bob") == [331, 331, 421]
    assert client.gone
    assert DONE not in server.numbers()


@both_ways
@pytest.mark.parametrize("own", [True, False])
def test_a_transfer_is_not_taken_over_with_another_certificate(
    place: Place, way: Way, own: bool
) -> None:
    server = place.serve(way, ftps_require_session_reuse="No")
    server.put("/file", b"the letter of ann")
    ann, bob = place.authority.issue("ann"), place.authority.issue("bob")
    client = come(server, way, ann)
    assert client.codes("USER ann") == [230]
    if way.explicit:
        client.protect()
    end = client.connect(private=False)
    end.secure(tls_peer.client_context(identity=ann if own else bob))
    assert client.codes("RETR /file") == [150, 226 if own else 522]
    assert bytes(end.received) == (b"the letter of ann" if own else b"")
    assert server.numbers().count(TLS_FAILED) == (not own)


def test_a_client_that_has_left_tls_still_has_its_certificate(place: Place) -> None:
    server = place.serve(EXPLICIT, ftps_force_secured_command_channel="No")
    server.put("/file", b"the letter of ann")
    client = come(server, EXPLICIT, place.authority.issue("ann"))
    assert client.codes("USER ann") == [230]
    client.protect()
    session = client.session
    assert client.codes("CCC") == [200]
    client.control.finish()
    client.control.pump()
    client.control.tls = None
    end = client.connect(session=session)
    assert client.codes("RETR /file") == [150, 226]
    assert bytes(end.received) == b"the letter of ann"
