"""Commands at a destination."""

import pytest

from mft.config.kinds import Wrong, Wrongs
from mft.core.failure import Refused
from mft.core.vpath import ROOT, VPath
from mft.transfers.commands import MAX_COMMANDS, carry_out, filled, read_commands
from mft.vfs.memory import MemoryFileSystem
from tests.fakes.files import names, put
from tests.fakes.run import run

SOURCE, TARGET = VPath.parse("/in/a b.csv"), VPath.parse("/out/a b.csv")


def done(text: str, files: MemoryFileSystem) -> list[str]:
    run(carry_out(files, read_commands(text, None), SOURCE, TARGET))
    return names(files, ROOT)


def test_commands_stand_on_lines_or_between_semicolons():
    found = read_commands("rename a b; delete c\n\n# no more\nmkdir 'd e'", None)
    assert [(one.verb, one.arguments) for one in found] == [
        ("rename", ("a", "b")),
        ("delete", ("c",)),
        ("mkdir", ("d e",)),
    ]


def test_paths_are_filled_in_once_and_stay_one_path():
    hostile = VPath.parse("/x/{source.name}; delete b")
    (command,) = read_commands("delete {destination.path}.old/{source.name}", None)
    assert filled(command, SOURCE, hostile) == [
        VPath.parse("/x/{source.name}; delete b.old/a b.csv")
    ]


def test_commands_are_carried_out_in_order():
    files = MemoryFileSystem()
    put(files, VPath.parse("/a"), b"1")
    put(files, VPath.parse("/c"), b"1")
    assert done("rename a b; delete c; mkdir d; mkdir e; rmdir e", files) == ["b", "d"]


def test_what_is_done_already_is_no_failure():
    files = MemoryFileSystem()
    assert done("mkdir d; mkdir d; delete c; rmdir e", files) == ["d"]


def test_what_is_refused_ends_them():
    files = MemoryFileSystem()
    with pytest.raises(Refused):
        done("rename a b; mkdir d", files)
    assert names(files, ROOT) == []


def test_nothing_is_done_to_the_folder_itself():
    with pytest.raises(Refused, match="empty"):
        done("rmdir ..", MemoryFileSystem())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("renam a b", 'did you mean "rename"'),
        ("rename a", "rename takes 2"),
        ("delete 'a", "cannot be split"),
        ("delete {destination.nam}", "names in braces"),
        ("delete {", "names in braces"),
    ],
)
def test_what_is_no_command_is_told(text, sentence):
    with pytest.raises(Wrongs, match=sentence):
        read_commands(text, None)


def test_there_are_not_too_many():
    with pytest.raises(Wrong, match="more than"):
        read_commands(";".join(["mkdir a"] * (MAX_COMMANDS + 1)), None)
