"""Events as syslog messages: what they say, and that a receiver that stalls loses nothing."""

import os
import re
import socket
from collections.abc import Sequence
from typing import Any

import pytest

from mft.core.peer import Component
from mft.events import catalogue
from mft.events.facts import unique
from mft.handlers.inbox import MAX_KEPT
from mft.handlers.subscription import Subscription
from mft.handlers.syslog import Syslog
from mft.handlers.syslog_options import SyslogOptions
from mft.resources.base import Surroundings
from mft.wire.syslog import MAX_ID
from tests.fakes.handlers import house
from tests.fakes.loop import run_loop, until
from tests.fakes.occurrences import ALICE, SERVER, told, uploaded
from tests.fakes.run import run
from tests.fakes.threads import Inline

HERE = "127.0.0.1"
COMPONENT = Component("logs-1", "syslog", "logs")


@pytest.fixture
def home(tmp_path):
    home = house(tmp_path)
    yield home
    home.journal.close()


def handler(home, **given):
    options = SyslogOptions.model_validate({"name": "logs", "type": "syslog", **given})
    return Syslog(COMPONENT, options, home.around)


def login_failed(name: str) -> Any:
    event = catalogue.LOGIN_FAILED
    data = {key: f"a {key}" for _, key in event.keys} | {"username": name}
    return told()._replace(event=event, data=data)


def test_a_message_is_the_line_that_operators_know(home):
    line = handler(home, url="udp://logs", host_name="here").message(told("/a")).decode()
    stamp = r"[A-Z][a-z]{2} [ 1-3]\d \d\d:\d\d:\d\d"
    text = r'30068 alice 192\.0\.2\.7:51234 Uploaded "/a".*'
    assert re.fullmatch(rf"<30>{stamp} here files: {text}", line)


def test_the_host_is_this_machine_and_is_left_out_on_it(home):
    name = re.escape(socket.gethostname())
    assert re.search(
        rf":\d\d {name} files: ", handler(home, url="udp://x").message(told()).decode()
    )
    assert re.search(r":\d\d files: ", handler(home).message(told()).decode())
    assert re.search(r":\d\d me files: ", handler(home, host_name="me").message(told()).decode())


def test_a_message_of_rfc_5424_has_who_where_what_and_all_data(home):
    occurrence = told('/in box/"a]".csv', serial=7, time=1e9 + 0.25)
    line = handler(home, url="tcp://logs", format="rfc5424").message(occurrence).decode()
    head, _, rest = line.partition(" [")
    version, stamp, host, app, process, number = head.split(" ")
    assert (version, app, number) == ("<30>1", "files", "30068")
    assert (host, process) == (socket.gethostname(), str(os.getpid()))
    assert re.fullmatch(r"2001-09-\d\dT\d\d:\d\d:40\.250[+-]\d\d:\d\d", stamp)
    for pair in (
        'event@32473 id="30068"',
        f'uuid="{unique(SERVER, occurrence)}"',
        'serial="7"',
        'account.name="alice"',
        'account.uuid="alice-1"',
        'account.peer.address="192.0.2.7"',
        'account.peer.port="51234"',
        'component.uuid="ssh-1"',
        'component.type="ssh"',
        'server.uuid="server-1"',
        r'data.path="/in box/\"a\]\".csv"',
        r'data.file_name="\"a\]\".csv"',
        'data.total_write="10"',
    ):
        assert pair in rest


def test_a_name_that_is_cut_is_still_none_of_another():
    keys = {key for row in catalogue.BY_NUMBER.values() for _, key in row.keys}
    assert len({f"data.{key}"[:MAX_ID] for key in keys}) == len(keys)


def test_the_severity_of_failures_may_be_another(home):
    given = {"url": "udp://x", "severity_of_failures": "warning", "facility": "local0"}
    one = handler(home, **given)
    assert one.message(told()).startswith(b"<134>")
    assert one.message(login_failed("bob")).startswith(b"<132>")
    assert handler(home).message(login_failed("bob")).startswith(b"<30>")


def test_a_template_with_line_ends_is_still_one_line(home):
    one = handler(home, entry_content="{id}{LF}{CR}{message}")
    assert b"\n" not in one.message(told())
    assert b"30068  Uploaded" in one.message(told())


def test_a_message_has_its_size(home):
    for url, size in (("tcp://x", 8192), ("udp://x", 2048)):
        for form in ("rfc3164", "rfc5424"):
            one = handler(home, url=url, format=form)
            assert len(one.message(told("/" + "x" * 9000))) == size


def test_authorities_that_cannot_be_read_keep_it_from_starting(home, tmp_path):
    (tmp_path / "ca.pem").write_text("nothing")
    given = {"url": "tls://x", "ssl_certificate_authority": str(tmp_path / "ca.pem")}
    with pytest.raises(ValueError, match="certificate"):
        run(handler(home, **given).start())


def test_a_handler_that_never_sent_anything_stops(home):
    one = handler(home)
    run(one.stop())
    run(one.start())
    run(one.stop())
    run(one.stop())


def test_a_receiver_that_stalls_holds_up_the_handler_and_no_event_is_lost(home, tmp_path):
    path = str(tmp_path / "socket")
    count = MAX_KEPT + 1000

    async def main(reactor: Any) -> None:
        around = Surroundings(
            SERVER, tmp_path, home.bus, reactor, Inline(), Inline(), Inline(), print
        )
        options = SyslogOptions.model_validate(
            {"name": "logs", "type": "syslog", "url": f"file://{path}", "target": "30068"}
        )
        one = Subscription(Syslog(COMPONENT, options, around), options, home.bus, around)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as reading:
            reading.bind(path)
            reading.setblocking(False)
            await one.start()
            for number in range(count):
                home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{number}"), ALICE)
            await until(reactor, lambda: reactor.getWriters(), "it waits for room")
            assert len(one._inbox) <= MAX_KEPT
            heard: list[bytes] = []
            await until(reactor, lambda: len(drain(reading, heard)) >= count)
            await one.stop(1.0)
        found = [re.search(rb'"/(\d+)"', line) for line in heard]
        assert [int(one[1]) for one in found if one] == list(range(count))

    run_loop(main)


def drain(reading: socket.socket, heard: list[bytes]) -> list[bytes]:
    """Read what has come."""
    while True:
        try:
            heard.append(reading.recv(1 << 16))
        except BlockingIOError:
            return heard


class Counting:
    """A way that counts what it is given."""

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, messages: Sequence[bytes]) -> None:
        self.sent += len(messages)


def test_messages_are_made_on_a_thread(home):
    one = handler(home)
    one._way = way = Counting()
    before = home.around.blocking.calls
    run(one.handle_many([told()] * 3))
    assert (way.sent, home.around.blocking.calls) == (3, before + 1)
