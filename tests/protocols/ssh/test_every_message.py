"""Every message number in every state: the protocol goes on, or it ends properly. Never a fault."""

from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from mft.wire.ssh.numbers import Message
from tests.fakes.sftp_client import SftpClient
from tests.fakes.ssh_client import PASSWORD, SshClient, disconnects, message

CONNECTED, CLOSED, DISCONNECTING = 30014, 30015, 30050
# Nothing; numbers that are zero and strings that are empty; lengths that are never true.
BODIES = (b"", bytes(40), b"\xff" * 40)
# What anybody reads the body of, the messages of each key exchange among it; of any other number
# there is one body, and it takes turns.
READ = {*Message, *range(Message.KEX_FIRST, Message.KEX_FIRST + 5)}
MESSAGES = [
    bytes((kind,)) + body
    for kind in range(256)
    for body in (BODIES if kind in READ else (BODIES[kind % len(BODIES)],))
]


def before_the_version(server):
    return SshClient(server)


def before_kexinit(server):
    client = SshClient(server)
    client.say_version()
    client.settle()
    return client


def in_the_first_key_exchange(server):
    client = before_kexinit(server)
    client.kexinit()
    client.settle()
    return client


def in_the_first_key_exchange_unstrict(server):
    client = SshClient(server, strict=False)
    client.say_version()
    client.kexinit()
    client.settle()
    return client


def before_the_first_new_keys(server):
    client = before_kexinit(server)
    client.manual = True
    client.kexinit()
    client.exchange()
    client.settle()
    return client


def before_the_service(server):
    return SshClient(server).greet()


def before_the_login(server):
    return SshClient(server).service()


def asked_for_a_password(server):
    client = SshClient(server).service()
    (asked,) = client.send(
        Message.USERAUTH_REQUEST, "ann", "ssh-connection", "keyboard-interactive", "", ""
    )
    assert asked[0] == Message.USERAUTH_INFO_REQUEST
    return client


def while_a_login_is_judged(server):
    client = SshClient(server).service()
    waiting: list[Deferred[None]] = []

    def hold() -> Deferred[None]:
        waiting.append(Deferred())
        return waiting[-1]

    server.holding = hold
    assert client.password(PASSWORD) == []
    server.holding = None
    client.release = waiting[0].callback
    return client


def after_the_login(server):
    return SshClient(server).log_in()


def with_a_session(server):
    sftp = SftpClient(SshClient(server).log_in())
    sftp.open_to_write("/a")
    return sftp.client


def in_a_key_exchange_of_the_client(server):
    client = after_the_login(server)
    client.manual = True
    client.kexinit()
    client.settle()
    return client


def in_a_key_exchange_of_the_server(server):
    client = after_the_login(server)
    client.manual = True
    server.reactor.advance(61)
    client.send(Message.IGNORE, b"")
    assert client.kexinits == 2
    return client


STATES: tuple[Callable, ...] = (
    before_the_version,
    before_kexinit,
    in_the_first_key_exchange,
    in_the_first_key_exchange_unstrict,
    before_the_first_new_keys,
    before_the_service,
    before_the_login,
    asked_for_a_password,
    while_a_login_is_judged,
    after_the_login,
    with_a_session,
    in_a_key_exchange_of_the_client,
    in_a_key_exchange_of_the_server,
)


def tried(server, faults, state, payloads) -> None:
    """Send payloads in a state; then the connection must have ended properly, or do so later."""
    server.told.clear()
    client = state(server)
    client.inbox.clear()
    client.manual = True
    for payload in payloads:
        client.put(payload)
    answers = client.answers()
    if release := getattr(client, "release", None):
        release(None)
        answers += client.answers()
    assert not faults, payloads
    numbers = server.numbers()
    assert numbers.count(CONNECTED) == 1
    if client.open:
        assert disconnects(answers) == []
        assert CLOSED not in numbers
        client.hang_up()
    elif any(payload[0] == Message.DISCONNECT for payload in payloads) and not disconnects(answers):
        pass  # the client has ended it
    else:
        assert numbers.count(DISCONNECTING) == 1, payloads
        assert len(disconnects(answers)) == 1, payloads
        assert answers[-1][0] == Message.DISCONNECT
    assert server.numbers().count(CLOSED) == 1, payloads
    assert not server.service.hub.presence.peers
    assert not server.roster.describe()
    assert not faults, payloads


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
def test_a_message_goes_on_by_the_protocol_or_ends_the_connection(serve, faults, state):
    server = serve(rekey_interval="60")
    for payload in MESSAGES:
        tried(server, faults, state, [payload])


FIELDS = st.lists(
    st.one_of(
        st.integers(0, 3),
        st.sampled_from([0x7FFFFFFF, 0xFFFFFFFF, 32768]),
        st.booleans(),
        st.sampled_from(
            [b"session", b"ann", b"ssh-connection", b"password", b"publickey", b"exec", b"sftp"]
        ),
        st.sampled_from([b"subsystem", b"scp -t /", b"none", b"ssh-userauth", b"ssh-ed25519"]),
        st.binary(max_size=12),
    ),
    max_size=8,
)
LIKELY = st.lists(
    st.builds(lambda kind, fields: message(kind, *fields), st.integers(1, 255), FIELDS)
    | st.builds(
        lambda kind, fields: message(kind, *fields),
        st.sampled_from([5, 20, 21, 50, 61, 80, 90, 93, 94, 95, 96, 97, 98]),
        FIELDS,
    ),
    min_size=1,
    max_size=6,
)


@pytest.mark.fuzz
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(state=st.sampled_from(STATES), payloads=LIKELY)
def test_messages_of_likely_fields_do_no_harm(fuzzed, faults, state, payloads):
    tried(fuzzed, faults, state, payloads)


@pytest.fixture
def fuzzed(serve):
    return serve(rekey_interval="60")
