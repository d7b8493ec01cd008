"""The judgement of regular expressions: what is harmless, and what a hostile text could abuse."""

import pytest

from mft.core.backtracking import MAX_STEPS, steps


@pytest.mark.parametrize(
    "pattern",
    [
        r"^/inbox/",
        r"\.csv$",
        r"^/.*/.*\.csv$",
        r"^/[^/]*/[^/]*/x.*y",
        r"(\d+)-(\d+)-\d+",
        r"(?i)/inv[0-9]{4}-\d+\.pdf$",
        r"^/[^/]+/[^/]+/in/.*\.(csv|txt|pdf)$",
        r"(?:\d{2}-){3}",
        r"(ab)*c",
        r"a++b",
        r"(?>a+b)c",
        r"^(?!.*\.tmp$)",
        r"(?<=x)y",
        r"(a)?b(?(1)c|d)",
        r"([a-z])\1",
        r"\w+\W",
        r"[^\d]*7",
        r"[^a]a",
        r"a+b",
        r"[^a]+a",
    ],
)
def test_ordinary_patterns_are_let_through(pattern: str) -> None:
    assert steps(pattern, 0, 1024) <= MAX_STEPS


@pytest.mark.parametrize(
    "pattern",
    [
        r"(a+)+$",
        r"(a*)*b",
        r"(a|a)*$",
        r"(a|ab|b)*$",
        r"(a?){25}",
        r"a?" * 25 + "a" * 25,
        r"(?:x{1,50}){1,50}$",
        r".*a.*b",
        r"^.*.*.*x",
        r"(?:(?:a+)b?)+$",
        r"(\w+\s?)*$",
        r"(.*)\1.*\1",
        r"(?=(a+)+$)b",
        r"(?i)(A+a)*$",
    ],
)
def test_patterns_that_could_run_away_are_refused(pattern: str) -> None:
    assert steps(pattern, 0, 1024) > MAX_STEPS


@pytest.mark.parametrize(
    ("decided", "open_"),
    [
        (r"\s*[A-Z]{2}", r"\s*[A-Z ]{2}"),
        (r"\s*\d+", r"\w*\d+"),
        (r"\s*(?:ab)+", r"\s*(?:ab)*"),
        (r"[a-f]*[0-9]", r"[a-f]*[0-9F]"),
        (r"\d*\D", r"\d*\w"),
        (r"[^0-9]*[0-9]", r"[^0-9]*[^0-9]"),
        (r"\d*[a-z]", r"\d*[\u0400-\u0700]"),  # more than is looked at one by one
        (r"[\d ]*[a-z]", r"[\d ]*[\da-z]"),
    ],
)
def test_a_repeat_is_cheap_where_what_follows_says_its_end(decided: str, open_: str) -> None:
    assert steps(decided + "z{0,500}", 0, 1000) < steps(open_ + "z{0,500}", 0, 1000) / 100


def test_a_construct_that_is_not_known_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mft.core.backtracking._PARTS", {})
    assert steps(r"(a)", 0, 1024) > MAX_STEPS
