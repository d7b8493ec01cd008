"""A refusal says its reason to the peer and its details to the log."""

from mft.core.failure import Malformed, Reason, Refused


def test_a_refusal_without_details_says_its_reason():
    refused = Refused(Reason.NOT_FOUND, "/a")
    assert refused.details == "no such file or directory"
    assert str(refused) == "/a: no such file or directory"


def test_a_refusal_without_a_subject_is_its_details():
    assert str(Refused(Reason.DENIED, details="not today")) == "not today"


def test_every_reason_has_its_own_words():
    assert len({reason.value for reason in Reason}) == len(Reason)


def test_malformed_bytes_are_wrong_values():
    assert issubclass(Malformed, ValueError)
    assert not issubclass(Malformed, Refused)
