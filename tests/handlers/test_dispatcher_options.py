"""What server.ini may say of a dispatcher, and what it is told when it says something else."""

import pytest

from mft.config.ini import RawSection, Value
from mft.config.kinds import Context
from mft.config.section import check_section, read_section
from mft.handlers.dispatcher_options import DispatcherOptions, is_within

TARGET = "30068"


def read(directory, **given):
    """Options as server.ini gives them, and the sentences of every problem."""
    values = {
        "name": "out",
        "type": "file-dispatcher",
        "target": TARGET,
        "dispatch_rules": "move, *.pdf, /srv/out",
    } | given
    raw = RawSection(
        "event-handlers/out",
        "server.ini",
        1,
        {name: Value(text, "server.ini", 2) for name, text in values.items()},
    )
    problems = []
    found = read_section(DispatcherOptions, raw, Context(directory), problems)
    if found is not None:
        check_section(found, raw, Context(directory), problems)
    return found, "\n".join(str(problem) for problem in problems)


def test_the_defaults_are_those_that_operators_know(tmp_path):
    found, problems = read(tmp_path)
    assert problems == ""
    assert (found.dispatch_attribute, found.dispatch_delay) == ("real_path", 0)
    assert (found.retry_count, found.retry_wait, found.executable_timeout) == (0, 60, 30)
    assert (found.overwrite_rule, found.create_destination_folder) == ("fail", None)
    assert (found.fallback_rule, found.matching_expressions) == (None, ())
    assert found.allowed_roots == ()
    assert found.delay == 0


def test_everything_that_can_be_said(tmp_path):
    found, problems = read(
        tmp_path,
        dispatch_rules="copy, g/*.pdf/, /srv/out/{account.name}/, /srv/a\n\n; note\ndelete, *.tmp",
        fallback_rule="move, /srv/rest",
        create_destination_folder="Parent",
        overwrite_rule="Skip",
        destination_temporary_suffix=".part",
        allowed_roots="/srv\n/home/../var//x/",
        matching_expressions=r"account.name, ^(\w+)-",
    )
    assert problems == ""
    assert [rule.action.name for rule in found.dispatch_rules] == ["copy", "delete"]
    assert found.folders() == {"/srv/out", "/srv/a", "/srv/rest"}
    assert found.allowed_roots == ("/srv", "/var/x")
    assert found.create_destination_folder == "parent"
    assert found.overwrite_rule == "skip"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"dispatch_rules": ""}, "has no rule"),
        ({"dispatch_rules": "move"}, "needs an expression"),
        ({"dispatch_rules": "mvoe, *, /srv/out"}, 'did you mean "move"'),
        ({"dispatch_rules": "move, *"}, "has 0 destinations; move has 1 to 20"),
        ({"dispatch_rules": "rename, *, /srv/a, /srv/b"}, "rename has one"),
        ({"dispatch_rules": "delete, *, /srv/a"}, "delete has none"),
        ({"dispatch_rules": "move, *, out"}, "not an absolute path"),
        ({"dispatch_rules": "move, *, /srv/../etc"}, "has . or .."),
        ({"dispatch_rules": "move, m/(/, /srv"}, "not a regular expression"),
        ({"dispatch_rules": "move, m/(a+)+$/, /srv"}, "could take too long"),
        ({"dispatch_rules": "move, *.pdf, /srv/{account.name}"}, "g/.../ or m/.../"),
        ({"dispatch_rules": "move, g/*/, /srv/{acount.name}"}, 'did you mean "account.name"'),
        ({"dispatch_rules": "move, g/*/, /srv/{1}"}, 'there is no "1"'),
        ({"dispatch_rules": "move, m/(a)/, /srv/{2}"}, 'there is no "2"'),
        ({"dispatch_rules": "move, e/(a)/, /srv/{1}"}, 'there is no "1"'),
        ({"dispatch_rules": "move, g/*/, /{account.name}/"}, "may be anywhere"),
        ({"dispatch_rules": "move, *, /"}, "may be anywhere"),
        ({"dispatch_rules": 'move, "*, /srv'}, "double quote"),
        ({"dispatch_rules": "execute, *, scan"}, "names no program by its whole path"),
        ({"dispatch_rules": "execute, *, /nonexistent"}, "cannot be run"),
        ({"dispatch_rules": "delete, *\n" * 501}, "more than 500"),
        ({"fallback_rule": "moved, /srv"}, "has no action"),
        ({"fallback_rule": "move"}, "has 0 destinations"),
        ({"allowed_roots": "/mnt"}, "outside of allowed_roots"),
        ({"allowed_roots": "/"}, "not an absolute path of a folder"),
        ({"allowed_roots": "srv"}, "not an absolute path of a folder"),
        ({"destination_temporary_suffix": "a/b"}, "not the end of a file name"),
        ({"create_destination_folder": "yes"}, "parent"),
        ({"overwrite_rule": "perhaps"}, "fail, overwrite, skip, disable"),
        ({"retry_count": "9999"}, "0 to 1000"),
        ({"matching_expressions": "path"}, "not an attribute"),
        ({"matching_expressions": "path, abc"}, "has no group"),
        ({"matching_expressions": "pathh, (a)"}, "there is no"),
        ({"matching_expressions": "path, (a)\n" * 51}, "more than 50"),
        ({"target": ""}, "before they are whole"),
    ],
)
def test_what_cannot_be_is_told(tmp_path, given, sentence):
    _, problems = read(tmp_path, **given)
    assert sentence in problems


def test_a_program_that_accounts_could_have_written_is_told(tmp_path):
    program = tmp_path / "data" / "alice" / "scan"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    _, problems = read(tmp_path, dispatch_rules=f"execute, *, {program}")
    assert "names a program that is in a folder that accounts write to" in problems


def test_groups_are_enough_to_choose_events(tmp_path):
    _, problems = read(tmp_path, target="", groups="operation-write")
    assert problems == ""


def test_backslashes_separate_folders_as_well(tmp_path):
    found, problems = read(tmp_path, dispatch_rules="move, *, \\srv\\out\\, //srv//a")
    assert problems == ""
    assert found.dispatch_rules[0].destinations == ("/srv/out/", "/srv/a")


def test_what_is_within():
    assert is_within("/srv", "/srv")
    assert is_within("/srv/a", "/srv")
    assert not is_within("/srvx", "/srv")
