"""The certificate of a server that we ask must be for the host that was meant."""

from contextlib import suppress

import pytest
from cryptography import x509
from OpenSSL import SSL

from mft.runtime.client_tls import Judge, SecuredFor, connecting
from mft.trust.certificates import fingerprint, self_signed
from mft.trust.tls import client_context, server_context
from tests.fakes import pki
from tests.fakes.tls_peer import server, shake


@pytest.mark.parametrize(
    ("host", "sent"),
    [("files.example.com", "files.example.com"), ("192.0.2.7", None), ("::1", None)],
)
def test_names_are_sent_and_addresses_are_not(host: str, sent: str | None) -> None:
    connection = SecuredFor(host, client_context()).clientConnectionForTLS(None)
    named = connection.get_servername()
    assert (None if named is None else named.decode()) == sent
    assert connection.get_verify_mode() & SSL.VERIFY_PEER


def test_a_name_with_other_letters_is_no_host() -> None:
    with pytest.raises(ValueError):
        SecuredFor("files\u00e4.example.com\n", client_context())


def judged(host: str, pins: frozenset[str] = frozenset(), *names: str) -> tuple[Judge, bool]:
    """A judge who has met a server of these names, and whether they have shaken hands."""
    authority = pki.Authority()
    alternatives = [x509.SubjectAlternativeName([x509.DNSName(name) for name in names])]
    identity = authority.issue("it", purpose=pki.SERVER, extensions=alternatives if names else ())
    wanted = frozenset({fingerprint(identity.certificate)}) if "its own" in pins else pins
    judge = Judge(host, wanted)
    believed = (authority.certificate,) if not pins else ()
    ours = connecting(client_context(believed), judge)
    theirs = server(server_context(identity))
    with suppress(SSL.Error):
        shake(ours, theirs)
        return judge, True
    return judge, False


def test_a_judge_believes_a_certificate_for_the_host() -> None:
    judge, met = judged("files.example.com", frozenset(), "files.example.com")
    assert met
    assert judge.refused == ""


def test_a_judge_says_what_is_wrong_and_which_certificate_it_was() -> None:
    judge, met = judged("files.example.com", frozenset(), "other.example.com")
    assert not met
    assert judge.refused.endswith("is not for files.example.com")
    assert "SHA-256 " in judge.refused
    judge, met = judged("files.example.com", frozenset({"AB"}), "files.example.com")
    assert not met
    assert judge.refused.endswith("is not one of those that are named")


def test_a_pin_stands_for_all_else() -> None:
    judge, met = judged("192.0.2.7", frozenset({"its own"}))
    assert met
    assert judge.refused == ""


def test_the_verdict_of_openssl_is_told_in_its_words() -> None:
    judge = Judge("files.example.com", frozenset())
    ours = connecting(client_context(), judge)
    with pytest.raises(SSL.Error):
        shake(ours, server(server_context(self_signed(["files.example.com"]))))
    assert "self-signed" in judge.refused.replace("self signed", "self-signed")
