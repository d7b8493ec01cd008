"""A directory that does what the test says: which connection binds whom, and who lies."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mft.auth.ldap_directory import Directory
from mft.auth.ldap_entry import Unusable
from mft.auth.ldap_options import LdapOptions
from mft.config.kinds import Context
from mft.core.failure import Refused
from tests.fakes.ldap_server import Answer, LdapServer, Request, bound, done, shown

PEOPLE = "ou=people,dc=example"
ANN = f"uid=ann,{PEOPLE}"
SEARCHER = "cn=mft,dc=example"
Make = Callable[..., tuple[Directory, "Lying"]]


class Lying:
    """Who may bind with which password, and what each search finds; the test may change both."""

    def __init__(self) -> None:
        self.passwords = {ANN: "right", SEARCHER: "s", "ann@example": "right"}
        self.found: list[tuple[bytes, dict[str, list[bytes]]]] = [(ANN.encode(), {"uid": [b"ann"]})]
        self.binds: list[str] = []
        self.cut_searches = 0
        self.server = LdapServer(self.script)

    def script(self, number: int, request: Request) -> Iterable[Answer]:
        if request.operation == "bind":
            self.binds.append(request.name)
            right = self.passwords.get(request.name) == request.password.decode()
            return [bound(number, 0 if right else 49)]
        if self.cut_searches:
            self.cut_searches -= 1
            return [None]
        return [*(shown(number, dn, **values) for dn, values in self.found), done(number)]


@pytest.fixture
def make() -> Iterator[Make]:
    """A directory, and the server that it asks."""
    made: list[Any] = []

    def directory(**given: str) -> tuple[Directory, Lying]:
        lying = Lying()
        told = {
            "name": "x",
            "address": lying.server.host,
            "port": str(lying.server.port),
            "secure_connection": "no",
            "bind_dn": PEOPLE,
            "username_attribute": "uid",
            "timeout": "2",
            **given,
        }
        if given.get("bind_dn_type") == "search":
            told = {"search_bind_dn": SEARCHER, "search_bind_password": "s", **told}
        options = LdapOptions.model_validate(told, context=Context(Path("/i")))
        found = Directory(options)
        made.extend((lying.server, found.kept))
        return found, lying

    yield directory
    for one in reversed(made):
        one.close()


def unheard(sentence: str) -> None:
    """Hear nothing."""


def ask(directory: Directory, name: str = "ann", password: str = "right") -> Any:
    return directory.password(name, password, unheard)


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
