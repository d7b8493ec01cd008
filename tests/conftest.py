"""What holds for all tests: no timing in fuzzing, and no silent skips on the build machine."""

import os

import pytest
from hypothesis import settings

settings.register_profile("house", deadline=None)  # a slow machine is no failure
settings.load_profile("house")


# Files of these take long: where several processes test, these come first, so that none of them is
# left alone with one at the end.
LONG = ("benchmarks", "interop", "system", "attacks", "cli", "daemon")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes long first; among equals the order stays."""

    def rank(item: pytest.Item) -> int:
        room = item.path.parent.name
        return LONG.index(room) if room in LONG else len(LONG)

    items.sort(key=rank)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run in CI that skipped anything: a missing client must not look like a success."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    skipped = len(reporter.stats.get("skipped", ())) if reporter else 0
    if skipped and os.environ.get("CI") == "true" and session.exitstatus == pytest.ExitCode.OK:
        reporter.write_line(f"{skipped} skipped: not allowed in CI")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
