"""Our SFTP client and real servers: OpenSSH's sshd and our own, straight and through proxies."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import ROOT, VPath
from mft.remote.sftp_tree import SftpTree
from mft.vfs.base import Attributes, Existing
from mft.wire.ssh import names
from tests.fakes.listening import HOST, listening
from tests.fakes.refused import refused
from tests.fakes.sftp_files import fetched, listed, sent
from tests.fakes.sftp_link import Remembered
from tests.fakes.sshd import Sshd, running
from tests.interop.instance import Place, Server
from tests.interop.ports import free_port
from tests.interop.sftp_remote import of_ours, of_sshd, with_tree

P = VPath.parse
LARGE = random.Random(2).randbytes(5_000_003)

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd for all tests here."""
    with running(tmp_path_factory.mktemp("sshd")) as made:
        yield made


async def everything(tree: SftpTree) -> None:
    """What a transfer does, each thing once."""
    digest = hashlib.sha256(LARGE).digest()
    await tree.make_directory(P("/in"))
    await sent(tree, "/in/large.part", LARGE, durable=True)
    assert (await tree.stat(P("/in/large.part"))).size == len(LARGE)
    assert await tree.digest(P("/in/large.part"), "sha256") in (None, digest)
    await sent(tree, "/in/large", b"old")
    with refused(Reason.EXISTS):
        await tree.rename(P("/in/large.part"), P("/in/large"), replace=False)
    await tree.rename(P("/in/large.part"), P("/in/large"), replace=True)
    assert await fetched(tree, "/in/large") == LARGE
    assert await fetched(tree, "/in/large", 4_000_000) == LARGE[4_000_000:]
    await tree.change(P("/in/large"), Attributes(modified=1_500_000_000))
    assert (await tree.stat(P("/in/large"))).modified == 1_500_000_000
    await sent(tree, "/in/\u00fc \u4f60", b"one")
    await sent(tree, "/in/\u00fc \u4f60", b"two", Existing.EXTEND)
    assert await fetched(tree, "/in/\u00fc \u4f60") == b"onetwo"
    for number in range(130):
        await sent(tree, f"/in/{number:03}", b"", Existing.REFUSE)
    assert len(await listed(tree, "/in")) == 132  # OpenSSH tells 100 at a time
    with refused(Reason.NOT_EMPTY):
        await tree.remove_directory(P("/in"))
    with refused(Reason.IS_A_DIRECTORY):
        await tree.remove(P("/in"))
    with refused(Reason.EXISTS):
        await tree.make_directory(P("/in"))
    with refused(Reason.EXISTS):
        await tree.upload(P("/in/000"), Existing.REFUSE)
    with refused(Reason.NOT_FOUND):
        await tree.stat(P("/in/no"))
    for name in await listed(tree, "/in"):
        await tree.remove(P(f"/in/{name}"))
    await tree.remove_directory(P("/in"))
    assert (await tree.usage(ROOT)).blocks > 0
    await tree.ping()


def test_a_transfer_works_with_openssh(sshd: Sshd) -> None:
    with_tree(of_sshd(sshd), everything)


def test_a_transfer_works_with_our_own_server(server: Server, place: Place) -> None:
    with_tree(of_ours(server), everything, place.remote)


def _ciphers() -> list[str]:
    kinds = [name for name in names.SECURE.ciphers if "cbc" not in name]
    return [*kinds, "aes256-cbc, hmac-sha2-512", "aes128-ctr, hmac-sha2-256"]


@pytest.mark.parametrize("cipher", _ciphers())
def test_every_cipher_works_with_openssh(sshd: Sshd, tmp_path: Path, cipher: str) -> None:
    async def both_ways(tree: SftpTree) -> None:
        await sent(tree, "/cipher", LARGE[:300_000])
        assert await fetched(tree, "/cipher") == LARGE[:300_000]

    macs = "" if "hmac" in cipher else ", hmac-sha2-512-etm@openssh.com"
    words = f"curve25519-sha256, {cipher}{macs}"
    if "cbc" not in cipher:
        with_tree(of_sshd(sshd, ssh_cipher_list=words), both_ways)
        return
    (tmp_path / "old").mkdir()
    with running(tmp_path / "old", "Ciphers +aes256-cbc") as old:
        with_tree(of_sshd(old, ssh_cipher_list=words), both_ways)


SPOKEN = [name for name in names.KEX if not name.startswith("mlkem")]


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """An sshd that takes old key exchanges."""
    more = "KexAlgorithms +diffie-hellman-group-exchange-sha1,diffie-hellman-group14-sha1"
    with running(tmp_path_factory.mktemp("older"), more) as made:
        yield made


@pytest.mark.parametrize("kex", SPOKEN)
def test_every_key_exchange_works_with_openssh(older: Sshd, kex: str) -> None:
    words = f"{kex}, aes256-gcm@openssh.com"
    identity = with_tree(of_sshd(older, ssh_cipher_list=words), _identity)
    assert kex in identity.details


async def _identity(tree: SftpTree) -> Any:
    return tree.identity


def test_post_quantum_keys_are_agreed_on_with_our_own_server(server: Server) -> None:
    assert "mlkem768x25519-sha256" in with_tree(of_ours(server), _identity).details


def test_the_key_that_is_known_is_the_one_that_is_asked_for(sshd: Sshd) -> None:
    rsa = sshd.host_key("rsa")
    identity = with_tree(of_sshd(sshd, ssh_server_identity=rsa), _identity)
    assert "rsa-sha2-512" in identity.details


def test_a_server_is_trusted_first_and_another_one_never(sshd: Sshd, tmp_path: Path) -> None:
    seen = Remembered()
    trusting = of_sshd(sshd, ssh_server_identity="set-on-first-connection")
    with_tree(trusting, _identity, seen=seen)
    assert seen.kept["4711"].split()[:2] == sshd.host_key().split()[:2]
    with_tree(trusting, _identity, seen=seen)
    (tmp_path / "other").mkdir()
    with running(tmp_path / "other") as other:
        elsewhere = of_sshd(other, ssh_server_identity="set-on-first-connection")
        with pytest.raises(Refused) as told:
            with_tree(elsewhere, _identity, seen=seen)
    assert told.value.reason is Reason.DENIED
    assert "the server showed" in told.value.details


def test_a_key_that_does_not_log_in_is_denied(sshd: Sshd, older: Sshd) -> None:
    with refused(Reason.DENIED):
        with_tree(of_sshd(sshd, ssh_client_key=str(older.key)), _identity)


def test_a_wrong_password_is_denied(server: Server) -> None:
    with refused(Reason.DENIED):
        with_tree(of_ours(server, password="wrong"), _identity)


def test_nobody_at_a_port_is_busy_and_an_unknown_host_not_found(sshd: Sshd) -> None:
    with refused(Reason.BUSY):
        with_tree(of_sshd(sshd, port=str(free_port())), _identity)
    with refused(Reason.NOT_FOUND):
        with_tree(of_sshd(sshd, address="no.such.host.invalid"), _identity)


def test_keys_are_exchanged_anew_when_openssh_wants_it(tmp_path: Path) -> None:
    async def both_ways(tree: SftpTree) -> None:
        await sent(tree, "/a", LARGE)
        assert await fetched(tree, "/a") == LARGE

    with running(tmp_path, "RekeyLimit 1M") as often:
        with_tree(of_sshd(often), both_ways)


def test_a_server_that_is_killed_ends_what_is_under_way(tmp_path: Path) -> None:
    async def killed(tree: SftpTree) -> None:
        upload = await tree.upload(P("/a"), Existing.REPLACE)
        for pid in _sessions(sshd_here.port):
            pid.kill()
        with refused(Reason.ABORTED):
            for at in range(0, 1 << 30, 1 << 20):
                await upload.lane.write_later([memoryview(bytes(1 << 20))], at)
        assert not tree.connected

    with running(tmp_path) as sshd_here:
        with_tree(of_sshd(sshd_here), killed)


def _sessions(port: int) -> list[psutil.Process]:
    """The processes that serve connections of an sshd."""
    return [
        process
        for process in psutil.process_iter(["name"])
        if process.info["name"] == "sshd" and port in _ports(process)
    ]


def _ports(process: psutil.Process) -> set[int]:
    found = process.net_connections()
    return {one.laddr.port for one in found if one.status == psutil.CONN_ESTABLISHED}


# Proxies.


@pytest.fixture(scope="module")
def microsocks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A SOCKS 5 proxy."""
    port = free_port()
    output = tmp_path_factory.mktemp("microsocks") / "out.txt"
    with listening(["microsocks", "-i", HOST, "-p", str(port)], port, output):
        yield f"socks5://{HOST}:{port}"


@pytest.fixture(scope="module")
def ssh_socks(sshd: Sshd, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The SOCKS 5 proxy that `ssh -D` is."""
    port = free_port()
    folder = tmp_path_factory.mktemp("ssh-D")
    options = [
        "-oStrictHostKeyChecking=no",
        f"-oUserKnownHostsFile={folder}/known",
        "-oBatchMode=yes",
    ]
    where = ["-i", str(sshd.key), "-p", str(sshd.port), f"{sshd.username}@{HOST}"]
    argv = ["ssh", "-N", "-F", "/dev/null", "-D", f"{HOST}:{port}", *options, *where]
    with listening(argv, port, folder / "out.txt"):
        yield f"socks5://{HOST}:{port}"


@pytest.fixture(scope="module")
def tinyproxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An HTTP proxy that makes tunnels."""
    port = free_port()
    folder = tmp_path_factory.mktemp("tinyproxy")
    config = folder / "tinyproxy.conf"
    config.write_text(f"Port {port}\nListen {HOST}\nTimeout 60\nLogLevel Error\n")
    with listening(["tinyproxy", "-d", "-c", config], port, folder / "out.txt"):
        yield f"http://{HOST}:{port}"


@pytest.fixture(params=["microsocks", "ssh_socks", "tinyproxy"])
def proxy(request: pytest.FixtureRequest) -> str:
    """Each of them."""
    found: str = request.getfixturevalue(request.param)
    return found


def test_a_transfer_works_through_a_proxy(sshd: Sshd, proxy: str) -> None:
    with_tree(of_sshd(sshd, proxy=proxy), everything)


def test_names_of_hosts_are_looked_up_by_the_proxy(sshd: Sshd, proxy: str) -> None:
    with_tree(of_sshd(sshd, address="localhost", proxy=proxy), _identity)
    with pytest.raises(Refused) as told:
        with_tree(of_sshd(sshd, address="no.such.host.invalid", proxy=proxy), _identity)
    assert told.value.reason is Reason.BUSY
    assert told.value.subject == proxy


def test_a_proxy_that_is_not_there_is_busy(sshd: Sshd) -> None:
    for scheme in ("socks5", "http"):
        with refused(Reason.BUSY):
            with_tree(of_sshd(sshd, proxy=f"{scheme}://{HOST}:{free_port()}"), _identity)
