"""Logins that a server over HTTP judges: what it is asked, and what its answer does."""

import json
from typing import Any

import pytest

from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    MoreNeeded,
    NotMine,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
    WouldTry,
)
from mft.auth.http import HttpAuthenticator
from mft.auth.outside import outside_uuid
from mft.auth.parts import AccountsOfFile
from mft.core.failure import Reason, Refused
from mft.core.peer import Address
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.runtime.fetch import Answer
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import PEER, SERVICE, Around, account, group
from tests.fakes.auth_service import HOME, HTTP, HttpMethod, accepted, blob_text, http_options
from tests.fakes.run import run

ANN = Password("ann", Secret("hunter2"))
KEY = HostKey.generate().public


def asked(answer: Answer, given: Any = ANN, **options: str) -> tuple[Verdict, HttpMethod]:
    method = HttpMethod(lambda question: answer, **options)
    return run(method.authenticate(given, PEER, SERVICE)), method


def verdict(answer: Answer, given: Any = ANN) -> Verdict:
    return asked(answer, given)[0]


def rejected(answer: Answer) -> str:
    found = verdict(answer)
    assert isinstance(found, Rejected)
    assert "hunter2" not in found.details
    return found.details


def test_the_question_says_who_asks_for_what() -> None:
    _, method = asked(Answer(401, b""))
    assert method.questions == [
        {
            "credentials": {
                "type": "password",
                "username": "ann",
                "content": "hunter2",
                "peer": {
                    "address": "192.0.2.7",
                    "port": 50000,
                    "family": "IPv4",
                    "protocol": "TCP",
                },
                "creator": {"uuid": "service-1", "type": "ssh"},
            },
            "server": {"uuid": "server-1"},
        }
    ]


@pytest.mark.parametrize(
    ("given", "kind", "content"),
    [
        (Password("ann", Secret("p\u00e4ss\U0001f511")), "password", "p\u00e4ss\U0001f511"),
        (Password("ann", Secret("pw"), basic=True), "password-basic-auth", "pw"),
        (PublicKey("ann", KEY.blob, proven=True), "ssh-key", blob_text(KEY.blob)),
        (Certificate("ann", "ann", "AA", pem="-----BEGIN"), "ssl-certificate", "-----BEGIN"),
    ],
    ids=["password", "basic", "key", "certificate"],
)
def test_every_kind_of_credential_is_sent_as_what_it_is(
    given: Any, kind: str, content: str
) -> None:
    _, method = asked(Answer(401, b""), given)
    sent = method.questions[0]["credentials"]
    assert (sent["type"], sent["content"]) == (kind, content)


def test_a_peer_of_the_other_family_is_told_as_that() -> None:
    method = HttpMethod(lambda question: Answer(401, b""))
    run(method.authenticate(ANN, Address("2001:db8::1", 9), SERVICE))
    assert method.questions[0]["credentials"]["peer"]["family"] == "IPv6"


def test_a_question_about_a_key_is_no_login_and_nobody_is_asked() -> None:
    found, method = asked(Answer(204, b""), PublicKey("ann", KEY.blob, proven=False))
    assert found == WouldTry(HTTP)
    assert method.questions == []


@pytest.mark.parametrize(
    "given",
    [
        Certificate("ann", "eve", "AA", pem="-----BEGIN"),
        Certificate("ann", "ANN", "AA", pem="-----BEGIN"),
        Certificate("ann", "ann", "AA"),
    ],
)
def test_no_server_is_asked_about_a_certificate_that_does_not_name_the_account(given: Any) -> None:
    found, method = asked(Answer(204, b""), given)
    assert isinstance(found, Rejected)
    assert method.questions == []


def test_no_server_is_asked_about_a_public_area() -> None:
    found, method = asked(Answer(204, b""), Anonymous("id"))
    assert found == NotMine()
    assert method.questions == []


def test_an_account_is_what_was_told_with_our_groups_behind_it() -> None:
    told = accepted(**HOME, permissions=[["allow-read"]], email="ann@example.com", uuid="id-7")
    found, method = asked(told)
    assert isinstance(found, Accepted)
    whole = found.account
    assert (whole.name, whole.uuid, whole.kind, whole.home) == ("ann", "id-7", "http", "/homes/ann")
    assert [rule.text for rule in whole.rules.rules] == ["allow-read"]
    assert whole.group_names == ("default",)
    assert not whole.allow_own_password_change
    assert found.method == HTTP
    assert method.steps[-1] == "the account is in default"


def test_without_an_id_the_name_gives_one() -> None:
    found = verdict(accepted(**HOME))
    assert isinstance(found, Accepted)
    assert found.account.uuid == outside_uuid(HTTP, "ann")


def test_no_content_accepts_as_the_default_group_says() -> None:
    groups = {"DEFAULT_GROUP": group(home_folder_path="/homes")}
    method = HttpMethod(lambda question: Answer(204, b""), groups=groups)
    found = run(method.authenticate(ANN, PEER, SERVICE))
    assert isinstance(found, Accepted)
    assert found.account.home == "/homes/ann"


def test_a_name_that_the_server_does_not_know_is_left_to_the_next_method() -> None:
    assert verdict(Answer(401, b"who?")) == NotMine()


def test_what_the_server_says_of_a_refusal_is_for_the_audit_trail() -> None:
    body = json.dumps({"message": "hunter2: the contract has ended", "code": 7}).encode()
    assert "the contract has ended" in rejected(Answer(403, body))
    assert rejected(Answer(403, b"")) == "the server refuses"


@pytest.mark.parametrize("status", [100, 201, 206, 301, 302, 307, 400, 404, 407, 429])
def test_every_other_status_refuses(status: int) -> None:
    assert str(status) in rejected(Answer(status, b'{"account": {}}'))


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_that_cannot_judge_lets_nobody_in(status: int) -> None:
    with pytest.raises(Refused, match=str(status)):
        verdict(Answer(status, b""))


def test_keys_that_are_not_known_refuse_and_are_told() -> None:
    found, method = asked(accepted(**HOME, is_admin=True))
    assert isinstance(found, Rejected)
    assert method.trail.events == [events.EXTERNAL_KEYS_UNKNOWN]
    assert method.trail.events[0].number == 20149
    assert "is_admin" in method.trail.told[0].message


@pytest.mark.parametrize(
    ("account", "why"),
    [
        ({"home_folder_path": "homes/ann"}, "home_folder_path"),
        ({"permissions": [["allow-everything"]]}, "permissions"),
        ({"permissions": []}, "permissions"),
        ({"virtual_folders": [["/shared"]]}, "virtual_folders"),
        ({"virtual_folders": [["/", "/srv"]]}, "virtual_folders"),
        ({"home_folder_structure": ["../x"]}, "home_folder_structure"),
        ({"expire_datetime": "2001-01-01"}, "expired"),
        ({"expire_datetime": "20-01-01"}, "expire_datetime"),
        ({"group": "NOBODY"}, "no group NOBODY"),
        ({"uuid": "id-bob"}, "ID of an account"),
        ({"home_folder_path": "/conf/x"}, "is inside /conf"),
        ({"home_folder_path": "/"}, "holds /conf"),
        ({"virtual_folders": [["/s", "/state"]]}, "is inside /state"),
    ],
)
def test_an_account_that_cannot_be_is_refused(account: Any, why: str) -> None:
    method = HttpMethod(lambda question: accepted(**{**HOME, **account}))
    method._parts = method.parts._replace(accounts={"id-bob": bob()})
    found = run(method.authenticate(ANN, PEER, SERVICE))
    assert isinstance(found, Rejected)
    assert why in found.details


def test_the_id_of_an_account_of_a_file_is_none_for_a_server_to_give() -> None:
    """It would have what that account does lately, its interrupted uploads and its sessions."""
    method = HttpMethod(lambda question: accepted(**HOME, uuid="id-bob"))
    files = {"file-1": AccountsOfFile({"id-bob": bob()}, {}, ())}
    assert isinstance(run(method.authenticate(ANN, PEER, SERVICE)), Accepted)
    method._parts = method.parts._replace(files=files)
    found = run(method.authenticate(ANN, PEER, SERVICE))
    assert isinstance(found, Rejected)
    seen = Seen(HTTP.uuid, "id-bob", "ann", frozenset(("password",)), "{}")
    assert run(method.find(seen, PEER)) == Rejected(
        HTTP, "its ID is that of an account of server.ini or a file"
    )


def bob() -> Any:
    return account("bob")


def test_without_a_home_anywhere_nobody_is_let_in() -> None:
    assert "home_folder_path" in rejected(Answer(204, b""))


def test_a_disabled_group_bars_whoever_the_server_accepts() -> None:
    groups = {"OFF": group("off", enabled="no")}
    method = HttpMethod(lambda question: accepted(**HOME, group="OFF"), groups=groups)
    found = run(method.authenticate(ANN, PEER, SERVICE))
    assert isinstance(found, Rejected)
    assert found.forbidden


def test_what_a_group_wants_of_logins_holds() -> None:
    groups = {"BOTH": group("both", required_credentials="password, ssh-key")}
    method = HttpMethod(lambda question: accepted(**HOME, group="BOTH"), groups=groups)
    found = run(method.authenticate(ANN, PEER, SERVICE))
    assert isinstance(found, MoreNeeded)
    assert found.kinds == {"ssh-key"}


@pytest.mark.parametrize(("allowed", "let_in"), [("yes", True), ("no", False)])
def test_a_certificate_does_where_the_group_allows_it(allowed: str, let_in: bool) -> None:
    groups = {"DEFAULT_GROUP": group(allow_certificate_authentication=allowed)}
    method = HttpMethod(lambda question: accepted(**HOME), groups=groups)
    certificate = Certificate("ann", "ann", "AA", pem="-----BEGIN")
    found = run(method.authenticate(certificate, PEER, SERVICE))
    assert isinstance(found, Accepted) is let_in


def test_a_name_that_could_not_stand_in_server_ini_is_refused() -> None:
    found = verdict(accepted(**HOME), Password("ann\u202e", Secret("hunter2")))
    assert isinstance(found, Rejected)


@pytest.mark.parametrize(
    ("answer", "event"),
    [
        (Answer(401, b""), events.METHOD_TRIED),
        (Answer(403, b""), events.METHOD_TRIED),
        (Answer(204, b""), events.METHOD_TRIAL_FAILED),
        (accepted(), events.METHOD_TRIAL_FAILED),
        (Answer(302, b""), events.METHOD_TRIAL_FAILED),
        (Answer(500, b""), events.METHOD_TRIAL_FAILED),
    ],
)
def test_a_start_tries_the_server_with_a_name_that_nobody_has(answer: Answer, event: Any) -> None:
    method = HttpMethod(lambda question: answer)
    run(method.start())
    assert method.trail.events == [event]
    given = method.questions[0]["credentials"]
    assert given["username"].startswith("mft-test-")
    assert given["content"] not in method.trail.told[0].message
    run(method.stop())


def test_a_start_without_a_test_asks_nobody() -> None:
    method = HttpMethod(lambda question: Answer(401, b""), test_at_start="no")
    run(method.start())
    assert method.questions == []


def test_authorities_that_cannot_be_read_keep_it_from_starting() -> None:
    options = http_options(ssl_certificate_authority="/no/such/file")
    method = HttpAuthenticator(HTTP, options, Around().parts)
    with pytest.raises(Refused) as raised:
        run(method.start())
    assert raised.value.reason is Reason.INVALID
    with pytest.raises(Refused):
        run(method.authenticate(ANN, PEER, SERVICE))
