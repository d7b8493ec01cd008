"""What peers say is no message of its own in somebody's syslog, and no receiver does harm."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.protocol import Factory, Protocol

from mft.core.peer import Actor, Address, Component, Origin
from mft.events import catalogue
from mft.handlers.syslog import Syslog
from mft.handlers.syslog_options import SyslogOptions
from mft.resources.base import Surroundings
from mft.wire.syslog import counted, ended, lined
from tests.fakes.loop import run_loop
from tests.fakes.occurrences import SERVER, told
from tests.fakes.threads import Inline

COMPONENT = Component("logs-1", "syslog", "logs")
FORGED = [
    "a\n<0>Jan  1 00:00:00 host kernel: forged",
    "a\r\n<0>1 - - - - - - forged",
    'a"] forged',
    '\\"] [forged@1 a="b"]',
    "a\0<0>forged",
    "\u2028<0>forged",
    "\x85<0>forged",
    "\ud800",
    "%s%n{id}",
    "10 <0>forged",
    "\ufeff" * 10,
    "]" * 9000,
    "\\" * 9000,
    '"' * 9000,
    "\U0001f4a9" * 9000,
]
WAYS = [("udp://logs", "rfc3164"), ("tls://logs", "rfc5424"), ("udp://logs", "rfc5424")]


def failed(name: str) -> Any:
    """A failed login of somebody who chose the name, and every value."""
    event = catalogue.LOGIN_FAILED
    origin = Origin(Actor(name, name, name), Address("192.0.2.7", 1), COMPONENT)
    data = {key: name for _, key in event.keys} | {"path": f"/{name}"}
    return told(origin=origin)._replace(event=event, data=data)


def message(url: str, form: str, name: str) -> bytes:
    options = SyslogOptions.model_validate(
        {"name": "logs", "type": "syslog", "url": url, "format": form}
    )
    around = Surroundings(SERVER, Path("/"), None, None, Inline(), Inline(), Inline(), print)
    return Syslog(COMPONENT, options, around).message(failed(name))


def harmless(line: bytes, form: str) -> None:
    """It is one message, whoever splits the stream, with one element of structured data."""
    text = line.decode()
    assert text.splitlines() == [text]
    assert "\0" not in text
    assert counted(line).startswith(b"%d <30>" % len(line))
    assert lined(line).index(b"\n") == ended(line).index(b"\0") == len(line)
    if form == "rfc5424":
        value = r'"(?:[^"\\\]]|\\["\\\]])*"'
        element = rf"\[event@32473(?: [!#-<>-\\^-~]+={value})*\]"
        assert re.fullmatch(rf"<30>1 \S+ \S+ \S+ \S+ 20142 {element} \ufeff?20142 .*", text)
    else:
        assert re.fullmatch(r"<30>\w{3} [ \d]\d [\d:]{8} \S+ files: 20142 .*", text)


@pytest.mark.parametrize(("url", "form"), WAYS)
@pytest.mark.parametrize("name", FORGED, ids=range(len(FORGED)))
def test_no_name_makes_a_message_of_its_own(url: str, form: str, name: str) -> None:
    line = message(url, form, name)
    assert len(line) <= (2048 if url.startswith("udp") else 8192)
    harmless(line, form)


@pytest.mark.fuzz
@pytest.mark.parametrize(("url", "form"), WAYS)
@settings(deadline=None)
@given(st.text(st.one_of(st.characters(), st.sampled_from('\n\r\0"\\]=[<>'))))
def test_no_text_at_all_does(url: str, form: str, name: str) -> None:
    harmless(message(url, form, name), form)


class Flooding(Protocol):
    """A receiver that never stops to talk, and reads all the same."""

    said = 0

    def connectionMade(self) -> None:
        self.transport.registerProducer(self, False)

    def resumeProducing(self) -> None:
        self.said += 1 << 16
        self.transport.write(b"<0>1 - - - - - - do this\n" * 2621)

    def stopProducing(self) -> None:
        pass

    def readConnectionLost(self) -> None:
        self.transport.abortConnection()


def test_a_receiver_that_floods_us_is_not_remembered(tmp_path: Path) -> None:
    made: list[Flooding] = []

    class Receivers(Factory):
        noisy = False

        def buildProtocol(self, address: Any) -> Flooding:
            made.append(Flooding())
            return made[-1]

    async def main(reactor: Any) -> None:
        port = reactor.listenTCP(0, Receivers(), interface="127.0.0.1")
        where = f"tcp://127.0.0.1:{port.getHost().port}"
        options = SyslogOptions.model_validate(
            {"name": "logs", "type": "syslog", "url": where, "connection": "kept"}
        )
        around = Surroundings(SERVER, tmp_path, None, reactor, Inline(), Inline(), Inline(), print)
        one = Syslog(COMPONENT, options, around)
        await one.start()
        for _ in range(50):
            await one.handle_many([told()] * 10)
        assert made[0].said > 1 << 16
        await one.stop()
        await port.stopListening()
        for peer in made:
            peer.transport.abortConnection()

    run_loop(main)
