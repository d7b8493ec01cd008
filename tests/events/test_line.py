import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.core.peer import Actor, Address, Component, Origin
from mft.core.secret import Secret
from mft.events import line
from mft.events.line import (
    MAX_LINE,
    MAX_ORIGINS,
    MAX_PART,
    NO_HASH,
    Encoder,
    event_of,
    occurrence,
    parse,
    plain,
    seal,
)
from tests.fakes.occurrences import ALICE

ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
VALUES = st.recursive(
    ANY_TEXT | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)


def line_of(data, origin=ALICE, serial=7):
    return Encoder().line(serial, 1e9, 30068, origin, data, NO_HASH)


@pytest.mark.fuzz
@given(st.dictionaries(ANY_TEXT, VALUES, max_size=4), ANY_TEXT, ANY_TEXT)
@settings(max_examples=150, deadline=None)
def test_whatever_a_peer_says_is_one_line_that_reads_back(data, name, component):
    origin = Origin(Actor("", name), Address("192.0.2.7", 1), Component("c", "ssh", component))
    raw, digest = line_of(data, origin)
    assert raw.count(b"\n") == 1
    assert raw.endswith(b"\n")
    line = parse(raw)
    assert (line.serial, line.hash) == (7, digest)
    assert seal(NO_HASH, line.body) == digest
    read = occurrence(line)
    assert read.data == orjson.loads(orjson.dumps(plain(data)))
    assert read.origin.actor.name == plain(name)


@pytest.mark.fuzz
@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_a_line_or_malformed(raw):
    for candidate in (raw, b'{"serial":1,' + raw + b',"hash":"' + b"0" * 64 + b'"}'):
        try:
            occurrence(parse(candidate))
        except Malformed:
            continue


def test_lone_surrogates_show_as_escapes():
    raw, _ = line_of({"path": "a\udc80b"})
    assert occurrence(parse(raw)).data == {"path": "a\\udc80b"}


def test_a_secret_never_gets_into_a_line():
    raw, _ = line_of({"details": Secret("hunter2"), "path": "\udc80"})
    assert b"hunter2" not in raw


def test_data_beyond_its_bound_is_left_out_and_said_so():
    raw, _ = line_of({"details": "x" * MAX_LINE})
    assert occurrence(parse(raw)).data == {"details": f"{MAX_LINE + 14} bytes left out"}


def test_an_origin_beyond_its_bound_is_left_out():
    raw, _ = line_of({}, Origin(Actor("u", "n" * MAX_LINE), ALICE.peer, ALICE.component))
    assert len(raw) < MAX_LINE
    assert occurrence(parse(raw)).origin.actor.name == "(left out)"


def test_the_memory_for_origins_is_bounded():
    encoder = Encoder()
    for port in range(MAX_ORIGINS + 10):
        origin = Origin(ALICE.actor, Address("192.0.2.7", port), ALICE.component)
        raw, _ = encoder.line(1, 1e9, 30068, origin, {}, NO_HASH)
        assert occurrence(parse(raw)).origin == origin
    assert len(encoder._origins) <= MAX_ORIGINS


def test_an_account_and_a_component_of_the_same_words_are_told_as_what_they_are():
    origin = Origin(Actor("1", "2", "3"), ALICE.peer, Component("1", "2", "3"))
    for _ in range(2):
        assert occurrence(parse(line_of({}, origin)[0])).origin == origin


def test_long_parts_of_origins_are_not_remembered():
    before = line._known_account.cache_info(), line._known_component.cache_info()
    long = "n" * MAX_PART
    origin = Origin(Actor("u", long, "a@example.com"), ALICE.peer, Component("c", "ssh", long))
    assert occurrence(parse(line_of({}, origin)[0])).origin == origin
    assert (line._known_account.cache_info(), line._known_component.cache_info()) == before


def test_an_origin_comes_back_with_its_mail_address():
    origin = Origin(Actor("u", "alice", "a@example.com"), ALICE.peer, ALICE.component)
    raw, _ = line_of({}, origin)
    assert occurrence(parse(raw)).origin == origin


def test_an_event_of_another_version_still_has_a_sentence():
    assert event_of(99999).number == 99999
    assert event_of(99999).sentence


@pytest.mark.parametrize("missing", ["account", "peer", "component", "data", "time", "id"])
def test_a_line_without_a_field_is_malformed(missing):
    raw, _ = line_of({})
    line = parse(raw)
    with pytest.raises(Malformed):
        occurrence(line._replace(fields={k: v for k, v in line.fields.items() if k != missing}))


@pytest.mark.parametrize(
    "fields",
    [
        {"time": 1e300},
        {"time": -1},
        {"account": {"uuid": 1, "name": "a"}},
        {"peer": {"address": "192.0.2.7", "port": "1"}},
        {"component": {"uuid": "", "type": None, "name": ""}},
        {"peer": []},
    ],
)
def test_a_field_of_another_kind_is_malformed(fields):
    line = parse(line_of({})[0])
    with pytest.raises(Malformed):
        occurrence(line._replace(fields=line.fields | fields))


def test_numbers_that_json_cannot_hold_are_written_as_text():
    raw, _ = line_of({"size": 2**80, "path": "\udc80", "small": 5})
    assert occurrence(parse(raw)).data == {"size": str(2**80), "path": "\\udc80", "small": 5}


def test_lists_within_lists_are_bounded():
    deep = ["\udc80"]
    for _ in range(500):
        deep = [deep]
    assert len(parse(line_of({"list": deep})[0]).body) < MAX_LINE


@pytest.mark.parametrize("begin", [b"[1", b'{"id":1', b'{"serial":"1"'])
def test_a_line_without_a_serial_is_malformed(begin):
    with pytest.raises(Malformed):
        parse(begin + b',"hash":"' + b"0" * 64 + b'"}')


def test_a_line_whose_data_is_no_object_is_malformed():
    line = parse(line_of({})[0])
    with pytest.raises(Malformed):
        occurrence(line._replace(fields=line.fields | {"data": []}))
