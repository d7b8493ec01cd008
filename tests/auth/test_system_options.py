"""Options of the `os` method: what is missing on the machine is told before anybody logs in."""

from pathlib import Path

import pytest

from mft.auth import system_options as module
from mft.auth.system_options import Association, SystemOptions
from mft.config.kinds import plain
from mft.daemon.load import load
from tests.auth.test_options import read
from tests.fakes.pam import stack


def test_nobody_is_allowed_and_nothing_is_wrong_by_default() -> None:
    options, problems = read(SystemOptions, "type = os")
    assert problems == []
    assert isinstance(options, SystemOptions)
    assert options.allowed_groups == ()
    assert options.pam_service == "login"
    assert options.minimum_uid == 1000
    assert options.base_groups == ("DEFAULT_GROUP",)


def test_every_option_is_read() -> None:
    with stack() as name:
        options, problems = read(
            SystemOptions,
            f"type = OS\npam_service = {name}\nallowed_groups = staff, ${{ALL_OS_GROUPS}}\n"
            'group_association =\n    ; ours\n    staff, G1\n    "a, b", G2\n'
            "home_folder = Group\ntimeout = 5\nrefusal_delay = 0\nminimum_uid = 500",
        )
    assert problems == []
    assert isinstance(options, SystemOptions)
    assert options.group_association == (Association("staff", "G1"), Association("a, b", "G2"))
    assert options.home_folder == "group"
    assert plain(options.group_association[0]) == "staff, G1"


@pytest.mark.parametrize("name", ["Login", "../login", "", ".hidden", "a b", "x" * 65, "log/in"])
def test_a_service_that_pam_would_read_otherwise_is_refused(name: str) -> None:
    options, problems = read(SystemOptions, f"pam_service = {name}")
    assert options is None
    assert "is not a PAM service" in problems[0]


def test_a_stack_that_is_not_there_is_a_problem_of_its_line() -> None:
    _, problems = read(SystemOptions, "pam_service = mft-of-nobody")
    assert problems == [
        'server.ini:3: [s/x] pam_service = "mft-of-nobody" has no file /etc/pam.d/mft-of-nobody; '
        "make it, or name one that is there, such as login"
    ]


def test_a_group_that_the_machine_does_not_have_is_a_warning() -> None:
    _, problems = read(SystemOptions, "allowed_groups = root, nobodys-group, ${ALL_OS_GROUPS}")
    assert problems == [
        'server.ini:3: warning: [s/x] allowed_groups = "nobodys-group" is no group of this machine'
    ]


def test_without_pamela_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    _, problems = read(SystemOptions, "type = os")
    assert len(problems) == 1
    assert problems[0].startswith('server.ini:3: [s/x] type = "os" needs the Python package pamela')
    assert read(SystemOptions, "type = os\nenabled = no")[1] == []


@pytest.mark.parametrize("line", ["staff", "staff, G, H", ", G", "staff,"])
def test_a_wrong_association_is_told_by_its_line(line: str) -> None:
    options, problems = read(SystemOptions, f"group_association =\n    users, U\n    {line}")
    assert options is None
    assert problems[0].startswith("server.ini:5: ")


def test_what_other_servers_have_is_passed_over_with_a_warning() -> None:
    options, problems = read(SystemOptions, "pam_usage = exclusive\nmanager_allowed_groups = adm")
    assert options is not None
    assert all("has no effect here" in one for one in problems)
    assert len(problems) == 2


def test_a_group_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "server.ini"
    file.write_text(
        "[groups/staff-1]\nname = staff\n[authentications/os]\ntype = os\nname = os\n"
        "base_groups = none-1\ngroup_association =\n    staff, staff-1\n    users, staff-2\n"
    )
    told = [str(one) for one in load(file).problems if one.is_error]
    assert len(told) == 2
    assert any('base_groups = "none-1" names no section' in one for one in told)
    assert any('"staff-2" names no section [groups/staff-2]; did you mean' in one for one in told)
