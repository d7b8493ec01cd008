"""The certificate that an instance makes for itself."""

import os
import stat
from pathlib import Path

import pytest
from cryptography import x509

from mft.trust import first_certificate as room
from mft.trust.certificates import Identity, load_authorities, self_signed
from mft.trust.first_certificate import CERTIFICATE, PUBLIC, first_certificate, write_first

MADE = self_signed(["localhost"])


def named(identity: Identity) -> tuple[list[str], list[str]]:
    found = identity.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    addresses = found.value.get_values_for_type(x509.IPAddress)
    return found.value.get_values_for_type(x509.DNSName), [str(one) for one in addresses]


@pytest.mark.parametrize(
    ("host", "address", "names", "addresses"),
    [
        ("", "127.0.0.1", ["localhost"], []),
        ("localhost", "::1", ["localhost"], []),
        ("files", "0.0.0.0", ["localhost", "files"], []),
        ("files.example.com", "::", ["localhost", "files.example.com"], []),
        ("no name", "192.0.2.1", ["localhost"], ["192.0.2.1"]),
        ("files", "2001:db8::1", ["localhost", "files"], ["2001:db8::1"]),
    ],
)
def test_it_has_every_name_of_the_machine(
    host: str, address: str, names: list[str], addresses: list[str]
) -> None:
    made = first_certificate(host, address)
    assert named(made) == (names, ["127.0.0.1", "::1", *addresses])


def test_it_lies_in_the_instance_with_its_key_and_without(tmp_path: Path) -> None:
    write_first(tmp_path, MADE)
    assert Identity.load(tmp_path / CERTIFICATE) == MADE
    assert stat.S_IMODE((tmp_path / CERTIFICATE).stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / CERTIFICATE).parent.stat().st_mode) == 0o700
    assert load_authorities([tmp_path / PUBLIC]) == (MADE.certificate,)
    assert stat.S_IMODE((tmp_path / PUBLIC).stat().st_mode) == 0o644
    assert b"PRIVATE" not in (tmp_path / PUBLIC).read_bytes()
    assert sorted(os.listdir((tmp_path / CERTIFICATE).parent)) == ["server.crt", "server.pem"]


def test_of_two_that_make_it_at_once_the_first_counts(tmp_path: Path) -> None:
    write_first(tmp_path, MADE)
    write_first(tmp_path, self_signed(["other"]))
    assert Identity.load(tmp_path / CERTIFICATE) == MADE
    assert load_authorities([tmp_path / PUBLIC]) == (MADE.certificate,)
    assert sorted(os.listdir((tmp_path / CERTIFICATE).parent)) == ["server.crt", "server.pem"]


def test_a_public_part_that_was_left_over_is_replaced(tmp_path: Path) -> None:
    (tmp_path / PUBLIC).parent.mkdir(parents=True)
    (tmp_path / PUBLIC).write_text("old")
    write_first(tmp_path, MADE)
    assert load_authorities([tmp_path / PUBLIC]) == (MADE.certificate,)


def test_the_key_is_never_at_its_place_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(path: Path, data: bytes) -> None:
        path.write_bytes(data[:10])
        raise OSError("the disk is full")

    monkeypatch.setattr(room, "write_private", fails)
    with pytest.raises(OSError, match="full"):
        write_first(tmp_path, MADE)
    assert not (tmp_path / CERTIFICATE).exists()
    assert os.listdir((tmp_path / CERTIFICATE).parent) == []
