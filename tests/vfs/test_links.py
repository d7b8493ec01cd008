"""Links are judged by their text alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.vfs.links import aim, relative, shown
from tests.fakes.refused import refused

NAMES = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=5).map(lambda n: VPath(tuple(n)))


@given(folder=NAMES, target=NAMES)
def test_relative_text_leads_to_what_it_was_made_for(folder: VPath, target: VPath) -> None:
    text = relative(folder, target)
    assert not text.startswith("/")
    assert aim(folder, text) == target
    assert shown(folder, text) == text


@pytest.mark.parametrize("text", ["..", "a/../..", "../../x", "/..", "/a/../../b"])
def test_a_target_outside_is_denied(text: str) -> None:
    with refused(Reason.DENIED):
        aim(ROOT, text)


@pytest.mark.parametrize("text", ["", "x" * 5000, ".mft-x", "a\nb", "\udc80"])
def test_a_target_that_no_client_may_name_is_invalid(text: str) -> None:
    with refused(Reason.INVALID):
        aim(ROOT, text)


def test_absolute_targets_are_virtual_when_made_and_hidden_when_found() -> None:
    assert aim(VPath(("a",)), "/b/c") == VPath(("b", "c"))
    with refused(Reason.DENIED):
        shown(ROOT, "/etc/passwd")
    with refused(Reason.DENIED):
        shown(VPath(("a",)), "../../b")
