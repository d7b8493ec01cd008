"""The certificate of a server that we ask must be for the host that was meant."""

import pytest
from OpenSSL import SSL

from mft.runtime.client_tls import SecuredFor
from mft.trust.tls import client_context


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
