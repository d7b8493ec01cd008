"""Revoked keys at a service: refused as any other, and nobody passes without the list."""

import base64
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.protocols.ssh.revoked import EVERY, UNUSABLE, Revoked
from mft.protocols.ssh.userauth import MAX_TOLD
from mft.trust.ssh_keys import HostKey
from mft.wire.ssh.numbers import Message
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.ssh_client import SshClient, message, pack

SUCCESS = bytes((Message.USERAUTH_SUCCESS,))
CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com"
KEY, OTHER = HostKey.generate(), HostKey.generate()
THE_KEY = "the key is revoked"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A list that has one key."""
    path = tmp_path / "revoked"
    path.write_text(f"# stolen\n{KEY.public.line()}\n")
    return path


@pytest.fixture
def server(serve: Any, path: Path) -> Any:
    lines = f"{KEY.public.line()}\n{OTHER.public.line()}"
    ann = account("ann", password=CHEAP_HASH, ssh_authorized_keys_content=lines)
    return serve(ann, ssh_revoked_keys=str(path))


def connected(server: Any) -> SshClient:
    return SshClient(server).service()


def later(server: Any) -> None:
    """The next look at the file is due."""
    server.reactor.advance(EVERY)


def logs_in(server: Any, key: HostKey) -> bool:
    return connected(server).key(key)[0] == SUCCESS


def details(server: Any) -> list[str]:
    return [one["details"] for one in server.data(events.LOGIN_FAILED.number)]


def troubles(server: Any) -> list[str]:
    return [one["details"] for one in server.data(events.CRL_UNREADABLE.number)]


def test_a_revoked_key_is_refused_as_any_other_and_told_once(server: Any) -> None:
    client = connected(server)
    answer = client.key(KEY)
    assert details(server) == [THE_KEY]
    assert answer == client.key(HostKey.generate())
    assert client.key(OTHER)[0] == SUCCESS


def test_a_question_about_a_revoked_key_is_answered_as_about_any_other(server: Any) -> None:
    client = connected(server)
    assert client.key(KEY, signed=False) == client.key(HostKey.generate(), signed=False)
    (answer,) = client.key(OTHER, signed=False)
    assert answer[0] == Message.USERAUTH_PK_OK
    assert details(server) == []


def test_keys_that_were_only_asked_about_are_told_once_the_client_has_gone(server: Any) -> None:
    stranger = HostKey.generate()
    client = connected(server)
    for key in (KEY, stranger, stranger, OTHER):
        client.key(key, signed=False)
    assert offered(server) == []
    client.hang_up()
    assert offered(server) == [
        (
            "ann",
            f"{KEY.public.fingerprint} ({THE_KEY}), {stranger.public.fingerprint}",
        )
    ]


def test_who_logs_in_after_all_has_offered_no_wrong_key(server: Any) -> None:
    client = connected(server)
    client.key(HostKey.generate(), signed=False)
    assert client.key(OTHER)[0] == SUCCESS
    client.hang_up()
    assert offered(server) == []


def test_of_many_keys_the_first_ten_are_told(server: Any) -> None:
    client = connected(server)
    keys = [HostKey.generate() for _ in range(13)]
    for key in keys:
        client.key(key, signed=False)
    client.hang_up()
    ((_, told),) = offered(server)
    names = [key.public.fingerprint for key in keys[:MAX_TOLD]]
    assert told == f"{', '.join(names)}, and 3 more"


def test_keys_of_who_is_barred_are_told_by_the_ban_alone(
    server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def barred(login: Any, _: object) -> bool:
        login.barred = True
        return False

    monkeypatch.setattr("mft.session.login.Login.would_do", barred)
    client = connected(server)
    client.key(HostKey.generate(), signed=False)
    client.hang_up()
    assert offered(server) == []


def offered(server: Any) -> list[tuple[str, str]]:
    told = server.data(events.SSH_KEYS_REFUSED.number)
    return [(one["username"], one["details"]) for one in told]


def test_a_certificate_of_a_revoked_key_is_refused(serve: Any, path: Path) -> None:
    folder = path.parent
    for name, key in (("ca", OTHER), ("user", KEY), ("good", HostKey.generate())):
        key.write(folder / name)
        (folder / f"{name}.pub").write_text(f"{key.public.line()}\n")
    for name in ("user", "good"):
        command = ["ssh-keygen", "-q", "-s", "ca", "-I", "id", "-n", "ann", f"{name}.pub"]
        subprocess.run(command, cwd=folder, check=True)
    server = serve(
        account("ann", password=CHEAP_HASH),
        ssh_revoked_keys=str(path),
        ssh_user_certificate_authorities=OTHER.public.line(),
    )
    assert not shows(server, folder / "user")
    assert details(server) == ["the key of the certificate is revoked"]
    path.write_text(f"{OTHER.public.line()}\n")
    later(server)
    assert not shows(server, folder / "good")
    assert details(server)[1:] == ["the authority of the certificate is revoked"]


def shows(server: Any, key: Path) -> bool:
    """Log in with the certificate beside a key."""
    blob = base64.b64decode(Path(f"{key}-cert.pub").read_text().split()[1])
    client = connected(server)
    fields = ["ann", "ssh-connection", "publickey", True, CERTIFICATE, blob]
    data = pack(client.session_id) + message(Message.USERAUTH_REQUEST, *fields)
    signature = HostKey.load(key).sign(data, "ssh-ed25519")
    return client.send(Message.USERAUTH_REQUEST, *fields, signature)[0] == SUCCESS


def test_a_file_that_has_changed_counts_a_second_later(server: Any, path: Path) -> None:
    assert logs_in(server, OTHER)
    path.write_text(f"{OTHER.public.line()}\n")
    later(server)
    assert not logs_in(server, OTHER)
    assert logs_in(server, KEY)


def test_the_file_is_looked_at_once_a_second_and_read_when_it_has_changed(
    server: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []
    revoked = server.service.hub.revoked
    for name in ("load", "stamp"):
        real = getattr(__import__("mft.protocols.ssh.revoked", fromlist=[name]), name)

        def heard(path: Path, name: str = name, real: Any = real) -> Any:
            found.append(name)
            return real(path)

        monkeypatch.setattr(f"mft.protocols.ssh.revoked.{name}", heard)
    later(server)
    for _ in range(3):
        assert run(revoked.refusal(KEY.public.blob)) == THE_KEY
    assert found == ["stamp"]
    path.write_text(f"# changed\n{KEY.public.line()}\n")
    run(server.service.refresh())
    assert found == ["stamp", "stamp", "load"]


@pytest.mark.parametrize("harm", ["damaged", "gone", "a folder"])
def test_a_list_that_cannot_be_used_any_more_lets_no_key_in(
    server: Any, path: Path, harm: str
) -> None:
    path.unlink()
    if harm == "damaged":
        path.write_bytes(b"SSHKRL\n\0")
    elif harm == "a folder":
        path.mkdir()
    for _ in range(2):
        later(server)
        assert not logs_in(server, OTHER)
    assert details(server) == [UNUSABLE] * 2
    assert len(troubles(server)) == 1
    assert connected(server).password()[0] == SUCCESS


def test_a_list_that_can_be_used_again_lets_in_again(server: Any, path: Path) -> None:
    good = path.read_bytes()
    path.write_bytes(b"junk")
    later(server)
    assert not logs_in(server, OTHER)
    path.write_bytes(b"other junk")
    later(server)
    assert not logs_in(server, OTHER)
    assert len(troubles(server)) == 2
    assert "in line 1" in troubles(server)[0]
    path.write_bytes(good)
    run(server.service.refresh())
    assert logs_in(server, OTHER)
    assert not logs_in(server, KEY)


def test_a_service_does_not_start_without_its_list(server: Any, path: Path) -> None:
    hub = server.service.hub
    parts = server.parts(None, hub.revoked._disk)
    os.rename(path, f"{path}-away")
    with refused(Reason.INVALID):
        run(Revoked(path, hub.component, parts).load())
    assert troubles(server) == ["cannot be read: No such file or directory"]


def test_nothing_passes_while_the_file_cannot_be_looked_at(server: Any, path: Path) -> None:
    async def busy(*_: object) -> None:
        raise Refused(Reason.BUSY, "", "too many calls wait")

    revoked = server.service.hub.revoked
    idle, revoked._disk = revoked._disk, busy
    later(server)
    assert run(revoked.refusal(OTHER.public.blob)) == UNUSABLE
    revoked._disk = idle
    assert run(revoked.refusal(OTHER.public.blob)) == ""
    assert troubles(server) == []


def test_without_a_list_every_key_may_be_tried(serve: Any) -> None:
    server = serve(account("ann", ssh_authorized_keys_content=KEY.public.line()))
    run(server.service.refresh())
    assert logs_in(server, KEY)
