"""The `http` method: a server of somebody else says who may log in, and as whom.

A server is asked about what was proved only: a key whose signature the protocol has verified, a
certificate whose name is the account's. What it answers is read as strictly as server.ini, and
whatever is no clear answer refuses.
"""

import base64
import json
import secrets
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from mft.auth.account import Account
from mft.auth.base import (
    Accepted,
    Anonymous,
    Certificate,
    Change,
    Credentials,
    MoreNeeded,
    NotMine,
    Password,
    PublicKey,
    Rejected,
    Seen,
    Verdict,
    WouldTry,
)
from mft.auth.http_answer import NOTHING, Told, UnknownKeys, read_account, read_refusal
from mft.auth.http_options import HttpAuthOptions
from mft.auth.http_servers import Ask, Servers, asking
from mft.auth.kinds import CREDENTIAL_KINDS
from mft.auth.outside import admitted, found_again, outside_account, outside_uuid, trace_of
from mft.auth.own_folders import reaching
from mft.auth.parts import Parts
from mft.config.http_kinds import shown_url
from mft.core.failure import Reason, Refused
from mft.core.peer import NOWHERE, Address, Component
from mft.core.secret import Secret
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.runtime.fetch import Answer
from mft.trust.ssh_certificates import is_certificate

BASIC: Final = "password-basic-auth"
NO_CONTENT: Final = 204  # accepted, as the group says
OK: Final = 200  # accepted, as the answer says
UNAUTHORIZED: Final = 401  # the server does not know the name
FORBIDDEN: Final = 403  # refused

log = Logger()


class HttpAuthenticator:
    """One such method."""

    kinds = frozenset(CREDENTIAL_KINDS)

    def __init__(
        self, component: Component, options: HttpAuthOptions, parts: Parts, ask: Ask | None = None
    ) -> None:
        """Ask by `ask`, or from its start on over the network."""
        self.component = component
        self._options = options
        self._parts = parts
        self._servers = None if ask is None else Servers(options.url, ask, parts)
        self._trying: Deferred[None] | None = None

    async def start(self) -> None:
        """Begin to try the servers, and wait for none; raises Refused for bad authorities."""
        if self._servers is None:
            ask = await asking(self._options, self._parts)
            self._servers = Servers(self._options.url, ask, self._parts)
        if self._options.test_at_start and self._trying is None:
            self._trying = Deferred.fromCoroutine(self._try_all(self._servers))
            self._trying.addErrback(_broke)

    async def stop(self) -> None:
        """Give up what is being tried; connections end with their answers."""
        if self._trying is not None:
            self._trying.cancel()

    async def change_credentials(self, account: Account, change: Change, peer: Address) -> bool:
        """No: passwords belong to the server."""
        return False

    async def authenticate(
        self, credentials: Credentials, peer: Address, service: Component
    ) -> Verdict:
        """Judge credentials; raises Refused where no server can be asked."""
        verdict = self._without_asking(credentials)
        if verdict is not None:
            return verdict
        if self._servers is None:
            raise Refused(Reason.BROKEN, "", "the method has not been started")
        answer = await self._servers.judge(self._question(credentials, peer, service))
        self._parts.step(f"the answer has status {answer.status}")
        return await self._verdict(credentials, answer, peer)

    def _without_asking(self, given: Credentials) -> Verdict | None:
        """What no server is asked about: whatever is not proved."""
        if isinstance(given, Anonymous):
            return NotMine()
        if isinstance(given, Certificate) and not _vouches(given):
            return Rejected(self.component, "the certificate does not name the account")
        if isinstance(given, PublicKey):
            if is_certificate(given.blob):
                self._parts.step("SSH certificates are for their authority, and for no server")
                return NotMine()
            if not given.proven:
                return WouldTry(self.component)
        return None

    async def _verdict(self, credentials: Credentials, answer: Answer, peer: Address) -> Verdict:
        if answer.status == UNAUTHORIZED:
            return NotMine()
        if answer.status == FORBIDDEN:
            why = read_refusal(answer.body, _secret(credentials))
            return Rejected(self.component, f"the server refuses: {why}".removesuffix(": "))
        if answer.status == NO_CONTENT:
            return await self._admit(credentials, NOTHING, peer)
        if answer.status == OK:
            return await self._told(credentials, answer.body, peer)
        return Rejected(self.component, f"the server answered with status {answer.status}")

    def _question(self, credentials: Credentials, peer: Address, service: Component) -> bytes:
        kind, content = _content(credentials)
        question: dict[str, Any] = {
            "credentials": {
                "type": kind,
                "username": credentials.username,
                "content": content,
                "peer": {
                    "address": peer.host,
                    "port": peer.port,
                    "family": "IPv6" if ":" in peer.host else "IPv4",
                    "protocol": "TCP",
                },
                "creator": {"uuid": service.uuid, "type": service.kind},
            },
            "server": {"uuid": self._parts.server},
        }
        return json.dumps(question, ensure_ascii=False).encode()

    async def _told(self, credentials: Credentials, body: bytes, peer: Address) -> Verdict:
        try:
            told = read_account(body)
        except UnknownKeys as unknown:
            self._parts.tell(events.EXTERNAL_KEYS_UNKNOWN, p.Details(str(unknown)))
            return Rejected(self.component, str(unknown))
        except ValueError as error:
            return Rejected(self.component, str(error))
        return await self._admit(credentials, told, peer)

    async def _admit(self, credentials: Credentials, told: Told, peer: Address) -> Verdict:
        parts, name = self._parts, credentials.username
        if parts.is_ours(told.uuid):
            return Rejected(
                self.component, "the server named the ID of an account of server.ini or a file"
            )
        uuid = told.uuid or outside_uuid(self.component, name)
        try:
            options = {**told.options, "name": name}
            whole = outside_account(uuid, self.component.kind, parts.groups, told.groups, options)
        except ValueError as error:
            return Rejected(self.component, f"the account cannot be used: {error}")
        verdict = admitted(whole, self.component, parts.clock(), peer, credentials.kind)
        return await self._reachable(verdict)

    async def _reachable(self, verdict: Accepted | MoreNeeded | Rejected) -> Verdict:
        if isinstance(verdict, Rejected):
            return verdict
        parts = self._parts
        sentence = await parts.disk(reaching, verdict.account, parts.directory)
        if sentence:
            return Rejected(self.component, f"the account cannot be used: {sentence}")
        parts.step(f"the account is in {', '.join(verdict.account.group_names)}")
        return verdict

    def trace(self, account: Account) -> str | None:
        """What the server told of it: no server is asked without credentials."""
        return trace_of(account)

    async def find(self, seen: Seen, peer: Address) -> Verdict:
        """Judge what a server told another node, as `Finds` promises."""
        return await self._reachable(found_again(seen, self.component, self._parts, peer))

    async def _try_all(self, servers: Servers) -> None:
        for url in self._options.url:
            shown = shown_url(url)
            try:
                answer = await servers.one(url, self._nobody())
            except Refused as refused:
                self._tried(shown, refused.details, failed=True)
                continue
            if answer.status in (OK, NO_CONTENT):
                sentence = "it lets in a name and a password that were made up"
                self._tried(shown, sentence, failed=True)
            else:
                failed = answer.status not in (UNAUTHORIZED, FORBIDDEN)
                self._tried(shown, f"it answered with status {answer.status}", failed=failed)

    def _nobody(self) -> bytes:
        name = f"mft-test-{secrets.token_hex(8)}"
        credentials = Password(name, Secret(secrets.token_hex(16)))
        return self._question(credentials, NOWHERE, Component(self._parts.server, "server", ""))

    def _tried(self, url: str, details: str, *, failed: bool) -> None:
        event = events.METHOD_TRIAL_FAILED if failed else events.METHOD_TRIED
        self._parts.tell(event, p.MethodTried(self.component.name, url, details))


def _vouches(given: Certificate) -> bool:
    """Whether a certificate is shown, and names who asks."""
    return bool(given.pem) and given.common_name == given.username


def _content(given: Credentials) -> tuple[str, str]:
    """The kind of credential, and the credential itself, as servers know them."""
    if isinstance(given, Password):
        return BASIC if given.basic else given.kind, given.password.reveal()
    if isinstance(given, PublicKey):
        return given.kind, base64.b64encode(given.blob).decode()
    return given.kind, given.pem if isinstance(given, Certificate) else ""


def _secret(given: Credentials) -> str:
    return given.password.reveal() if isinstance(given, Password) else ""


def _broke(failure: Failure) -> None:
    if not failure.check(CancelledError):
        log.failure("trying the servers of a method of logging in", failure)
