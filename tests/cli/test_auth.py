"""`mft auth test` shows how a login would be judged, and answers with its exit code."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from twisted.internet.selectreactor import SelectReactor

from mft.auth.own_passwords import OwnPassword, mark_of
from mft.auth.passwords import PasswordHash, make_hash
from mft.cli import auth as module
from mft.daemon.state.own_passwords import OwnPasswordFiles
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH, CODES, code_at
from tests.fakes.daemons import Instance
from tests.fakes.lying import ANN, PEOPLE, SEARCHER, Lying
from tests.fakes.pam import asks, stack
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

KEY = HostKey.generate().public


@pytest.fixture(scope="module")
def pam(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A stack that takes `root` with the password `right`; the method must refuse him first."""
    with stack(*asks(tmp_path_factory.mktemp("pam") / "check")) as name:
        yield name


@pytest.fixture
def instance(tmp_path: Path, pam: str) -> Instance:
    made = Instance(tmp_path)
    (tmp_path / "revoked").write_text(f"{KEY.line()}\n")
    made.write(
        "[services/off-1]\ntype = ssh\nname = off\nport = 1\nenabled = no\n",
        "[services/files-1]\ntype = ssh\nname = files\nport = 2\n",
        "[services/wary-1]\ntype = ssh\nname = wary\nport = 4\n"
        f"ssh_revoked_keys = {tmp_path}/revoked\n",
        "[services/os-1]\ntype = ssh\nname = os only\nport = 3\nauthentications = machine\n",
        "[services/portal-1]\ntype = ssh\nname = portal\nport = 5\nauthentications = own, portal\n",
        "[authentications/portal]\ntype = http\nname = portal\nurl = http://127.0.0.1:1/\n"
        "test_at_start = no\n",
        "[authentications/machine]\ntype = os\nname = accounts of the machine\n"
        f"pam_service = {pam}\nrefusal_delay = 0\nallowed_groups = ${{ALL_OS_GROUPS}}\n",
        "[authentications/own]\ntype = application\nname = accounts of this file\n",
        "[authentications/unused]\ntype = application\nname = unused\nenabled = no\n",
        "[groups/G]\nname = partners\nhome_folder_path = HOME\n"
        "permissions =\n    allow-read, allow-list\n    /in/*, allow-write\n",
        f"[accounts/id-ann]\nname = ann\ngroup = G\npassword = {CHEAP_HASH}\n"
        f"ssh_authorized_keys_content = {KEY.line()}\ncreate_home_folder = yes\n"
        "virtual_folders = /all, HOME/all\n",
        f"[accounts/id-bob]\nname = bob\ngroup = G\npassword = {CHEAP_HASH}\n"
        "source_ip_filter = allow 192.0.2.0/24\ncreate_home_folder = yes\n",
        f"[accounts/id-eve]\nname = eve\ngroup = G\npassword = {CHEAP_HASH}\n"
        "required_credentials = password, ssh-key\ncreate_home_folder = yes\n",
        server="[server]\nname = x\nuuid = s\nallow_root = yes\nauthentications = machine, own\n",
    )
    return made


@pytest.fixture(autouse=True)
def _reactor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reactor of its own for each command, as in a process of its own."""
    monkeypatch.setattr(module, "install", SelectReactor)


def tried(instance: Instance, *words: str, word: str = "right") -> Result:
    file = instance.directory / "conf" / "server.ini"
    return CliRunner().invoke(module.auth, ["test", "-c", str(file), *words], input=f"{word}\n")


def test_a_login_that_succeeds_is_shown_with_everything_that_it_gives(instance: Instance) -> None:
    result = tried(instance, "ann")
    assert result.exit_code == 0, result.output
    home = f"{instance.directory}/data"
    assert result.stdout.splitlines() == [
        'service "files", as from 127.0.0.1',
        '  event 20111: Authentication method "unused" of type application is not running: '
        "passed over.",
        '  asking "accounts of the machine" (type os, ID machine)',
        "  the operating system has no account of this name",
        "  its answer: it does not know the name, the next one is asked",
        '  asking "accounts of this file" (type application, ID own)',
        '  server.ini has the account "ann" (ID id-ann) in partners',
        "  the password of server.ini counts",
        "  the password is right",
        "  its answer: accepted",
        'accepted by "accounts of this file" (application)',
        '  account      "ann" of type application, ID id-ann',
        "  groups       partners",
        f"  home         {home}/ann, which is not there and is made at login",
        f"  folder       /all is {home}/all",
        "  permissions  group partners, line 2: /in/*, allow-write",
        "  permissions  group partners, line 1: allow-read, allow-list",
    ]


@pytest.mark.parametrize(
    ("words", "word", "last"),
    [
        (["ann"], "wrong", "the password is wrong"),
        (["nobody-of-this-name"], "right", "refused: no method knows the name"),
        (["bob"], "right", "the account is not allowed from 127.0.0.1"),
        (["ann"], "", "the password is empty"),
        (["root"], "right", "root never logs in"),
        (["ann", "--service", "os only"], "right", "no method knows the name"),
        (["ann", "--method", "machine"], "right", "no method knows the name"),
        (["eve"], "right", "the password is right, and ssh-key is needed as well"),
    ],
)
def test_a_login_that_is_refused_says_why(
    instance: Instance, words: list[str], word: str, last: str
) -> None:
    result = tried(instance, *words, word=word)
    assert result.exit_code == 1, result.output
    assert result.stdout.splitlines()[-1].endswith(last)


def test_the_address_of_the_client_counts(instance: Instance) -> None:
    assert tried(instance, "bob", "--from", "192.0.2.7").exit_code == 0
    assert tried(instance, "bob", "--from", "nowhere").exit_code == 2


def test_one_method_can_be_asked_alone(instance: Instance) -> None:
    result = tried(instance, "ann", "--method", "accounts of this file", "--service", "os-1")
    assert result.exit_code == 0
    assert "machine" not in result.stdout


def test_a_key_is_asked_about_and_never_logs_in(instance: Instance, tmp_path: Path) -> None:
    file = tmp_path / "key.pub"
    file.write_text(f"{KEY.line()} a comment\n")
    result = tried(instance, "ann", "--key", str(file))
    assert result.exit_code == 0
    assert "the key would be accepted" in result.stdout
    assert "home" not in result.stdout
    result = tried(instance, "ann", "--key", str(file), "--service", "wary")
    assert result.exit_code == 1
    assert "  no method is asked: the key is revoked\nrefused: the key is revoked" in result.stdout
    assert "has no account of this name" not in result.stdout
    file.write_text(HostKey.generate().public.line())
    result = tried(instance, "ann", "--key", str(file))
    assert result.exit_code == 1
    assert result.stdout.endswith("the key is not one of the account's\n")


def test_a_key_that_one_method_refuses_is_refused_whatever_is_behind_it(
    instance: Instance, tmp_path: Path
) -> None:
    file = tmp_path / "key.pub"
    file.write_text(HostKey.generate().public.line())
    result = tried(instance, "ann", "--key", str(file), "--service", "portal")
    assert result.exit_code == 1
    assert "asking" not in result.stdout.partition("refused, nobody else is asked")[2]
    assert result.stdout.endswith("the key is not one of the account's\n")


def test_a_key_that_only_a_signature_lets_a_method_judge_is_not_told_as_right(
    instance: Instance, tmp_path: Path
) -> None:
    file = tmp_path / "key.pub"
    file.write_text(HostKey.generate().public.line())
    result = tried(instance, "somebody", "--key", str(file), "--service", "portal")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-2:] == [
        "  its answer: it judges a key only once a login has signed with it",
        'nobody knows whether the key would be accepted by "portal" (http): '
        "it judges a key only once a login has signed with it",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"-----BEGIN OPENSSH PRIVATE KEY-----\n", "private key"),
        (b"ssh-ed25519\n", "does not begin with a public key"),
        (b"ssh-ed25519 !!!\n", "does not begin with a public key"),
        (b"\xff\xfe\n", "is not text"),
        (b"x" * (33 << 10), "longer than"),
        (b"ssh-ed25519 " + b"AAAA" * (6 << 10) + b"\n", "longer than"),
    ],
)
def test_a_file_that_holds_no_public_key_is_refused(
    instance: Instance, tmp_path: Path, content: bytes, told: str
) -> None:
    file = tmp_path / "key.pub"
    file.write_bytes(content)
    result = tried(instance, "ann", "--key", str(file))
    assert result.exit_code == 1
    assert told in result.stderr


def test_a_password_may_come_from_a_file_and_is_never_printed(
    instance: Instance, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"hunter2 hunter2\r\nmore\n")
    result = tried(instance, "ann", "--password-file", str(file))
    assert result.exit_code == 1
    assert "hunter2" not in result.output
    file.write_text("right")
    assert tried(instance, "ann", "--password-file", str(file)).exit_code == 0
    assert tried(instance, "ann", "--password-file", str(file), "--key", str(file)).exit_code == 2


def test_at_a_terminal_the_password_is_asked_for_and_not_shown(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "at_terminal", lambda: True)
    result = tried(instance, "ann", word="hunter2")
    assert result.exit_code == 1
    assert "\nPassword: " in result.output
    assert "hunter2" not in result.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["ann", "--service", "none"], "there is no service 'none'"),
        (["ann", "--method", "none"], "there is no enabled method 'none'"),
        (["ann", "--method", "unused"], "there is no enabled method 'unused'"),
        ([], "NAME"),
    ],
)
def test_wrong_usage_exits_with_2(instance: Instance, words: list[str], told: str) -> None:
    result = tried(instance, *words)
    assert result.exit_code == 2
    assert told in result.output


def test_without_an_enabled_service_one_must_be_named(instance: Instance) -> None:
    instance.write("[services/off-1]\ntype = ssh\nname = off\nport = 1\nenabled = no\n")
    assert tried(instance, "ann").exit_code == 2
    assert tried(instance, "ann", "--service", "off").exit_code == 1


def test_nothing_is_written(instance: Instance) -> None:
    before = sorted(instance.directory.rglob("*"))
    result = tried(instance, "ann")
    assert result.exit_code == 0
    assert "event 20111" in result.stdout
    assert sorted(instance.directory.rglob("*")) == before


def test_the_password_that_an_account_has_chosen_counts(instance: Instance) -> None:
    instance.state.mkdir()
    files = OwnPasswordFiles(instance.state, Inline(), Trail())  # type: ignore[arg-type]  # as much as it needs
    hashed = PasswordHash.parse(make_hash("chosen", "crypt-sha512", 1000))
    replaced = mark_of(PasswordHash.parse(CHEAP_HASH))
    run(files.keep("id-ann", OwnPassword(replaced, hashed, 1.0, ()), None))
    result = tried(instance, "ann", word="chosen")
    assert result.exit_code == 0
    assert "the password that the account has chosen counts" in result.stdout
    assert tried(instance, "ann").exit_code == 1


def test_a_directory_s_second_factor_is_a_step_and_no_code_is_judged(instance: Instance) -> None:
    """A trial uses nothing up, so that it says whether one is wanted, and no more."""
    lying = Lying()
    secret = CODES.secret.reveal()
    lying.found = [(ANN.encode(), {"uid": [b"ann"], "oath": [secret.encode()]})]
    instance.write(
        "[services/files-1]\ntype = ssh\nname = files\nport = 2\nauthentications = people\n",
        "[authentications/people]\ntype = ldap\nname = people\naddress = 127.0.0.1\n"
        f"port = {lying.server.port}\nsecure_connection = No\nbind_dn = {PEOPLE}\n"
        f"username_attribute = uid\nbind_dn_type = search\nsearch_bind_dn = {SEARCHER}\n"
        "search_bind_password = s\nbase_groups = G\none_time_codes_attribute = oath\n",
        "[groups/G]\nname = partners\nhome_folder_path = HOME\n",
    )
    code = code_at(time.time())
    try:
        alone, both = tried(instance, "ann"), tried(instance, "ann", word="right" + code)
        wrong = tried(instance, "ann", word="wrong" + code)
    finally:
        lying.server.close()
    for result in (alone, both, wrong):
        assert result.exit_code == 1, result.output
        assert secret not in result.output
        assert code not in result.output
        assert "Traceback" not in result.output
    *steps, last = alone.stdout.splitlines()
    assert "  the entry has a second factor" in steps
    assert last.endswith("the password is right, and one-time-code is needed as well")
    assert "one-time codes are not judged here" in both.stdout.splitlines()[-1]
    assert wrong.stdout.splitlines()[-1].endswith(
        "the directory refuses the bind: invalidCredentials"
    )
    assert not (instance.directory / "state" / "second-factors").exists()


def test_it_works_as_a_command_of_its_own(instance: Instance) -> None:
    file = instance.write(
        "[services/files-1]\ntype = ssh\nname = files\nport = 2\n",
        f"[accounts/id-ann]\nname = ann\nhome_folder_path = HOME\npassword = {CHEAP_HASH}\n",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mft", "auth", "test", "-c", file, "ann"],
        input="right\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert 'accepted by "accounts of this file"' in done.stdout
