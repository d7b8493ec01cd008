"""A directory that does what the test says: which connection binds whom, and who lies."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mft.auth.ldap_codes import Attempt
from mft.auth.ldap_directory import Directory
from mft.auth.ldap_entry import Unusable
from mft.core.failure import Refused
from mft.core.secret import Secret
from tests.fakes.accounts import NOW
from tests.fakes.lying import ANN, PEOPLE, SEARCHER, Lying

Make = Callable[..., tuple[Directory, Lying]]


@pytest.fixture
def make() -> Iterator[Make]:
    """A directory, and the server that it asks."""
    made: list[Any] = []

    def directory(**given: str) -> tuple[Directory, Lying]:
        lying = Lying()
        found = Directory(lying.options(**given))
        made.extend((lying.server, found.kept))
        return found, lying

    yield directory
    for one in reversed(made):
        one.close()


def unheard(sentence: str) -> None:
    """Hear nothing."""


def ask(directory: Directory, name: str = "ann", password: str = "right") -> Any:
    return directory.password(name, Attempt(Secret(password), NOW), unheard).found


def test_a_right_password_brings_the_entry(make: Make) -> None:
    directory, lying = make()
    assert ask(directory).entry.dn == ANN
    assert lying.binds == [ANN]
    assert len(directory.kept) == 0


@pytest.mark.parametrize("kind", ["parent", "direct-username", "search"])
@pytest.mark.parametrize(
    "found",
    [
        [],
        [(b"uid=bob,ou=people,dc=example", {"uid": [b"bob"]})],
        [(ANN.encode(), {"uid": [b"bob"]})],
        [(ANN.encode(), {})],
        [(ANN.encode(), {"uid": [b"ann"]}), (b"uid=x", {"uid": [b"ann"]})],
        [(ANN.encode(), {"uid": [b"ann\xff"]})],
    ],
    ids=["nothing", "another", "another name", "no name", "two", "no text"],
)
def test_a_directory_that_lies_lets_nobody_in(make: Make, kind: str, found: Any) -> None:
    directory, lying = make(bind_dn_type=kind, username_suffix="@example")
    lying.found = found
    with pytest.raises(Unusable):
        ask(directory)


def test_lines_of_bind_dn_are_tried_in_order(make: Make) -> None:
    directory, lying = make(bind_dn=f"ou=others\n{PEOPLE}")
    assert ask(directory).name == "ann"
    assert lying.binds == ["uid=ann,ou=others", ANN]


def test_a_direct_name_is_bound_and_then_the_entry_that_was_found(make: Make) -> None:
    directory, lying = make(bind_dn_type="direct-username", username_suffix="@example")
    assert ask(directory).name == "ann"
    assert lying.binds == ["ann@example", ANN]
    lying.passwords[ANN] = "of somebody else"
    with pytest.raises(Unusable, match="somebody else's"):
        ask(directory)


def test_the_account_that_searches_keeps_its_connection_and_users_never_get_it(make: Make) -> None:
    directory, lying = make(bind_dn_type="search")
    for _ in range(3):
        ask(directory)
    assert lying.binds == [SEARCHER, ANN, ANN, ANN]
    assert lying.server.connections == 4
    assert len(directory.kept) == 1
    directory.kept.close_idle()
    assert len(directory.kept) == 0


def test_a_kept_connection_that_broke_is_made_anew_once(make: Make) -> None:
    directory, lying = make(bind_dn_type="search")
    ask(directory)
    lying.cut_searches = 1
    assert ask(directory).name == "ann"
    assert lying.binds == [SEARCHER, ANN, SEARCHER, ANN]
    lying.cut_searches = 2
    with pytest.raises(Refused, match="no directory answers"):
        ask(directory)


def test_an_unknown_name_costs_a_bind_too_and_not_with_the_password(make: Make) -> None:
    directory, lying = make(bind_dn_type="search")
    lying.found = []
    with pytest.raises(Unusable, match="finds no entries"):
        ask(directory)
    assert len(lying.binds) == 2
    assert lying.binds[1].startswith("uid=")
    assert lying.server.asked[-1].password != b"right"


def test_an_account_that_may_not_search_is_a_fault_of_the_configuration(make: Make) -> None:
    directory, lying = make(bind_dn_type="search")
    lying.passwords[SEARCHER] = "changed"
    with pytest.raises(Refused, match="search_bind_dn is refused"):
        ask(directory)


def test_keys_are_found_without_any_bind_of_the_user(make: Make) -> None:
    directory, lying = make(bind_dn_type="search", ssh_public_keys_attribute="sshPublicKey")
    assert directory.keys("ann", unheard).entry.dn == ANN
    assert lying.binds == [SEARCHER]


def test_certificates_that_vanished_refuse(make: Make) -> None:
    gone = {"secure_connection": "yes", "ssl_certificate_authority": "/i/gone.pem"}
    directory, _ = make(**gone)
    with pytest.raises(Refused, match="ssl_certificate_authority"):
        ask(directory)


def test_a_name_that_cannot_be_bound_says_nothing_about_a_server(make: Make) -> None:
    directory, lying = make(bind_dn_type="absolute")
    lying.server.close()
    with pytest.raises(Refused):
        ask(directory, ANN)
    assert [one.reachable for one in directory.servers.changes()] == [False]
    with pytest.raises(Unusable):
        ask(directory, "rubbish")
    assert directory.servers.changes() == ()
