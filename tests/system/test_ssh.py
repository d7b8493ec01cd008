"""SSH itself: every algorithm, new keys in the middle, certificates, two credentials at once."""

import asyncio
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asyncssh
import pytest

from mft.events import catalogue as events
from mft.wire.ssh import names
from tests.interop.instance import Server, execute
from tests.interop.trees import content
from tests.system.light import session
from tests.system.rig import Rig, sftp, until
from tests.system.trail import unbalanced

SIZE = 12 << 20
SMALL = 300_001
PASSWORD = "two-are-better-than-one"


def known(kind: str) -> frozenset[str]:
    """The algorithms of a kind that this machine's OpenSSH has."""
    return frozenset(execute("ssh", "-Q", kind).stdout.split())


ALL = names.parse(["all"])
ALGORITHMS = [
    *(("-oCiphers", name, "cipher") for name in ALL.ciphers),
    *(("-oMACs", name, "mac") for name in ALL.macs),
    *(("-oKexAlgorithms", name, "kex") for name in ALL.kex),
]


def key_pair(path: Path, *more: str) -> Path:
    """A private key at `path`, its public one beside it."""
    execute("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path, *more)
    return path


def certificate(
    key: Path, authority: Path, principals: str, validity: str = "+1h", name: str = "a test"
) -> None:
    """Sign a key; OpenSSH finds the certificate beside it."""
    words = ["-s", authority, "-I", name, "-n", principals, "-V", validity]
    execute("ssh-keygen", "-q", *words, f"{key}.pub")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory, template: Server) -> Iterator[Rig]:
    """An instance that offers every algorithm, rekeys often, trusts an authority."""
    folder = tmp_path_factory.mktemp("mft")
    rig = Rig(folder / "instance", template)
    authority = key_pair(folder / "authority")
    revoked = key_pair(folder / "revoked")
    key_pair(folder / "stolen")
    (folder / "lines").write_text(
        f"id: a revoked test\nsha256: {(folder / 'stolen.pub').read_text()}"
    )
    words = ["-k", "-f", folder / "krl", "-s", f"{authority}.pub", folder / "lines"]
    execute("ssh-keygen", "-q", *words, f"{revoked}.pub")
    rig.service(
        ssh_cipher_list="all",
        rekey_bytes="4 MiB",
        ssh_user_certificate_authorities=f"{authority}.pub",
        ssh_revoked_keys=str(folder / "krl"),
        maximum_unauthenticated_connections_per_source="100",
    )
    rig.account("certified", ssh_authorized_keys_content="")
    rig.account("robbed", ssh_authorized_keys_path=str(folder / "robbed"))
    kept = key_pair(folder / "kept")
    (folder / "robbed").write_text(
        "".join(
            (folder / f"{key.name}.pub").read_text() for key in (folder / "stolen", revoked, kept)
        )
    )
    made = rig.mft_input(f"{PASSWORD}\n", "password")
    rig.account("both", password=made.strip(), required_credentials="password, ssh-key")
    rig.start()
    yield rig
    try:
        rig.stop()
    finally:
        rig.close()
    assert unbalanced(rig.trail.told) == []


def round_trip(server: Server, folder: Path, size: int, *options: str) -> None:
    """Up and down again, byte for byte."""
    source, back = folder / "source", folder / "back"
    source.write_bytes(content(size))
    back.unlink(missing_ok=True)
    assert sftp(server, f"put {source} /round\nget /round {back}\n", *options) == 0
    assert (server.home / "round").read_bytes() == content(size)
    assert back.read_bytes() == content(size)


@pytest.mark.parametrize(("option", "name", "kind"), ALGORITHMS, ids=[a[1] for a in ALGORITHMS])
def test_an_algorithm_moves_every_byte(
    everything: Rig, tmp_path: Path, option: str, name: str, kind: str
) -> None:
    if name in known(kind):
        by_openssh(everything, tmp_path, f"{option}={name}", kind)
    else:  # newer than this machine's OpenSSH
        assert kind == "kex"
        asyncio.run(by_asyncssh(everything, name))
    (opened,) = everything.trail.of(events.SSH_SESSION_OPENED.number)[-1:]
    used = opened["data"]
    assert name in (used["key_exchange"], used["in_cipher"], used["in_hmac"])


def by_openssh(rig: Rig, folder: Path, option: str, kind: str) -> None:
    """Up and down again with one algorithm."""
    # A MAC is used by a cipher only that does not authenticate by itself.
    more = ["-oCiphers=aes256-ctr"] if kind == "mac" else []
    round_trip(rig.server, folder, SMALL, option, *more)


async def by_asyncssh(rig: Rig, name: str) -> None:
    """The same by another client, with one key exchange."""
    async with session(rig.server, kex_algs=[name]) as client:
        async with client.open("round", "wb") as file:
            await file.write(content(SMALL))
        async with client.open("round", "rb") as file:
            assert await file.read() == content(SMALL)


@pytest.mark.parametrize(
    "cipher", ["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes256-ctr"]
)
def test_new_keys_in_the_middle_lose_no_byte(everything: Rig, tmp_path: Path, cipher: str) -> None:
    before = everything.trail.count(events.SSH_REKEYED.number)
    round_trip(everything.server, tmp_path, SIZE, "-oRekeyLimit=1M", f"-oCiphers={cipher}")
    assert everything.trail.count(events.SSH_REKEYED.number) - before >= 2 * (SIZE >> 20) // 4


def test_the_server_asks_for_new_keys_itself(everything: Rig, tmp_path: Path) -> None:
    before = everything.trail.count(events.SSH_REKEYED.number)
    round_trip(everything.server, tmp_path, SIZE)
    assert everything.trail.count(events.SSH_REKEYED.number) - before >= 2 * (SIZE >> 22) - 2


@pytest.mark.parametrize(
    ("principals", "validity", "ours", "allowed"),
    [
        ("certified", "+1h", True, True),
        ("somebody,certified", "+1h", True, True),
        ("alice", "+1h", True, False),
        ("certified", "20200101:20200102", True, False),
        ("certified", "+1h", False, False),
    ],
    ids=["named", "one of several", "another account", "expired", "another authority"],
)
def test_a_certificate_opens_the_accounts_that_it_names(
    everything: Rig, tmp_path: Path, principals: str, validity: str, ours: bool, allowed: bool
) -> None:
    key = key_pair(tmp_path / "key")
    authority = everything.directory.parent / "authority"
    if not ours:
        authority = key_pair(tmp_path / "authority")
    certificate(key, authority, principals, validity)
    server = replace(
        everything.server,
        account="certified",
        home=everything.directory / "data" / "certified",
        key=key,
    )
    assert (sftp(server, "pwd\n") == 0) is allowed


def test_revoked_keys_and_certificates_open_nothing(everything: Rig, tmp_path: Path) -> None:
    folder = everything.directory.parent

    def logs_in(account: str, key: Path) -> bool:
        home = everything.directory / "data" / account
        server = replace(everything.server, account=account, home=home, key=key)
        return sftp(server, "pwd\n") == 0

    key = key_pair(tmp_path / "key")
    certificate(key, folder / "authority", "certified", name="a revoked test")
    failures = everything.trail.count(events.LOGIN_FAILED.number)
    assert not logs_in("certified", key)
    assert not logs_in("robbed", folder / "stolen")
    assert not logs_in("robbed", folder / "revoked")
    assert logs_in("robbed", folder / "kept")
    # OpenSSH asks first, and does not sign with a key that would not do.
    assert everything.trail.count(events.LOGIN_FAILED.number) == failures


@pytest.mark.parametrize(
    ("with_key", "password", "allowed"),
    [(True, PASSWORD, True), (True, None, False), (False, PASSWORD, False), (True, "no", False)],
    ids=["both", "key only", "password only", "wrong password"],
)
def test_an_account_may_ask_for_both_credentials(
    everything: Rig, with_key: bool, password: str | None, allowed: bool
) -> None:
    server = replace(everything.server, account="both")
    options: dict[str, object] = {"password": password}
    if not with_key:
        options["client_keys"] = None

    async def log_in() -> bool:
        try:
            async with session(server, **options) as client:
                return await client.realpath(".") == "/"
        except asyncssh.PermissionDenied:
            return False

    assert asyncio.run(log_in()) is allowed
    if with_key and allowed:
        assert everything.trail.count(events.MORE_CREDENTIALS_NEEDED.number) > 0


def test_openssh_learns_a_host_key_that_it_did_not_know(everything: Rig, tmp_path: Path) -> None:
    lines = everything.server.known_hosts.read_text().splitlines()
    one = tmp_path / "known_hosts"
    one.write_text("".join(f"{line}\n" for line in lines if "ssh-ed25519" in line))
    server = replace(everything.server, known_hosts=one)
    argv = [
        "ssh",
        *server.ssh,
        "-oUpdateHostKeys=yes",
        "-p",
        str(server.port),
        "-s",
        server.where,
        "sftp",
    ]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as client:
        until(lambda: "ssh-rsa" in one.read_text(), "the other host key")
        client.terminate()
