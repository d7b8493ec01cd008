"""Statements about several web sessions: in parts, each of them full, and in one order."""

from mft.resources.cluster_web_sessions import MANY, going_on, use


def test_several_are_in_one_order_whatever_order_they_come_in() -> None:
    (call,) = use({"b", "a", "c"}, 60.0)
    assert [call.values[f"digest{n}"] for n in range(MANY)] == ["a", "b", "c"] + [""] * (MANY - 3)
    assert call.values["lasts"] == 60.0


def test_what_is_too_much_for_one_is_several() -> None:
    calls = going_on(f"{number:03}" for number in range(MANY * 2 + 1))
    assert len(calls) == 3
    assert calls[2].values["digest0"] == f"{MANY * 2:03}"
    assert going_on([]) == []
