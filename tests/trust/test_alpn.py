"""What a TLS client says that it wants to speak, and what servers make of it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL

from mft.trust.alpn import MAX_OFFERED, offered_names
from mft.trust.certificates import self_signed
from mft.trust.tls import server_context
from tests.fakes.tls_peer import VERSIONS, client, client_context, met, server, shake

CONTEXT = server_context(self_signed(["localhost"]), protocols=[b"ours", b"ours-2"])
BOTH = pytest.mark.parametrize("version", VERSIONS)


def wanting(version: int, *names: bytes) -> SSL.Context:
    """Clients that want to speak one of these."""
    context = client_context(version)
    context.set_alpn_protos(list(names))
    return context


@BOTH
@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        ([b"ours"], b"ours"),
        ([b"h2", b"ours-2", b"ours"], b"ours-2"),
        ([b"x" * 255] * (MAX_OFFERED - 1) + [b"ours"], b"ours"),
    ],
)
def test_the_first_that_a_client_offers_and_is_ours_is_spoken(
    version: int, offered: Sequence[bytes], chosen: bytes
) -> None:
    ours, theirs = met(CONTEXT, wanting(version, *offered))
    assert (ours.get_alpn_proto_negotiated(), theirs.get_alpn_proto_negotiated()) == (
        chosen,
        chosen,
    )


@BOTH
@pytest.mark.parametrize(
    "offered", [[b"http/1.1"], [b"our"], [b"OURS"], [b"ours\0"], [b"x"] * MAX_OFFERED + [b"ours"]]
)
def test_who_wants_nothing_of_ours_is_refused(version: int, offered: Sequence[bytes]) -> None:
    pair = client(wanting(version, *offered)), server(CONTEXT)
    with pytest.raises(SSL.Error, match="no application protocol"):
        shake(*pair)


@BOTH
def test_who_says_nothing_is_taken(version: int) -> None:
    ours, _ = met(CONTEXT, client_context(version))
    assert ours.get_alpn_proto_negotiated() == b""


@BOTH
def test_a_context_that_names_nothing_takes_everybody(version: int) -> None:
    ours, _ = met(server_context(self_signed(["localhost"])), wanting(version, b"http/1.1"))
    assert ours.get_alpn_proto_negotiated() == b""


@given(st.binary(max_size=600))
def test_any_bytes_are_a_bounded_number_of_names_within_them(data: bytes) -> None:
    found = list(offered_names(data))
    assert len(found) <= MAX_OFFERED
    assert all(data[at : at + len(name)] == name for at, name in found)
