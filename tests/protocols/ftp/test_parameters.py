"""What a client has set, and what counts once."""

from mft.core.vpath import ROOT
from mft.protocols.ftp.parameters import Parameters
from mft.wire.ftp.digest import DEFAULT_ALGORITHM
from mft.wire.ftp.listing import DEFAULT_FACTS


def test_a_session_begins_with_what_the_rfc_says() -> None:
    made = Parameters(text=False, private=False)
    assert (made.folder, made.facts, made.algorithm) == (ROOT, DEFAULT_FACTS, DEFAULT_ALGORITHM)
    assert (made.compressed, made.sized, made.extended_only) == (False, False, False)
    assert made.take_start() is made.take_span() is made.take_size() is made.renaming is None


def test_what_is_for_one_transfer_is_taken_once() -> None:
    made = Parameters(text=False, private=False, offset=5, span=(1, 2), allocated=7)
    assert (made.take_start(), made.take_span(), made.take_size()) == (5, (1, 2), 7)
    assert (made.take_start(), made.take_span(), made.take_size()) == (None, None, None)
