"""Revoked keys: lists that ssh-keygen wrote, and what each of them refuses."""

import base64
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mft.core.failure import Malformed
from mft.trust import revoked_keys
from mft.trust.revoked_keys import RevokedKeys, load, stamp
from mft.trust.ssh_keys import HostKey
from mft.wire.buffer import Reader, Writer
from mft.wire.ssh import krl

Revoke = Callable[..., RevokedKeys]
THE_KEY = "the key is revoked"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two authorities and two users; `ca` signed `ann-SERIAL`, and `other` signed `ann-other`."""
    folder = tmp_path_factory.mktemp("revoked")
    for name in ("ca", "other", "ann", "bob"):
        key = HostKey.generate()
        key.write(folder / name)
        (folder / f"{name}.pub").write_text(key.public.line(name) + "\n")
    for serial in (0, 1, 5, 6, 7, 40):
        signed(folder, "ca", "ann", serial)
    signed(folder, "other", "ann", 5, "other")
    signed(folder, "ca", "bob", 5)
    return folder


def signed(folder: Path, authority: str, user: str, serial: int, name: str = "") -> None:
    """Have an authority sign a user's key, with the key ID `USER-SERIAL`."""
    made = f"{user}-{name or serial}"
    (folder / f"{made}.pub").write_bytes((folder / f"{user}.pub").read_bytes())
    words = ["-s", authority, "-I", f"{user}-{serial}", "-z", str(serial), f"{made}.pub"]
    subprocess.run(["ssh-keygen", "-q", *words], cwd=folder, check=True)


def certificate(folder: Path, name: str) -> bytes:
    return base64.b64decode((folder / f"{name}-cert.pub").read_text().split()[1])


def key(folder: Path, name: str) -> bytes:
    return base64.b64decode((folder / f"{name}.pub").read_text().split()[1])


@pytest.fixture
def revoke(folder: Path, tmp_path: Path) -> Revoke:
    """Have ssh-keygen write a list of what the lines say."""

    def made(*lines: str, authority: str = "ca.pub") -> RevokedKeys:
        (tmp_path / "lines").write_text("\n".join(lines) + "\n")
        words = ["-k", "-f", str(tmp_path / "krl"), "-s", authority, str(tmp_path / "lines")]
        subprocess.run(["ssh-keygen", "-q", *words], cwd=folder, check=True)
        return RevokedKeys.load(tmp_path / "krl")

    return made


def refused(keys: RevokedKeys, folder: Path) -> set[str]:
    """The certificates of ann that a list refuses."""
    names = ("0", "1", "5", "6", "7", "40", "other")
    return {one for one in names if keys.revokes(certificate(folder, f"ann-{one}"))}


def test_a_serial_number_is_revoked_of_its_authority_only(revoke: Revoke, folder: Path) -> None:
    keys = revoke("serial: 5")
    assert refused(keys, folder) == {"5"}
    assert keys.revokes(certificate(folder, "ann-5")) == (
        "the certificate with serial number 5 is revoked"
    )
    assert keys.revokes(certificate(folder, "bob-5"))
    assert keys.revokes(key(folder, "ann")) == ""


def test_ranges_and_bitmaps_of_serial_numbers_are_revoked(revoke: Revoke, folder: Path) -> None:
    assert refused(revoke("serial: 5-6"), folder) == {"5", "6"}
    assert refused(revoke("serial: 1-1000000"), folder) == {"1", "5", "6", "7", "40"}
    scattered = revoke(*(f"serial: {number}" for number in range(1, 60, 2)))
    assert refused(scattered, folder) == {"1", "5", "7"}


def test_all_sections_of_an_authority_count_together(folder: Path) -> None:
    by = key(folder, "ca")
    sections = (
        krl.Certificates(by, ((5, 6), (1, 5)), (), frozenset()),
        krl.Certificates(by, ((6, 6),), (krl.Bitmap(40, b"\1"),), frozenset((b"ann-0",))),
        krl.Certificates(b"", ((9, 9),), (), frozenset()),
    )
    none: frozenset[bytes] = frozenset()
    keys = RevokedKeys(krl.RevocationList(1, 0, "", sections, none, none, none))
    assert refused(keys, folder) == {"0", "1", "5", "6", "40"}


def test_a_list_without_an_authority_counts_for_all(revoke: Revoke, folder: Path) -> None:
    assert refused(revoke("id: ann-5", authority="none"), folder) == {"5", "other"}


def test_a_key_id_is_revoked(revoke: Revoke, folder: Path) -> None:
    keys = revoke("id: ann-6", "id: ann-0")
    assert refused(keys, folder) == {"0", "6"}
    assert keys.revokes(certificate(folder, "ann-6")) == (
        "the certificate is revoked by its key ID"
    )


@pytest.mark.parametrize("how", ["", "key: ", "sha1: ", "sha256: "])
def test_a_key_is_revoked_with_every_certificate_of_it(
    revoke: Revoke, folder: Path, how: str
) -> None:
    keys = revoke(how + (folder / "ann.pub").read_text().strip())
    assert keys.revokes(key(folder, "ann")) == THE_KEY
    assert keys.revokes(certificate(folder, "ann-other")) == "the key of the certificate is revoked"
    assert keys.revokes(key(folder, "bob")) == keys.revokes(certificate(folder, "bob-5")) == ""


def test_the_key_of_an_authority_revokes_what_it_signed(revoke: Revoke, folder: Path) -> None:
    keys = revoke("sha256: " + (folder / "ca.pub").read_text().strip())
    assert refused(keys, folder) == {"0", "1", "5", "6", "7", "40"}
    assert (
        keys.revokes(certificate(folder, "bob-5")) == "the authority of the certificate is revoked"
    )


def test_a_text_of_keys_is_a_list(folder: Path) -> None:
    line = (folder / "ann.pub").read_bytes()
    keys = RevokedKeys.parse(b"# gone since May\r\n\r\n" + line.replace(b"\n", b"\r\n"))
    assert keys.revokes(key(folder, "ann")) == THE_KEY
    assert refused(keys, folder) == {"0", "1", "5", "6", "7", "40", "other"}
    assert keys.revokes(key(folder, "bob")) == ""


def test_a_key_that_could_not_log_in_anyway_may_be_listed() -> None:
    blob = Writer()
    blob.text("ssh-dss")
    blob.mpint(7)
    line = b"ssh-dss " + base64.b64encode(blob.finish())
    assert RevokedKeys.parse(line).revokes(blob.finish()) == THE_KEY


def test_a_key_is_known_however_its_numbers_are_written() -> None:
    rsa = HostKey.generate("rsa").public
    reader, padded = Reader(rsa.blob), Writer()
    padded.text(reader.text())
    for _ in range(2):
        padded.string(bytes(3) + reader.string())
    assert RevokedKeys.parse(rsa.line().encode()).revokes(padded.finish()) == THE_KEY
    point = ec.generate_private_key(ec.SECP256R1()).public_key()
    whole, short = (
        elliptic(point.public_bytes(Encoding.X962, form))
        for form in (PublicFormat.UncompressedPoint, PublicFormat.CompressedPoint)
    )
    line = b"ecdsa-sha2-nistp256 " + base64.b64encode(whole)
    assert RevokedKeys.parse(line).revokes(short) == THE_KEY


def elliptic(point: bytes) -> bytes:
    out = Writer()
    out.text("ecdsa-sha2-nistp256")
    out.text("nistp256")
    out.string(point)
    return out.finish()


def test_a_line_that_is_no_key_is_told_with_its_number(folder: Path) -> None:
    line = (folder / "ann.pub").read_bytes()
    for wrong, sentence in (
        (b"ssh-ed25519", "needs a type and a key in base64"),
        (b"ssh-ed25519 *", "needs a type and a key in base64"),
        (line.replace(b"ssh-ed25519", b"ssh-rsa", 1), "is named 'ssh-rsa', but is a"),
        (b'from="10.0.0.0/8" ' + line, "in line 2"),
        ((folder / "ann-5-cert.pub").read_bytes(), "it is a certificate"),
        (b"x " + base64.b64encode(bytes(3)), "cut short"),
    ):
        with pytest.raises(ValueError, match=sentence) as told:
            RevokedKeys.parse(line + wrong)
        assert "in line 2" in str(told.value)


def test_a_damaged_list_and_what_is_none_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="neither a key revocation list nor text"):
        RevokedKeys.parse(b"\xff\xfe")
    with pytest.raises(Malformed, match="cut short"):
        RevokedKeys.parse(b"SSHKRL\n\0")
    with pytest.raises(ValueError, match="not a regular file"):
        RevokedKeys.load(Path(os.devnull))
    with pytest.raises(FileNotFoundError):
        RevokedKeys.load(tmp_path / "none")
    monkeypatch.setattr(revoked_keys, "MAX_FILE", 3)
    with pytest.raises(ValueError, match="longer than 3 bytes"):
        RevokedKeys.parse(b"#####")


def test_a_file_has_another_stamp_once_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "revoked"
    path.write_text("")
    before = stamp(path)
    assert load(path)[1] == before
    path.write_text("# another\n")
    assert stamp(path) != before
