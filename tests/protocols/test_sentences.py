"""What peers are told in words: every reason has its sentence, and none shows our insides."""

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.sentences import SENTENCES, explained, sentence


def test_every_reason_has_a_sentence_of_its_own() -> None:
    assert set(SENTENCES) == set(Reason)
    assert len(set(SENTENCES.values())) == len(Reason)


@pytest.mark.parametrize("reason", Reason)
def test_a_sentence_fits_into_one_line_of_any_protocol(reason: Reason) -> None:
    text = sentence(reason)
    assert text == SENTENCES[reason]
    assert text.isascii()
    assert text.isprintable()
    assert 0 < len(text) < 60
    assert text[0].isupper()
    assert not text.endswith(".")


@pytest.mark.parametrize("reason", Reason)
def test_an_incident_stands_behind_the_sentence(reason: Reason) -> None:
    assert sentence(reason, "k3f9") == f"{SENTENCES[reason]} (k3f9)"


def test_what_the_administrator_has_to_say_stands_behind_it() -> None:
    assert explained(Refused(Reason.DENIED, "/a", "details")) == "Permission denied"
    refused = Refused(Reason.REJECTED, "/a", "details", told="Ask us")
    assert explained(refused) == "The file was rejected by an inspection: Ask us"


def test_the_table_cannot_be_changed() -> None:
    table: dict[Reason, str] = SENTENCES  # type: ignore[assignment]  # what it must not be
    with pytest.raises(TypeError):
        table[Reason.BROKEN] = "At your service"
