"""The connection is cut at every stage of an upload: never half a file, never a silent one."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.interop.instance import Server, execute
from tests.interop.trees import content
from tests.system.cutter import Cutter
from tests.system.light import session
from tests.system.rig import Rig, client, sftp, until, words
from tests.system.trail import OPENED, UPLOAD_FAILED, UPLOADED, unbalanced

SIZE = 600_000  # bytes: some twenty packets of OpenSSH's


@pytest.fixture(scope="module")
def shared(
    tmp_path_factory: pytest.TempPathFactory, template: Server
) -> Iterator[tuple[Rig, Server]]:
    """An instance, and a second account with the same home as the first."""
    rig = Rig(tmp_path_factory.mktemp("mft") / "instance", template)
    rig.service(maximum_unauthenticated_connections_per_source="100")
    other = rig.account("mallory", home=rig.home)
    rig.start()
    yield rig, other
    try:
        rig.stop()
    finally:
        rig.close()
    assert unbalanced(rig.trail.told) == []
    assert rig.mft("audit", "verify").returncode == 0


def upload(server: Server, protocol: str, source: Path, name: str, port: int) -> int:
    """Upload by sftp or by legacy scp; gives the client's exit code."""
    if protocol == "sftp":
        return sftp(server, f"put {source} /{name}\n", port=port)
    return client("scp", "-O", *words(server, port), source, f"{server.where}:/{name}")


def stages(whole: int) -> list[int]:
    """Where to cut: in the handshake, the login, the opening, the data, and packet by packet after.

    What follows the data are packets of 36 to 80 bytes.
    """
    before = [0, 1, 10, 200, 1500, 2200, 2500, *range(whole - SIZE - 700, whole - SIZE, 100)]
    inside = [whole - SIZE + part * SIZE // 4 for part in range(1, 4)]
    return [*before, *inside, *range(whole - 320, whole, 20)]


@pytest.mark.parametrize("protocol", ["sftp", "scp"])
def test_a_cut_upload_is_whole_or_not_there_and_its_events_say_which(
    shared: tuple[Rig, Server], tmp_path: Path, protocol: str
) -> None:
    rig, _ = shared
    source = tmp_path / "source"
    source.write_bytes(content(SIZE))
    with Cutter(rig.server.port) as counter:
        assert upload(rig.server, protocol, source, f"{protocol}-whole", counter.port) == 0
    until(lambda: unbalanced(rig.trail.told) == [], "the end of it")
    outcomes = set()
    for at, limit in enumerate(stages(counter.seen)):
        name, before = f"{protocol}-{limit}", rig.trail.ended
        with Cutter(rig.server.port, limit, reset=at % 2 == 1) as cutter:
            told_done = upload(rig.server, protocol, source, name, cutter.port) == 0
        until(lambda before=before: rig.trail.ended == before + 1, "the end of the connection")
        there = rig.home / name
        whole = there.exists()
        if whole:
            assert there.read_bytes() == content(SIZE), f"half a file, cut after {limit}"
        assert whole or not told_done, f"told of success, cut after {limit}"
        path = f"/{name}"
        opened = rig.trail.count(OPENED, path=path)
        assert rig.trail.count(UPLOADED, path=path) == whole
        assert rig.trail.count(UPLOAD_FAILED, path=path) == opened - whole
        outcomes.add((opened, whole))
    assert outcomes == {(0, False), (1, False), (1, True)}, "the stages miss one"
    assert unbalanced(rig.trail.told) == []


def test_only_the_owner_sees_a_cut_upload_and_resumes_it(
    shared: tuple[Rig, Server], tmp_path: Path
) -> None:
    rig, other = shared
    source = tmp_path / "source"
    source.write_bytes(content(SIZE))
    with Cutter(rig.server.port, SIZE // 2) as cutter:
        assert upload(rig.server, "sftp", source, "resumed", cutter.port) != 0
    until(lambda: rig.trail.count(UPLOAD_FAILED, path="/resumed"))
    assert sftp(other, "ls -la /resumed\n") != 0
    listed = execute("sftp", *words(other), "-b", "-", other.where, stdin="ls -la /\n").stdout
    assert "resumed" not in listed
    assert ".mft-" not in listed
    assert sftp(other, f"reput {source} /resumed\n") != 0  # there is nothing that it could resume
    assert not (rig.home / "resumed").exists()
    assert sftp(rig.server, f"reput {source} /resumed\n") == 0
    assert (rig.home / "resumed").read_bytes() == content(SIZE)
    done = rig.trail.of(UPLOADED, path="/resumed")
    assert len(done) == 1
    assert 0 < done[0]["data"]["total_write"] < SIZE


@pytest.mark.parametrize("how", ["written", "set"])
def test_nobody_goes_on_with_a_hole_that_a_killed_server_left(
    rig: Rig, tmp_path: Path, how: str
) -> None:
    source = tmp_path / "source"
    source.write_bytes(content(SIZE))
    rig.start()

    async def leave() -> None:
        async with session(rig.server) as peer:
            file = await peer.open("there", "wb")
            await file.write(content(SIZE)[:1000], 0)
            if how == "written":
                await file.write(content(SIZE)[5000:6000], 5000)
            else:
                await file.truncate(SIZE)
            rig.kill()

    asyncio.run(leave())
    rig.start()
    assert sftp(rig.server, "ls /there\n") != 0  # there is nothing to go on with
    assert sftp(rig.server, f"put {source} /there\n") == 0
    assert (rig.home / "there").read_bytes() == content(SIZE)
    rig.stop()
    assert unbalanced(rig.trail.told) == []
