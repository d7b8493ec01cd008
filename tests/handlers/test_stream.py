import json
import os

import pytest

from mft.handlers import stream as module
from mft.handlers.stream import Stream, StreamOptions
from tests.fakes.handlers import LOG, house
from tests.fakes.occurrences import told
from tests.fakes.run import run


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


@pytest.fixture
def pipe():
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def stream(home, descriptor, **given):
    options = StreamOptions(name="out", type="standard-stream", **given)
    return Stream(LOG, options, home.around, descriptor)


def test_every_event_is_one_line(home, pipe):
    one = stream(home, pipe[1])
    run(one.start())
    run(one.handle_many([told("/a\n"), told("/b")]))
    run(one.stop())
    lines = os.read(pipe[0], 65536).decode().splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("30068 ")


def test_lines_of_json_are_whole_events(home, pipe):
    run(stream(home, pipe[1], format="json").handle_many([told("/a")]))
    assert json.loads(os.read(pipe[0], 65536))["data"]["path"] == "/a"


def test_a_reader_that_stalls_is_a_failure_and_not_a_hang(home, pipe, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1)
    one = stream(home, pipe[1])
    with pytest.raises(TimeoutError, match="nobody reads"):
        run(one.handle_many([told("/" + "x" * 500)] * 512))


def test_a_torn_line_is_ended_before_its_batch_comes_again(home, pipe, monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 1)
    one = stream(home, pipe[1])
    batch = [told("/" + "x" * 500)] * 200
    with pytest.raises(TimeoutError):
        run(one.handle_many(batch))
    first = os.read(pipe[0], 1 << 20)
    assert not first.endswith(b"\n")
    with pytest.raises(TimeoutError):
        run(one.handle_many(batch))
    assert os.read(pipe[0], 1 << 20).startswith(b"\n30068 ")
