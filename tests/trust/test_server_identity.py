"""Who a server must prove to be: every form of a line, and what is said of another server."""

import base64
import hashlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed
from mft.trust.server_identity import algorithms, proved, read_line, refusal
from mft.trust.ssh_certificates import Certificate
from mft.trust.ssh_keys import HostKey
from mft.wire.ssh import names

KEY = HostKey.generate()
OTHER = HostKey.generate("ecdsa")
BLOB = KEY.public.blob
MD5 = ":".join(f"{byte:02x}" for byte in hashlib.md5(BLOB).digest())
SHA1 = base64.b64encode(hashlib.sha1(BLOB).digest()).decode()
SHA256 = base64.b64encode(hashlib.sha256(BLOB).digest()).decode()
FORMS = [
    MD5,
    MD5.upper(),
    f"MD5:{MD5}",
    SHA1,
    SHA1.rstrip("="),
    f"SHA1:{SHA1}",
    SHA256,
    KEY.public.fingerprint,
    f"{KEY.public.fingerprint}=",
    KEY.public.line(),
    KEY.public.line("a comment of theirs"),
    f"sftp.example.com {KEY.public.line()}",
]


@pytest.mark.parametrize("line", FORMS, ids=range(len(FORMS)))  # keys are others every time
def test_every_form_of_a_line_knows_its_key_and_no_other(line: str) -> None:
    known = read_line(line)
    assert known.is_of(BLOB)
    assert not known.is_of(OTHER.public.blob)
    assert refusal(KEY.public, [known], "h", 0) is None


NO_IDENTITIES = [
    "",
    "hello",
    MD5[:-3],
    f"SHA1:{SHA256}",
    f"SHA256:{SHA1}",
    "SHA512:abc",
    "ssh-ed25519",
    "ssh-ed25519 AAAA",
    "ssh-ed25519 !!!!",
    f"ssh-rsa {KEY.public.line().split()[1]}",
    "ssh-dss AAAAB3NzaC1kc3MAAACBAP",
    "@cert-authority",
    "@revoked * " + KEY.public.line(),
    "-----BEGIN CERTIFICATE-----",
]


@pytest.mark.parametrize("line", NO_IDENTITIES, ids=range(len(NO_IDENTITIES)))
def test_what_says_nothing_of_a_server_is_an_error(line: str) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        read_line(line)


def test_another_server_is_told_with_what_was_expected() -> None:
    told = refusal(OTHER.public, [read_line(SHA1), read_line(KEY.public.line())], "h", 0)
    assert told == (
        f"the server showed the ecdsa-sha2-nistp256 key {OTHER.public.fingerprint}; "
        f"expected was SHA1:{SHA1.rstrip('=')} or {KEY.public.fingerprint}"
    )
    assert "nothing that is known" in str(refusal(KEY.public, [], "h", 0))


def test_the_algorithms_of_known_keys_are_offered_first_and_alone_where_all_are_known() -> None:
    offered = names.parse(["secure", "ecdsa-sha2-nistp256"]).host_keys
    rsa = read_line(HostKey.generate("rsa").public.line())
    assert algorithms([rsa], names.SECURE.host_keys) == ("rsa-sha2-512", "rsa-sha2-256")
    mixed = algorithms([read_line(OTHER.public.line()), read_line(MD5)], offered)
    assert mixed == ("ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-512", "rsa-sha2-256")
    assert algorithms([read_line(MD5)], offered) == offered
    # Where nothing that is known may be used, the list of the administrator decides alone.
    assert algorithms([read_line(OTHER.public.line())], names.SECURE.host_keys)


def test_a_signature_must_be_by_the_algorithm_that_was_agreed_on() -> None:
    rsa = HostKey.generate("rsa")
    signature = rsa.sign(b"hash", "rsa-sha2-256")
    assert proved(rsa.public.blob, signature, b"hash", "rsa-sha2-256") == rsa.public
    for data, algorithm in ((b"hash", "rsa-sha2-512"), (b"other", "rsa-sha2-256"), (b"hash", "")):
        with pytest.raises(Malformed):
            proved(rsa.public.blob, signature, data, algorithm)


@pytest.fixture
def signed(tmp_path: Path) -> dict[str, bytes]:
    """Certificates that ssh-keygen has signed, and the authority's line."""

    def keygen(*words: str) -> None:
        argv = ["ssh-keygen", "-q", *words]
        subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True, timeout=60)

    keygen("-t", "ed25519", "-N", "", "-f", "ca")
    KEY.write(tmp_path / "host")
    made = {}
    for name, words in {
        "right": ("-h", "-n", "sftp.example.com", "-V", "20200101:20400101"),
        "of another": ("-h", "-n", "other.example.com", "-V", "20200101:20400101"),
        "old": ("-h", "-n", "sftp.example.com", "-V", "20200101:20210101"),
        "of a user": ("-n", "sftp.example.com", "-V", "20200101:20400101"),
    }.items():
        (tmp_path / "host.pub").write_text(KEY.public.line() + "\n")
        keygen("-s", "ca", "-I", "x", *words, "host.pub")
        made[name] = base64.b64decode((tmp_path / "host-cert.pub").read_text().split()[1])
    made["authority"] = (tmp_path / "ca.pub").read_bytes()
    return made


NOW = 1_800_000_000


def test_a_certificate_is_judged_by_authority_name_and_time(signed: dict[str, bytes]) -> None:
    authority = signed["authority"].decode()
    right = Certificate.parse(signed["right"])
    host = "sftp.example.com"
    for line in (f"@cert-authority {authority}", f"@cert-authority *.example.com,x {authority}"):
        known = read_line(line)
        assert refusal(right, [known], host, NOW) is None
        assert "not for other" in str(refusal(right, [known], "other", NOW))
        for name, told in (("of another", "not for"), ("old", "time"), ("of a user", "servers")):
            assert told in str(refusal(Certificate.parse(signed[name]), [known], host, NOW))
    elsewhere = read_line(f"@cert-authority *.example.org {authority}")
    assert "not for" in str(refusal(right, [elsewhere], host, NOW))
    stranger = read_line(f"@cert-authority {OTHER.public.line()}")
    assert "expected was an authority" in str(refusal(right, [stranger], host, NOW))
    assert refusal(right, [read_line(authority)], host, NOW)  # a key is no authority


def test_a_certificate_must_be_of_the_algorithm_that_was_agreed_on(
    signed: dict[str, bytes],
) -> None:
    blob = signed["right"]
    signature = KEY.sign(b"hash", "ssh-ed25519")
    found = proved(blob, signature, b"hash", "ssh-ed25519-cert-v01@openssh.com")
    assert isinstance(found, Certificate)
    for data, algorithm in (
        (b"hash", "ssh-ed25519"),
        (b"other", "ssh-ed25519-cert-v01@openssh.com"),
        (b"hash", "rsa-sha2-512-cert-v01@openssh.com"),
    ):
        with pytest.raises(Malformed):
            proved(blob, signature, data, algorithm)
    known = [read_line(f"@cert-authority {signed['authority'].decode()}")]
    offered = algorithms(known, names.SECURE.host_keys)
    assert offered[0] == "ssh-ed25519-cert-v01@openssh.com"
    assert "rsa-sha2-512-cert-v01@openssh.com" in offered


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(line=st.text(max_size=100) | st.text("SHA1256:MD5abc+/= ", max_size=60))
def test_any_line_is_read_or_an_error(line: str) -> None:
    try:
        read_line(line)
    except ValueError:
        return
