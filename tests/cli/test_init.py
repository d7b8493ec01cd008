"""`mft init` makes an instance that is ready, private, and made whole or not at all."""

import json
import os
import pwd
import re
import socket
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.x509 import SubjectAlternativeName

from mft.auth.passwords import PasswordHash
from mft.cli.check import check
from mft.cli.init import init
from mft.daemon import initialise as room
from mft.daemon.load import load
from mft.trust.certificates import Identity
from mft.trust.ssh_keys import HostKey
from tests.fakes.killed import child, prepare
from tests.fakes.killed_inits import initialise_into, initialise_once

MOST_CALLS = 200


def make(*words):
    return CliRunner().invoke(init, [str(word) for word in words])


def made(directory, *words):
    result = make(directory, "--json", *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def everything(directory):
    return sorted(path.relative_to(directory) for path in directory.rglob("*"))


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "instance"


def test_the_result_is_one_json_object_with_the_agreed_keys(directory):
    told = made(directory, "--account", "partner", "--port-base", 20000)
    assert list(told) == [
        "directory", "config", "account", "password", "home", "ca_file", "services",
    ]  # fmt: skip
    assert told["directory"] == str(directory)
    assert told["config"] == str(directory / "conf/server.ini")
    assert told["account"] == "partner"
    assert told["home"] == str(directory / "data/partner")
    assert told["ca_file"] == str(directory / "conf/certificates/server.crt")
    service, explicit, implicit, clear, secured = told["services"]
    identity = Identity.load(directory / "conf/certificates/server.pem")
    assert explicit == {
        "type": "ftp",
        "enabled": True,
        "address": "127.0.0.1",
        "port": 20021,
        "fingerprints": [identity.fingerprint],
    }
    assert implicit == {**explicit, "type": "ftpsi", "port": 20090}
    assert secured == {**explicit, "type": "https", "port": 20043}
    assert clear == {
        **explicit,
        "type": "http",
        "enabled": False,
        "port": 20080,
        "fingerprints": [],
    }
    keys = [directory / "conf/keys/ssh_host_ed25519_key", directory / "conf/keys/ssh_host_rsa_key"]
    assert service == {
        "type": "ssh",
        "enabled": True,
        "address": "127.0.0.1",
        "port": 20022,
        "fingerprints": [HostKey.load(key).public.fingerprint for key in keys],
    }


def test_the_fingerprints_are_those_that_openssh_shows(directory):
    told = made(directory)
    for name, fingerprint in zip(
        ("ed25519", "rsa"), told["services"][0]["fingerprints"], strict=True
    ):
        file = directory / f"conf/keys/ssh_host_{name}_key.pub"
        shown = subprocess.run(
            ["ssh-keygen", "-l", "-f", file], capture_output=True, text=True, timeout=30
        )
        assert shown.stdout.split()[1] == fingerprint


def test_clients_may_trust_the_certificate_under_every_name(directory, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "files.example.com")
    told = made(directory, "--address", "192.0.2.7")
    names = {
        "hostname": ("localhost", "files.example.com"),
        "ip": ("127.0.0.1", "::1", "192.0.2.7"),
    }
    command = ["openssl", "verify", "-CAfile", told["ca_file"], "-purpose", "sslserver"]
    for kind, each in names.items():
        for name in each:
            done = subprocess.run(
                [*command, f"-verify_{kind}", name, told["ca_file"]],
                capture_output=True,
                timeout=30,
            )
            assert done.returncode == 0, (name, done.stderr)
    assert "PRIVATE" not in (directory / "conf/certificates/server.crt").read_text()


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::1"])
def test_addresses_that_name_no_more_are_not_in_the_certificate(directory, monkeypatch, address):
    monkeypatch.setattr(socket, "gethostname", lambda: "my host")
    made(directory, "--address", address)
    certificate = Identity.load(directory / "conf/certificates/server.pem").certificate
    names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
    assert [str(name.value) for name in names] == ["localhost", "127.0.0.1", "::1"]


def test_passive_ports_are_a_range_of_the_base(directory, tmp_path):
    made(directory, "--port-base", 20000)
    assert passive_ports(directory) == [range(20100, 20200)] * 2
    made(tmp_path / "low", "--port-base", 0)  # below 1024 they would need a privilege
    assert passive_ports(tmp_path / "low") == [range(1)] * 2


def passive_ports(directory):
    services = load(directory / "conf/server.ini").config.services.values()
    return [one.passive_port_range for one in services if one.type.startswith("ftp")]


def test_everything_is_for_the_owner_only(directory):
    previous = os.umask(0)
    try:
        made(directory)
    finally:
        os.umask(previous)
    folders = [
        "conf",
        "conf/keys",
        "conf/certificates",
        "data",
        "data/user",
        "log",
        "log/journal",
        "state",
    ]
    for folder in folders:
        assert (directory / folder).stat().st_mode & 0o777 == 0o700, folder
    for file in (
        "conf/server.ini",
        "conf/keys/ssh_host_ed25519_key",
        "conf/keys/ssh_host_rsa_key",
        "conf/certificates/server.pem",
    ):
        assert (directory / file).stat().st_mode & 0o777 == 0o600, file


def test_the_password_is_printed_once_and_stored_as_a_hash(directory):
    told = made(directory)
    texts = [path.read_bytes() for path in directory.rglob("*") if path.is_file()]
    assert not [text for text in texts if told["password"].encode() in text]
    stored = re.search(r"^password = (.*)$", (directory / "conf/server.ini").read_text(), re.M)
    assert PasswordHash.parse(stored[1]).matches(told["password"])
    assert stored[1].startswith("$2b$")


def test_no_two_instances_share_a_secret(tmp_path):
    one, other = made(tmp_path / "one"), made(tmp_path / "other")
    assert one["password"] != other["password"]
    for mine, theirs in zip(one["services"], other["services"], strict=True):
        if mine["type"] != "http":  # in clear there is nothing to compare
            assert mine["fingerprints"] != theirs["fingerprints"]


def test_the_configuration_has_no_problems_and_says_what_would_start(directory):
    made(directory, "--port-base", 20000, "--name", "files-1")
    loaded = load(directory / "conf/server.ini")
    assert loaded.problems == ()
    assert loaded.config.server.name == "files-1"
    result = CliRunner().invoke(check, ["-c", str(directory / "conf/server.ini")])
    assert result.exit_code == 0
    assert "127.0.0.1:20022" in result.stdout


def test_the_account_has_the_given_password_and_key(directory, tmp_path):
    line = HostKey.generate("ed25519").public.line("me@here")
    (tmp_path / "key.pub").write_text(f"# mine\n{line}\n")
    (tmp_path / "password").write_text("correct horse\nsecond line\n")
    told = made(
        directory,
        "--password-file", tmp_path / "password",
        "--authorized-key", tmp_path / "key.pub",
    )  # fmt: skip
    assert told["password"] == "correct horse"
    (account,) = load(directory / "conf/server.ini").config.accounts.values()
    assert line in str(account.ssh_authorized_keys_content)


def test_people_read_what_to_paste(directory):
    result = make(directory, "--account", "me@example.com", "--address", "::", "--port-base", 0)
    assert result.exit_code == 0
    assert "sftp -P 22 -o StrictHostKeyChecking=accept-new me@example.com@[::1]" in result.stdout
    assert "SHA256:" in result.stdout
    ca = directory / "conf/certificates/server.crt"
    assert f"curl --ssl-reqd --cacert {ca} -u me@example.com ftp://[::1]:21/" in result.stdout
    assert f"curl --cacert {ca} -u me@example.com ftps://[::1]:90/" in result.stdout
    trust = f"""'set ssl:ca-file "{ca}"'"""
    assert f"lftp -u me@example.com -e {trust} ftp://[::1]:21" in result.stdout
    assert f"lftp -u me@example.com -e {trust} ftps://[::1]:90" in result.stdout
    url = "https://[::1]:43/"
    assert f"{url} in a browser" in result.stdout
    assert f"curl --cacert {ca} -u me@example.com -T FILE {url}home/" in result.stdout
    assert "http://" not in result.stdout, "it is not switched on"


def test_a_given_password_is_not_printed_to_people(directory, tmp_path):
    (tmp_path / "password").write_text("correct horse\n")
    result = make(directory, "--password-file", tmp_path / "password")
    assert result.exit_code == 0
    assert "correct horse" not in result.output


def test_an_instance_is_never_touched_again(directory):
    made(directory)
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    result = make(directory, "--json")
    assert result.exit_code == 1
    assert "holds an instance already" in result.stderr
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == before


@pytest.mark.parametrize("part", room.PARTS)
def test_a_part_of_an_instance_is_enough_to_refuse(part, directory):
    directory.mkdir()
    (directory / part).symlink_to("/nowhere")
    result = make(directory)
    assert result.exit_code == 1
    assert [path.name for path in directory.iterdir()] == [part]


def test_an_empty_directory_is_filled_and_other_files_stay(directory):
    directory.mkdir()
    (directory / "notes.txt").write_text("mine")
    made(directory)
    assert (directory / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "words",
    [
        ("--account", "../etc"),
        ("--account", "a b"),
        ("--account", ""),
        ("--account", ".."),
        ("--address", "localhost"),
        ("--name", "two\nlines"),
        ("--name", "x" * 101),
        ("--password-file", "/nowhere/at/all"),
        ("--password-file", "/dev/null"),
        ("--authorized-key", "/nowhere/at/all"),
        ("--run-as", "no-such-account-here"),
    ],
)
def test_a_wrong_word_is_refused_before_anything_is_made(words, directory):
    result = make(directory, *words)
    assert result.exit_code == 1, result.output
    assert "Nothing was made" in result.stderr
    assert not directory.exists()


@pytest.mark.parametrize("base", ["-1", "65400", "x"])
def test_a_port_base_without_room_is_wrong_usage(base, directory):
    assert make(directory, "--port-base", base).exit_code == 2
    assert not directory.exists()


@pytest.mark.parametrize("text", ["nonsense", "ssh-ed25519 AAAA", "", "# nothing\n"])
def test_keys_that_are_none_make_no_instance(text, directory, tmp_path):
    (tmp_path / "key.pub").write_text(text)
    result = make(directory, "--authorized-key", tmp_path / "key.pub")
    assert result.exit_code == 1, result.output
    assert not directory.exists()


def test_a_private_key_is_not_taken_for_a_public_one(directory, tmp_path):
    HostKey.generate("ed25519").write(tmp_path / "key")
    result = make(directory, "--authorized-key", tmp_path / "key")
    assert result.exit_code == 1
    assert "private key" in result.stderr
    assert not directory.exists()


def test_a_failure_half_way_leaves_nothing(directory, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device", "server.ini")

    monkeypatch.setattr(room, "_check_loads", full)
    result = make(directory / "deep" / "down")
    assert result.exit_code == 1
    assert "No space left" in result.stderr
    assert not directory.exists()


def test_a_failure_half_way_leaves_what_was_there(directory, monkeypatch):
    directory.mkdir()
    (directory / "notes.txt").write_text("mine")
    monkeypatch.setattr(room.HostKey, "generate", lambda _: 1 / 0)
    assert make(directory).exit_code == 1
    assert [path.name for path in directory.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("part", room.BESIDE)
def test_empty_folders_beside_the_configuration_are_no_instance(part, directory):
    (directory / part / "lost+found").mkdir(parents=True)
    (directory / part).chmod(0o750)
    made(directory)
    assert (directory / part).stat().st_mode & 0o777 == 0o750, "a mount stays as it is"
    assert load(directory / "conf/server.ini").config is not None


@pytest.mark.parametrize("part", room.BESIDE)
def test_a_file_in_one_of_them_is_enough_to_refuse(part, directory):
    (directory / part / "deep").mkdir(parents=True)
    (directory / part / "deep" / "file").touch()
    assert "holds an instance already" in make(directory).stderr
    assert everything(directory) == [Path(part), Path(part, "deep"), Path(part, "deep", "file")]


def test_a_folder_that_cannot_be_looked_into_is_enough_to_refuse(directory, monkeypatch):
    (directory / "data" / "closed").mkdir(parents=True)
    scandir = os.scandir

    def closed(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", closed)
    assert "holds an instance already" in make(directory).stderr


def test_an_instance_that_cannot_be_synced_is_none(directory, monkeypatch):
    def full(_):
        raise OSError(5, "Input/output error", str(directory))

    monkeypatch.setattr(room, "sync_folder", full)
    assert "Nothing was made" in make(directory).stderr
    assert not directory.exists()


def test_a_failure_leaves_folders_that_were_there(directory, monkeypatch):
    (directory / "data").mkdir(parents=True)
    monkeypatch.setattr(room.HostKey, "generate", lambda _: 1 / 0)
    assert make(directory).exit_code == 1
    assert everything(directory) == [Path("data")]


def test_a_kill_before_any_call_leaves_no_instance_or_a_whole_one(tmp_path):
    prepare(initialise_once, tmp_path / "once")
    whole = everything(tmp_path / "once")
    for at_call in range(1, MOST_CALLS):
        directory = tmp_path / str(at_call)
        ended = child(initialise_into, directory, at_call)
        if not (directory / "conf").exists():
            assert child(initialise_into, directory, 0)
        left = [path for path in everything(directory) if not path.parts[0].startswith(room.PREFIX)]
        assert left == whole, f"killed before call {at_call}"
        if ended:
            assert left == everything(directory)
            return
    raise AssertionError("it never came to its end")


def test_an_instance_made_by_root_says_aloud_who_runs_it(directory):
    result = make(directory)
    text = (directory / "conf/server.ini").read_text()
    says_root = re.search(r"^allow_root = yes$", text, re.M) is not None
    assert says_root == (os.geteuid() == 0)
    assert ("will run as root" in result.stdout) == (os.geteuid() == 0)


def test_an_instance_for_an_account_belongs_to_it(directory):
    result = make(directory, "--run-as", "nobody")
    if os.geteuid() != 0:
        assert "only root" in result.stderr
        return
    assert result.exit_code == 0, result.output
    nobody = pwd.getpwnam("nobody").pw_uid
    assert {(directory / path).stat().st_uid for path in everything(directory)} == {nobody}
    text = (directory / "conf/server.ini").read_text()
    assert re.search(r"^account = nobody$", text, re.M)
    assert not re.search(r"^allow_root", text, re.M)


def test_the_name_is_this_machines_when_none_is_given(directory):
    made(directory)
    assert load(directory / "conf/server.ini").config.server.name == socket.gethostname()


@pytest.mark.parametrize(
    ("called", "shown"),
    [
        (".venv/bin/mft", ".venv/bin/mft"),
        ("/opt/my tools/mft", "'/opt/my tools/mft'"),
        ("/opt/mft/__main__.py", "mft"),
    ],
)
def test_the_command_that_starts_the_server_works_when_pasted(
    called, shown, directory, monkeypatch
):
    monkeypatch.setattr("sys.argv", [called, "init"])
    last = make(directory).stdout.splitlines()[-1]
    assert last == f"  {shown} run -c {directory}/conf/server.ini"
