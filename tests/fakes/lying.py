"""A directory over the fake server: who may bind and what is found, as the test says."""

from collections.abc import Iterable
from pathlib import Path

from mft.auth.ldap_options import LdapOptions
from mft.config.kinds import Context
from tests.fakes.ldap_server import Answer, LdapServer, Request, bound, done, shown

PEOPLE = "ou=people,dc=example"
ANN = f"uid=ann,{PEOPLE}"
SEARCHER = "cn=mft,dc=example"


class Lying:
    """Who may bind with which password, and what each search finds; the test may change both."""

    def __init__(self) -> None:
        self.passwords = {ANN: "right", SEARCHER: "s", "ann@example": "right"}
        self.found: list[tuple[bytes, dict[str, list[bytes]]]] = [(ANN.encode(), {"uid": [b"ann"]})]
        self.binds: list[str] = []
        self.given: list[str] = []  # the password of each bind
        self.cut_searches = 0
        self.server = LdapServer(self.script)

    def script(self, number: int, request: Request) -> Iterable[Answer]:
        if request.operation == "bind":
            self.binds.append(request.name)
            self.given.append(request.password.decode())
            right = self.passwords.get(request.name) == request.password.decode()
            return [bound(number, 0 if right else 49)]
        if self.cut_searches:
            self.cut_searches -= 1
            return [None]
        return [*(shown(number, dn, **values) for dn, values in self.found), done(number)]

    def options(self, **given: str) -> LdapOptions:
        """Options of a method that asks it."""
        told = {
            "name": "x",
            "address": self.server.host,
            "port": str(self.server.port),
            "secure_connection": "no",
            "bind_dn": PEOPLE,
            "username_attribute": "uid",
            "timeout": "2",
            **given,
        }
        if given.get("bind_dn_type") == "search":
            told = {"search_bind_dn": SEARCHER, "search_bind_password": "s", **told}
        return LdapOptions.model_validate(told, context=Context(Path("/i")))
