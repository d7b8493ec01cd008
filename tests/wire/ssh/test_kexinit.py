"""KEXINIT: what is offered is read again, and two sides agree as RFC 4253 7.1 says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.wire.ssh import kexinit, names
from mft.wire.ssh.kexinit import NothingInCommon, Offer

OURS = names.parse(["secure", "curve25519-sha256", "aes128-ctr"])
KEYS = ("ssh-ed25519", "rsa-sha2-512")


def offer(**lists: object) -> Offer:
    """What a server offers; by default all that we know."""
    every = {
        "kex": list(names.KEX),
        "host_keys": list(names.HOST_KEYS),
        "ciphers": (list(names.CIPHERS), list(names.CIPHERS)),
        "macs": (list(names.MACS), list(names.MACS)),
        "compressions": (["none"], ["zlib", "none"]),
        "guesses": False,
        **lists,
    }
    return Offer(**every)  # type: ignore[arg-type]  # each has the type of its field


def test_what_we_offer_can_be_read() -> None:
    payload = kexinit.payload(OURS, KEYS, bytes(16), "ext-info-c,strict")
    assert payload[0] == 20
    read = Offer.parse(payload[1:])
    assert read.kex == [*OURS.kex, "ext-info-c", "strict"]
    assert read.host_keys == list(KEYS)
    assert read.ciphers == (list(OURS.ciphers), list(OURS.ciphers))
    assert not read.guesses


def test_the_order_of_the_client_decides() -> None:
    theirs = offer(
        kex=["curve25519-sha256", "mlkem768x25519-sha256"],
        ciphers=(["aes128-ctr", "aes256-ctr"], ["aes256-gcm@openssh.com"]),
    )
    agreed = kexinit.agree(theirs, OURS, KEYS)
    assert agreed.kex == "mlkem768x25519-sha256"
    assert (agreed.outgoing.cipher, agreed.outgoing.mac) == ("aes256-ctr", OURS.macs[0])
    assert (agreed.incoming.cipher, agreed.incoming.mac) == ("aes256-gcm@openssh.com", "")


def test_a_cipher_that_authenticates_needs_no_mac() -> None:
    kexinit.agree(offer(macs=([], ["hmac-md5"])), OURS, KEYS)


NOTHING = [
    ({"kex": ["sntrup761x25519-sha512"]}, "key exchange"),
    ({"host_keys": ["ssh-dss"]}, "host key"),
    ({"ciphers": (["3des-cbc"], list(names.CIPHERS))}, "cipher"),
    ({"ciphers": (["aes256-ctr"], ["aes256-ctr"]), "macs": (["hmac-md5"], [])}, "MAC"),
    ({"compressions": (["zlib"], ["none"])}, "compression"),
]


@pytest.mark.parametrize(("lists", "kind"), NOTHING)
def test_what_is_not_in_common_is_told_with_both_lists(lists: dict[str, object], kind: str) -> None:
    with pytest.raises(NothingInCommon, match=f"no {kind}.* in common: it offers .*; we offer"):
        kexinit.agree(offer(**lists), OURS, KEYS)


def test_a_long_list_is_told_up_to_a_name() -> None:
    told = str(NothingInCommon("cipher", [f"cipher-{number}" for number in range(1000)], ("a",)))
    assert len(told) < 700
    assert ", ...; we offer a" in told
    assert all(
        word.startswith("cipher-") for word in told.split(": it offers ")[1].split(", ")[:-1]
    )


def test_a_wrong_guess_is_known() -> None:
    right = offer(guesses=True, kex=["mlkem768x25519-sha256"], host_keys=["ssh-ed25519"])
    assert not kexinit.agree(right, OURS, KEYS).wrong_guess
    assert kexinit.agree(offer(guesses=True, host_keys=["ssh-rsa", *KEYS]), OURS, KEYS).wrong_guess
    assert not kexinit.agree(offer(host_keys=["ssh-rsa", *KEYS]), OURS, KEYS).wrong_guess


@pytest.mark.fuzz
@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200))
def test_any_bytes_are_an_offer_or_malformed(data: bytes) -> None:
    try:
        Offer.parse(data)
    except Malformed:
        return
