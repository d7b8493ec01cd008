"""Several servers: one is asked, and what fails rests."""

import base64
from typing import Any

import pytest

from mft.auth.http_servers import MAX_ASKING, Servers, request_headers
from mft.core.failure import Reason, Refused
from mft.events import catalogue as events
from mft.runtime.fetch import Answer
from mft.runtime.resting import SUSPENDED
from tests.fakes.accounts import Around
from tests.fakes.auth_service import http_options
from tests.fakes.run import run

ONE, TWO = "https://one.example/?t=secret", "https://two.example/"


class World(Around):
    """Two servers, each of which answers or fails as the test says."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Any] = {ONE: Answer(204, b""), TWO: Answer(204, b"")}
        self.asked: list[str] = []
        self.servers = Servers([ONE, TWO], self._ask, self.parts)

    async def _ask(self, url: str, body: bytes) -> Answer:
        self.asked.append(url)
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Answer)
        return answer

    def judge(self) -> list[str]:
        """Who is asked about one login."""
        self.asked.clear()
        run(self.servers.judge(b"{}"))
        return list(self.asked)


DOWN = Refused(Reason.BROKEN, ONE, "Connection was refused")


def test_the_first_is_asked_and_no_other() -> None:
    assert World().judge() == [ONE]


@pytest.mark.parametrize("failure", [DOWN, Answer(500, b""), Answer(503, b""), Answer(599, b"")])
def test_what_fails_rests_for_five_minutes_and_is_told_once(failure: Any) -> None:
    world = World()
    world.answers[ONE] = failure
    assert world.judge() == [ONE, TWO]
    world.answers[ONE] = Answer(204, b"")
    assert world.judge() == [TWO]
    world.reactor.advance(SUSPENDED - 1)
    assert world.judge() == [TWO]
    world.reactor.advance(1)
    assert world.judge() == [ONE]
    (told,) = world.trail.told
    assert told.event is events.URL_SUSPENDED
    assert told.event.number == 40042
    assert "one.example" in told.message
    assert "secret" not in told.message + "".join(world.steps)


@pytest.mark.parametrize("status", [200, 204, 302, 400, 401, 403, 404])
def test_every_other_answer_is_the_last_word(status: int) -> None:
    world = World()
    world.answers[ONE] = Answer(status, b"")
    assert world.judge() == [ONE]
    assert world.trail.told == []


def test_where_all_rest_all_are_asked_again() -> None:
    world = World()
    world.answers = {ONE: DOWN, TWO: DOWN}
    with pytest.raises(Refused, match=r"one\.example/: Connection was refused; .*two\.example"):
        world.judge()
    assert world.trail.count(events.URL_SUSPENDED) == 2
    world.answers[TWO] = Answer(204, b"")
    assert world.judge() == [ONE, TWO]
    assert world.judge() == [TWO]


def test_who_fails_again_while_it_rests_is_not_told_again() -> None:
    world = World()
    world.answers = {ONE: DOWN, TWO: DOWN}
    for _ in range(3):
        with pytest.raises(Refused):
            world.judge()
    assert world.trail.count(events.URL_SUSPENDED) == 2


def test_more_logins_than_may_wait_are_refused_as_busy() -> None:
    around = Around()

    class Never:
        def __await__(self) -> Any:
            yield self

    async def ask(url: str, body: bytes) -> Answer:
        await Never()
        return Answer(204, b"")

    servers = Servers([ONE], ask, around.parts)
    waiting = [servers.judge(b"") for _ in range(MAX_ASKING)]
    for one in waiting:
        one.send(None)
    with pytest.raises(Refused) as raised:
        run(servers.judge(b""))
    assert raised.value.reason is Reason.BUSY
    waiting.pop().close()  # the client has left
    one_more = servers.judge(b"")
    one_more.send(None)
    for one in (*waiting, one_more):
        one.close()
    assert around.trail.told == []


def test_header_fields_are_ours_then_those_configured_and_basic_last() -> None:
    given = "X-Token: a\nX-Token: b\nAuthorization: Bearer abc\nUser-Agent: other"
    headers = request_headers(http_options(headers=given, username="me", password="pw"))
    assert headers.getRawHeaders("X-Token") == ["a", "b"]
    assert headers.getRawHeaders("User-Agent") == ["other"]
    assert headers.getRawHeaders("Content-Type") == ["application/json; charset=utf-8"]
    basic = f"Basic {base64.b64encode(b'me:pw').decode()}"
    assert headers.getRawHeaders("Authorization") == [basic]
    only = request_headers(http_options(headers="Authorization: Bearer abc"))
    assert only.getRawHeaders("Authorization") == ["Bearer abc"]
