import pytest

from mft.events import payloads
from mft.events.catalogue import BY_NUMBER
from mft.events.model import Event
from tests.fakes.occurrences import told


def test_a_sentence_that_names_what_its_payload_lacks_is_refused():
    with pytest.raises(TypeError, match="reason"):
        Event(90999, payloads.Details, "Failed: {reason}", frozenset())


def test_a_payload_that_is_no_named_tuple_is_refused():
    with pytest.raises(TypeError, match="NamedTuple"):
        Event(90999, dict, "Failed", frozenset())


def test_an_occurrence_has_its_data_in_its_sentence():
    assert told("/inbox/b.csv").message.startswith('Uploaded "/inbox/b.csv": 10 bytes in 0.010 s')


@pytest.mark.parametrize("value", ["100 %", 12345, -1, 0.0625, 1e9, None, True, ["a", 1], {"a": 1}])
def test_a_sentence_says_what_format_would(value):
    for event in BY_NUMBER.values():
        data = {key: value for _, key in event.keys}
        try:
            expected = event.sentence.format_map(data)
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)):
                event.say(data)
        else:
            assert event.say(data) == expected


def test_a_sentence_is_not_said_of_data_that_lacks_something():
    event = Event(90999, payloads.Details, "100 % failed: {details}", frozenset())
    assert event.say({"details": "{details} %s"}) == "100 % failed: {details} %s"
    with pytest.raises(KeyError):
        event.say({})


def test_a_sentence_of_another_form_is_said_too():
    event = Event(90999, payloads.Details, "Failed: {details!r:>8}", frozenset())
    assert event.say({"details": "no"}) == "Failed:     'no'"
