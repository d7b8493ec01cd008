"""TLS contexts against a client in memory: versions, ciphers, sessions, certificates."""

import subprocess
import sys

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from mft.trust import tls
from mft.trust.certificates import Identity, self_signed
from mft.trust.suites import SECURE_CIPHERS, TLS13_CIPHERS, Version
from tests.fakes import pki
from tests.fakes.tls_peer import (
    VERSIONS,
    client,
    client_context,
    met,
    resumed,
    server,
    shake,
    verdict,
)

IDENTITY = self_signed(["localhost"])
BOTH = pytest.mark.parametrize("version", VERSIONS)


def rsa_identity() -> Identity:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return pki.Authority().issue("localhost", purpose=pki.SERVER, key=key)


def refused(server_side: SSL.Context, client_side: SSL.Context) -> SSL.Connection:
    """The server's end of a handshake that fails."""
    pair = client(client_side), server(server_side)
    with pytest.raises(SSL.Error):
        shake(*pair)
    return pair[1]


# Versions and ciphers.


def test_the_default_offers_the_secure_suites_and_nothing_else() -> None:
    offered = SSL.Connection(tls.server_context(IDENTITY), None).get_cipher_list()
    assert offered == [*TLS13_CIPHERS, *SECURE_CIPHERS]


@BOTH
def test_the_default_speaks_tls_1_2_and_1_3(version: int) -> None:
    ours, theirs = met(tls.server_context(IDENTITY), client_context(version))
    assert ours.get_protocol_version() == version
    assert theirs.get_cipher_name() in (*TLS13_CIPHERS, *SECURE_CIPHERS)


@pytest.mark.parametrize("version", [SSL.TLS1_VERSION, SSL.TLS1_1_VERSION])
def test_the_default_does_not_speak_older_versions(version: int) -> None:
    refused(tls.server_context(IDENTITY), client_context(version))


@pytest.mark.parametrize(
    ("version", "method"),
    [(SSL.TLS1_VERSION, Version.TLS_1_0), (SSL.TLS1_1_VERSION, Version.TLS_1_1)],
)
def test_older_versions_are_spoken_where_they_and_their_ciphers_are_named(
    version: int, method: Version
) -> None:
    context = tls.server_context(IDENTITY, ciphers="secure:ALL", methods=(method,))
    ours, _ = met(context, client_context(version))
    assert ours.get_protocol_version() == version


def test_a_version_between_two_others_can_be_left_out() -> None:
    context = tls.server_context(
        IDENTITY, ciphers="ALL", methods=(Version.TLS_1_1, Version.TLS_1_3)
    )
    refused(context, client_context(SSL.TLS1_2_VERSION))
    met(context, client_context(SSL.TLS1_3_VERSION))


@pytest.mark.parametrize(
    "weak",
    ["AES128-SHA256:AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "DHE-RSA-AES256-GCM-SHA384"],
)
def test_a_client_with_weak_ciphers_only_is_refused(weak: str) -> None:
    context = tls.server_context(rsa_identity())
    refused(context, client_context(SSL.TLS1_2_VERSION, ciphers=f"{weak}:@SECLEVEL=0"))


def test_an_rsa_certificate_is_served_with_the_rsa_suites() -> None:
    ours, _ = met(tls.server_context(rsa_identity()), client_context(SSL.TLS1_2_VERSION))
    assert ours.get_cipher_name() == "ECDHE-RSA-AES128-GCM-SHA256"


def test_the_order_of_the_server_decides() -> None:
    backwards = ":".join(reversed(SECURE_CIPHERS))
    ours, _ = met(
        tls.server_context(IDENTITY), client_context(SSL.TLS1_2_VERSION, ciphers=backwards)
    )
    assert ours.get_cipher_name() == SECURE_CIPHERS[0]


def test_post_quantum_keys_are_agreed_on_with_clients_that_can() -> None:
    ours, _ = met(tls.server_context(IDENTITY), client_context(SSL.TLS1_3_VERSION))
    assert ours.get_group_name() == "X25519MLKEM768"


@pytest.mark.parametrize("words", ["rot13", "RC4-SHA", "aNULL", "eNULL", "TLS_NOTHING", "ümlaut"])
def test_words_that_leave_no_cipher_are_refused_with_a_sentence(words: str) -> None:
    with pytest.raises(ValueError, match="names no cipher that OpenSSL knows"):
        tls.policy_context(words)


def test_broad_words_never_bring_suites_without_certificate_or_encryption() -> None:
    context = tls.policy_context("ALL:eNULL", (Version.TLS_1_0, Version.TLS_1_2))
    offered = SSL.Connection(context, None).get_cipher_list()
    assert [name for name in offered if "NULL" in name or "ADH" in name or "AECDH" in name] == []


def test_sha_1_signs_no_handshake() -> None:
    context = client_context(SSL.TLS1_2_VERSION)
    native = vars(SSL)["_lib"]
    assert native.SSL_CTX_set1_sigalgs_list(context._context, b"ECDSA+SHA1")
    refused(tls.server_context(IDENTITY), context)


def test_a_client_cannot_renegotiate() -> None:
    ours, theirs = met(tls.server_context(IDENTITY), client_context(SSL.TLS1_2_VERSION))
    finished = theirs.get_peer_finished()
    assert ours.renegotiate()
    shake(ours, theirs)
    assert theirs.get_peer_finished() == finished


def test_idle_connections_hold_no_buffers_and_a_write_makes_all_of_its_records() -> None:
    context = tls.server_context(IDENTITY)
    native = vars(SSL)["_lib"]
    mode = native.SSL_CTX_set_mode(context._context, 0)
    wanted = SSL.MODE_RELEASE_BUFFERS | native.SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER
    assert mode & wanted == wanted
    assert not mode & native.SSL_MODE_ENABLE_PARTIAL_WRITE
    options = context.set_options(0)
    assert options & SSL.OP_NO_COMPRESSION
    assert not options & SSL.OP_IGNORE_UNEXPECTED_EOF


# Sessions.


@BOTH
def test_a_session_is_resumed_under_the_id_that_it_was_given_under(version: int) -> None:
    context, other = tls.server_context(IDENTITY), client_context(version)
    ours, theirs = met(context, other, session_id=b"one")
    assert not resumed(theirs)
    again, there = met(context, other, ours.get_session(), session_id=b"one")
    assert resumed(again)
    assert resumed(there)


@BOTH
def test_a_session_of_another_id_gets_a_full_handshake(version: int) -> None:
    context, other = tls.server_context(IDENTITY), client_context(version)
    ours, _ = met(context, other, session_id=b"one")
    met(context, other, session_id=b"two")
    again, there = met(context, other, ours.get_session(), session_id=b"two")
    assert not resumed(again)
    assert not resumed(there)


@BOTH
def test_a_session_of_another_service_gets_a_full_handshake(version: int) -> None:
    other = client_context(version)
    ours, _ = met(tls.server_context(IDENTITY), other)
    _, there = met(tls.server_context(IDENTITY), other, ours.get_session())
    assert not resumed(there)


def test_clients_without_tickets_resume_from_the_cache_of_the_context() -> None:
    context, other = tls.server_context(IDENTITY), client_context(SSL.TLS1_2_VERSION)
    other.set_options(SSL.OP_NO_TICKET)
    ours, _ = met(context, other)
    _, there = met(context, other, ours.get_session(), session_id=b"two")
    assert not resumed(there)
    ours, _ = met(context, other)
    _, there = met(context, other, ours.get_session())
    assert resumed(there)


def test_sessions_last_as_long_as_they_are_allowed_to() -> None:
    assert tls.server_context(IDENTITY).get_timeout() == tls.SESSION_SECONDS
    assert tls.server_context(IDENTITY, session_seconds=10).get_timeout() == 10


@pytest.mark.parametrize("length", [0, 33])
def test_a_session_id_has_its_bounds(length: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 32 bytes, not {length}"):
        tls.server_context(IDENTITY).set_session_id(bytes(length))


# Certificates.


def test_the_whole_chain_is_sent() -> None:
    root = pki.Authority("root")
    between = pki.Authority("between", parent=root)
    leaf = between.issue("localhost", purpose=pki.SERVER)
    identity = Identity(leaf.certificate, (between.certificate,), leaf.key)
    ours, _ = met(tls.server_context(identity), client_context())
    sent = ours.get_peer_cert_chain(as_cryptography=True)
    assert sent == [leaf.certificate, between.certificate]


def test_what_openssl_does_not_take_is_told() -> None:
    other = pki.new_key()
    with pytest.raises(ValueError, match="is not taken by OpenSSL: key values mismatch"):
        tls.server_context(Identity(IDENTITY.certificate, (), other))


def test_without_authorities_no_client_certificate_is_asked_for() -> None:
    with pytest.raises(ValueError, match="names nobody who may sign"):
        tls.server_context(IDENTITY, require_client=True)
    _, there = met(tls.server_context(IDENTITY), client_context())
    assert there.get_peer_certificate() is None
    assert verdict(there) == ""


class Clients:
    """A server that wants certificates of an authority, and its clients."""

    def __init__(self, *authorities: pki.Authority, required: bool = True) -> None:
        self.context = tls.server_context(
            IDENTITY,
            authorities=[one.certificate for one in authorities],
            require_client=required,
        )

    def accept(self, identity: Identity | None, version: int) -> SSL.Connection:
        return met(self.context, client_context(version, identity=identity))[1]

    def refuse(self, identity: Identity | None, version: int) -> str:
        return verdict(refused(self.context, client_context(version, identity=identity)))


@BOTH
def test_a_client_with_a_certificate_of_the_authority_is_let_in(version: int) -> None:
    authority = pki.Authority()
    there = Clients(authority).accept(authority.issue("ann"), version)
    found = there.get_peer_certificate(as_cryptography=True)
    assert found is not None
    assert tls.common_name(found) == "ann"


@BOTH
def test_clients_that_have_none_of_the_authority_are_refused(version: int) -> None:
    authority, stranger = pki.Authority(), pki.Authority("stranger")
    clients = Clients(authority)
    refuse = clients.refuse
    assert refuse(None, version) == ""
    assert "unable to get local issuer" in refuse(stranger.issue("ann"), version)
    assert "self-signed" in refuse(self_signed(["ann"]), version)
    assert "expired" in refuse(authority.issue("ann", begin=-pki.DAY, end=-pki.HOUR), version)
    assert "not yet valid" in refuse(authority.issue("ann", begin=pki.HOUR), version)
    assert "purpose" in refuse(authority.issue("ann", purpose=pki.SERVER), version)


def test_one_of_the_same_name_is_not_the_authority() -> None:
    real, forged = pki.Authority("authority"), pki.Authority("authority")
    assert Clients(real).refuse(forged.issue("ann"), SSL.TLS1_3_VERSION)


def test_a_certificate_may_be_asked_for_and_not_demanded() -> None:
    authority = pki.Authority()
    clients = Clients(authority, required=False)
    assert clients.accept(None, SSL.TLS1_3_VERSION).get_peer_certificate() is None
    assert clients.refuse(pki.Authority("stranger").issue("ann"), SSL.TLS1_3_VERSION)


def test_an_authority_between_root_and_client_may_be_the_one_that_is_named() -> None:
    between = pki.Authority("between", parent=pki.Authority("root"))
    Clients(between).accept(between.issue("ann"), SSL.TLS1_3_VERSION)


def test_clients_are_told_whose_certificates_are_wanted() -> None:
    authorities = [pki.Authority("first"), pki.Authority("second")]
    ours = client(client_context(SSL.TLS1_2_VERSION))
    there = server(Clients(*authorities).context)
    with pytest.raises(SSL.Error):
        shake(ours, there)
    assert [name.CN for name in ours.get_client_ca_list()] == ["first", "second"]


@BOTH
def test_a_resumed_session_still_has_its_certificate(version: int) -> None:
    authority = pki.Authority()
    clients, other = Clients(authority), client_context(version, identity=authority.issue("ann"))
    ours, _ = met(clients.context, other)
    _, there = met(clients.context, other, ours.get_session())
    assert resumed(there)
    found = there.get_peer_certificate(as_cryptography=True)
    assert found is not None
    assert tls.common_name(found) == "ann"


# Names.


def test_the_common_name_is_one_or_none() -> None:
    authority = pki.Authority()
    assert tls.common_name(authority.issue("ann").certificate) == "ann"
    assert tls.common_name(authority.issue().certificate) == ""
    assert tls.common_name(authority.issue("ann", "root").certificate) == ""


class Odd:
    """A certificate whose names cannot be read."""

    serial_number = 255
    not_valid_after_utc = IDENTITY.certificate.not_valid_after_utc

    @property
    def subject(self) -> x509.Name:
        raise ValueError("not a name")

    issuer = subject


def test_a_malformed_name_is_no_name() -> None:
    assert tls.common_name(Odd()) == ""  # type: ignore[arg-type]  # a fake
    assert "(a malformed name)" in tls.describe(Odd())  # type: ignore[arg-type]  # a fake


def test_a_certificate_is_described_in_one_line() -> None:
    authority = pki.Authority("acme")
    told = tls.describe(authority.issue("ann").certificate)
    assert told.startswith("CN=ann, signed by CN=acme, number ")
    long = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 64)] * 20)
    assert len(long.rfc4514_string()) > tls.MAX_NAME
    certificate = authority.issue(*["x" * 64] * 20).certificate
    assert len(tls.describe(certificate)) < tls.MAX_NAME + 200


# Connections that we make.


def test_a_client_of_ours_speaks_what_it_is_told_and_shows_who_it_is() -> None:
    authority = pki.Authority()
    ours = authority.issue("us")
    theirs = tls.server_context(IDENTITY, authorities=(authority.certificate,), require_client=True)
    context = tls.client_context(
        (IDENTITY.certificate,),
        ciphers="ECDHE-ECDSA-AES256-GCM-SHA384",
        methods=(Version.TLS_1_2,),
        identity=ours,
    )
    near, far = met(theirs, context)
    assert near.get_cipher_name() == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert near.get_protocol_version() == SSL.TLS1_2_VERSION
    assert far.get_peer_certificate(as_cryptography=True) == ours.certificate


def test_ciphers_that_nobody_knows_are_told_of_a_client_as_well() -> None:
    with pytest.raises(ValueError, match="names no cipher"):
        tls.client_context(ciphers="NOTHING")


# What the hardening of the shipped unit allows.

UNDER_HARDENING = """
import ctypes
refuses = 65  # PR_SET_MDWE: no memory that is both written and run, as MemoryDenyWriteExecute
ctypes.CDLL(None).prctl(refuses, 1, 0, 0, 0)  # before Linux 6.3 it does nothing
from mft.protocols.ftp.options import FtpOptions
from mft.protocols.http.options import HttpsOptions
from mft.runtime.tls import TlsEnd
from mft.trust.certificates import self_signed
from mft.trust.tls import client_context, server_context
mine = self_signed(["localhost"])
for options in (FtpOptions, HttpsOptions):
    context = server_context(mine, authorities=[mine.certificate], protocols=options.spoken)
    assert not TlsEnd(context, b"id").handshake()
client_context(identity=mine)
"""


def test_no_context_needs_memory_that_is_both_written_and_run() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNDER_HARDENING], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
