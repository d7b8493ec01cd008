"""Algorithm names: what the keywords mean, what is refused, and how two sides agree."""

import pytest
from twisted.conch.ssh.transport import SSHTransportBase

from mft.wire.ssh import names, record
from mft.wire.ssh.names import ALL, FIPS, SECURE, Algorithms, UnknownAlgorithm, choose, parse

FLAGGED = ("sha1", "cbc", "3des", "nistp", "group14", "md5", "arcfour")


def test_the_default_offers_nothing_that_a_scanner_flags() -> None:
    for offered in SECURE:
        assert offered
        for name in offered:
            assert not any(word in name for word in FLAGGED), name
    assert SECURE.kex[0].startswith("mlkem")  # quantum computers to come
    assert "ssh-rsa" not in SECURE.host_keys


def test_the_default_prefers_ciphers_that_authenticate() -> None:
    assert set(SECURE.ciphers[:3]) == names.AEAD
    assert all(mac.endswith("-etm@openssh.com") for mac in SECURE.macs)


def test_fips_has_no_algorithm_outside_of_the_standard() -> None:
    for offered in FIPS:
        for name in offered:
            assert not any(word in name for word in ("25519", "chacha", "sha1", "mlkem")), name
    assert "diffie-hellman-group-exchange-sha256" in FIPS.kex


@pytest.mark.parametrize("word", ["secure", "SECURE", " secure "])
def test_a_keyword_stands_for_its_list(word: str) -> None:
    assert parse([word]) == SECURE


def test_names_are_offered_in_the_order_in_which_they_are_written_and_once() -> None:
    chosen = parse(["aes128-ctr", "secure", "hmac-sha1", "aes128-ctr", "ssh-rsa"])
    assert chosen.ciphers == (
        "aes128-ctr",
        *(name for name in SECURE.ciphers if "128-ctr" not in name),
    )
    assert chosen.macs == (*SECURE.macs, "hmac-sha1")
    assert chosen.host_keys == (*SECURE.host_keys, "ssh-rsa")
    assert chosen.kex == SECURE.kex


def test_every_keyword_gives_what_it_says() -> None:
    assert {word: parse([word]) for word in names.KEYWORDS} == names.KEYWORDS


def test_host_keys_and_macs_need_not_be_named() -> None:
    chosen = parse(["curve25519-sha256", "aes256-gcm@openssh.com"])
    assert chosen == Algorithms(
        ("curve25519-sha256",), SECURE.host_keys, ("aes256-gcm@openssh.com",), SECURE.macs
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["secure", "rot13"], '"rot13"'),
        ([""], '""'),
        ([], "key exchange"),
        (["aes256-gcm@openssh.com"], "key exchange"),
        (["curve25519-sha256"], "cipher"),
        (["curve25519-sha256", "aes256-ctr"], "MAC"),
        (["curve25519-sha256", "aes256-gcm@openssh.com", "aes256-ctr"], "MAC"),
    ],
)
def test_a_list_that_cannot_work_is_refused_with_what_is_missing(
    words: list[str], told: str
) -> None:
    with pytest.raises(UnknownAlgorithm, match=told):
        parse(words)


def test_the_clients_order_decides() -> None:
    assert choose(["c", "b", "a"], ["a", "b"]) == "b"
    assert choose(["c"], ["a"]) is None
    assert choose([], ["a"]) is None


@pytest.mark.parametrize("cipher", ALL.ciphers)
def test_every_cipher_and_mac_that_is_offered_can_be_made(cipher: str) -> None:
    for mac in ALL.macs:
        chosen = record.suite(cipher, mac)
        assert record.sealer(chosen, bytes(range(64)), bytes(16), bytes(64))
        assert record.opener(chosen, bytes(range(64)), bytes(16), bytes(64))


def test_every_key_exchange_that_is_offered_is_one_that_conch_speaks() -> None:
    spoken = {name.decode() for name in SSHTransportBase.supportedKeyExchanges}
    ours = set(ALL.kex) - {"mlkem768x25519-sha256"}
    assert ours <= spoken | {"diffie-hellman-group-exchange-sha1"}
