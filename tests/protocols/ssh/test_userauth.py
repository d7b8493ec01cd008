"""Authentication: what proves, what does not, and what a refusal shows."""

from functools import lru_cache, partial

import pytest
from twisted.internet.defer import Deferred

from mft.auth.chain import Chain
from mft.auth.second_method import WithSecondMethod
from mft.session.login import BARRED_SECONDS
from mft.trust.ssh_keys import HostKey
from mft.wire.buffer import Reader
from mft.wire.ssh.numbers import Code, Message
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH, Method, account, code_at
from tests.fakes.ssh_client import PASSWORD, SshClient, disconnects, message, pack

FAILED, DONE, FORBIDDEN, UNKNOWN, VIOLATION = 20142, 20137, 20136, 20021, 30007
SUCCESS = bytes((Message.USERAUTH_SUCCESS,))
MORE_NEEDED = 20126
REFUSAL = message(
    Message.USERAUTH_FAILURE, ["publickey", "password", "keyboard-interactive"], False
)


@lru_cache
def own_key() -> HostKey:
    return HostKey.generate("ed25519")


@lru_cache
def other_key() -> HostKey:
    return HostKey.generate("ed25519")


def keyed(name: str = "kim", **options: str):
    line = own_key().public.line()
    return account(name, ssh_authorized_keys_content=line, **options)


@pytest.fixture
def server(serve):
    return serve(
        account("ann", password=CHEAP_HASH),
        keyed("kim"),
        keyed("two", password=CHEAP_HASH, required_credentials="password, ssh-key"),
        account("otp", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH),
        keyed(
            "all",
            password=CHEAP_HASH,
            multi_factor_authentication=OTPAUTH,
            required_credentials="password, ssh-key",
        ),
        account("off", password=CHEAP_HASH, enabled="no"),
        account("old", password=CHEAP_HASH, expire_datetime="2001-01-01 00:00:00"),
        account("far", password=CHEAP_HASH, source_ip_filter="allow 198.51.100.0/24"),
    )


@pytest.fixture
def client(server):
    return SshClient(server).service()


def asked(client, name="ann"):
    (question,) = client.send(
        Message.USERAUTH_REQUEST, name, "ssh-connection", "keyboard-interactive", "", ""
    )
    assert question[0] == Message.USERAUTH_INFO_REQUEST
    return Reader(question[1:])


def test_a_password_logs_in(client, server):
    assert client.password()[0] == SUCCESS
    assert server.numbers().count(DONE) == 1


def test_a_banned_source_waits_for_each_refusal(server):
    server.bars(late=True)
    client = SshClient(server).service()
    for ask in (client.password, partial(client.key, own_key(), "kim", signed=False)):
        assert ask() == []
        server.reactor.advance(BARRED_SECONDS)
        assert client.answers() == [REFUSAL]


def test_a_key_logs_in_once_its_signature_is_verified(client, server):
    assert client.key(own_key(), "kim")[0] == SUCCESS
    assert server.numbers().count(DONE) == 1


def test_keyboard_interactive_asks_for_the_password(client, server):
    question = asked(client)
    assert (question.string(), question.string(), question.string()) == (b"", b"", b"")
    assert (question.u32(), question.string(), question.boolean()) == (1, b"Password: ", False)
    assert client.send(Message.USERAUTH_INFO_RESPONSE, 1, PASSWORD)[0] == SUCCESS


def test_none_is_answered_with_the_methods_and_is_no_attempt(client, server):
    for _ in range(20):
        (answer,) = client.send(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "none")
        assert answer == REFUSAL
    assert server.data(FAILED) == []
    assert client.password()[0] == SUCCESS


def test_a_method_that_there_is_not_is_refused(client):
    assert client.send(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "hostbased") == [REFUSAL]


def test_another_service_than_the_connection_is_refused(client):
    answers = client.send(Message.USERAUTH_REQUEST, "ann", "ssh-userauth", "none")
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


def test_the_service_must_be_asked_for_before(server):
    client = SshClient(server).greet()
    assert disconnects(client.password()) == [Code.PROTOCOL_ERROR]


# Several credentials (RFC 4252 5.1).


def test_password_and_key_are_both_needed_in_this_order(client, server):
    (answer,) = client.password(name="two")
    assert answer == message(Message.USERAUTH_FAILURE, ["publickey"], True)
    assert client.key(own_key(), "two")[0] == SUCCESS
    assert server.numbers().count(DONE) == 1


def test_password_and_key_are_both_needed_in_the_other_order(client):
    (answer,) = client.key(own_key(), "two")
    assert answer == message(Message.USERAUTH_FAILURE, ["password", "keyboard-interactive"], True)
    assert client.password(name="two")[0] == SUCCESS


def test_the_same_credential_twice_is_one(client):
    client.password(name="two")
    answer = client.password(name="two")
    assert answer[0][0] == Message.USERAUTH_FAILURE


def test_what_one_name_has_proved_does_not_count_for_another(client):
    assert client.key(own_key(), "two")[0][-1] == 1  # a partial success
    assert client.password("wrong", "ann") == [REFUSAL]
    answer = client.password(name="two")
    assert answer[0] != SUCCESS
    assert client.open


def test_a_question_about_a_key_proves_nothing(client):
    assert client.key(own_key(), "two", signed=False)[0][0] == Message.USERAUTH_PK_OK
    (answer,) = client.password(name="two")
    assert answer == message(Message.USERAUTH_FAILURE, ["publickey"], True)


# One-time codes.

SECOND_FACTOR = 20127
CODE_QUESTION = message(Message.USERAUTH_INFO_REQUEST, "", "", "", 1, "One-time code: ", False)


def answered(client, *answers):
    return client.send(Message.USERAUTH_INFO_RESPONSE, len(answers), *answers)


def test_a_code_at_the_end_of_the_password_logs_in(client, server):
    assert client.password(PASSWORD + code_at(), name="otp")[0] == SUCCESS
    (second,), (done,) = server.data(SECOND_FACTOR), server.data(DONE)
    assert (second["account_name"], done["credentials_type"]) == ("otp", "password")


def test_after_the_password_the_code_is_asked_for_in_the_same_exchange(client, server):
    asked(client, "otp")
    assert answered(client, PASSWORD) == [CODE_QUESTION]
    (more,) = server.data(MORE_NEEDED)
    assert more["required_credentials"] == "one-time-code, password"
    assert answered(client, code_at())[0] == SUCCESS
    (second,) = server.data(SECOND_FACTOR)
    assert second["credentials_type"] == "one-time-code"
    assert server.data(FAILED) == []


def test_after_the_method_password_the_other_one_asks_for_the_code(client):
    (answer,) = client.password(name="otp")
    assert answer == message(Message.USERAUTH_FAILURE, ["keyboard-interactive"], True)
    question = asked(client, "otp")
    assert question.string() + question.string() + question.string() == b""
    assert (question.u32(), question.string()) == (1, b"One-time code: ")
    assert answered(client, code_at())[0] == SUCCESS


def test_a_wrong_password_is_asked_for_no_code(client):
    asked(client, "otp")
    assert answered(client, "wrong") == [REFUSAL]
    asked(client, "otp")
    assert answered(client, "wrong" + code_at()) == [REFUSAL]


def test_a_wrong_code_is_a_refused_attempt_and_may_be_given_again(client, server):
    asked(client, "otp")
    answered(client, PASSWORD)
    assert answered(client, "000") == [REFUSAL]
    assert [one["credentials_type"] for one in server.data(FAILED)] == ["one-time-code"]
    question = asked(client, "otp")
    question.string(), question.string(), question.string(), question.u32()
    assert question.string() == b"One-time code: ", "the password was right already"
    assert answered(client, code_at())[0] == SUCCESS


@pytest.mark.parametrize("answers", [(), ("1", "2")])
def test_one_answer_is_wanted_to_the_question_for_a_code(client, answers):
    asked(client, "otp")
    answered(client, PASSWORD)
    assert answered(client, *answers) == [REFUSAL]


def test_a_code_that_is_no_text_is_refused(client):
    asked(client, "otp")
    answered(client, PASSWORD)
    assert answered(client, b"\xff") == [REFUSAL]


def test_wrong_codes_are_as_many_as_there_may_be_attempts(serve):
    otp = account("otp", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH)
    server = serve(otp, maximum_login_attempts="3")
    client = SshClient(server).service()
    client.password(name="otp")
    for _ in range(2):
        asked(client, "otp")
        assert answered(client, "000000") == [REFUSAL]
    asked(client, "otp")
    assert disconnects(answered(client, "000000")) == [Code.NO_MORE_AUTH_METHODS]


def test_password_code_and_key_are_all_needed_in_any_order(client, server):
    (answer,) = client.key(own_key(), "all")
    assert answer == message(Message.USERAUTH_FAILURE, ["password", "keyboard-interactive"], True)
    asked(client, "all")
    assert answered(client, PASSWORD) == [CODE_QUESTION]
    assert answered(client, code_at())[0] == SUCCESS
    other = SshClient(server).service()
    asked(other, "all")
    assert answered(other, PASSWORD) == [CODE_QUESTION]
    (answer,) = other.key(own_key(), "all")
    assert answer == message(Message.USERAUTH_FAILURE, ["keyboard-interactive"], True)


def test_the_key_may_come_last(client):
    asked(client, "all")
    assert answered(client, PASSWORD) == [CODE_QUESTION]
    (answer,) = answered(client, code_at())
    assert answer == message(Message.USERAUTH_FAILURE, ["publickey"], True)
    assert client.key(own_key(), "all")[0] == SUCCESS


# Another method as the second factor.


@pytest.fixture
def doubled(server):
    """The same server with a second method, which knows the same names by one password."""
    second = Method(*(account(name, password=CHEAP_HASH) for name in ("ann", "kim")))
    first = WithSecondMethod(server.method, second, lambda: server.method.now)
    server.chain = Chain([first])
    return SshClient(server).service()


def test_after_a_password_the_second_method_is_asked_by_a_question(doubled, server):
    asked(doubled, "ann")
    assert answered(doubled, PASSWORD) == [CODE_QUESTION]
    assert answered(doubled, "wrong") == [REFUSAL]
    asked(doubled, "ann")
    assert answered(doubled, PASSWORD)[0] == SUCCESS
    assert len(server.data(SECOND_FACTOR)) == 1


@pytest.mark.parametrize("interactive", [False, True])
def test_after_a_key_it_is_asked_for_a_password(doubled, interactive):
    (answer,) = doubled.key(own_key(), "kim")
    assert answer == message(Message.USERAUTH_FAILURE, ["password", "keyboard-interactive"], True)
    if interactive:
        question = asked(doubled, "kim")
        assert question.string() + question.string() + question.string() == b""
        assert (question.u32(), question.string()) == (1, b"Password: ")
        assert answered(doubled, PASSWORD)[0] == SUCCESS
    else:
        assert doubled.password("wrong", "kim") == [REFUSAL]
        assert doubled.password(name="kim")[0] == SUCCESS


# Keys.


def test_a_question_about_a_key_is_never_a_login(client, server):
    (answer,) = client.key(own_key(), "kim", signed=False)
    assert answer == message(Message.USERAUTH_PK_OK, "ssh-ed25519", own_key().public.blob)
    assert server.numbers().count(DONE) == 0
    assert disconnects(client.send(Message.CHANNEL_OPEN, "session", 0, 9, 32768))


def test_a_signature_is_verified_before_anybody_is_asked_about_its_key(client, server):
    asked_about = []
    judge = server.chain.judge

    async def watched(credentials, *rest):
        asked_about.append(credentials)
        return await judge(credentials, *rest)

    server.chain.judge = watched
    assert client.key(own_key(), "kim", break_it=True) == [REFUSAL]
    assert asked_about == []
    assert server.data(VIOLATION)[0]["username"] == "kim"
    assert server.numbers().count(FAILED) == 0
    assert client.key(own_key(), "kim")[0] == SUCCESS


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(3), pack("ssh-ed25519", b""), pack("ssh-ed25519", bytes(64)), pack("rsa", b"x")],
)
def test_bytes_that_are_no_signature_do_not_log_in(client, signature):
    fields = ["kim", "ssh-connection", "publickey", True, "ssh-ed25519", own_key().public.blob]
    assert client.send(Message.USERAUTH_REQUEST, *fields, signature) == [REFUSAL]


def test_a_signature_of_another_connection_does_not_log_in(server):
    first, second = SshClient(server).service(), SshClient(server).service()
    second.session_id, session_id = first.session_id, second.session_id
    assert second.key(own_key(), "kim") == [REFUSAL]
    second.session_id = session_id
    assert second.key(own_key(), "kim")[0] == SUCCESS


def test_a_signature_for_another_name_does_not_log_in(client):
    fields = ["kim", "ssh-connection", "publickey", True, "ssh-ed25519", own_key().public.blob]
    data = pack(client.session_id) + message(Message.USERAUTH_REQUEST, *fields)
    fields[0] = "two"
    signature = own_key().sign(data, "ssh-ed25519")
    assert client.send(Message.USERAUTH_REQUEST, *fields, signature) == [REFUSAL]


@pytest.mark.parametrize("blob", [b"", b"x", pack("ssh-ed25519", bytes(31)), pack("ssh-dss", b"")])
@pytest.mark.parametrize("signed", [True, False])
def test_bytes_that_are_no_key_are_refused(client, server, blob, signed):
    fields = ["kim", "ssh-connection", "publickey", signed, "ssh-ed25519", blob]
    assert client.send(Message.USERAUTH_REQUEST, *fields, *[b"x"] * signed) == [REFUSAL]
    assert server.data(30049)


@pytest.mark.parametrize(
    "algorithm", ["ssh-rsa", "ssh-dss", "none", "", "../../etc/passwd", b"\xff"]
)
def test_an_algorithm_that_is_not_offered_is_refused(client, algorithm):
    fields = ["kim", "ssh-connection", "publickey", False, algorithm, own_key().public.blob]
    assert client.send(Message.USERAUTH_REQUEST, *fields) == [REFUSAL]


def test_an_agent_with_many_keys_may_ask_about_each(client):
    for _ in range(40):
        assert client.key(other_key(), "kim", signed=False) == [REFUSAL]
    assert client.key(own_key(), "kim")[0] == SUCCESS


def test_questions_about_keys_have_a_limit(client, server):
    for _ in range(40):
        client.key(other_key(), "kim", signed=False)
    assert disconnects(client.key(other_key(), "kim", signed=False)) == [Code.NO_MORE_AUTH_METHODS]
    assert server.data(90007)


# Limits and odd values.


def test_the_last_refused_attempt_ends_the_connection(client, server):
    for _ in range(5):
        assert client.password("wrong") == [REFUSAL]
    assert disconnects(client.password("wrong")) == [Code.NO_MORE_AUTH_METHODS]
    assert server.numbers().count(FAILED) == 6
    assert server.data(90007) == [{"name": "maximum_login_attempts", "value": 6}]
    assert server.numbers().count(30015) == 1


def test_right_behind_the_last_wrong_one_does_not_count(client):
    for _ in range(5):
        client.password("wrong")
    for word in ("wrong", PASSWORD):
        client.put(
            message(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "password", False, word)
        )
    assert disconnects(client.answers()) == [Code.NO_MORE_AUTH_METHODS]
    assert DONE not in client.server.numbers()


def test_an_answer_to_no_question_ends_the_connection(client):
    answers = client.send(Message.USERAUTH_INFO_RESPONSE, 1, PASSWORD)
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


def test_a_question_is_forgotten_when_another_method_is_tried(client):
    asked(client)
    assert client.password("wrong") == [REFUSAL]
    answers = client.send(Message.USERAUTH_INFO_RESPONSE, 1, PASSWORD)
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


def test_an_answer_counts_once(client):
    asked(client)
    assert client.send(Message.USERAUTH_INFO_RESPONSE, 1, "wrong") == [REFUSAL]
    assert disconnects(client.send(Message.USERAUTH_INFO_RESPONSE, 1, PASSWORD))


@pytest.mark.parametrize("count", [0, 2, 0xFFFFFFFF])
def test_another_number_of_answers_than_questions_is_refused(client, count):
    asked(client)
    assert client.send(Message.USERAUTH_INFO_RESPONSE, count, PASSWORD, PASSWORD) == [REFUSAL]


def test_a_change_of_the_password_is_refused(client):
    fields = ["ann", "ssh-connection", "password", True, PASSWORD, "new"]
    assert client.send(Message.USERAUTH_REQUEST, *fields) == [REFUSAL]


@pytest.mark.parametrize(
    "name", ["", "\0", "ann\0", "ann\n", "a" * 151, "ann ", "ANN", "../ann", "*", "an%6e"]
)
def test_a_name_that_is_nobodys_is_refused_like_any_other(client, name):
    assert client.password(name=name) == [REFUSAL]
    assert client.open


@pytest.mark.parametrize("word", ["", "\0", PASSWORD + "\0", PASSWORD + "\n", "a" * 151])
def test_a_password_that_cannot_be_one_is_refused(client, word):
    assert client.password(word) == [REFUSAL]


def test_a_name_that_is_not_utf8_is_refused_and_told_as_that(client, server):
    assert client.password(name=b"\xff\xfe") == [REFUSAL]
    assert len(server.data(30069)) == 1


def test_a_password_that_is_not_utf8_is_refused_and_told_as_that_without_it(client, server):
    assert client.password(b"\xff\xfe-hidden") == [REFUSAL]
    assert server.data(30070) == [{}]


def test_every_request_cut_short_is_refused_or_ends_the_connection(server):
    whole = message(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "password", False, PASSWORD)
    for end in range(1, len(whole)):
        client = SshClient(server).service()
        client.put(whole[:end])
        answers = client.answers()
        assert answers == [REFUSAL] or disconnects(answers) == [Code.PROTOCOL_ERROR]
    assert DONE not in server.numbers()


def test_after_a_login_more_attempts_are_passed_over(client, server):
    assert client.password()[0] == SUCCESS
    assert client.password("wrong") == []
    assert client.send(Message.USERAUTH_INFO_RESPONSE, 1, "x") == []
    assert client.open
    assert server.numbers().count(DONE) == 1
    assert FAILED not in server.numbers()


def test_nothing_above_authentication_is_done_before_the_login(client):
    answers = client.send(Message.CHANNEL_OPEN, "session", 0, 1 << 20, 32768)
    assert disconnects(answers) == [Code.PROTOCOL_ERROR]


# What a refusal shows.


def test_every_refusal_is_the_same_bytes(server):
    seen = set()
    for name, word in [
        ("ann", "wrong"),
        ("nobody", "wrong"),
        ("nobody", PASSWORD),
        ("off", PASSWORD),
        ("old", PASSWORD),
        ("far", PASSWORD),
        ("kim", PASSWORD),
        ("two", "wrong"),
        (b"\xff", PASSWORD),
        ("", PASSWORD),
    ]:
        client = SshClient(server).service()
        seen.add(tuple(client.password(word, name)))
        client.hang_up()
    assert seen == {(REFUSAL,)}
    assert DONE not in server.numbers()


def test_a_question_about_a_key_tells_no_more_of_accounts_that_may_not_log_in(serve):
    server = serve(
        keyed("off", enabled="no"), keyed("far", source_ip_filter="allow 198.51.100.0/24")
    )
    for name in ("off", "far", "nobody"):
        assert SshClient(server).service().key(own_key(), name, signed=False) == [REFUSAL], name


def test_every_attempt_has_exactly_one_event(server):
    outcomes = {FAILED, DONE, FORBIDDEN, UNKNOWN, VIOLATION, MORE_NEEDED}
    for name in ("ann", "nobody", "off", "old", "far", "kim", "two"):
        for method in ("password", "key"):
            client = SshClient(server).service()
            server.told.clear()
            client.password("x", name) if method == "password" else client.key(own_key(), name)
            assert len([one for one in server.numbers() if one in outcomes]) == 1, (name, method)
            client.hang_up()


def test_the_banner_comes_once_before_the_first_answer(serve):
    server = serve(banner="Authorised use only.")
    client = SshClient(server).service()
    first = client.password("wrong")
    assert first == [message(Message.USERAUTH_BANNER, "Authorised use only.\n", "en"), REFUSAL]
    assert client.password("wrong") == [REFUSAL]


# One attempt at a time.


def test_requests_that_are_sent_ahead_are_judged_in_their_order(client, server):
    waiting = Deferred()
    server.holding = lambda: waiting
    for word in ("wrong", PASSWORD):
        client.put(
            message(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "password", False, word)
        )
    client.put(message(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "none"))
    assert client.answers() == [REFUSAL]
    waiting.callback(None)
    assert client.answers()[0] == SUCCESS


def test_few_requests_may_be_sent_ahead(client, server):
    waiting = Deferred()
    server.holding = lambda: waiting
    client.password()
    for _ in range(3):
        client.put(message(Message.USERAUTH_REQUEST, "ann", "ssh-connection", "none"))
    assert disconnects(client.answers()) == [Code.PROTOCOL_ERROR]
    waiting.callback(None)
    assert not server.roster.describe()
    assert server.numbers().count(30015) == 1


def test_a_login_that_is_done_after_its_client_has_left_opens_nothing(client, server):
    waiting = Deferred()
    server.holding = lambda: waiting
    client.password()
    client.hang_up()
    waiting.callback(None)
    server.reactor.settle()
    assert not server.roster.describe()
    assert not server.service.hub.presence.peers
    assert server.numbers().count(30015) == 1


def test_a_login_that_breaks_lets_nobody_in(client, server, faults):
    async def broken(*args, **kwargs):
        raise RuntimeError("a fault of ours")

    server.chain.judge = broken
    assert disconnects(client.password()) == [Code.BY_APPLICATION]
    assert len(faults) == 1
    faults.clear()
    assert DONE not in server.numbers()
