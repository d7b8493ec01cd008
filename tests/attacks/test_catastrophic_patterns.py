"""A peer chooses names so that an administrator's expression takes for ever: it cannot."""

import subprocess
import sys

import pytest

from mft.core.matching import Expression

HOSTILE = [
    r"m/^(a+)+$/",
    r"m/(a|aa)+$/",
    r"e/^(([a-z])+.)+[A-Z]([a-z])+$/",
    r"m/^(.*?,){11}P/",
    r"m/.*.*=.*/",
]


@pytest.mark.parametrize("expression", HOSTILE)
def test_a_catastrophic_expression_never_loads(expression: str) -> None:
    with pytest.raises(ValueError, match="too long on a hostile name"):
        Expression.parse(expression)


WORST = """
from mft.core.matching import Expression
for expression, text in [
    ("*a" * 400 + "*b", "a" * 4096),
    ("*" + "a" * 400 + "b", "a" * 4096),
    ("|".join(["*a*a*a*b"] * 100), "a" * 4096),
    (r"m/^.*a.*b$/", "a" * 1024),
    (r"m/a.*b$/", "a" * 1024),
    (r"m/([0-9]+)-([0-9]+)-[0-9]+/", "1" * 1024),
]:
    assert not Expression.parse(expression).matches(text), expression
"""


def test_the_worst_texts_for_the_worst_expressions_end() -> None:
    # A runaway match holds the interpreter, so it is watched from outside; the bound is no timing
    # assertion, it only turns "never" into a failure.
    subprocess.run([sys.executable, "-c", WORST], check=True, timeout=120)
