"""TLS over memory against a client in memory, by OpenSSL's own calls and by the public ones."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from mft.runtime import tls as module
from mft.runtime.tls import RECORD, TlsEnd, TlsError, TlsStart, most_sealed
from mft.trust.certificates import self_signed
from mft.trust.tls import ServerContext, server_context
from tests.fakes import pki
from tests.fakes.tls_peer import VERSIONS, client, client_context

IDENTITY = self_signed(["localhost"])
CONTEXT = server_context(IDENTITY)
AUTHORITY = pki.Authority()
NAMES = {SSL.TLS1_2_VERSION: "TLSv1.2", SSL.TLS1_3_VERSION: "TLSv1.3"}

DIRECTLY = pytest.mark.parametrize("direct", [True, False], ids=["direct", "public"])
VERSION = pytest.mark.parametrize("version", VERSIONS, ids=NAMES.values())


class Pair:
    """Our side and a client; nothing goes between them but by the test."""

    def __init__(
        self,
        version: int = SSL.TLS1_3_VERSION,
        *,
        direct: bool = True,
        context: ServerContext = CONTEXT,
        peer: SSL.Context | None = None,
        session: SSL.Session | None = None,
        session_id: bytes = b"one",
    ) -> None:
        self.ours = TlsEnd(context, session_id, direct=direct)
        self.theirs = client(peer or client_context(version), session)
        self.room = memoryview(bytearray(64 << 10))

    def taken(self) -> bytes:
        """What we have for the client."""
        data = b""
        while count := self.ours.take_into(self.room):
            data += self.room[:count]
        return data

    def said(self) -> bytes:
        """What the client has for us."""
        data = b""
        while True:
            try:
                data += self.theirs.bio_read(1 << 20)
            except SSL.WantReadError:
                return data

    def tell(self, data: bytes) -> None:
        """Bring bytes to the client."""
        if data:
            self.theirs.bio_write(data)

    def feed(self, data: bytes) -> None:
        """Bring bytes to us."""
        self.ours.feed(memoryview(data))

    def shake(self, feed: Callable[[bytes], object] | None = None) -> "Pair":
        """Shake hands; `feed` brings the client's bytes to us in another way."""
        feed = feed or self._whole
        for _ in range(4):
            with suppress(SSL.WantReadError):
                self.theirs.do_handshake()
            feed(self.said())
            self.tell(self.taken())
        self.heard()  # the tickets
        assert self.ours.established
        return self

    def _whole(self, data: bytes) -> None:
        if data:
            self.feed(data)
            self.ours.handshake()

    def heard(self) -> bytes:
        """What the client makes of what it got."""
        self.tell(self.taken())
        data = b""
        while True:
            try:
                data += self.theirs.recv(1 << 20)
            except SSL.WantReadError:
                return data

    def opened(self) -> bytes:
        """What we make of what came."""
        data = b""
        while count := self.ours.open_into(self.room):
            data += self.room[:count]
        return data


def test_the_bindings_here_are_as_we_know_them() -> None:
    assert module.DIRECT


# The handshake.


@DIRECTLY
@VERSION
def test_a_handshake_says_what_was_agreed_on(version: int, direct: bool) -> None:
    pair = Pair(version, direct=direct)
    assert not pair.ours.established
    assert pair.ours.cipher == ""
    assert pair.ours.peer_certificate is None
    pair.shake()
    assert pair.ours.cipher == f"{NAMES[version]} {pair.theirs.get_cipher_name()}"
    assert pair.ours.peer_certificate is None
    assert not pair.ours.resumed
    assert not pair.ours.closed


@DIRECTLY
@VERSION
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_handshake_may_come_in_pieces(version: int, direct: bool, size: int) -> None:
    pair = Pair(version, direct=direct)
    states: list[bool] = []

    def pieces(data: bytes) -> None:
        for at in range(0, len(data), size):
            pair.feed(data[at : at + size])
            states.append(pair.ours.handshake())

    pair.shake(pieces)
    assert not states[0]
    assert states[-1]


@DIRECTLY
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.0\r\n\r\n", "http request"),
        (b"\x16\x03\x01\xff\xff" + bytes(100), "length"),
        (b"USER anonymous\r\nPASS guest\r\n", "wrong version number"),
    ],
)
def test_what_is_no_handshake_is_refused_in_words(direct: bool, data: bytes, words: str) -> None:
    pair = Pair(direct=direct)
    pair.feed(data)
    with pytest.raises(TlsError, match=words):
        pair.ours.handshake()
    assert not pair.ours.established


@DIRECTLY
def test_a_client_without_a_cipher_of_ours_is_told_by_an_alert(direct: bool) -> None:
    peer = client_context(SSL.TLS1_2_VERSION, ciphers="AES128-SHA256:@SECLEVEL=0")
    pair = Pair(direct=direct, peer=peer)
    with pytest.raises(TlsError, match="no shared cipher"):
        pair.shake()
    alert = pair.taken()
    assert alert
    pair.tell(alert)
    with pytest.raises(SSL.Error, match="handshake failure"):
        pair.theirs.do_handshake()


def greeted(direct: bool) -> Pair:
    """A handshake of TLS 1.2 after the first flight of each side: alerts still come in clear."""
    pair = Pair(SSL.TLS1_2_VERSION, direct=direct)
    with pytest.raises(SSL.WantReadError):
        pair.theirs.do_handshake()
    pair.feed(pair.said())
    assert not pair.ours.handshake()
    return pair


@DIRECTLY
def test_a_client_that_gives_up_is_heard(direct: bool) -> None:
    pair = greeted(direct)
    pair.feed(b"\x15\x03\x03\x00\x02\x02\x50")  # a fatal alert: internal_error
    with pytest.raises(TlsError, match="alert internal error"):
        pair.ours.handshake()


@DIRECTLY
def test_a_client_that_leaves_during_the_handshake_ends_it(direct: bool) -> None:
    pair = greeted(direct)
    pair.feed(b"\x15\x03\x03\x00\x02\x01\x00")  # close_notify
    with pytest.raises(TlsError, match="broke off"):
        pair.ours.handshake()
    pair.ours.close_notify()
    assert not pair.ours.finished


@VERSION
def test_a_client_certificate_is_known(version: int) -> None:
    identity = AUTHORITY.issue("alice")
    context = server_context(IDENTITY, authorities=[AUTHORITY.certificate])
    pair = Pair(version, context=context, peer=client_context(version, identity=identity))
    assert pair.shake().ours.peer_certificate == identity.certificate


@VERSION
def test_a_client_certificate_of_somebody_else_is_refused(version: int) -> None:
    identity = pki.Authority("another").issue("alice")
    context = server_context(IDENTITY, authorities=[AUTHORITY.certificate])
    pair = Pair(version, context=context, peer=client_context(version, identity=identity))
    with pytest.raises(TlsError, match="certificate verify failed"):
        pair.shake()


# Sessions.


@VERSION
def test_a_session_is_resumed_under_its_own_id(version: int) -> None:
    first = Pair(version, session_id=b"one").shake()
    assert not first.ours.resumed
    peer, session = first.theirs.get_context(), first.theirs.get_session()
    second = Pair(version, peer=peer, session=session, session_id=b"one").shake()
    assert second.ours.resumed


@VERSION
def test_a_session_is_not_resumed_under_another_id(version: int) -> None:
    first = Pair(version, session_id=b"one").shake()
    peer, session = first.theirs.get_context(), first.theirs.get_session()
    other = Pair(version, peer=peer, session=session, session_id=b"two").shake()
    assert not other.ours.resumed


@pytest.mark.parametrize("lib", [None, object()])
def test_where_nobody_can_tell_nothing_is_resumed(lib: object, monkeypatch: Any) -> None:
    first = Pair().shake()
    second = Pair(peer=first.theirs.get_context(), session=first.theirs.get_session()).shake()
    assert second.ours.resumed
    monkeypatch.setattr(module, "_lib", lib)
    assert not second.ours.resumed


# The client's bytes.


@DIRECTLY
@VERSION
def test_many_records_are_opened_in_one_go(version: int, direct: bool) -> None:
    pair = Pair(version, direct=direct).shake()
    for size in (1, 100, RECORD, 3000):
        pair.theirs.send(bytes([size % 251]) * size)
    pair.feed(pair.said())
    whole = b"".join(bytes([size % 251]) * size for size in (1, 100, RECORD, 3000))
    assert pair.ours.open_into(pair.room) == len(whole)
    assert pair.room[: len(whole)] == whole
    assert pair.ours.open_into(pair.room) == 0


def test_what_openssl_has_for_the_peer_is_known_before_it_is_taken() -> None:
    pair = Pair().shake()
    pair.taken()
    assert not pair.ours.has_sealed
    pair.ours.seal(memoryview(b"hello"))
    assert pair.ours.has_sealed
    pair.taken()
    assert not pair.ours.has_sealed


@DIRECTLY
@VERSION
def test_a_record_cut_anywhere_is_opened_when_it_is_whole(version: int, direct: bool) -> None:
    pair = Pair(version, direct=direct).shake()
    size = len(_sealed_by(pair, b"hello"))
    pair.opened()
    for cut in range(1, size):
        data = _sealed_by(pair, b"hello", fed=False)
        pair.feed(data[:cut])
        assert pair.ours.open_into(pair.room) == 0
        pair.feed(data[cut:])
        assert pair.opened() == b"hello"


def _sealed_by(pair: Pair, text: bytes, *, fed: bool = True) -> bytes:
    pair.theirs.send(text)
    data = pair.said()
    if fed:
        pair.feed(data)
    return data


@DIRECTLY
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_small_room_gets_all_of_a_record_in_turns(direct: bool, size: int) -> None:
    pair = Pair(direct=direct).shake()
    text = bytes(range(256)) * 20
    _sealed_by(pair, text)
    pair.room = memoryview(bytearray(size))
    assert pair.opened() == text


@DIRECTLY
def test_a_room_of_nothing_takes_nothing(direct: bool) -> None:
    pair = Pair(direct=direct).shake()
    _sealed_by(pair, b"hello")
    assert pair.ours.open_into(memoryview(bytearray())) == 0
    assert pair.opened() == b"hello"


# Bytes that are lent.


@DIRECTLY
@VERSION
@given(
    sizes=st.lists(st.integers(0, 3 * RECORD), min_size=1, max_size=6),
    pieces=st.lists(st.integers(1, 5 * RECORD), min_size=1, max_size=6),
    rooms=st.lists(st.integers(0, 3 * RECORD), min_size=1, max_size=6),
)
@settings(max_examples=30)
def test_lent_bytes_are_opened_whatever_is_left_of_them_at_the_end(
    version: int, direct: bool, sizes: list[int], pieces: list[int], rooms: list[int]
) -> None:
    pair = Pair(version, direct=direct).shake()
    text = b"".join(bytes([at % 251]) * size for at, size in enumerate(sizes, 1))
    if text:
        pair.theirs.sendall(text)
    sealed, opened, at, turn = pair.said(), b"", 0, 0
    while at < len(sealed):
        lent = bytearray(sealed[at : at + pieces[turn % len(pieces)]])
        pair.ours.lend(memoryview(lent))
        room = memoryview(bytearray(rooms[turn % len(rooms)]))
        opened += room[: pair.ours.open_into(room)]
        pair.ours.settle()
        at += len(lent)
        lent[:] = bytes(len(lent))  # the buffer is somebody else's now
        turn += 1
    assert opened + pair.opened() == text


def test_large_bytes_are_read_where_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair().shake()
    monkeypatch.setattr(TlsEnd, "feed", None)  # which copies
    for _ in range(3):
        pair.theirs.sendall(bytes(4 * RECORD))
        pair.ours.lend(memoryview(pair.said()))
        assert pair.opened() == bytes(4 * RECORD)
        pair.ours.settle()


@pytest.mark.parametrize("takes", [TlsEnd.feed, TlsEnd.lend])
def test_what_comes_before_lent_bytes_are_read_is_behind_them(takes: Any) -> None:
    pair = Pair().shake()
    pair.theirs.sendall(b"a" * 3 * RECORD)
    first = pair.said()
    pair.theirs.sendall(b"b" * 2 * RECORD)
    pair.ours.lend(memoryview(first))
    takes(pair.ours, memoryview(pair.said()))
    assert pair.opened() == b"a" * 3 * RECORD + b"b" * 2 * RECORD
    pair.ours.settle()


@VERSION
def test_what_follows_the_clients_end_in_lent_bytes_is_in_clear(version: int) -> None:
    pair = Pair(version).shake()
    pair.theirs.sendall(bytes(2 * RECORD))
    pair.theirs.shutdown()
    pair.ours.lend(memoryview(pair.said() + b"NOOP\r\n"))
    assert pair.opened() == bytes(2 * RECORD)
    pair.ours.settle()
    assert pair.ours.closed
    assert pair.ours.leftover() == b"NOOP\r\n"


@DIRECTLY
@VERSION
@pytest.mark.parametrize(
    "garbage",
    [b"QUIT\r\n and no TLS at all", b"\x17\x03\x03\x00\x40" + bytes(64), b"\x17\x03\x03\xff\xff"],
    ids=["text", "forged", "too long"],
)
def test_garbage_is_refused_in_words(version: int, direct: bool, garbage: bytes) -> None:
    pair = Pair(version, direct=direct).shake()
    pair.feed(garbage)
    with pytest.raises(TlsError, match=r"\w+ \w+"):
        pair.ours.open_into(pair.room)
    assert not pair.ours.closed
    pair.tell(pair.taken())
    with pytest.raises(SSL.Error, match="alert"):
        pair.theirs.recv(100)


@DIRECTLY
@VERSION
def test_a_changed_bit_is_refused(version: int, direct: bool) -> None:
    pair = Pair(version, direct=direct).shake()
    data = bytearray(_sealed_by(pair, b"hello", fed=False))
    data[-1] ^= 1
    pair.feed(bytes(data))
    with pytest.raises(TlsError, match="bad record mac"):
        pair.ours.open_into(pair.room)


def test_an_old_error_of_somebody_else_is_not_the_peers() -> None:
    pair = Pair().shake()
    module._lib.BIO_new_file(b"/nowhere/at/all", b"r")
    assert module._lib.ERR_peek_error()
    assert pair.ours.open_into(pair.room) == 0
    assert not module._lib.ERR_peek_error()
    assert not pair.ours.closed


# Our bytes.


@DIRECTLY
@VERSION
@pytest.mark.parametrize("size", [0, 1, RECORD, RECORD + 1, 1 << 20, 2 << 20])
def test_what_we_seal_is_what_the_client_opens(version: int, direct: bool, size: int) -> None:
    pair = Pair(version, direct=direct).shake()
    text = (bytes(range(256)) * (size // 256 + 1))[:size]
    pair.ours.seal(memoryview(text))
    data = pair.taken()
    assert len(data) <= most_sealed(size)
    pair.tell(data)
    assert pair.heard() == text
    assert pair.taken() == b""


@DIRECTLY
def test_a_small_room_gets_all_of_the_ciphertext_in_turns(direct: bool) -> None:
    pair = Pair(direct=direct).shake()
    pair.ours.seal(memoryview(b"x" * 3000))
    pair.room = memoryview(bytearray(7))
    assert pair.heard() == b"x" * 3000


@DIRECTLY
def test_nothing_can_be_sealed_before_the_handshake(direct: bool) -> None:
    pair = Pair(direct=direct)
    with pytest.raises(TlsError, match="broke off"):
        pair.ours.seal(memoryview(b"hello"))


ESTABLISHED = [Pair(version).shake() for version in VERSIONS]


@given(size=st.integers(0, 4 * RECORD), version=st.sampled_from(range(len(VERSIONS))))
@settings(max_examples=40)
def test_no_text_becomes_longer_than_we_say(size: int, version: int) -> None:
    pair = ESTABLISHED[version]
    pair.ours.seal(memoryview(bytes(size)))
    assert size <= len(pair.taken()) <= most_sealed(size)


# The end.


@DIRECTLY
@VERSION
def test_the_clients_end_comes_behind_its_bytes(version: int, direct: bool) -> None:
    pair = Pair(version, direct=direct).shake()
    pair.theirs.send(b"the last")
    pair.theirs.shutdown()
    pair.feed(pair.said())
    assert pair.opened() == b"the last"
    assert pair.ours.closed
    assert pair.ours.open_into(pair.room) == 0
    pair.ours.seal(memoryview(b"still here"))
    assert pair.heard() == b"still here"


@DIRECTLY
@VERSION
def test_our_end_is_said_once_and_the_client_may_go_on(version: int, direct: bool) -> None:
    pair = Pair(version, direct=direct).shake()
    pair.theirs.send(b"one, ")
    pair.feed(pair.said())
    pair.ours.close_notify()
    assert pair.ours.finished
    told = pair.taken()
    pair.ours.close_notify()
    assert pair.taken() == b""
    pair.theirs.send(b"two")
    pair.feed(pair.said())
    assert pair.opened() == b"one, two"
    pair.tell(told)
    with pytest.raises(SSL.ZeroReturnError):
        pair.theirs.recv(100)
    pair.theirs.shutdown()
    pair.feed(pair.said())
    assert pair.opened() == b""
    assert pair.ours.closed
    with pytest.raises(TlsError):
        pair.ours.seal(memoryview(b"more"))


@DIRECTLY
def test_a_client_that_only_stops_has_not_said_its_end(direct: bool) -> None:
    pair = Pair(direct=direct).shake()
    data = _sealed_by(pair, b"hello", fed=False)
    pair.feed(data[:-1])
    assert pair.opened() == b""
    assert not pair.ours.closed


@DIRECTLY
def test_after_a_fault_there_is_nobody_to_say_the_end_to(direct: bool) -> None:
    pair = Pair(direct=direct).shake()
    pair.feed(b"no TLS at all")
    with pytest.raises(TlsError):
        pair.ours.open_into(pair.room)
    pair.ours.close_notify()


@VERSION
@pytest.mark.parametrize("size", [0, 6, RECORD, 3 * RECORD + 1])
def test_what_follows_the_clients_end_is_in_clear(version: int, size: int) -> None:
    pair = Pair(version).shake()
    pair.theirs.send(b"CCC\r\n")
    pair.theirs.shutdown()
    pair.feed(pair.said() + b"x" * size)
    assert pair.opened() == b"CCC\r\n"
    assert pair.ours.closed
    assert pair.ours.leftover() == b"x" * size
    assert pair.ours.leftover() == b""


def test_public_calls_do_not_give_what_follows() -> None:
    pair = Pair(direct=False).shake()
    pair.theirs.shutdown()
    pair.feed(pair.said() + b"USER joe\r\n")
    assert pair.opened() == b""
    assert pair.ours.leftover() == b""


# Whatever comes: it is used, waited for, or refused in words, and nothing else is raised.

TYPES = (b"", b"\x14\x03\x03", b"\x15\x03\x03", b"\x16\x03\x03", b"\x17\x03\x03")


def outcome(work: Callable[[], object]) -> object:
    """What a call gives, or the words with which it refuses."""
    try:
        return work()
    except TlsError as refused:
        return str(refused)


def record(kind: bytes, data: bytes) -> bytes:
    """A record of some type, or bare bytes."""
    return kind + len(data).to_bytes(2, "big") + data if kind else data + b"."


@pytest.mark.fuzz
@given(
    pieces=st.lists(st.tuples(st.sampled_from(TYPES), st.binary(max_size=300)), max_size=4),
    direct=st.booleans(),
    version=st.sampled_from(VERSIONS),
)
@settings(max_examples=60)
def test_bytes_of_any_kind_are_opened_or_refused(
    pieces: list[tuple[bytes, bytes]], direct: bool, version: int
) -> None:
    pair = Pair(version, direct=direct).shake()
    for kind, data in pieces:
        pair.feed(record(kind, data))
        found = outcome(pair.opened)
        assert found == b"" or isinstance(found, str)
        assert found != ""
        pair.taken()


@pytest.mark.fuzz
@given(data=st.binary(min_size=1, max_size=400), direct=st.booleans(), kind=st.sampled_from(TYPES))
@settings(max_examples=200)
def test_a_handshake_of_any_bytes_waits_or_is_refused(
    data: bytes, direct: bool, kind: bytes
) -> None:
    pair = Pair(direct=direct)
    pair.feed(record(kind, data))
    found = outcome(pair.ours.handshake)
    assert found is False or (isinstance(found, str) and found)
    pair.taken()
    assert not pair.ours.established


@pytest.mark.fuzz
@given(at=st.integers(0, 2000), byte=st.integers(0, 255), version=st.sampled_from(VERSIONS))
@settings(max_examples=100)
def test_a_changed_hello_goes_on_or_is_refused(at: int, byte: int, version: int) -> None:
    pair = Pair(version)
    with pytest.raises(SSL.WantReadError):
        pair.theirs.do_handshake()
    hello = bytearray(pair.said())
    hello[at % len(hello)] = byte
    pair.feed(bytes(hello))
    found = outcome(pair.ours.handshake)
    assert found is False or (isinstance(found, str) and found)


# The client's side.


class Started:
    """A client of ours and a server of ours, in memory."""

    def __init__(
        self,
        session: SSL.Session | None = None,
        *,
        direct: bool = True,
        context: SSL.Context | None = None,
    ) -> None:
        connection = SSL.Connection(context or client_context(), None)
        connection.set_connect_state()
        self.ours = TlsStart(connection, session, direct=direct)
        self.theirs = TlsEnd(CONTEXT, b"one", direct=direct)
        self.room = memoryview(bytearray(64 << 10))

    def carry(self) -> None:
        """Bring what each has said to the other."""
        for one, other in ((self.ours, self.theirs), (self.theirs, self.ours)):
            while count := one.take_into(self.room):
                other.feed(self.room[:count])

    def shake(self) -> None:
        """Shake hands, and let the client see the tickets."""
        for _ in range(4):
            self.ours.handshake()
            self.carry()
            self.theirs.handshake()
            self.carry()
        self.theirs.seal(memoryview(b"hello"))
        self.carry()
        assert self.ours.open_into(self.room) == 5


@DIRECTLY
def test_a_client_speaks_first_and_is_understood(direct: bool) -> None:
    pair = Started(direct=direct)
    assert pair.ours.session is None
    pair.shake()
    pair.ours.seal(memoryview(b"answer"))
    pair.ours.close_notify()
    pair.carry()
    assert pair.theirs.open_into(pair.room) == 6
    assert pair.theirs.closed
    assert pair.ours.peer_certificate == IDENTITY.certificate
    assert not pair.ours.resumed


def test_a_session_of_one_connection_is_taken_up_by_another() -> None:
    context = client_context()
    first = Started(context=context)
    first.shake()
    second = Started(first.ours.session, context=context)
    second.shake()
    assert second.ours.resumed
    assert second.theirs.resumed


def test_a_session_is_taken_up_again_behind_a_connection_that_was_cut() -> None:
    context = client_context(SSL.TLS1_2_VERSION)
    first = Started(context=context)
    first.shake()
    session = first.ours.session
    cut = Started(session, context=context)
    cut.shake()
    cut.ours.keep_session()
    del cut  # OpenSSL lets go of it, and nobody has said close_notify
    third = Started(session, context=context)
    third.shake()
    assert third.theirs.resumed
