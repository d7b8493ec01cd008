"""The control connection: one question, one answer."""

from typing import Any

import pytest

from mft.core.failure import Reason
from mft.core.vpath import VPath
from mft.remote.base import Remote
from tests.fakes.odd_ftp import Peer, odd
from tests.fakes.remotes import refusal, using
from tests.remote.test_ftp import options


def lost(replies: dict[str, Any], words: str, **more: Any) -> None:
    """A NOOP after which the connection is lost, with these words."""

    async def work(remote: Remote) -> None:
        refused = await refusal(twice(remote))
        assert refused.reason is Reason.ABORTED
        assert words in refused.details
        assert not remote.connected

    async def twice(remote: Remote) -> None:
        await remote.ping()
        await remote.ping()
        await remote.make_directory(VPath(("x",)))

    with odd(replies) as server:
        using("ftp", options(server), work, **more)


def test_a_server_that_closes_is_noticed() -> None:
    lost({"NOOP": lambda peer: peer.close()}, "closed the connection")


def test_a_server_that_is_silent_is_left() -> None:
    lost({"NOOP": lambda peer: peer.until_the_end()}, "60 seconds", hurry=True)


def test_a_server_that_leaves_says_so() -> None:
    lost({"NOOP": b"421 Going down.\r\n"}, "421 Going down.")


def test_what_nobody_has_asked_for_ends_the_connection() -> None:
    lost({"NOOP": b"200 OK.\r\n226 And this.\r\n"}, "nobody has asked for")


def test_a_farewell_that_nobody_has_asked_for_is_heard() -> None:
    lost({"NOOP": b"200 OK.\r\n421 Timeout.\r\n"}, "421 Timeout.")


def test_endless_preliminary_replies_end_the_connection() -> None:
    lost({"NOOP": b"150 Wait.\r\n" * 50}, "more than it was asked")


def test_what_is_no_reply_ends_the_connection() -> None:
    lost({"NOOP": b"hello there\r\n"}, "does not speak FTP")


def test_a_reply_may_come_in_pieces() -> None:
    def slowly(peer: Peer) -> None:
        for byte in b"200-One\r\n200 Two\r\n":
            peer.say(bytes([byte]))

    async def work(remote: Remote) -> None:
        await remote.ping()

    with odd({"NOOP": slowly}) as server:
        using("ftp", options(server), work)


@pytest.mark.parametrize("name", ["a\r\nDELE /x", "a\nb", "a\0b", "a\x7fb", "\udcff"])
def test_no_name_makes_a_command_of_its_own(name: str) -> None:
    async def work(remote: Remote) -> None:
        refused = await refusal(remote.make_directory(VPath((name,))))
        assert refused.reason is Reason.INVALID
        assert remote.connected
        assert "MKD" not in server.peer.verbs

    with odd() as server:
        using("ftp", options(server), work)
