"""Options of the ldap method: what does not go together is told, with its line."""

from pathlib import Path

import pytest

from mft.auth.ldap_options import LdapOptions
from tests.auth.test_options import read
from tests.fakes import pki

LEAST = "address = ldap.example.com\nbind_dn = ou=people,dc=example,dc=com\n"


def told(text: str, folder: Path = Path("/i")) -> list[str]:
    return read(LdapOptions, LEAST + text, folder)[1]


def options(text: str) -> LdapOptions:
    found, problems = read(LdapOptions, LEAST + text)
    assert problems == []
    assert isinstance(found, LdapOptions)
    return found


def test_little_has_to_be_said() -> None:
    least = options("")
    assert least.address == ("ldap.example.com",)
    assert (least.secure_connection, least.effective_port) == ("Yes", 636)
    assert least.base_groups == ("DEFAULT_GROUP",)
    assert least.context() is not None


@pytest.mark.parametrize(
    ("text", "port"),
    [
        ("secure_connection = starttls", 389),
        ("secure_connection = YES", 636),
        ("port = 3269", 3269),
    ],
)
def test_the_port_is_the_usual_one_unless_it_is_given(text: str, port: int) -> None:
    assert options(text).effective_port == port


def test_certificates_and_their_names_are_always_verified() -> None:
    context = options("").context()
    assert context is not None
    assert context.check_hostname
    assert context.verify_mode.name == "CERT_REQUIRED"


def test_passwords_in_clear_are_warned_of_unless_they_stay_on_this_machine() -> None:
    found, problems = read(LdapOptions, LEAST + "secure_connection = No")
    assert found is not None
    assert [one for one in problems if "warning" in one and "in clear" in one] == problems
    assert len(problems) == 1
    for host in ("127.0.0.1", "::1", "localhost"):
        text = f"address = {host}\nbind_dn = dc=x\nsecure_connection = No"
        assert read(LdapOptions, text)[1] == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("bind_dn_type = search\nsearch_bind_password = s", "search_bind_dn is needed"),
        ("bind_dn_type = search\nsearch_bind_dn = cn=m", "search_bind_password is needed"),
        ("ssh_public_keys_attribute = sshPublicKey", "needs bind_dn_type = search"),
        ("username_suffix = @example.com", "direct-username only"),
        ("username_attribute =", "it needs an attribute"),
        ("timeout = 0", "is shorter than 1 seconds"),
        ("timeout = 2m", "is longer than 60 seconds"),
        ("secure_connection = maybe", "is not one of: Yes, StartTLS, No"),
        ("ssl_certificate_authority = nothing.pem", "cannot be used: No such file"),
        ("manager_search_filter = (cn=x)", "warning"),
    ],
)
def test_what_does_not_go_together_is_told(text: str, sentence: str) -> None:
    (problem,) = told(text)
    assert sentence in problem


SEARCH = "bind_dn_type = search\nsearch_bind_dn = cn=m\nsearch_bind_password = s\n"
CODED = "one_time_codes_attribute = totpSecret\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("second_factor_authentication = x", "has no place beside second_factor_authentication"),
        ("email_attribute = TOTPSecret", "read for something else too"),
        ("home_folder_attribute = totpSecret", "read for something else too"),
        ("ssh_public_keys_attribute = totpSecret", "read for something else too"),
        ("username_attribute = totpSecret", "read for something else too"),
        ("group_mapping = totpSecret, *, G", "read for something else too"),
    ],
)
def test_the_secret_of_codes_is_for_codes_alone(text: str, sentence: str) -> None:
    (problem,) = told(SEARCH + CODED + text)
    assert sentence in problem
    assert "warning" not in problem


def test_codes_that_users_must_read_themselves_are_warned_of() -> None:
    assert told(SEARCH + CODED) == []
    (problem,) = told(CODED)
    assert "warning" in problem
    assert "whoever has a password can read the secret" in problem
    assert told("one_time_codes_required = Yes") == []


def test_codes_are_required_unless_somebody_writes_no() -> None:
    assert options(SEARCH + CODED).one_time_codes_required
    assert options("").one_time_codes_attribute == ""


def test_a_file_without_certificates_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    (problem,) = told("ssl_certificate_authority = ca.pem", tmp_path)
    assert "holds no certificates" in problem
    (tmp_path / "ca.pem").write_bytes(pki.Authority().pem)
    assert told("ssl_certificate_authority = ca.pem", tmp_path) == []


def test_the_password_that_searches_is_never_shown() -> None:
    text = "bind_dn_type = search\nsearch_bind_dn = cn=m\nsearch_bind_password = hush"
    assert "hush" not in repr(options(text))
