"""Addresses of peers, networks to match them, and the origin of what happens."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import NamedTuple

Network = IPv4Network | IPv6Network
SOURCE_PREFIX = 64  # bits of an IPv6 address that count as one source
CACHED = 4096  # addresses of peers whose form is remembered, some 600 KiB


def parse_ip(text: str) -> IPv4Address | IPv6Address:
    """Read an IP address; an IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 2.5.5.2).

    A zone (`%eth0`) is dropped. Raises ValueError for anything else.
    """
    ip = ip_address(text.partition("%")[0])
    if isinstance(ip, IPv6Address) and ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    return ip


def parse_network(text: str) -> Network:
    """Read an address or CIDR block; host bits may be set. Raises ValueError for anything else."""
    network = ip_network(text, strict=False)
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None:
        if network.prefixlen < 96:
            raise ValueError(f"{text!r} spans more than the IPv4-mapped addresses")
        return IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    return network


class Address(NamedTuple):
    """Where a peer is: a canonical IP address (no IPv4-mapped form) and a port."""

    host: str
    port: int

    @classmethod
    def of(cls, host: str, port: int) -> "Address":
        """Make an address from what a socket reports."""
        return cls(_canonical(host), port)

    @property
    def ip(self) -> IPv4Address | IPv6Address:
        """The IP address to compare with networks; ValueError where the host is none."""
        return _ip(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@lru_cache(CACHED)
def _canonical(host: str) -> str:
    return str(parse_ip(host))


_ip = lru_cache(CACHED)(parse_ip)


def source_of(peer: Address) -> str:
    """What counts as one source: an IPv4 address, or an IPv6 network of 64 bits."""
    return _source(peer.host)


@lru_cache(CACHED)
def _source(host: str) -> str:
    ip = ip_address(host)
    return host if ip.version == 4 else str(int(ip) >> SOURCE_PREFIX)


NOWHERE = Address("127.0.0.1", 0)  # the peer of events that no peer caused


class Actor(NamedTuple):
    """The account that an event is told about: identity in the audit trail, not a permission."""

    uuid: str
    name: str
    email: str = ""


UNKNOWN = Actor("", "Unknown")  # before a login
PROCESS = Actor("", "Process")  # for the server's own work


class Component(NamedTuple):
    """The part of the server that an event is told by: a section of `server.ini`."""

    uuid: str
    kind: str  # the section's `type`, such as "ssh" or "local-file"
    name: str


class Origin(NamedTuple):
    """Who, from where, through what."""

    actor: Actor
    peer: Address
    component: Component
