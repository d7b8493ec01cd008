"""What handlers of mail name: a mail server, accounts and groups."""

from typing import Any

import pytest

from mft.daemon.load import load
from mft.daemon.memberships import addresses_of
from tests.fakes.daemons import ANN, Instance

POST = "[resources/POST]\nname = post\ntype = email-client\n"
OTHER = "[resources/OTHER]\nname = other\ntype = email-client\n"
DEFAULT = "[resources/DEFAULT-EMAIL-CLIENT]\nname = default\ntype = email-client\n"


def handler(**options: str) -> str:
    given = {"name": "alarms", "type": "email-sender", "email_to_recipients": "a@b.example"}
    lines = [f"{name} = {value}" for name, value in {**given, **options}.items()]
    return "\n".join(["[event-handlers/mail-1]", *lines, ""])


def problems(instance: Instance, *sections: str) -> list[str]:
    return [str(one) for one in load(instance.write(*sections)).problems]


def client_of(config: Any) -> str:
    return str(config.event_handlers["mail-1"].email_client)


def test_the_only_mail_server_need_not_be_named(instance: Instance) -> None:
    assert client_of(instance.config(POST, handler())) == "POST"
    assert client_of(instance.config(POST, OTHER, handler(email_client="OTHER"))) == "OTHER"
    assert client_of(instance.config(POST, DEFAULT, handler())) == "DEFAULT-EMAIL-CLIENT"


@pytest.mark.parametrize("sections", [(), (POST, OTHER)])
def test_of_none_or_several_one_must_be_named(instance: Instance, sections: tuple[str]) -> None:
    (problem,) = problems(instance, *sections, handler())
    assert "email_client" in problem
    assert "names no section [resources/" in problem


def test_what_is_named_must_be_a_mail_server(instance: Instance) -> None:
    (problem,) = problems(instance, POST, handler(email_client="POTS"))
    assert 'did you mean "POST"?' in problem


@pytest.mark.parametrize("option", ["email_to_recipients", "email_cc", "email_bcc"])
def test_an_id_among_recipients_must_be_of_an_account_or_a_group(
    instance: Instance, option: str
) -> None:
    assert problems(instance, POST, ANN, handler(**{option: "ann-1, DEFAULT_GROUP"})) == []
    (problem,) = problems(instance, POST, ANN, handler(**{option: "x@y.example, anne-1"}))
    assert f'{option} = "anne-1" is no address' in problem
    assert 'did you mean "ann-1"?' in problem


def test_an_account_of_a_file_may_be_named(instance: Instance) -> None:
    more = ANN.replace("ann", "bea").replace("HOME", str(instance.directory / "data"))
    (instance.directory / "conf" / "more.ini").write_text(more)
    method = "[authentications/more]\nname = more\ntype = local-file\npath = conf/more.ini\n"
    text = (POST, method, handler(email_cc="bea-1"))
    assert problems(instance, *text) == []


def test_mail_for_nobody_is_a_warning(instance: Instance) -> None:
    (problem,) = problems(instance, POST, handler(email_to_recipients=""))
    assert "warning" in problem
    assert "nobody gets this mail" in problem
    to = "email_to_recipients = operator@example.com\n"
    assert problems(instance, POST + to, handler(email_to_recipients="")) == []


def test_a_summary_for_nobody_is_a_warning(instance: Instance) -> None:
    given = {"email_to_recipients": "{account.email}", "email_cc": "{data.owner}@example.com"}
    (problem,) = problems(instance, POST, handler(**given))
    assert "warning" in problem
    assert 'email_to_recipients = "{account.email}" depends on the event' in problem
    assert "nobody is told of events beyond maximum_mails" in problem
    to = "email_to_recipients = operator@example.com\n"
    assert problems(instance, POST + to, handler(**given)) == []
    assert problems(instance, POST, handler(**given, maximum_mails="0")) == []
    assert problems(instance, POST, ANN, handler(**given, email_bcc="ann-1")) == []


def test_addresses_are_those_of_an_account_or_of_all_members_that_are_enabled(
    instance: Instance,
) -> None:
    people = [
        f"[accounts/{name}-1]\nname = {name}\ngroup = {group}\nhome_folder_path = HOME/{name}\n"
        f"create_home_folder = yes\nenabled = {enabled}\n"
        f"email = {name}@example.com, {name}@home.example\n"
        for name, group, enabled in (
            ("ann", "TEAM", "yes"),
            ("bob", "DEFAULT_GROUP, TEAM", "yes"),
            ("cid", "TEAM", "no"),
            ("dan", "GONE", "yes"),
        )
    ]
    groups = "[groups/TEAM]\nname = team\n[groups/GONE]\nname = gone\nenabled = no\n"
    config = instance.config(groups, *people)
    assert addresses_of(config, "ann-1") == ("ann@example.com", "ann@home.example")
    assert addresses_of(config, "TEAM") == (
        "ann@example.com",
        "ann@home.example",
        "bob@example.com",
        "bob@home.example",
    )
    assert addresses_of(config, "cid-1") == addresses_of(config, "GONE") == ()
    assert addresses_of(config, "nobody") == ()
