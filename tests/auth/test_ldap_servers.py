"""Several servers: asked in order, one that fails is passed over, and each change is told once."""

from threading import Event, Thread

import pytest

from mft.auth.ldap_entry import Unusable
from mft.auth.ldap_servers import PASSED_OVER_SECONDS, Servers
from mft.auth.ldap_talk import Unreachable
from mft.core.failure import Refused


class Asked:
    """Servers, some of them down, with a clock of the test's own."""

    def __init__(self, *hosts: str) -> None:
        self.now = 0.0
        self.down: set[str] = set()
        self.asked: list[str] = []
        self.steps: list[str] = []
        self.servers = Servers(hosts, lambda: self.now)

    def work(self, host: str) -> str:
        self.asked.append(host)
        if host in self.down:
            raise Unreachable("connection refused")
        return f"answer of {host}"

    def ask(self) -> list[str]:
        self.asked.clear()
        self.servers.ask(self.work, self.steps.append)
        return list(self.asked)


def test_the_first_is_asked_while_it_answers() -> None:
    asked = Asked("a", "b")
    assert [asked.ask(), asked.ask()] == [["a"], ["a"]]
    assert asked.servers.changes() == ()


def test_one_that_fails_is_passed_over_for_a_while_and_told_once() -> None:
    asked = Asked("a", "b")
    asked.down = {"a"}
    assert asked.ask() == ["a", "b"]
    assert asked.ask() == ["b"]
    assert "a cannot be used: connection refused" in asked.steps
    assert asked.servers.changes() == (("a", False, "connection refused"),)
    asked.now = PASSED_OVER_SECONDS
    assert asked.ask() == ["a", "b"]
    assert asked.servers.changes() == ()
    asked.down = set()
    asked.now *= 2
    assert asked.ask() == ["a"]
    assert asked.servers.changes() == (("a", True, ""),)


def test_when_none_is_left_those_that_failed_are_asked_at_once() -> None:
    asked = Asked("a", "b")
    asked.down = {"a", "b"}
    with pytest.raises(Refused, match="no directory answers"):
        asked.ask()
    asked.down = {"a"}
    assert asked.ask() == ["a", "b"]
    assert [one.reachable for one in asked.servers.changes()] == [False, False, True]


def test_one_login_at_a_time_tries_a_server_that_failed() -> None:
    asked = Asked("a")
    asked.down = {"a"}
    with pytest.raises(Refused):
        asked.ask()
    begun, ends = Event(), Event()

    def slow(host: str) -> str:
        begun.set()
        ends.wait(20)
        return host

    first = Thread(target=lambda: asked.servers.ask(slow, asked.steps.append))
    first.start()
    assert begun.wait(20)
    with pytest.raises(Refused, match="does not answer yet"):
        asked.ask()
    assert asked.asked == []
    ends.set()
    first.join()
    asked.down = set()
    assert asked.ask() == ["a"]


def test_a_wrong_password_is_an_answer() -> None:
    asked = Asked("a", "b")

    def refuse(host: str) -> str:
        asked.asked.append(host)
        raise Unusable("the password is wrong")

    with pytest.raises(Unusable):
        asked.servers.ask(refuse, asked.steps.append)
    assert asked.asked == ["a"]
    assert asked.servers.changes() == ()
