"""A webhook keeps sending until its events are taken, and says what it does."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from mft.core.failure import Reason, Refused
from mft.core.matching import Expression
from mft.events import catalogue
from mft.events.model import Occurrence
from mft.handlers import webhook as module
from mft.handlers.subscription import DELAY, FAULT_ATTEMPTS, Subscription
from mft.handlers.webhook import LONGEST_PATIENCE, UNWANTED, Unwanted, Webhook, judge
from mft.runtime.fetch import Answer
from mft.runtime.resting import SUSPENDED
from tests.fakes.handlers import House, house
from tests.fakes.occurrences import ALICE, told, uploaded
from tests.fakes.run import run
from tests.fakes.webhooks import HOOK, webhook_options

ONE, TWO = "https://one.example/?token=hunter2", "https://two.example/"
OK = Answer(200, b"")
DOWN = Refused(Reason.BROKEN, ONE, "Connection was refused")


class World:
    """A webhook, and servers that answer what a test says, the last answer for ever."""

    def __init__(self, home: House, url: str = ONE, **given: str) -> None:
        self.home = home
        self.answers: dict[str, list[Any]] = {ONE: [OK], TWO: [OK]}
        self.asked: list[tuple[float, str]] = []
        self.keys: list[str] = []
        self.options = webhook_options(url=url, **given)
        self.hook = Webhook(HOOK, self.options, home.around, self._ask, lambda: 1e9)
        self.outcome: list[Any] = []

    async def _ask(self, url: str, headers: Any, body: bytes) -> Answer:
        self.asked.append((self.home.clock.seconds(), url))
        self.keys += headers.getRawHeaders("Idempotency-Key")
        answers = self.answers[url]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Answer)
        return answer

    def handle(self, *occurrences: Occurrence) -> Deferred[Any]:
        """Begin; `outcome` gets what comes of it."""
        going = Deferred.fromCoroutine(self.hook.handle_many(occurrences or [told()]))
        return going.addBoth(self.outcome.append)

    def failure(self) -> BaseException:
        """What came of it."""
        (failed,) = self.outcome
        assert isinstance(failed.value, BaseException)
        return failed.value


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    home = house(tmp_path)
    yield home
    home.journal.close()


def times(world: World) -> Sequence[float]:
    return [when for when, _ in world.asked]


def urls(world: World) -> Sequence[str]:
    return [url for _, url in world.asked]


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_every_success_is_one_and_is_told(home: House, status: int) -> None:
    world = World(home)
    world.answers[ONE] = [Answer(status, b"")]
    world.handle(told("/a"))
    assert world.outcome == [None]
    (done,) = home.journal.read()
    assert done.event is catalogue.HTTP_DELIVERED
    assert done.data["event_id"] == "30068"
    assert done.data["target_path"] == "/a"
    assert done.data["url"] == "https://one.example/"
    assert done.origin.component == HOOK


def test_several_events_are_told_together(home: House) -> None:
    world = World(home)
    world.handle(told("/a", 1), told("/b", 2))
    (done,) = home.journal.read()
    assert (done.data["count"], done.data["target_path"]) == (2, "")


@pytest.mark.parametrize("failure", [DOWN, Answer(500, b""), Answer(503, b""), Answer(429, b"")])
def test_what_the_next_second_may_mend_is_tried_again_at_longer_intervals(
    home: House, failure: Any
) -> None:
    world = World(home, retry_count="2", retry_increase="10")
    world.answers[ONE] = [failure, failure, OK]
    world.handle()
    home.clock.advance(10)
    home.clock.advance(20)
    assert world.outcome == [None]
    assert times(world) == [0, 10, 30]
    assert len(set(world.keys)) == 1


def test_after_the_last_try_the_subscription_gets_it(home: House) -> None:
    world = World(home, retry_count="1", retry_increase="10")
    world.answers[ONE] = [DOWN]
    world.handle()
    home.clock.advance(10)
    assert isinstance(world.failure(), Refused)
    assert str(world.failure()) == "https://one.example/: Connection was refused"
    assert len(world.asked) == 2


@pytest.mark.parametrize("status", [301, 302, 307, 401, 403, 404, 408, 410])
def test_every_other_answer_is_a_failure_at_once(home: House, status: int) -> None:
    world = World(home)
    world.answers[ONE] = [Answer(status, b"")]
    world.handle()
    assert isinstance(world.failure(), Refused)
    assert str(status) in str(world.failure())
    assert len(world.asked) == 1


@pytest.mark.parametrize("status", sorted(UNWANTED))
def test_an_event_that_no_server_takes_is_at_fault(home: House, status: int) -> None:
    world = World(home, url=f"{ONE}, {TWO}")
    world.answers = {ONE: [Answer(status, b"")], TWO: [Answer(status, b"")]}
    world.handle()
    assert isinstance(world.failure(), Unwanted)
    assert urls(world) == [ONE, TWO]
    assert home.numbers() == []  # no URL rests for it
    world.answers[TWO] = [Answer(404, b"")]
    world.outcome.clear()
    world.handle()
    assert isinstance(world.failure(), Refused)


def test_an_event_is_not_at_fault_while_a_server_that_might_take_it_rests(home: House) -> None:
    world = World(home, url=f"{ONE}, {TWO}", retry_count="0")
    world.answers = {ONE: [DOWN], TWO: [Answer(400, b"")]}
    subscription = Subscription(world.hook, world.options, home.bus, home.around)
    run(subscription.start())
    home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded("/a"), ALICE)
    home.clock.advance(DELAY)
    for _ in range(30):
        home.clock.advance(60)
    assert urls(world).count(ONE) > 1
    assert urls(world).count(TWO) > FAULT_ATTEMPTS
    assert subscription.buried == 0
    world.answers[ONE] = [OK]
    for _ in range(6):
        home.clock.advance(60)
    assert home.numbers()[-1] == catalogue.HTTP_DELIVERED.number
    run(subscription.stop())


def test_what_the_servers_that_are_there_take_goes_to_them_one_by_one(home: House) -> None:
    world = World(home, url=f"{ONE}, {TWO}", retry_count="0")
    world.answers = {ONE: [DOWN], TWO: [Answer(400, b""), Answer(400, b""), OK, Answer(400, b"")]}
    subscription = Subscription(world.hook, world.options, home.bus, home.around)
    run(subscription.start())
    for path in ("/a", "/b", "/c"):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(path), ALICE)
    for _ in range(5):
        home.clock.advance(1)
    done = [one for one in home.journal.read() if one.event is catalogue.HTTP_DELIVERED]
    assert [one.data["target_path"] for one in done] == ["/a"]
    assert subscription.position == 1
    run(subscription.stop())


def test_a_url_that_failed_rests_for_five_minutes(home: House) -> None:
    world = World(home, url=f"{ONE}, {TWO}", retry_count="0")
    world.answers[ONE] = [DOWN, OK]
    for seconds in (0, SUSPENDED - 1, 1):
        home.clock.advance(seconds)
        world.handle()
    assert urls(world) == [ONE, TWO, TWO, ONE]
    suspended = [one for one in home.journal.read() if one.event is catalogue.URL_SUSPENDED]
    assert [one.data["url"] for one in suspended] == ["https://one.example/"]
    assert not any("hunter2" in one.message for one in home.journal.read())


def test_where_all_have_failed_all_are_asked_again(home: House) -> None:
    world = World(home, url=f"{ONE}, {TWO}", retry_count="0")
    world.answers = {ONE: [DOWN], TWO: [DOWN, OK]}
    world.handle()
    world.handle()
    assert urls(world) == [ONE, TWO, ONE, TWO]
    assert world.outcome[1] is None


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [
        ("30", 30),
        ("0", 10),
        ("86400", LONGEST_PATIENCE),
        ("Sun, 09 Sep 2001 01:47:10 GMT", 30),
        ("Sun, 09 Sep 2001 01:46:00 GMT", 10),
        ("soon", 10),
        ("-5", 10),
        ("9" * 400, LONGEST_PATIENCE),
        ("\u00b2", 10),
        ("Sun, 99 Sep 9999999 01:47:10 GMT", 10),
    ],
)
def test_who_asks_for_patience_gets_it_within_bounds(
    home: House, asked: str, seconds: float
) -> None:
    world = World(home)
    world.answers[ONE] = [Answer(503, b"", asked), OK]
    world.handle()
    home.clock.advance(seconds - 0.1)
    assert len(world.asked) == 1
    home.clock.advance(0.1)
    assert world.outcome == [None]


def test_patience_lasts_when_the_subscription_comes_back(home: House) -> None:
    world = World(home, retry_count="0")
    world.answers[ONE] = [Answer(503, b"", "60"), OK]
    world.handle()
    assert isinstance(world.failure(), Refused)
    home.clock.advance(1)
    world.handle()
    home.clock.advance(58)
    assert len(world.asked) == 1
    home.clock.advance(1)
    assert world.outcome[1] is None


def test_while_one_asks_for_patience_another_is_asked(home: House) -> None:
    world = World(home, url=f"{ONE}, {TWO}")
    world.answers[ONE] = [Answer(503, b"", "60")]
    world.handle()
    assert world.outcome == [None]
    assert urls(world) == [ONE, TWO]


def test_an_answer_must_be_as_expected() -> None:
    expected = Expression.parse('m/"ok": *true/')
    assert judge(Answer(200, b'{"ok": true}'), expected, 0) is None
    wrong = judge(Answer(200, b'{"ok": false}'), expected, 0)
    assert wrong is not None
    assert not wrong.again
    long = b'{"ok": true}' + b" " * 9000
    assert judge(Answer(200, long), expected, 0) is None
    assert judge(Answer(200, b"\xff\xfe"), Expression.parse("*"), 0) is None


def test_waiting_can_be_cancelled(home: House) -> None:
    world = World(home)
    world.answers[ONE] = [DOWN]
    world.handle().cancel()
    assert home.clock.getDelayedCalls() == []
    world.handle()
    (call,) = home.clock.getDelayedCalls()
    call.cancel()


def test_authorities_that_cannot_be_read_keep_it_from_starting(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(options: Any) -> Any:
        raise ValueError("cannot be read")

    monkeypatch.setattr(module, "_context", unreadable)
    hook = Webhook(HOOK, webhook_options(), home.around)
    with pytest.raises(ValueError, match="cannot be read"):
        run(hook.start())
    with pytest.raises(Refused, match="not been started"):
        run(hook.handle_many([told()]))


def test_a_server_that_was_away_for_an_hour_gets_every_event_in_order(home: House) -> None:
    world = World(home, maximum_events="4", retry_count="0")
    world.answers[ONE] = [DOWN]
    subscription = Subscription(world.hook, world.options, home.bus, home.around)
    run(subscription.start())
    for index in range(10):
        home.bus.emit(catalogue.SSH_UPLOAD_DONE, uploaded(f"/{index}"), ALICE)
    home.clock.advance(DELAY)
    for _ in range(70):
        home.clock.advance(60)
    assert not subscription.given_up
    assert catalogue.HANDLER_FAILED.number in home.numbers()
    assert len(set(world.keys)) == 1  # the same four, again and again
    world.answers[ONE] = [OK]
    home.clock.advance(60)
    done = [one for one in home.journal.read() if one.event is catalogue.HTTP_DELIVERED]
    assert [one.data["count"] for one in done] == [4, 4, 2]
    stopped = Deferred.fromCoroutine(subscription.stop())
    home.clock.advance(0)
    assert stopped.called
