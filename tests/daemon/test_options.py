"""The [server] section."""

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.section import read_section
from mft.daemon.options import ServerOptions


def server(tmp_path, text):
    problems = []
    raw = parse(f"[server]\n{text}".encode(), "server.ini", problems)["server"]
    options = read_section(ServerOptions, raw, Context(tmp_path), problems)
    assert not any(problem.is_error for problem in problems)
    return options


def test_the_safe_values_are_the_defaults():
    options = ServerOptions()
    assert options.umask == 0o022
    assert options.password_hashing_scheme == "bcrypt"
    assert not options.allow_root
    assert options.account == ""


@pytest.mark.parametrize(("text", "io"), [("Yes", "threads"), ("no", "auto")])
def test_the_old_name_for_slow_disks_means_threads(tmp_path, text, io):
    assert server(tmp_path, f"blocking_filesystem = {text}\n").io == io


def test_an_account_that_this_machine_does_not_have_is_told(tmp_path):
    context = Context(tmp_path)
    (wrong,) = server(tmp_path, "account = no-such-account\n").check(context)
    assert wrong.option == "account"
    assert not list(server(tmp_path, "account = root\n").check(context))
    assert not list(server(tmp_path, "").check(context))
