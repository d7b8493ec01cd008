"""Whether a request may come from a page that its browser shows (RFC 6454; Fetch, `Origin`).

A browser sends the credentials of a person with whatever any page asks for. So what changes
something must come from a page of ours, where the credentials are of the kind that browsers add.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from mft.wire.http.head import Head

SAFE: Final = frozenset(("GET", "HEAD", "OPTIONS", "PROPFIND"))
_SAME: Final = frozenset(("same-origin", "none"))  # of Sec-Fetch-Site: our page, or the person


def other_origin(
    head: Head, accepted: Collection[str], *, ambient: bool, secure: bool = False
) -> str | None:
    """Why a request is refused as one of another origin, or None.

    `ambient` tells that a browser has added the credentials by itself: then a request that changes
    something and does not say where it is from is refused too. `accepted` are the hosts, with
    ports, that stand for that of the request; `secure` that browsers come by https only.
    """
    if head.method in SAFE:
        return None
    hosts = ({host.lower() for host in accepted} or {head.host.lower()}) - {""}
    for name in ("Origin", "Referer"):
        value = head.fields.get(name)
        if value is not None:
            return None if _host(value, secure=secure) in hosts else f"{name} is not this server"
    site = head.fields.get("Sec-Fetch-Site")
    if site is not None:
        return None if site.lower() in _SAME else "it is from another site"
    return "it does not say where it is from" if ambient else None


def _host(url: str, *, secure: bool) -> str:
    """The host, with its port unless it is the usual one; empty where there is none.

    A page that came in clear may be anybody's: it is no host of a service that is `secure`.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return ""
    if parts.scheme not in (("https",) if secure else ("http", "https")) or not host:
        return ""
    shown = f"[{host}]" if ":" in host else host
    usual = {"http": 80, "https": 443}[parts.scheme]
    return shown if port in (None, usual) else f"{shown}:{port}"
