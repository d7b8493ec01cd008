"""The reactor: Twisted's epoll reactor, without what costs time and serves nobody here.

Twisted runs every readiness in a logging context of its own, so that the old `log.msg` can name the
protocol. Nothing of ours logs that way. Elsewhere than on Linux Twisted's default serves as it is.
"""

import gc
import sys
from typing import Any, Final

from mft.runtime import pages, slices
from mft.runtime.turns import Turns

YOUNG: Final = 20_000  # objects made before Python looks for cycles; ours are few and short-lived
GENERATIONS: Final = (YOUNG, 50, 100)


def install(turns: Turns | None = None) -> Any:
    """Make the reactor of this process, once; `turns` counts how long its turns are."""
    if sys.platform != "linux":
        from twisted.internet import default

        default.install()
        from twisted.internet import reactor  # noqa: TID251 - what was just installed

        return reactor
    from twisted.internet.main import installReactor

    from mft.runtime.epoll import Reactor

    slices.shorten()
    made = Reactor(turns)
    installReactor(made)
    return made


def settle() -> None:
    """What was made until now stays: it is left out of the search for garbage (`gc.freeze`), and
    put into large pages."""
    gc.collect()
    gc.freeze()
    pages.gather()
    gc.set_threshold(*GENERATIONS)
