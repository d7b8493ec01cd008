import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mft.events.chain import Head, verify
from mft.events.journal import MIN_SEGMENT_SIZE, Journal
from tests.fakes.occurrences import ALICE

COUNT = 50


def begin(directory, count=COUNT):
    journal = Journal.open(directory, MIN_SEGMENT_SIZE)
    for index in range(count):
        journal.append(30068, 1e9 + index, ALICE, {"path": f"/file-{index}"})
    head = Head(journal.last, journal.hash)
    journal.close()
    return head


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    directory = tmp_path_factory.mktemp("journal") / "original"
    begin(directory)
    return directory


@pytest.fixture
def copy(original, tmp_path):
    shutil.copytree(original, tmp_path / "copy")
    return tmp_path / "copy"


def lines_of(directory):
    """Every line of a journal with its file, first lines of segments included."""
    files = sorted(directory.glob("*.jsonl"))
    return [(path, line) for path in files for line in path.read_bytes().splitlines(keepends=True)]


def write(directory, lines):
    for path in directory.glob("*.jsonl"):
        path.write_bytes(b"".join(line for where, line in lines if where == path))


def test_a_journal_as_it_was_written_is_sound(copy):
    found = verify(copy)
    assert found.first_bad is None
    assert (found.lines, found.last) == (COUNT, COUNT)
    assert len(list(copy.glob("*.jsonl"))) > 1


def test_an_empty_journal_is_sound(tmp_path):
    assert verify(tmp_path).first_bad is None


EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@EXAMPLES
@given(st.data())
def test_any_changed_byte_is_found(copy, data):
    lines = lines_of(copy)
    index = data.draw(st.integers(0, len(lines) - 1))
    path, line = lines[index]
    at = data.draw(st.integers(0, len(line) - 1))
    changed = bytes([line[at] ^ data.draw(st.integers(1, 255))])
    if index == len(lines) - 1 and at == len(line) - 1:
        return  # the last line without its end is one that is being written
    write(copy, [*lines[:index], (path, line[:at] + changed + line[at + 1 :]), *lines[index + 1 :]])
    found = verify(copy)
    write(copy, lines)
    assert found.first_bad is not None
    assert found.last < COUNT


@EXAMPLES
@given(st.integers(0, 10**6))
def test_any_removed_line_is_found(copy, number):
    lines = lines_of(copy)
    index = number % (len(lines) - 1)  # the very last needs a head that was kept
    write(copy, lines[:index] + lines[index + 1 :])
    found = verify(copy)
    write(copy, lines)
    assert found.first_bad is not None


@EXAMPLES
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_any_inserted_line_is_found(copy, number, source):
    lines = lines_of(copy)
    index = number % len(lines)
    path, line = lines[index][0], lines[source % len(lines)][1]
    write(copy, [*lines[:index], (path, line), *lines[index:]])
    found = verify(copy)
    write(copy, lines)
    assert found.first_bad is not None


@EXAMPLES
@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_any_two_lines_that_changed_places_are_found(copy, one, other):
    lines = lines_of(copy)
    first, second = sorted((one % len(lines), other % len(lines)))
    if first == second:
        return
    changed = list(lines)
    changed[first] = lines[first][0], lines[second][1]
    changed[second] = lines[second][0], lines[first][1]
    write(copy, changed)
    found = verify(copy)
    write(copy, lines)
    assert found.first_bad is not None


def test_the_first_bad_serial_is_told(copy):
    lines = lines_of(copy)
    changed = [(path, line.replace(b"/file-7", b"/file-X")) for path, line in lines]
    write(copy, changed)
    found = verify(copy)
    assert found.first_bad == 8
    assert "hash of 8" in found.problem


def test_a_segment_that_is_gone_is_found(copy):
    files = sorted(copy.glob("*.jsonl"))
    files[1].unlink()
    assert verify(copy).first_bad == int(files[1].stem)


def test_a_line_that_is_being_written_is_no_fault(copy):
    newest = max(copy.glob("*.jsonl"))
    with newest.open("ab") as file:
        file.write(b'{"serial":51,"time"')
    assert verify(copy).first_bad is None


def test_an_unfinished_line_elsewhere_is_a_fault(copy):
    oldest = min(copy.glob("*.jsonl"))
    with oldest.open("ab") as file:
        file.write(b'{"serial":')
    assert verify(copy).first_bad == int(sorted(copy.glob("*.jsonl"))[1].stem)


def test_a_kept_head_proves_that_nothing_was_taken_off_the_end(tmp_path):
    head = begin(tmp_path)
    assert verify(tmp_path, kept=head).first_bad is None
    lines = lines_of(tmp_path)
    write(tmp_path, lines[:-1])
    assert verify(tmp_path).first_bad is None
    found = verify(tmp_path, kept=head)
    assert found.first_bad == COUNT
    assert "missing from the end" in found.problem


def test_a_journal_that_was_written_anew_does_not_have_the_kept_head(tmp_path):
    head = begin(tmp_path / "one")
    begin(tmp_path / "other", COUNT + 1)
    assert verify(tmp_path / "other", kept=head).first_bad is None  # the same events
    wrong = Head(head.serial, "0" * 64)
    assert verify(tmp_path / "other", kept=wrong).first_bad == COUNT


def test_a_head_older_than_what_is_kept_proves_nothing(copy):
    min(copy.glob("*.jsonl")).unlink()
    found = verify(copy, kept=Head(1, "0" * 64))
    assert "not kept any more" in found.problem


def test_progress_ends_at_the_whole(copy):
    heard = []
    verify(copy, lambda done, total: heard.append((done, total)))
    size = sum(path.stat().st_size for path in copy.glob("*.jsonl"))
    assert heard[-1] == (size, size)


def test_progress_is_heard_on_the_way(copy, monkeypatch):
    monkeypatch.setattr("mft.events.chain.PROGRESS_STEP", 10)
    heard = []
    verify(copy, lambda done, total: heard.append(done))
    assert len(heard) == COUNT // 10 + 1
    assert heard == sorted(heard)
