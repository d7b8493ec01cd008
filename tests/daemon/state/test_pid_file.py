"""The pid file is ours, owner-only, and removed only by us."""

import os

from mft.daemon.state.pid_file import PID_FILE, remove_pid, write_pid


def test_an_older_pid_is_replaced(tmp_path):
    (tmp_path / PID_FILE).write_text("1\n")
    path = write_pid(tmp_path)
    assert path.read_text() == f"{os.getpid()}\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_pid_of_another_process_is_left_alone(tmp_path):
    path = tmp_path / PID_FILE
    path.write_text("1\n")
    remove_pid(path)
    assert path.exists()


def test_removing_never_fails(tmp_path):
    remove_pid(tmp_path / "missing")
    (tmp_path / PID_FILE).write_text("no number")
    remove_pid(tmp_path / PID_FILE)
