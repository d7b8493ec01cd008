import pytest

from mft.events import payloads
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
