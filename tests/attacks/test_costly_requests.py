"""Little messages that would take the server long, or much memory: nothing is looked at again and
again for each part of what was sent, and nothing is kept many times over.
"""

import signal
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from mft.core.failure import Malformed
from mft.wire.ftp.facts import parse_mff
from mft.wire.ftp.listed import parse_list, parse_mlsx
from mft.wire.http import dav, dav_if
from mft.wire.http.dav_if import if_holds
from mft.wire.http.head import MAX_HEAD, MAX_TARGET, BadRequest
from mft.wire.http.multistatus import MultiStatus
from mft.wire.http.target import Target, parse_target

TARGET = "/home/" + "%C3%BC" * ((MAX_TARGET - 6) // 6)


@pytest.mark.parametrize("resource", ["/a", "/home/" + "%C3%BC" * 100, "http://files/a"])
def test_a_long_if_is_read_once(monkeypatch: pytest.MonkeyPatch, resource: str) -> None:
    """Two thousand lists, each about another resource than that of a long target."""
    read: list[str] = []

    def reading(text: str) -> Target:
        read.append(text)
        return parse_target(text)

    monkeypatch.setattr(dav_if, "parse_target", reading)
    group = f'<{resource}>(["a"])'
    field = group * ((MAX_HEAD - MAX_TARGET) // len(group))
    assert not if_holds(field, TARGET, '"x"')
    assert sum(map(len, read)) <= len(field) + len(TARGET)


@pytest.mark.parametrize(
    "inner",
    [
        "<a/>" * (dav.MAX_ELEMENTS - 2),
        "".join(f"<a{n}/>" for n in range(dav.MAX_PROPERTIES)),
    ],
)
@pytest.mark.parametrize("root", ["propfind", "propertyupdate"])
def test_a_long_name_is_not_kept_for_each_of_its_elements(inner: str, root: str) -> None:
    """One declaration of a name space stands for every element in it."""
    start = f'<D:{root} xmlns:D="DAV:" xmlns="{{}}"><D:set><D:prop>'
    end = f"</D:prop></D:set></D:{root}>"
    space = "u" * (dav.MAX_XML - len(start + inner + end))
    body = (start.format(space) + inner + end).encode()
    parse = dav.parse_propfind if root == "propfind" else dav.parse_propertyupdate
    tracemalloc.start()
    try:
        with pytest.raises(BadRequest):
            parse(body)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_server_that_we_ask_names_nothing_that_is_long_again_and_again() -> None:
    answer, space = MultiStatus(), "u" * (64 << 10)
    with pytest.raises(Malformed):
        answer.feed(f'<D:multistatus xmlns:D="DAV:" xmlns="{space}"><a/>'.encode())


@pytest.fixture
def watched() -> Iterator[None]:
    """A minute of the processor turns "never" into a failure; nothing takes as long."""

    def never(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGPROF, never)
    signal.setitimer(signal.ITIMER_PROF, 60)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, before)


LONG = 1 << 20  # characters, for which the square of a line would take hours
LINK = "lrwxrwxrwx 1 a a 9999999 Jan 1 2020 a"


@pytest.mark.usefixtures("watched")
@pytest.mark.parametrize("text", ["a" * LONG, "a=" + "b" * LONG, "a=b;" * (LONG // 4) + "c"])
@pytest.mark.parametrize("parse", [parse_mff, parse_mlsx])
def test_a_line_of_facts_that_are_none_is_looked_at_once(
    parse: Callable[[str], object], text: str
) -> None:
    with pytest.raises(Malformed):
        parse(f"{text} name")


@pytest.mark.usefixtures("watched")
def test_a_link_to_very_many_arrows_is_looked_at_once() -> None:
    listed = parse_list(LINK + " -> b" * (LONG // 5), 1e9)
    assert listed is not None
    assert listed.name == "a"
