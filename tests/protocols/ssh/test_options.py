"""A service for SFTP and SCP."""

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.section import read_section
from mft.core.failure import Malformed
from mft.protocols.ssh.options import (
    MAX_AUTHORITIES_FILE,
    PrimeSize,
    SshOptions,
    authority,
)
from mft.trust.ssh_keys import HostKey
from mft.wire.ssh.names import FIPS, SECURE


def reading(tmp_path, more=""):
    problems = []
    text = f"[services/a]\ntype = ssh\nname = a\nport = 10022\n{more}"
    raw = parse(text.encode(), "server.ini", problems)["services/a"]
    options = read_section(SshOptions, raw, Context(tmp_path), problems)
    return options, [str(problem).partition("] ")[2] for problem in problems]


def service(tmp_path, more=""):
    options, problems = reading(tmp_path, more)
    assert not problems
    return options


def test_the_default_algorithms_are_the_secure_ones(tmp_path):
    assert service(tmp_path).algorithms == SECURE


def test_keywords_and_names_of_algorithms_may_be_mixed(tmp_path):
    options = service(tmp_path, "ssh_cipher_list = secure, curve25519-sha256\n")
    assert options.algorithms.kex == (*SECURE.kex, "curve25519-sha256")
    assert service(tmp_path, "ssh_cipher_list = FIPS\n").algorithms == FIPS


def test_an_unknown_algorithm_and_an_incomplete_list_are_told(tmp_path):
    _, problems = reading(tmp_path, "ssh_cipher_list = rot13\n")
    assert problems == ['ssh_cipher_list = "rot13" does not know "rot13"']
    _, problems = reading(tmp_path, "ssh_cipher_list = aes128-ctr\n")
    assert "needs at least one key exchange" in problems[0]
    _, problems = reading(tmp_path, "ssh_cipher_list =\n")
    assert "needs at least one key exchange" in problems[0]


def test_the_banner_is_shown_when_there_is_no_login_message(tmp_path):
    assert service(tmp_path).login_message == ""
    assert service(tmp_path, "banner = b\n").login_message == "b"
    assert service(tmp_path, "banner = b\nbefore_login_message = l\n").login_message == "l"


def test_prime_sizes_are_a_minimum_and_a_choice(tmp_path):
    options = service(tmp_path, "dh_prime_size = 3072, Maximum\n")
    assert options.dh_prime_size == PrimeSize(3072, "maximum")
    for text in ("2048", "2048, best", "1000, ideal", "a, b, c"):
        _, problems = reading(tmp_path, f"dh_prime_size = {text}\n")
        assert "such as 2048, ideal" in problems[0]


def test_a_file_of_authorities_has_a_limit_and_must_be_readable(tmp_path):
    (tmp_path / "ca.pub").write_text("#" * (MAX_AUTHORITIES_FILE + 1))
    _, problems = reading(tmp_path, "ssh_user_certificate_authorities = ca.pub\n")
    assert "is a file of more than 100000 bytes" in problems[0]
    _, problems = reading(tmp_path, "ssh_user_certificate_authorities = none.pub\n")
    assert "neither a public key nor a file that can be read" in problems[0]


def test_an_authority_is_what_its_line_says():
    line = HostKey.generate().public.line("ca of ours")
    assert authority(line).type == "ssh-ed25519"
    for wrong in ("ssh-rsa", "ssh-ed25519 *", line.replace("ssh-ed25519", "ssh-rsa", 1)):
        with pytest.raises(Malformed):
            authority(wrong)


def test_a_list_of_revoked_keys_must_be_usable(tmp_path):
    (tmp_path / "revoked").write_text(f"{HostKey.generate().public.line()}\n")
    assert service(tmp_path, "ssh_revoked_keys = revoked\n").ssh_revoked_keys is not None
    assert service(tmp_path).ssh_revoked_keys is None
    (tmp_path / "revoked").write_text("# gone\nssh-ed25519\n")
    options = service(tmp_path, "ssh_revoked_keys = revoked\n")
    (wrong,) = options.check(Context(tmp_path))
    assert "cannot be used: has no public key in line 2" in str(wrong)
    (tmp_path / "revoked").unlink()
    (wrong,) = options.check(Context(tmp_path))
    assert "cannot be used: No such file" in str(wrong)


def test_pem_text_in_place_of_a_file_is_told_and_never_shown(tmp_path):
    more = "rsa_private_key =\n  -----BEGIN RSA PRIVATE KEY-----\n  c2VjcmV0\n"
    _, problems = reading(tmp_path, more)
    assert "has a key where a path belongs" in problems[1]
    assert "c2VjcmV0" not in "".join(problems)
