"""Triggers: what the option says, who may say one, and the event that tells it."""

import json
from collections.abc import Callable

import pytest

from mft.auth.account import Account
from mft.auth.permissions import Rules
from mft.config.kinds import Wrong, Wrongs
from mft.protocols.http.triggers import MAX_TRIGGERS, Trigger, Triggers
from tests.fakes.accounts import CHEAP_HASH, account
from tests.fakes.http_server import Answer, HttpClient, HttpServer

KIND = Triggers.__metadata__[0]


def say(client: HttpClient, command: str, *names: str) -> Answer:
    body = json.dumps({"commands": [{"command": command, "target": list(names)}]}).encode()
    return client.ask("POST", "/home/", body, Content_Type="application/json")


def test_what_is_written_is_read_again() -> None:
    text = "Release, success\nTo the bank, danger, bank-group"
    found = KIND.read(text, None)
    assert found == (
        Trigger("Release", "success"),
        Trigger("To the bank", "danger", "bank-group"),
    )
    assert KIND.write(found) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Release", "is not a label, a colour"),
        ("Release, success, group, more", "is not a label, a colour"),
        (", success", "is not a label, a colour"),
        ("Release, red", "has a colour other than"),
        ("x" * 51 + ", info", "has a label of more than"),
        ("a\x07b, info", "has a label of more than"),
        ("Release, info\nRelease, danger", "has a label twice"),
        ("\n".join(f"{at}, info" for at in range(MAX_TRIGGERS + 1)), "has more than"),
    ],
)
def test_what_is_wrong_is_told(text: str, sentence: str) -> None:
    with pytest.raises((Wrong, Wrongs)) as caught:
        KIND.read(text, None)
    assert sentence in str(caught.value)


def test_a_trigger_is_an_event_with_the_files_that_are_there(
    serve: Callable[..., HttpServer],
) -> None:
    server = serve(triggers="Release, success")
    server.put("/a", b"1")
    server.put("/b", b"2")
    client = HttpClient(server)
    assert say(client, "Release", "a", "b").status == 200
    assert server.data(40043) == [{"name": "Release", "files": ["/a", "/b"]}]
    answer = say(client, "Release", "a", "none")
    assert answer.status == 422
    assert answer.json["errors"][0]["message"] is None
    assert answer.json["errors"][1]["message"] == "No such file or directory"
    assert server.data(40043)[1:] == [{"name": "Release", "files": ["/a"]}]


def test_a_trigger_of_a_group_is_for_its_members_only(serve: Callable[..., HttpServer]) -> None:
    here = Trigger("Release", "info", "partners")
    rules = Rules.parse(("allow-full-control",))
    member = account_of(rules, groups=("partners",))
    assert (here.is_for(member), here.is_for(account_of(rules))) == (True, False)
    server = serve(account("ann", password=CHEAP_HASH), triggers="Release, info, partners")
    server.put("/a", b"1")
    assert say(HttpClient(server), "Release", "a").status == 400
    assert server.data(40043) == []


def account_of(rules: Rules, **given: object) -> Account:
    return Account("a-1", "ann", "/homes/ann", rules, **given)  # type: ignore[arg-type]  # by name


def test_a_command_of_ours_is_never_a_trigger(serve: Callable[..., HttpServer]) -> None:
    server = serve(triggers="delete, danger")
    server.put("/a", b"1")
    assert say(HttpClient(server), "delete", "a").status == 200
    assert server.names() == []
    assert server.data(40043) == []
