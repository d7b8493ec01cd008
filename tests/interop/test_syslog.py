"""A real rsyslogd gets events by every way, parses them, and may be killed in the middle."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.core.failure import Refused
from mft.core.peer import Component
from mft.events import catalogue
from mft.events.bus import Bus
from mft.events.facts import unique
from mft.events.journal import Journal
from mft.handlers.subscription import Subscription
from mft.handlers.syslog import Syslog
from mft.handlers.syslog_options import SyslogOptions
from mft.resources.base import Surroundings
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import ALICE, SERVER, told, uploaded
from tests.fakes.threads import Inline
from tests.interop.rsyslog import OTHER_HOST, Rsyslog
from tests.interop.rsyslog import until as eventually

pytestmark = pytest.mark.interop

COMPONENT = Component("syslog-1", "syslog", "logs")
HOSTILE = '/inbox/a"b\\c]d\n<0>1 forged ä\u202e.csv'
MANY = 2000


@pytest.fixture(scope="module")
def rsyslog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rsyslog]:
    """One server for the tests of this file."""
    made = Rsyslog(tmp_path_factory.mktemp("rsyslog"))
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal.open(tmp_path / "log" / "journal")
    yield made
    made.close()


def options(rsyslog: Rsyslog, way: str, **given: str) -> SyslogOptions:
    """Options of a handler that sends there."""
    told = {"name": "logs", "type": "syslog", "url": rsyslog.url(way), "timeout": "5", **given}
    if way == "tls":
        told = {"ssl_certificate_authority": str(rsyslog.folder / "ca.pem"), **told}
    return SyslogOptions.model_validate(told, context=Context(rsyslog.folder))


def handling(
    journal: Journal, chosen: SyslogOptions, main: Callable[[Any, Syslog], Awaitable[None]]
) -> None:
    """Run `main(reactor, handler)` around a handler that has started; it is stopped then."""

    async def whole(reactor: Any) -> None:
        bus = Bus(journal, SERVER)
        around = Surroundings(SERVER, Path("/"), bus, reactor, Inline(), Inline(), Inline(), print)
        handler = Syslog(COMPONENT, chosen, around)
        await handler.start()
        try:
            await main(reactor, handler)
        finally:
            await handler.stop()

    run_loop(whole)


def sent(rsyslog: Rsyslog, journal: Journal, chosen: SyslogOptions) -> list[dict[str, Any]]:
    """What arrives of two events, one of them with a hostile name."""
    rsyslog.forget()

    async def main(reactor: Any, handler: Syslog) -> None:
        await handler.handle_many([told("/a", serial=1)])
        await handler.handle_many([told(HOSTILE, serial=2), told("/c", serial=3)])

    handling(journal, chosen, main)
    found = rsyslog.wait_for(3)
    assert len(found) == 3
    return found


@pytest.mark.parametrize("framing", ["octet-counting", "newline"])
@pytest.mark.parametrize("connection", ["in-turn", "kept"])
@pytest.mark.parametrize("way", ["udp", "tcp", "tls", "file"])
def test_a_line_of_rfc_3164_is_parsed(
    rsyslog: Rsyslog, journal: Journal, way: str, connection: str, framing: str
) -> None:
    given = {"framing": framing, "connection": connection, "severity": "notice"}
    found = sent(rsyslog, journal, options(rsyslog, way, host_name="", **given))
    first, second, _ = found
    assert first["pri"] == "29"
    assert first["app"] == "files"
    assert first["text"].startswith(' 30068 alice 192.0.2.7:51234 Uploaded "/a"')
    assert "forged ä\\u202e.csv" in second["text"]
    assert all("-09-09T" in one["time"] for one in found)  # the line has no year


@pytest.mark.parametrize("way", ["udp", "tcp", "tls", "file5424"])
def test_a_line_of_rfc_5424_is_parsed_with_its_structured_data(
    rsyslog: Rsyslog, journal: Journal, way: str
) -> None:
    chosen = options(rsyslog, way, format="rfc5424", host_name="here.example", facility="local3")
    first, second, _ = sent(rsyslog, journal, chosen)
    assert (first["pri"], first["version"]) == ("158", "1")
    assert (first["host"], first["app"], first["number"]) == ("here.example", "files", "30068")
    assert first["process"].isdigit()
    assert first["values"].startswith('[event@32473 id="30068" uuid="')
    assert f'uuid="{unique(SERVER, told(serial=1))}"' in first["values"]
    assert 'account.name="alice"' in first["values"]
    assert 'data.path="/a"' in first["values"]
    assert r'data.path="/inbox/a\"b\\c\]d\\n<0>1 forged ä\\u202e.csv"' in second["values"]
    assert second["text"].startswith("\ufeff30068 alice")


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_server_that_is_killed_in_the_middle_loses_nothing(
    tmp_path: Path, rsyslog: Rsyslog, journal: Journal, way: str
) -> None:
    rsyslog.forget()
    chosen = options(rsyslog, way, format="rfc5424")

    async def main(reactor: Any) -> None:
        bus = Bus(journal, SERVER)
        around = Surroundings(SERVER, tmp_path, bus, reactor, Inline(), Inline(), Inline(), print)
        handler = Syslog(COMPONENT, chosen, around)
        handler.batch = 100  # so that there is a middle
        one = Subscription(handler, chosen, bus, around, begin=1)
        for number in range(MANY):
            bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{number}"), ALICE)
        await one.start()
        for part in (MANY // 4, MANY // 2):
            await until(reactor, lambda part=part: len(rsyslog.told) >= part)
            rsyslog.kill()
            await until(reactor, lambda: one.failures or one.position >= MANY, "it is missed")
            rsyslog.start()
        await until(reactor, lambda: one.position >= MANY, "all are delivered")
        await one.stop()

    run_loop(main)
    paths = [one["values"].partition('data.path="/')[2].partition('"')[0] for one in rsyslog.told]
    assert set(paths) == {str(number) for number in range(MANY)}
    again = len(paths) - MANY
    assert again <= 2 * 100, "more came again than the batches that were in flight"


@pytest.mark.parametrize("way", ["tcp", "tls"])
def test_a_server_that_stalls_is_waited_for(rsyslog: Rsyslog, journal: Journal, way: str) -> None:
    rsyslog.forget()

    async def main(reactor: Any, handler: Syslog) -> None:
        with rsyslog.stalled(), pytest.raises((TimeoutError, Refused), match="the receiver"):
            await handler.handle_many([told("/first")])
        await handler.handle_many([told("/second")])

    handling(journal, options(rsyslog, way, timeout="1"), main)
    await_text(rsyslog, "/second")


def await_text(rsyslog: Rsyslog, text: str) -> None:
    """Wait until a message has it."""
    eventually(lambda: any(text in one["text"] for one in rsyslog.told), text)


def test_a_server_whose_certificate_is_for_another_name_gets_nothing(
    rsyslog: Rsyslog, journal: Journal
) -> None:
    rsyslog.forget()
    wrong = [
        options(rsyslog, "tls", url=f"tls://{OTHER_HOST}:{rsyslog.tls}"),
        options(rsyslog, "tls", ssl_certificate_authority=str(rsyslog.folder / "other-ca.pem")),
    ]
    for chosen in wrong:

        async def main(reactor: Any, handler: Syslog) -> None:
            with pytest.raises(Refused, match="certificate verify failed"):
                await handler.handle_many([told()])

        handling(journal, chosen, main)
    assert len(sent(rsyslog, journal, options(rsyslog, "tls"))) == 3
