"""Files of accounts beside server.ini: read with it, and as strictly; or left as they were."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mft.config.ini import MAX_FILE
from mft.config.kinds import Context
from mft.daemon.account_files import read_accounts, read_again
from mft.daemon.load import Loaded, load

SERVER_INI = "[authentications/shared]\ntype = local-file\nname = shared\npath = shared.ini\n"
ANN = "[accounts/ann]\nname = ann\nhome_folder_path = {home}\n"
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the file of accounts, with the path of a home that exists put in."""
    (tmp_path / "home").mkdir()
    (tmp_path / "conf").mkdir()

    def write(text: str, name: str = "shared.ini") -> Path:
        path = tmp_path / name
        path.write_text(text.replace("{home}", str(tmp_path / "home")))
        path.chmod(0o600)
        return path

    return write


def loaded(write: Write, shared: str, server: str = SERVER_INI) -> Loaded:
    write(shared)
    return load(write(server, "conf/server.ini"))


def told(write: Write, shared: str, server: str = SERVER_INI) -> list[str]:
    return [str(one) for one in loaded(write, shared, server).problems]


def test_its_accounts_and_groups_are_a_world_of_their_own(write: Write) -> None:
    group = "[groups/G]\nname = partners\npermissions = allow-read\n"
    found = loaded(write, ANN + "group = G\n" + group)
    assert found.problems == ()
    assert found.config is not None
    assert not found.config.accounts
    (read,) = found.config.account_files.values()
    assert list(read.accounts) == ["ann"]
    assert set(read.groups) == {"G", "DEFAULT_GROUP"}
    assert list(found.config.groups) == ["DEFAULT_GROUP"]


@pytest.mark.parametrize(
    ("text", "line", "sentence"),
    [
        (ANN + "[server]\nname = x\n", 4, "does not belong here"),
        (ANN + "[authentications/x]\ntype = application\nname = x\n", 4, "does not belong here"),
        (ANN + "[services/x]\ntype = ssh\nname = x\n", 4, "does not belong here"),
        (ANN + "no option", 4, "is neither a section nor an option"),
        (ANN + "permissions = allow-everything\n", 4, "is no rule"),
        (ANN + "home = x\n", 4, 'has no option "home"'),
        (ANN + "group = GONE\n", 4, "names no section [groups/GONE]"),
        (ANN + ANN, 4, "is there already, on line 1"),
        (ANN + ANN.replace("s/ann", "s/other"), 5, "is the name of [accounts/ann] as well"),
        ("[accounts/ann]\nname = ann\nhome_folder_path = /no/such\n", 3, "does not exist"),
        ("", 0, "has no accounts"),
        ("\n\n[accounts/ann]\nname = \u0000\n", 4, "has a NUL character"),
    ],
)
def test_every_problem_has_the_line_of_its_own_file(
    write: Write, tmp_path: Path, text: str, line: int, sentence: str
) -> None:
    found = loaded(write, text)
    assert found.config is None
    shared = str(tmp_path / "shared.ini")
    assert any(
        (one.file, one.line) == (shared, line) and sentence in str(one) for one in found.problems
    ), found.problems


def test_a_wrong_value_hides_no_other_problem_of_its_section(write: Write, tmp_path: Path) -> None:
    text = """[accounts/ann]
name = ann
password = plain
home_folder_path = /no/such/home
group = nobody
multi_factor_authentication = otpauth://totp/mft:ann?secret=JWDPB7DYJKPB25MJGQ4VMKHZ6W3J5JGJ

[accounts/bob]
name = bob
home_folder_path = {home}

[groups/DEFAULT_GROUP]
name = all
umask = x
allow_own_password_change = yes
"""
    server = SERVER_INI + "\n[groups/DEFAULT_GROUP]\nname =\n"
    assert [one.removeprefix(f"{tmp_path}/") for one in told(write, text, server)][1:] == [
        "shared.ini:3: [accounts/ann] password is not a password hash such as $2b$..., $6$... or "
        "$pbkdf2-sha512$...; `mft password` makes one",
        'shared.ini:4: [accounts/ann] home_folder_path = "/no/such/home" does not exist; make it, '
        "or write create_home_folder = Yes",
        'shared.ini:5: [accounts/ann] group = "nobody" names no section [groups/nobody]',
        'shared.ini:14: [groups/DEFAULT_GROUP] has no option "umask"',
        "shared.ini:15: warning: [groups/DEFAULT_GROUP] allow_own_password_change has no effect "
        "here: servers that share accounts share no other place",
    ]


def test_a_file_that_is_none_keeps_the_server_from_starting(write: Write, tmp_path: Path) -> None:
    (problem,) = load(write(SERVER_INI, "conf/server.ini")).problems
    assert str(problem) == f"{tmp_path}/shared.ini: cannot be read: No such file or directory"
    (tmp_path / "shared.ini").mkdir()
    (problem,) = load(tmp_path / "conf/server.ini").problems
    assert "Is a directory" in str(problem)
    (tmp_path / "shared.ini").rmdir()
    os.mkfifo(tmp_path / "shared.ini")  # and nobody waits for its other end
    (problem,) = load(tmp_path / "conf/server.ini").problems
    assert "is not a regular file" in str(problem)


def test_a_file_has_a_greatest_size(write: Write, tmp_path: Path) -> None:
    with write(ANN).open("r+") as file:
        file.truncate(MAX_FILE + 1)
    (problem,) = load(write(SERVER_INI, "conf/server.ini")).problems[:1]
    assert "is larger than 4 MiB" in str(problem)


def test_a_disabled_method_reads_nothing(write: Write) -> None:
    found = load(write(SERVER_INI + "enabled = no\n", "conf/server.ini"))
    assert found.problems == ()
    assert found.config is not None
    assert not found.config.account_files


def test_an_id_belongs_to_one_file(write: Write, tmp_path: Path) -> None:
    own = SERVER_INI + ANN.replace("name = ann", "name = other")
    assert told(write, ANN, own) == [
        f"{tmp_path}/shared.ini:1: [accounts/ann] has an ID that server.ini or another file of "
        "accounts has as well"
    ]
    twice = SERVER_INI + SERVER_INI.replace("s/shared", "s/again")
    assert len(told(write, ANN, twice)) == 1


def test_what_everybody_can_change_is_a_warning(write: Write) -> None:
    write(ANN).chmod(0o602)
    (warning,) = load(write(SERVER_INI, "conf/server.ini")).problems
    assert not warning.is_error
    assert "everybody on this machine can change it" in str(warning)


@pytest.mark.parametrize("option", ["allow_own_password_change", "allow_own_one_time_codes"])
def test_nobody_changes_what_a_shared_file_says_of_him(write: Write, option: str) -> None:
    group = f"[groups/DEFAULT_GROUP]\nname = all\n{option} = yes\n"
    found = loaded(write, ANN + group)
    (warning,) = found.problems
    assert (warning.line, warning.is_error) == (6, False)
    assert "has no effect here" in str(warning)
    assert found.config is not None
    (read,) = found.config.account_files.values()
    assert getattr(read.groups["DEFAULT_GROUP"], option) is False


def test_a_file_is_read_again_when_it_has_changed(write: Write, tmp_path: Path) -> None:
    path, context = write(ANN), Context(tmp_path)
    first = read_accounts(path, context, (), [])
    assert read_again(path, context, (), first.stamp) is None
    other = write(ANN.replace("name = ann", "name = bob"), "new.ini")
    other.rename(path)
    second = read_again(path, context, (), first.stamp)
    assert second is not None
    assert second.accounts["ann"].name == "bob"
    assert second.stamp != first.stamp


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (ANN + "[server]\n", ":4: [server] does not belong here"),
        (ANN.replace("s/ann", "s/taken"), ":1: [accounts/taken] has an ID that server.ini"),
        ("", "has no accounts"),
    ],
)
def test_a_file_with_a_problem_is_not_read_again(
    write: Write, tmp_path: Path, text: str, sentence: str
) -> None:
    path = write(text)
    with pytest.raises(ValueError) as raised:
        read_again(path, Context(tmp_path), {"taken"}, ())
    assert f"{path}" in str(raised.value)
    assert sentence in str(raised.value)
    path.unlink()
    with pytest.raises(ValueError, match="cannot be read"):
        read_again(path, Context(tmp_path), (), ())
