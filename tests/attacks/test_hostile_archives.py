"""Archives that somebody else has made: nothing of them is put in place, and nothing is used up.

Whoever can write where archives lie, or stands between two nodes, can have any of these imported or
restored. Each is told in one sentence; the instance is what it was, and nothing is beside it.
"""

import io
import json
import resource
import stat
import tarfile
import time
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mft.core.failure import Malformed, Refused
from mft.core.secret import Secret
from mft.daemon.archives import archive as room
from mft.daemon.archives.archive import (
    HEAD,
    LIMITS,
    MANIFEST,
    NAME_OF,
    NAMED,
    Contents,
    Head,
    Manifest,
    Member,
    head_bytes,
    manifest_bytes,
)
from mft.daemon.archives.archive_reading import ArchiveReader
from mft.daemon.archives.exporting import NotUsable
from mft.daemon.archives.importing import Wanted, import_archive
from mft.daemon.archives.restoring import restore
from mft.trust import sealed
from mft.trust.sealed import SealedWriter
from mft.wire.ustar import BLOCK, END, Entry, header, padding
from tests.fakes.nodes import Node, small_node

EXPORT, BACKUP = Contents.EXPORT, Contents.BACKUP
THEIRS = Head(EXPORT, "0.1.0", 1e9, "theirs", "uuid", "host", "/srv/mft", "conf/server.ini")
INI = "instance/conf/server.ini"


@pytest.fixture
def victim(tmp_path: Path) -> Node:
    """A node that has a configuration to lose."""
    return small_node(tmp_path / "victim")


@pytest.fixture
def bait(tmp_path: Path) -> Path:
    """Something outside of it."""
    path = tmp_path / "bait"
    path.write_text("mine")
    return path


def raw(name: str, data: bytes, **fields: object) -> bytes:
    """A file of a tar, with a header that may say anything."""
    info = tarfile.TarInfo(name)
    info.size = len(data)
    for field, value in fields.items():
        setattr(info, field, value)
    whole = info.tobuf(tarfile.USTAR_FORMAT)
    return whole + data + bytes(padding(len(data)))


def plain(name: str, data: bytes) -> bytes:
    return header(Entry(name, len(data), 0o600, 0)) + data + bytes(padding(len(data)))


def whole(
    victim: Node, *more: tuple[str, bytes], between: bytes = b"", head: Head = THEIRS
) -> bytes:
    """An archive that would do, but for what is in it beside the configuration."""
    files = [
        (INI, victim.config.read_bytes().replace(b"active", b"theirs")),
        ("instance/conf/keys/host", (victim.directory / "conf/keys/host").read_bytes()),
        *more,
    ]
    members = tuple(
        Member(name, len(data), 0o600, sha256(data).hexdigest()) for name, data in files
    )
    return b"".join(
        (
            plain(HEAD, head_bytes(head)),
            *(plain(name, data) for name, data in files),
            between,
            plain(MANIFEST, manifest_bytes(Manifest(members))),
            END,
        )
    )


def tried(victim: Node, archive: bytes) -> str:
    """Why it was not imported; nothing of the node is another, and nothing is beside it."""
    file = victim.directory.parent / "hostile.tar"
    file.write_bytes(archive)
    before = victim.files()
    with pytest.raises((Refused, OSError, NotUsable)) as said:
        import_archive(victim.config, file, Wanted(outside=True, override=True, despite=True))
    assert victim.files() == before
    assert not list(victim.directory.glob(".mft-*"))
    return str(said.value)


def restored(tmp_path: Path, archive: bytes) -> str:
    """Why it was not restored; there is no instance."""
    file = tmp_path / "hostile.tar"
    file.write_bytes(archive)
    with pytest.raises((Refused, OSError)) as said:
        restore(file, tmp_path / "restored", outside=True, despite=True)
    assert not (tmp_path / "restored").exists()
    return str(said.value)


def test_the_archive_that_the_others_are_made_of_would_do(victim: Node, tmp_path: Path) -> None:
    (tmp_path / "good.tar").write_bytes(whole(victim))
    done = import_archive(victim.config, tmp_path / "good.tar", Wanted())
    assert done.changed == [victim.config]


# Where files would go.

CLIMBING = (
    "../../bait",
    "instance/../../bait",
    "instance/conf/../../../bait",
    "instance//etc/x",
    "/etc/x",
    "outside/../bait",
    "outside/etc/./x",
    "elsewhere/x",
    "instance/conf/x\n",
    "instance/conf/.mft-import.json",
    "instance/conf/.mft-new-0",
)


@pytest.mark.parametrize("name", CLIMBING)
def test_nothing_climbs(name: str, victim: Node, bait: Path, tmp_path: Path) -> None:
    archive = whole(victim, (name, b"theirs"))
    tried(victim, archive)
    head = THEIRS._replace(contents=BACKUP)
    restored(tmp_path, whole(victim, (name, b"theirs"), head=head))
    assert bait.read_text() == "mine"


@pytest.mark.parametrize(
    "name", ["instance/data/ann/x", "instance/state/passwords/x", "instance/log/journal/x"]
)
def test_no_export_brings_state_or_data(name: str, victim: Node) -> None:
    assert "not carried" in tried(victim, whole(victim, (name, b"theirs")))


def test_what_server_ini_does_not_name_is_not_smuggled_in(victim: Node, bait: Path) -> None:
    for name in (f"outside{bait}", "outside/etc/cron.d/x", "instance/conf/keys/authorized_keys"):
        assert "does not name" in tried(victim, whole(victim, (name, b"theirs")))
    assert bait.read_text() == "mine"


def test_a_folder_of_the_node_that_is_a_link_leads_nowhere(victim: Node, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    host = victim.directory / "conf/keys/host"
    archive = whole(victim)
    host.rename(tmp_path / "elsewhere/host")
    host.parent.rmdir()
    host.parent.symlink_to(tmp_path / "elsewhere")
    assert "has to be a folder" in tried(victim, archive)


def test_a_name_in_a_file_of_its_own_is_judged_like_any_other(victim: Node) -> None:
    file = plain(NAMED, b"theirs")
    for name in (b"../../bait", b"instance/state/x", INI.encode(), b"instance/conf/\xff", b""):
        assert tried(victim, whole(victim, between=plain(NAME_OF, name) + file))
    for between in (
        plain(NAME_OF, b"instance/conf/x"),
        plain(NAME_OF, b"instance/conf/x") + plain("instance/conf/y", b""),
        plain(NAME_OF, b"instance/conf/x") + plain(NAME_OF, b"instance/conf/y") + file,
        plain(NAME_OF, b"x" * 5000) + file,
        header(Entry(NAME_OF, 8**11 - 1, 0o600, 0)),
        file,
    ):
        assert tried(victim, whole(victim, between=between))


# What is no plain file.


@pytest.mark.parametrize(
    "kind",
    [
        tarfile.LNKTYPE,
        tarfile.SYMTYPE,
        tarfile.CHRTYPE,
        tarfile.BLKTYPE,
        tarfile.FIFOTYPE,
        tarfile.DIRTYPE,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.GNUTYPE_SPARSE,
    ],
)
def test_links_devices_and_headers_of_other_forms_are_refused(
    kind: bytes, victim: Node, bait: Path, tmp_path: Path
) -> None:
    """Each by itself, and with a file behind it that would go where a link leads."""
    link = raw("instance/conf/x", b"", type=kind, linkname=str(bait), devmajor=1, devminor=3)
    for more in ((), (("instance/conf/x/y", b"theirs"),)):
        assert "no plain file" in tried(victim, whole(victim, *more, between=link))
    head = THEIRS._replace(contents=BACKUP)
    assert "no plain file" in restored(tmp_path, whole(victim, between=link, head=head))
    assert bait.read_text() == "mine"


def test_a_mode_makes_nobody_root_and_lets_nobody_else_write(victim: Node, tmp_path: Path) -> None:
    data = victim.config.read_bytes().replace(b"active", b"theirs")
    key = (victim.directory / "conf/keys/host").read_bytes()
    files = ((INI, data, 0o6777), ("instance/conf/keys/host", key, 0o600))
    members = tuple(
        Member(name, len(found), mode, sha256(found).hexdigest()) for name, found, mode in files
    )
    bodies = b"".join(raw(name, found, mode=mode) for name, found, mode in files)
    archive = plain(HEAD, head_bytes(THEIRS)) + bodies
    archive += plain(MANIFEST, manifest_bytes(Manifest(members))) + END
    (tmp_path / "mode.tar").write_bytes(archive)
    import_archive(victim.config, tmp_path / "mode.tar", Wanted())
    assert stat.S_IMODE(victim.config.stat().st_mode) == 0o755


# What an archive says of itself.


def test_a_file_that_is_there_twice_is_refused(victim: Node) -> None:
    assert "twice" in tried(victim, whole(victim, (INI, b"[server]\n")))


def test_a_file_that_is_a_folder_as_well_is_refused(victim: Node) -> None:
    assert "a folder as well" in tried(victim, whole(victim, (f"{INI}/x", b"")))
    first = (("instance/conf/deep/x", b""), ("instance/conf/deep", b""))
    assert "twice" in tried(victim, whole(victim, *first))


def without(archive: bytes, old: bytes, new: bytes) -> bytes:
    assert archive.count(old) >= 1
    return archive.replace(old, new, 1)


def lies(victim: Node) -> dict[str, bytes]:
    good = whole(victim)
    at = good.index(MANIFEST.encode() + b"\0")
    other = (Member("instance/conf/other", 1, 0o600, "0"),)
    return {
        "a byte of a key": without(good, b"BEGIN OPENSSH", b"BEGIN OPENSSL"),
        "its digest": without(good, b'"sha256": "', b'"sha256": "0'),
        "its manifest is another": good[:at]
        + plain(MANIFEST, manifest_bytes(Manifest(other)))
        + END,
        "no manifest": good[:at] + END,
        "nothing behind a header": good[: at + BLOCK],
        "no end": good[: -len(END)],
        "half an end": good[:-BLOCK],
        "a second archive": good + good,
        "two manifests": good[: -len(END)] + good[at:],
        "no head": good[good.index(INI.encode()) :],
        "a head at the end": good[: -len(END)] + plain(HEAD, head_bytes(THEIRS)) + END,
    }


def test_an_archive_that_lies_is_refused(victim: Node, tmp_path: Path) -> None:
    for what, archive in lies(victim).items():
        assert tried(victim, archive), what
    for what, archive in lies(victim).items():
        assert restored(tmp_path, archive.replace(b'"export"', b'"backup"', 1)), what


def test_what_a_later_version_wrote_is_refused(victim: Node, tmp_path: Path) -> None:
    later = whole(victim, head=THEIRS._replace(product="99.0.1"))
    assert "version 99.0.1 of mft has written it" in tried(victim, later)
    assert "version 99.0.1 of mft has written it" in restored(tmp_path, later)


# Size.


def test_a_size_that_is_not_there_costs_nothing(victim: Node, tmp_path: Path) -> None:
    """A header of 8 GiB, in a file of a few KiB."""
    entry = header(Entry("instance/conf/x", 8**11 - 1, 0o600, 0))
    began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert "more bytes than" in tried(victim, whole(victim, between=entry))
    head = THEIRS._replace(contents=BACKUP)
    assert "ends in the middle" in restored(tmp_path, whole(victim, between=entry, head=head))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 << 10
    assert time.process_time() - began < 10


def test_many_files_are_refused_at_the_first_that_is_too_many(
    victim: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(room.LIMITS, EXPORT, LIMITS[EXPORT]._replace(members=50))
    many = tuple((f"instance/conf/{number}", b"") for number in range(60))
    assert "more files than" in tried(victim, whole(victim, *many))


def test_the_bounds_of_an_export_are_small() -> None:
    """A whole import fits in memory several times over."""
    limits = LIMITS[EXPORT]
    assert limits.members <= 10_000
    assert limits.total <= 256 << 20
    assert limits.member <= limits.total
    assert limits.manifest <= 4 << 20


@pytest.mark.parametrize("name", [HEAD, MANIFEST])
def test_what_it_says_of_itself_has_a_bound(name: str, victim: Node) -> None:
    long = header(Entry(name, 5 << 20, 0o600, 0)) + bytes(5 << 20)
    archive = long + END if name == HEAD else whole(victim, between=long)
    assert tried(victim, archive)


def test_deep_json_ends_nothing(victim: Node) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    archive = whole(victim, between=plain(MANIFEST, b'{"members": %b, "system": []}' % deep))
    assert tried(victim, archive)


def test_names_are_shown_without_what_moves_a_cursor(victim: Node) -> None:
    told = tried(victim, whole(victim, ("instance/\x1b[2Jx", b"")))
    assert "\x1b" not in told


# Sealed ones.

PASSPHRASE = Secret("correct horse battery staple")


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealed, "COST", 2)


def seal(archive: bytes) -> bytes:
    file = io.BytesIO()
    writer = SealedWriter(file, PASSPHRASE)
    writer.write(archive)
    writer.close()
    return file.getvalue()


@pytest.mark.usefixtures("cheap")
def test_a_sealed_archive_is_not_exchanged_for_an_open_one(victim: Node, tmp_path: Path) -> None:
    file = tmp_path / "node"
    before = victim.files()
    made = bytearray(seal(whole(victim)))
    made[-1] ^= 1
    for archive in (whole(victim), bytes(made), seal(whole(victim))[:-1]):
        file.write_bytes(archive)
        with pytest.raises(Refused):
            import_archive(victim.config, file, Wanted(), PASSPHRASE)
        assert victim.files() == before
    file.write_bytes(seal(whole(victim)))
    assert import_archive(victim.config, file, Wanted(), PASSPHRASE).changed == [victim.config]


# Anything at all.


class Watched(io.BytesIO):
    """Counts what is asked for at a time."""

    most = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.most = max(self.most, size or 0)
        return super().read(size)


def fed(data: bytes) -> None:
    """Read an archive to its end: it is one, or Malformed or Refused, and never asks for much."""
    file = Watched(data)
    try:
        reader = ArchiveReader(file, EXPORT)
        reader.verify()
    except (Malformed, Refused):
        pass
    assert file.most <= 4 << 20


@pytest.mark.fuzz
@given(st.lists(st.binary(min_size=BLOCK, max_size=BLOCK), max_size=6))
@example([])
def test_any_blocks_are_refused(blocks: list[bytes]) -> None:
    fed(b"".join(blocks))


@pytest.mark.fuzz
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_any_change_of_a_good_archive_is_refused(victim: Node, data: st.DataObject) -> None:
    good = bytearray(whole(victim))
    at = data.draw(st.integers(0, len(good) - 1))
    new = data.draw(st.binary(min_size=1, max_size=40))
    good[at : at + data.draw(st.integers(0, 40))] = new
    fed(bytes(good))


@pytest.mark.fuzz
@given(st.dictionaries(st.sampled_from(Head._fields), st.none() | st.integers() | st.text()))
def test_any_head_is_read_or_refused(fields: dict[str, object]) -> None:
    known = {"format": 1, **THEIRS._asdict(), "contents": "export", **fields}
    fed(plain(HEAD, json.dumps(known, default=str).encode()) + END)
