"""The reactor of a process is installed once, in a process of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def said(program: str) -> str:
    """What a new Python says."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout.strip()


@pytest.mark.parametrize("turns", ["", "Turns()"])
def test_it_is_ours_on_linux(turns: str) -> None:
    assert (
        said(
            "from mft.runtime.reactor import install\n"
            "from mft.runtime.turns import Turns\n"
            f"made = install({turns})\n"
            "from twisted.internet import reactor\n"
            "made.callLater(0, made.stop)\n"
            "made.run()\n"
            "print(made is reactor, type(made).__module__)"
        )
        == "True mft.runtime.epoll"
    )


def test_it_is_twisteds_elsewhere() -> None:
    assert (
        said(
            "import sys, twisted.internet.default\n"
            "sys.platform = 'darwin'\n"
            "from mft.runtime.reactor import install\n"
            "made = install()\n"
            "from twisted.internet import reactor\n"
            "print(made is reactor, type(made).__module__.startswith('twisted.'))"
        )
        == "True True"
    )


def test_what_was_made_before_is_no_garbage() -> None:
    assert (
        said(
            "import gc\n"
            "from mft.runtime.reactor import GENERATIONS, settle\n"
            "settle()\n"
            "print(gc.get_freeze_count() > 1000, gc.get_threshold() == GENERATIONS)"
        )
        == "True True"
    )
