"""What holds for all tests: no timing in fuzzing, and no silent skips on the build machine."""

import gc
import os

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling
from xdist.workermanage import WorkerController

from tests.fakes.cheap import make_cheap, make_keys_cheap

settings.register_profile("house", deadline=None)  # a slow machine is no failure
settings.load_profile("house")


def pytest_configure() -> None:
    """Tests are many objects, and none of them is garbage: nobody looks for any meanwhile."""
    gc.disable()
    make_cheap()
    make_keys_cheap()


def pytest_collection_finish() -> None:
    """What is left of collecting stays to the end: a search for garbage leaves it out."""
    gc.collect()
    gc.freeze()
    gc.enable()


# Files of these take long: where several processes test, these come first, so that none of them is
# left alone with one at the end.
LONG = ("benchmarks", "interop", "system", "attacks", "cli", "daemon")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first; among equals the order stays."""

    def rank(item: pytest.Item) -> int:
        room = item.path.parent.name
        return LONG.index(room) if room in LONG else len(LONG)

    items.sort(key=rank)


# Of failures, how many are named at the end, and how many characters of each are told.
NAMED, SAID = 20, 160


class ByFile(LoadFileScheduling):
    """Gives each process whole files, and forgets those that are done.

    xdist counts all that it has ever given out at every report: with 14,000 tests the process that
    does so falls behind, and the others wait for it.
    """

    def mark_test_complete(
        self, node: WorkerController, item_index: int, duration: float = 0
    ) -> None:
        """A test is done."""
        name = self.registered_collections[node][item_index]
        file = self._split_scope(name)
        tests = self.assigned_work[node][file]
        tests[name] = True
        if all(tests.values()):
            del self.assigned_work[node][file]
        self._reschedule(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    """How `make test` shares the tests among its processes."""
    return ByFile(config, log)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped anything: a missing client must not look like a success."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{skipped} skipped: not allowed in CI")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Name what has failed once more, at the very end: of long output that is what is kept."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    for one in (*reporter.stats.get("failed", ()), *reporter.stats.get("error", ()))[:NAMED]:
        crash = getattr(one.longrepr, "reprcrash", None)
        said = str(crash.message).partition("\n")[0] if crash else ""
        reporter.write_line(f"failed: {one.nodeid}: {said[:SAID]}")
