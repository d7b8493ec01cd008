"""Logging in to servers: by key, by password, by both; never more often than once each."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from mft.core.failure import Reason
from mft.trust.ssh_keys import HostKey, PublicKey
from mft.wire.buffer import Reader
from mft.wire.ssh.numbers import Message
from tests.fakes.refused import refused
from tests.fakes.ssh_client import message, pack
from tests.fakes.ssh_host import SUCCESS, SshHost, failure
from tests.fakes.ssh_server import PASSWORD


@cache
def rsa() -> HostKey:
    return HostKey.generate("rsa")  # which takes long


def key_file(folder: Path, kind: Any = "ed25519") -> tuple[HostKey, str]:
    key = rsa() if kind == "rsa" else HostKey.generate(kind)
    path = folder / f"key-{kind}"
    key.write(path)
    return key, str(path)


class Logins:
    """What the server was shown, and what it says to it."""

    def __init__(self, host: SshHost, answers: dict[str, bytes]) -> None:
        self.tried: list[str] = []
        self.shown: list[tuple[str, PublicKey, bytes]] = []
        self.passwords: list[bytes] = []
        self._answers = answers
        host.login = self

    def __call__(self, method: str, reader: Reader) -> bytes:
        self.tried.append(method)
        if method == "publickey":
            assert reader.boolean()
            algorithm, key = reader.text(), PublicKey.parse(reader.string())
            self.shown.append((algorithm, key, reader.string()))
        elif method == "password":
            assert not reader.boolean()
            self.passwords.append(reader.string())
        elif method == "answer":
            self.passwords += [reader.string() for _ in range(reader.u32())]
        return self._answers[method]


def question(*prompts: str) -> bytes:
    words: list[Any] = ["", "Who are you?", "", len(prompts)]
    for prompt in prompts:
        words += [prompt, False]
    return message(Message.USERAUTH_INFO_REQUEST, *words)


def test_a_password_logs_in(far: Any) -> None:
    link, host = far()
    logins = Logins(host, {"password": SUCCESS})
    link.connect()
    assert logins.passwords == [PASSWORD.encode()]


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_a_key_logs_in_and_is_bound_to_the_session(far: Any, tmp_path: Path, kind: str) -> None:
    key, path = key_file(tmp_path, kind)
    link, host = far(ssh_client_key=path, password="")
    host.signature_algorithms = b"rsa-sha2-256,ssh-ed25519,rsa-sha2-512,ecdsa-sha2-nistp256"
    logins = Logins(host, {"publickey": SUCCESS})
    link.connect()
    ((algorithm, shown, signature),) = logins.shown
    assert shown == key.public
    fields = ["ann", "ssh-connection", "publickey", True, algorithm, shown.blob]
    signed = pack(host.session) + message(Message.USERAUTH_REQUEST, *fields)
    assert shown.verify(signature, signed, algorithm)
    assert algorithm == key.algorithms[0]


def test_an_rsa_key_signs_by_what_the_server_takes(far: Any, tmp_path: Path) -> None:
    _, path = key_file(tmp_path, "rsa")
    for taken, chosen in ((b"rsa-sha2-256", "rsa-sha2-256"), (None, "rsa-sha2-512")):
        link, host = far(SshHost(), ssh_client_key=path)
        host.signature_algorithms = taken
        logins = Logins(host, {"publickey": SUCCESS})
        link.connect()
        assert logins.shown[0][0] == chosen


def test_sha1_signs_only_where_the_list_of_algorithms_names_it(far: Any, tmp_path: Path) -> None:
    _, path = key_file(tmp_path, "rsa")
    link, host = far(SshHost(), ssh_client_key=path, password="")
    host.signature_algorithms = b"ssh-rsa"
    logins = Logins(host, {"publickey": SUCCESS})
    with refused(Reason.DENIED):
        link.do(link.connector.connect(""))
    assert logins.tried == []
    old = "secure, curve25519-sha256, ssh-rsa"
    link, host = far(SshHost(), ssh_client_key=path, password="", ssh_cipher_list=old)
    host.signature_algorithms = b"ssh-rsa"
    logins = Logins(host, {"publickey": SUCCESS})
    link.connect()
    assert logins.shown[0][0] == "ssh-rsa"


def test_a_server_may_want_a_key_and_a_password(far: Any, tmp_path: Path) -> None:
    _, path = key_file(tmp_path)
    link, host = far(ssh_client_key=path)
    answers = {"publickey": failure("password", partial=True), "password": SUCCESS}
    logins = Logins(host, answers)
    link.connect()
    assert logins.tried == ["publickey", "password"]


def test_a_server_may_ask_for_the_password(far: Any) -> None:
    link, host = far()
    answers = {
        "password": failure("keyboard-interactive"),
        "keyboard-interactive": question("Password: "),
        "answer": SUCCESS,
    }
    logins = Logins(host, answers)
    link.connect()
    assert logins.tried == ["password", "keyboard-interactive", "answer"]
    assert logins.passwords == [PASSWORD.encode()] * 2


Says = Callable[[], bytes]
NEVER = {
    "it wants a method that we do not have": ({"password": failure("gssapi-with-mic")}, 1),
    "it refuses and offers the same again": ({"password": failure("password")}, 1),
    "it accepts in part, for ever": (
        {
            "password": failure("password", "keyboard-interactive", partial=True),
            "keyboard-interactive": failure("password", "keyboard-interactive", partial=True),
        },
        2,
    ),
    "it asks two things at once": (
        {
            "password": failure("keyboard-interactive"),
            "keyboard-interactive": question("Password: ", "Code: "),
        },
        2,
    ),
    "it asks again": (
        {
            "password": failure("keyboard-interactive"),
            "keyboard-interactive": question("Password: "),
            "answer": question("Code: "),
        },
        3,
    ),
    "it wants another password": (
        {"password": message(Message.USERAUTH_PASSWD_CHANGEREQ, "It is old.", "en")},
        1,
    ),
}


@pytest.mark.parametrize("name", NEVER)
def test_a_login_that_leads_nowhere_is_denied_after_one_try_of_each(far: Any, name: str) -> None:
    answers, tries = NEVER[name]
    link, host = far()
    logins = Logins(host, answers)
    with refused(Reason.DENIED):
        link.do(link.connector.connect(""))
    assert len(logins.tried) == tries
    assert host.ended


def test_questions_without_end_are_the_end(far: Any) -> None:
    link, host = far()
    empty = question()
    Logins(
        host,
        {
            "password": failure("keyboard-interactive"),
            "keyboard-interactive": empty,
            "answer": empty,
        },
    )
    with refused(Reason.ABORTED):
        link.do(link.connector.connect(""))


def test_refusals_tell_what_was_tried_and_no_password(far: Any, tmp_path: Path) -> None:
    _, path = key_file(tmp_path)
    link, host = far(ssh_client_key=path)
    no = failure("publickey", "password")
    Logins(host, {"publickey": no, "password": no})
    told = link.begin(link.connector.connect("")).refused
    assert told.reason is Reason.DENIED
    assert told.details == "the server does not let ann in; tried: publickey, password"
    assert told.subject == "sftp.example.com:22"
