"""Directory: proves a name against the servers, and brings its entry. It blocks: for threads only.

Every login has a connection of its own for the password of its user. Only the account that
searches has connections that are kept, and no other name is ever bound on them.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from secrets import token_hex
from ssl import SSLContext
from threading import Lock
from time import monotonic
from typing import Final, NamedTuple, TypeVar

from mft.auth.ldap_codes import Attempt, Reading, Second, first_right, right_reading
from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_groups import MEMBER_OF, all_groups
from mft.auth.ldap_kept import Kept
from mft.auth.ldap_names import escape_dn, same_entry
from mft.auth.ldap_options import LdapOptions
from mft.auth.ldap_servers import Servers
from mft.auth.ldap_talk import ANY, Talk, Unreachable
from mft.auth.ldap_users import (
    DIRECT,
    SEARCH,
    account_name,
    attributes_of,
    filter_of,
    names_to_bind,
)
from mft.core.failure import Reason, Refused

HOW: Final = {
    "Yes": "with TLS, and its certificate is good",
    "StartTLS": "with TLS by StartTLS, and its certificate is good",
    "No": "in clear",
}

T = TypeVar("T")
Step = Callable[[str], None]


class Found(NamedTuple):
    """A user whose password is right, or whose keys are in the entry."""

    name: str  # of the account
    entry: Entry
    member_of: tuple[str, ...]  # names of groups of the directory


class Proved(NamedTuple):
    """A user whose password is right, and how what he gave was read for that."""

    found: Found
    reading: Reading


class _Visit(NamedTuple):
    """What one login asks of one server, until when."""

    host: str
    ends: float
    step: Step


class Directory:
    """Used by several threads at once."""

    def __init__(self, options: LdapOptions) -> None:
        self.servers = Servers(options.address)
        self.kept = Kept()
        self._options = options
        self._tls: SSLContext | None = None  # made by the first login
        self._attributes = attributes_of(options)
        self._secret = options.one_time_codes_attribute
        self._lock = Lock()

    def password(self, username: str, attempt: Attempt, step: Step) -> Proved:
        """Prove a password; raises Unusable when it, the name or the entry is not right.

        Raises Refused when no server can be asked, or none in this way.
        """
        # What fails without a server must not count as an answer of one.
        self._context()
        kind = self._options.bind_dn_type
        if kind in (DIRECT, SEARCH):
            way = self._directly if kind == DIRECT else self._searched
            return self.servers.ask(
                lambda host: way(self._visit(host, step), username, attempt), step
            )
        names = names_to_bind(self._options, username)
        return self.servers.ask(
            lambda host: self._bound(self._visit(host, step), names, username, attempt), step
        )

    def keys(self, username: str, step: Step) -> Found:
        """Find the entry of a name, with its keys, by the account that searches."""

        def visit(host: str) -> Found:
            one = self._visit(host, step)
            return self._as_searcher(one, lambda talk: self._looked_up(one, talk, username))

        self._context()
        return self.servers.ask(visit, step)

    def _visit(self, host: str, step: Step) -> _Visit:
        return _Visit(host, monotonic() + self._options.timeout, step)

    def _open(self, visit: _Visit) -> Talk:
        options = self._options
        begin_plain = options.secure_connection == "StartTLS"
        port = options.effective_port
        talk = Talk.open(visit.host, port, self._context(), begin_plain, visit.ends)
        visit.step(f"connected to {visit.host}:{port}, {HOW[options.secure_connection]}")
        return talk

    def _context(self) -> SSLContext | None:
        with self._lock:
            if self._tls is None:
                try:
                    self._tls = self._options.context()
                except OSError as error:
                    details = f"ssl_certificate_authority cannot be used: {error.strerror}"
                    raise Refused(Reason.BROKEN, "", details) from None
            return self._tls

    def _bound(
        self, visit: _Visit, names: Sequence[str], username: str, attempt: Attempt
    ) -> Proved:
        """`parent`, `relative`, `absolute`: the name that is bound is the entry's own."""
        talk = self._open(visit)
        try:
            name, reading = first_right(names, attempt, partial(_bind, visit, talk))
            found = self._whole(visit, talk, username, self._own(visit, talk, name))
            return Proved(found, reading)
        finally:
            talk.close()

    def _own(self, visit: _Visit, talk: Talk, name: str) -> Entry:
        rule = self._options.search_filter
        visit.step(f"reads {name} by the filter {rule or ANY}")
        entry = talk.read(name, rule, self._attributes, self._secret)
        if entry is None:
            raise Unusable("the entry does not match search_filter, or may not be read")
        if not same_entry(entry.dn, name):
            raise Unusable("the directory answers with another entry")
        return entry

    def _directly(self, visit: _Visit, username: str, attempt: Attempt) -> Proved:
        """`direct-username`: what was bound may be another's name, so the entry is bound too."""
        talk = self._open(visit)
        try:
            name = username + self._options.username_suffix
            _, reading = first_right((name,), attempt, partial(_bind, visit, talk))
            entry = self._one(visit, talk, username)
            said = _bind(visit, talk, entry.dn, reading)
            if said is not None:
                raise Unusable(f"the entry that was found is somebody else's: {said}")
            return Proved(self._whole(visit, talk, username, entry), reading)
        finally:
            talk.close()

    def _searched(self, visit: _Visit, username: str, attempt: Attempt) -> Proved:
        """`search`: a name that is not found costs as many binds."""

        def find(talk: Talk) -> Found | Unusable:
            try:
                return self._looked_up(visit, talk, username)
            except Unusable as unusable:
                return unusable

        found = self._as_searcher(visit, find)
        talk = self._open(visit)
        try:
            if isinstance(found, Unusable):
                self._bind_nobody(visit, talk, len(attempt.readings()))
                raise found
            dn, second = found.entry.dn, Second.of(self._options, found.entry)
            return Proved(found, right_reading(attempt, second, partial(_bind, visit, talk, dn)))
        finally:
            talk.close()

    def _bind_nobody(self, visit: _Visit, talk: Talk, times: int) -> None:
        for _ in range(times):
            visit.step("binds as nobody, to take as long")
            own = f"{self._options.username_attribute}={escape_dn(token_hex(16))}"
            talk.bind(f"{own},{self._options.bind_dn[0]}", token_hex(16))

    def _looked_up(self, visit: _Visit, talk: Talk, username: str) -> Found:
        entry = self._one(visit, talk, username)
        return self._whole(visit, talk, username, entry)

    def _one(self, visit: _Visit, talk: Talk, username: str) -> Entry:
        """The one entry of a name below any line; raises Unusable for none and for several."""
        rule = filter_of(self._options, username)
        found: dict[str, Entry] = {}
        for base in self._options.bind_dn:
            visit.step(f"searches {base} for {rule}")
            shown = talk.search(base, rule, self._attributes, 2, self._secret)
            found.update((one.dn, one) for one in shown)
        visit.step(f"found: {'; '.join(found) or 'nothing'}")
        if len(found) != 1:
            raise Unusable(f"the directory finds {'several' if found else 'no'} entries")
        return next(iter(found.values()))

    def _whole(self, visit: _Visit, talk: Talk, username: str, entry: Entry) -> Found:
        shown = (f"{name} {len(values)}" for name, values in sorted(entry.values.items()))
        visit.step(f"{entry.dn} shows values of {', '.join(shown) or 'nothing'}")
        name = account_name(self._options, username, entry)
        if self._options.nested_groups:
            return Found(name, entry, all_groups(talk, entry, visit.step))
        return Found(name, entry, entry.texts(MEMBER_OF))

    def _as_searcher(self, visit: _Visit, work: Callable[[Talk], T]) -> T:
        """Do it on a connection of the account that searches; one that broke is made anew once."""
        kept = self.kept.take(visit.host)
        if kept is not None:
            # Half of the time, so that some is left when the connection was dropped in silence.
            kept.again(monotonic() + self._options.timeout / 2)
            with suppress(Unreachable):
                return self._with(visit.host, kept, work)
        name = self._options.search_bind_dn
        talk = self._open(visit)
        visit.step(f"binds as {name}, which searches")
        try:
            said = talk.bind(name, self._options.search_bind_password.reveal())
            if said is not None:
                raise Refused(Reason.BROKEN, "", f"search_bind_dn is refused: {said}")
        except BaseException:
            talk.close()
            raise
        return self._with(visit.host, talk, work)

    def _with(self, host: str, talk: Talk, work: Callable[[Talk], T]) -> T:
        try:
            answer = work(talk)
        except BaseException:
            talk.close()
            raise
        self.kept.give(host, talk)
        return answer


def _bind(visit: _Visit, talk: Talk, name: str, reading: Reading) -> str | None:
    visit.step(f"binds as {name}{', without what may be a code' if reading.code else ''}")
    said = talk.bind(name, reading.password.reveal())
    if said is not None:
        visit.step(f"the bind is refused: {said}")
    return said
