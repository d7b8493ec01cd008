import json
import re
from uuid import RFC_4122, UUID

import pytest

from mft.core.peer import Actor, Address, Component, Origin
from mft.events import catalogue
from mft.events.facts import DATA_KEYS, Facts, as_text, message, whole_data
from mft.events.model import Occurrence
from tests.fakes.occurrences import ALICE, SERVER, SERVICE, told

FACTS = Facts(SERVER, Component("log-1", "local-file", "audit"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", "30068"),
        ("serial", "1"),
        ("ACCOUNT.Name", "alice"),
        ("account.uuid", "alice-1"),
        ("account.email", ""),
        ("account.emails", ""),
        ("account.peer.address", "192.0.2.7"),
        ("account.peer.port", "51234"),
        ("account.peer.protocol", "ssh"),
        ("account.peer.family", "IPv4"),
        ("component.uuid", "ssh-1"),
        ("component.name", "sftp"),
        ("component.type", "ssh"),
        ("server.name", "files"),
        ("server.uuid", "server-1"),
        ("handler.name", "audit"),
        ("handler.uuid", "log-1"),
        ("timestamp.timestamp", "1000000000.250"),
        ("timestamp.iso_8601", "2001-09-09T01:46:40Z"),
        ("timestamp.iso_8601_fractional", "2001-09-09T01:46:40.250Z"),
        ("timestamp.iso_8601_basic", "20010909T014640Z"),
        ("timestamp.iso_8601_compact", "20010909014640"),
        ("data.path", "/inbox/a.csv"),
        ("data.file_name", "a.csv"),
        ("data.directory_name", "/inbox"),
        ("data.real_file_name", "a.csv"),
        ("data.real_directory_name", "/srv/alice/inbox"),
        ("data.total_write", "10"),
        ("data.username", ""),
    ],
)
def test_a_fact_is_told(name, value):
    assert FACTS.fact(name)(told(time=1e9 + 0.25)) == value


def test_an_account_tells_every_address_that_it_has():
    origin = ALICE._replace(actor=Actor("alice-1", "alice", "a@example.com, a@work.example"))
    occurrence = told(origin=origin)
    for name in ("account.email", "account.emails"):
        assert FACTS.fact(name)(occurrence) == "a@example.com, a@work.example"
    account = FACTS.as_object(occurrence)["account"]
    assert account["email"] == "a@example.com, a@work.example"
    assert account["emails"] == ["a@example.com", "a@work.example"]
    assert FACTS.as_object(told())["account"]["emails"] == []


def test_a_token_is_known_and_never_told():
    assert FACTS.fact("account.token")(told()) == ""
    assert "token" not in FACTS.as_json(told())


@pytest.mark.parametrize("name", ["", "acount.name", "data.pathh", "data.__class__", "timestamp"])
def test_an_unknown_fact_is_refused(name):
    with pytest.raises(ValueError, match="there is no"):
        FACTS.fact(name)


def test_a_near_name_is_suggested():
    with pytest.raises(ValueError, match=r'did you mean "account.name"'):
        FACTS.fact("acount.name")


def test_the_time_of_a_line_follows_the_second():
    stamp = FACTS.fact("timestamp.cwa_14051")
    first, later = stamp(told(time=1e9)), stamp(told(time=1e9 + 1))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", first)
    assert first != later
    assert stamp(told(time=1e9)) == first


def test_an_address_of_version_six_says_so():
    origin = Origin(ALICE.actor, Address("2001:db8::1", 1), SERVICE)
    assert FACTS.fact("account.peer.family")(told(origin=origin)) == "IPv6"


def test_the_same_event_has_the_same_name_wherever_it_is_told():
    name = FACTS.fact("uuid")
    assert name(told(serial=5)) == name(told("/other", serial=5))
    assert name(told(serial=5)) != name(told(serial=6))
    other = Facts(Component("server-2", "server", "x"))
    assert other.fact("uuid")(told(serial=5)) != name(told(serial=5))


def test_a_serial_that_was_given_again_after_a_restore_is_another_event():
    name = FACTS.fact("uuid")
    first = told(serial=5)._replace(time=1_900_000_000.1234)
    assert name(first) == name(first._replace(time=1_900_000_000.123))  # as the journal has it
    assert name(first) != name(first._replace(time=1_900_000_000.124))


def test_names_of_events_follow_each_other_as_events_do():
    name = FACTS.fact("uuid")
    moments = [(1, 999.9996), (2, 1e9), (2**24 - 2, 1e9), (7, 1e9 + 0.001), (6, 1e9 + 1), (8, 4e9)]
    names = [name(told(serial=serial, time=time)) for serial, time in moments]
    assert names == sorted(names)
    assert {UUID(one).version for one in names} == {8}
    assert {UUID(one).variant for one in names} == {RFC_4122}


def test_a_file_in_the_root_is_in_the_root():
    data = whole_data(told("/a.csv"))
    assert (data["directory_name"], data["file_name"]) == ("/", "a.csv")


def test_an_event_without_a_path_has_no_derived_names():
    event = catalogue.SCP_CLOSED
    assert whole_data(Occurrence(1, 1e9, event, {}, ALICE)) == {}


def test_every_key_of_the_catalogue_can_be_named():
    for key in DATA_KEYS:
        assert FACTS.fact(f"data.{key}")(told()) is not None


def test_a_record_that_lacks_a_value_still_has_a_message():
    lacking = told()._replace(data={"path": "/a"})
    assert "/a" in message(lacking)
    wrong_kind = told()._replace(data=dict.fromkeys(told().data, "text"))
    assert "text" in message(wrong_kind)


def test_values_of_every_kind_have_a_text():
    assert as_text(["a", 1, None]) == "a, 1, "
    assert as_text({"a": "\udc80"}) == '{"a":"\\\\udc80"}'


def test_an_event_as_json_is_whole():
    event = json.loads(FACTS.as_json(told("/inbox/ä\udc80.csv")))
    assert event["id"] == "30068"
    assert event["account"]["peer"] == {
        "address": "192.0.2.7",
        "port": 51234,
        "protocol": "ssh",
        "family": "IPv4",
    }
    assert event["timestamp"]["timestamp"] == 1e9
    assert event["server"] == {"uuid": "server-1", "name": "files"}
    assert event["data"]["file_name"] == "ä\\udc80.csv"
    assert event["message"].startswith("Uploaded")
