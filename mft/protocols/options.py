"""ServiceOptions: what every service that listens has (`[services/ID]`)."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address
from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import field_validator

from mft.config.kinds import (
    MAX_SECONDS,
    AuthenticationRefs,
    Context,
    Count,
    Kind,
    ListenAddress,
    Maybe,
    PolicyRef,
    PortOrAny,
    Text,
    Wrong,
    YesNo,
    comma_list,
    duration,
    whole,
)
from mft.config.section import NamedSection, option
from mft.core.peer import Network, parse_network
from mft.runtime.preface import NO_PROXIES, Proxies

IDLE_TIMEOUT = 300.0  # seconds
MAX_IDLE_TIMEOUT = 86400.0  # a day; an idle connection holds memory and a descriptor

_VERSIONS: Final[Mapping[str, frozenset[int]]] = {
    "v1": frozenset((1,)),
    "v2": frozenset((2,)),
    "any": frozenset((1, 2)),
}
_LOOPBACK: Final = (parse_network("127.0.0.0/8"), parse_network("::1"))


def _networks(text: str, context: Context | None) -> tuple[Network, ...]:
    found = []
    for item in comma_list(text):
        try:
            found.append(parse_network(item))
        except ValueError:
            raise Wrong("is not an IP address or network such as 10.0.0.0/8", item) from None
    return tuple(found)


def _networks_text(networks: tuple[Network, ...]) -> str:
    return ", ".join(map(str, networks))


Networks = Annotated[
    tuple[Network, ...],
    Kind("networks between commas", "10.0.0.0/8", _networks, write=_networks_text),
]


def listening_port(example: str) -> Any:
    """Declare the port of a type of service, with the example that fits it."""
    return option(
        "The TCP port that it listens on. 0: any free port; the start event tells which.",
        examples=[example],
    )


class ServiceOptions(NamedSection):
    """A service: where it listens, and its limits."""

    ignored: ClassVar[Mapping[str, str]] = {
        "cluster_activation": "this server is not part of a cluster",
        "debug": "`mft run --verbose` logs the steps of the protocol, and never a password",
    }

    type: Text = option("The protocol.", examples=["ssh"], old_names=["protocol"])
    address: ListenAddress = option(
        "The address that it listens on: 0.0.0.0 is every IPv4 address of this machine, :: every "
        "address of both families.",
        "127.0.0.1",
        examples=["0.0.0.0"],  # noqa: S104 - an example of the value, not a default
    )
    port: PortOrAny = listening_port("10022")
    authentications: AuthenticationRefs = option(
        "The IDs of the authentication methods of this service, in order; they stand for the "
        "list of [server]. Empty: the list of [server].",
        (),
    )
    security_policy: Maybe[PolicyRef] = option(
        "The ID of the policy against guessing that holds for this service. Empty: none.",
        "DEFAULT-SECURITY-POLICY",
    )
    block_source_at_connection: YesNo = option(
        "Whether a source that is banned is refused when it connects, before it has sent or been "
        "sent anything. Otherwise it is refused when it logs in.",
        False,
    )
    proxy_protocol: Literal["no", "v1", "v2", "any"] = option(
        "Whether connections from `trusted_proxies` begin with a header of the PROXY protocol, "
        "which tells whose they are, and of which version. With it, one that has none is closed.",
        "no",
        examples=["v2"],
        ours=True,
    )
    trusted_proxies: Networks = option(
        "The networks of the proxies that are believed: their PROXY headers, and over HTTP their "
        "`client_forwarded_header`.",
        _LOOPBACK,
        examples=["10.0.0.0/8"],
        ours=True,
    )
    direct_connections: YesNo = option(
        "Whether clients may come by themselves as well, from other addresses than those of "
        "`trusted_proxies`, where `proxy_protocol` is on. Data connections of FTP always may.",
        True,
        ours=True,
    )
    idle_connection_timeout: Annotated[float, duration(-MAX_SECONDS, MAX_IDLE_TIMEOUT)] = option(
        "After how long without any traffic a connection is ended, at most a day. It cannot be "
        "switched off: zero and less mean the default.",
        IDLE_TIMEOUT,
        examples=["15m"],
    )
    maximum_concurrent_connections: Count = option(
        "How many connections it serves at a time; one more is closed at once. 0: no limit.", 10000
    )
    maximum_unauthenticated_connections_per_source: Annotated[int, whole(1, 100000)] = option(
        "How many connections of one source address may be waiting to log in.", 10, ours=True
    )
    login_timeout: Annotated[float, duration(1, 3600)] = option(
        "How long a client may take to log in, at most an hour.", 60.0, examples=["30"], ours=True
    )
    maximum_sessions_per_source: Count = option(
        "How many sessions of the service one source address may have at a time; 0: no limit.",
        0,
        ours=True,
    )
    maximum_login_attempts: Annotated[int, whole(1, 100)] = option(
        "After how many refused attempts to log in a connection is closed.", 6, ours=True
    )

    def speaks_for_others(self, host: str) -> bool:
        """Whether the connections of an address are those of others: each request tells whose."""
        return False

    @property
    def proxies(self) -> Proxies:
        """Who begins connections with a PROXY header."""
        versions = _VERSIONS.get(self.proxy_protocol)
        return NO_PROXIES if versions is None else Proxies(versions, self.trusted_proxies)

    def check(self, context: Context) -> Iterator[Wrong]:
        """See that PROXY headers are believed of somebody."""
        yield from super().check(context)
        if self.proxy_protocol == "no":
            return
        if not self.trusted_proxies:
            yield Wrong("is empty, so that no PROXY header is believed", option="trusted_proxies")
        yield from self.believes_everybody()

    def trusts(self, ip: IPv4Address | IPv6Address) -> bool:
        """Whether an address is one of `trusted_proxies`."""
        return any(ip in network for network in self.trusted_proxies)

    def believes_everybody(self) -> Iterator[Wrong]:
        """Warn of `trusted_proxies` that are everybody."""
        for network in self.trusted_proxies:
            if not network.prefixlen:
                sentence = "believes everybody, who may then tell any address"
                yield Wrong(sentence, str(network), None, "trusted_proxies", mild=True)

    @field_validator("idle_connection_timeout")
    @classmethod
    def _never_off(cls, seconds: float) -> float:
        return seconds if seconds > 0 else IDLE_TIMEOUT
