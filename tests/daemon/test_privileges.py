"""Root is given up whole, and nobody stays root without being told."""

import os
import pwd
import subprocess
import sys

import pytest

from mft.core.failure import Refused
from mft.daemon import privileges as module
from mft.daemon.privileges import become_the_server, check_identity, drop, give_files

ROOT = pwd.struct_passwd(("root", "x", 0, 0, "", "/root", "/bin/sh"))
NOBODY = pwd.struct_passwd(("nobody", "x", 65534, 65534, "", "/", "/bin/false"))


@pytest.fixture
def as_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(pwd, "getpwnam", {"root": ROOT, "nobody": NOBODY}.__getitem__)


@pytest.fixture
def as_somebody(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(pwd, "getpwnam", {"root": ROOT, "nobody": NOBODY}.__getitem__)


def test_root_without_an_account_is_refused(as_root):
    with pytest.raises(Refused, match="allow_root"):
        check_identity("", allow_root=False)


def test_root_may_stay_when_told(as_root):
    assert check_identity("", allow_root=True) is None


def test_root_becomes_the_account(as_root):
    assert check_identity("nobody", allow_root=False) == NOBODY


def test_the_account_root_needs_the_same_word(as_root):
    with pytest.raises(Refused, match="allow_root"):
        check_identity("root", allow_root=False)


def test_an_unknown_account_is_refused(as_root):
    with pytest.raises(Refused, match="is no account of this machine"):
        check_identity("missing", allow_root=True)


def test_somebody_else_cannot_become_another(as_somebody):
    with pytest.raises(Refused, match="only root"):
        check_identity("nobody", allow_root=False)


def test_somebody_stays_who_they_are(as_somebody):
    assert check_identity("", allow_root=False) is None


DROPPED = """
import os, pwd
from mft.daemon.privileges import drop
drop(pwd.getpwnam("nobody"), 0o027)
who = pwd.getpwnam("nobody")
assert os.getresuid() == (who.pw_uid,) * 3 and os.getresgid() == (who.pw_gid,) * 3
assert 0 not in os.getgroups()
try:
    os.setuid(0)
except PermissionError:
    print("gone", oct(os.umask(0)))
"""


def test_who_does_the_work_of_a_server_does_it_as_its_account(as_root, monkeypatch):
    became = []
    monkeypatch.setattr(module, "drop", lambda who, umask: became.append((who, umask)))
    become_the_server("nobody", allow_root=False, umask=0o27)
    become_the_server("", allow_root=False, umask=0)
    become_the_server("root", allow_root=True, umask=0)
    assert became == [(NOBODY, 0o27)]
    with pytest.raises(Refused, match="is no account of this machine"):
        become_the_server("missing", allow_root=False, umask=0)


def test_nobody_else_becomes_the_account_of_a_server(as_somebody):
    become_the_server("nobody", allow_root=False, umask=0)


def test_root_cannot_come_back():
    if os.geteuid() == 0:
        done = subprocess.run(
            [sys.executable, "-c", DROPPED], capture_output=True, text=True, timeout=60
        )
        assert (done.stdout, done.stderr) == ("gone 0o27\n", "")
    else:  # who is not root cannot drop to another account, and is told so
        with pytest.raises(Refused, match="cannot become it"):
            drop(NOBODY, 0o022)


def test_a_drop_that_the_kernel_does_not_do_whole_is_refused(monkeypatch):
    monkeypatch.setattr(os, "initgroups", lambda *_: None)
    monkeypatch.setattr(os, "setresgid", lambda *_: None)
    monkeypatch.setattr(os, "setresuid", lambda *_: None)
    monkeypatch.setattr(os, "getresuid", lambda: (65534, 65534, 0))
    with pytest.raises(Refused, match="another identity"):
        drop(NOBODY, 0o022)


def test_what_root_made_is_given_at_any_depth_but_nothing_with_a_second_name(tmp_path, monkeypatch):
    (tmp_path / "state" / "cursors").mkdir(parents=True)
    deep = tmp_path / "state" / "cursors" / "one.json"
    deep.write_text("{}")
    (tmp_path / "elsewhere").write_text("secret")
    os.link(tmp_path / "elsewhere", tmp_path / "state" / "planted")
    (tmp_path / "state" / "link").symlink_to(tmp_path / "elsewhere")
    given = []
    monkeypatch.setattr(os, "chown", lambda path, *_, follow_symlinks: given.append(str(path)))
    monkeypatch.setattr("mft.daemon.privileges.ROOT", os.geteuid())
    give_files(tmp_path / "state", NOBODY)
    assert sorted(given) == [
        str(tmp_path / "state"),
        str(tmp_path / "state" / "cursors"),
        str(deep),
        str(tmp_path / "state" / "link"),
    ]
