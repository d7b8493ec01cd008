import pytest
from pydantic import TypeAdapter, ValidationError

from mft.core.peer import UNKNOWN, Actor, Address, Origin
from mft.events.filters import (
    ComponentIds,
    DataFilter,
    EventGroups,
    EventNumbers,
    Filter,
    ServerIds,
    SourceAddresses,
    UserGroups,
    Usernames,
)
from tests.fakes.occurrences import ALICE, SERVICE, told


def read(kind, text):
    return TypeAdapter(kind).validate_python(text)


def from_(host):
    return told(origin=Origin(ALICE.actor, Address(host, 1), SERVICE))


def test_no_filter_wants_everything():
    assert Filter().wants(told())


@pytest.mark.parametrize(
    ("option", "kind", "text", "wanted"),
    [
        ("target", EventNumbers, "20137, 30068", True),
        ("target", EventNumbers, "20137", False),
        ("target", EventNumbers, "!20137", True),
        ("target", EventNumbers, "! 30068, !20137", False),
        ("target", EventNumbers, "", True),
        ("groups", EventGroups, "failure, file-operation", True),
        ("groups", EventGroups, "failure", False),
        ("groups", EventGroups, "!SSH", False),
        ("groups", EventGroups, "!failure", True),
        ("usernames", Usernames, "bob, alice", True),
        ("usernames", Usernames, "Alice", False),
        ("usernames", Usernames, "!alice", False),
        ("components", ComponentIds, "ssh-1", True),
        ("components", ComponentIds, "!ssh-1", False),
        ("source_addresses", SourceAddresses, "192.0.2.7", True),
        ("source_addresses", SourceAddresses, "192.0.2.0/28, 2001:db8::/32", True),
        ("source_addresses", SourceAddresses, "198.51.100.1", False),
        ("source_addresses", SourceAddresses, "!192.0.2.7", False),
        ("source_addresses", SourceAddresses, "!198.51.100.1", True),
        ("data_filter", DataFilter, "path, *.csv", True),
        ("data_filter", DataFilter, "path, *.csv\nfile_name, a.*", True),
        ("data_filter", DataFilter, "path, *.csv\nfile_name, b.*", False),
        ("data_filter", DataFilter, "username, *", False),
        ("data_filter", DataFilter, "total_write, 10", True),
        ("data_filter", DataFilter, "path, m/^.inbox/", True),
    ],
)
def test_one_option(option, kind, text, wanted):
    assert Filter(**{option: read(kind, text)}).wants(told()) is wanted


@pytest.mark.parametrize(
    ("expression", "length"), [("*", 4096), ("!a", 4096), ("m/x/", 1024), ("e/a/", 1024)]
)
def test_a_value_that_is_too_long_matches_nothing(expression, length):
    wants = Filter(data_filter=read(DataFilter, f"path, {expression}")).wants
    assert wants(told("x" * length))
    assert not wants(told("x" * (length + 1)))


def test_every_option_must_match():
    both = Filter(target=read(EventNumbers, "30068"), usernames=read(Usernames, "bob"))
    assert not both.wants(told())
    bob = Origin(Actor("", "bob"), ALICE.peer, SERVICE)
    assert both.wants(told(origin=bob))


def test_a_mapped_address_is_the_address():
    assert Filter(source_addresses=read(SourceAddresses, "::ffff:192.0.2.7")).wants(told())


def test_a_peer_without_an_address_is_in_no_network():
    assert not Filter(source_addresses=read(SourceAddresses, "192.0.2.0/24")).wants(from_("pipe"))
    assert Filter(source_addresses=read(SourceAddresses, "!192.0.2.0/24")).wants(from_("pipe"))


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (EventNumbers, "20137, !30068", "mixes"),
        (EventNumbers, "upload", "event numbers"),
        (EventNumbers, "0", "event numbers"),
        (EventNumbers, "123456", "event numbers"),
        (EventNumbers, "²", "event numbers"),
        (EventNumbers, "30075", "not happen any more"),
        (EventGroups, "failures", 'did you mean "failure"'),
        (SourceAddresses, "localhost", "address or network"),
        (DataFilter, "path", "data key, a comma"),
        (DataFilter, "path, m/(/", "cannot be matched"),
        (Usernames, ",".join(f"user{n}" for n in range(1001)), "more than 1000"),
        (ComponentIds, "!", "without text"),
        (ServerIds, "!all", "no server at all"),
    ],
)
def test_a_value_that_cannot_be_used_says_why(kind, text, sentence):
    with pytest.raises(ValidationError) as error:
        read(kind, text)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("server-1", True),
        ("server-2, server-1", True),
        ("server-2", False),
        ("!server-2", True),
        ("! server-1", False),
        ("all", True),
        ("server-2, ALL", True),
        ("", True),
    ],
)
def test_an_event_is_of_the_server_that_tells_it(text, wanted):
    servers = read(ServerIds, text)
    assert Filter(servers=servers, server="server-1").wants(told()) is wanted


def test_groups_of_accounts_are_those_that_somebody_knows():
    def groups_of(account):
        return {"alice-1": ("PARTNERS", "ALL")}.get(account, ())

    def wants(text, occurrence):
        return Filter(user_groups=read(UserGroups, text), groups_of=groups_of).wants(occurrence)

    assert wants("STAFF, PARTNERS", told())
    assert not wants("STAFF", told())
    assert not wants("! PARTNERS", told())
    assert wants("!STAFF", told())
    stranger = told()._replace(origin=told().origin._replace(actor=UNKNOWN))
    assert not wants("PARTNERS", stranger)
    assert wants("!PARTNERS", stranger)
