"""A disk that is really full: a small tmpfs in a mount namespace of its own."""

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, subprocess, sys
from mft.core.failure import Reason
from mft.core.vpath import ROOT, VPath
from mft.vfs.base import Existing
from mft.vfs.local import LocalFileSystem
from mft.vfs.volume import Kind, Volumes
from tests.fakes.files import begin, get, names, put
from tests.fakes.refused import refused
from tests.fakes.run import run
from tests.fakes.threads import Inline

top = sys.argv[1]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", top], check=True)
files = LocalFileSystem(top, "alice", Volumes(Inline()))
path, other, block = VPath.parse("/a"), VPath.parse("/b"), bytes(64 << 10)
put(files, path, b"old", durable=True)
assert files._root.volume.kind is Kind.MEMORY

upload = run(files.upload(path, Existing.REPLACE))
offset = 0
with refused(Reason.NO_SPACE):
    while True:
        offset += upload.lane.write_from([memoryview(block)], offset)
with refused(Reason.NO_SPACE):
    run(upload.commit(durable=True))
assert get(files, path) == b"old", "a full disk took the old file"
assert names(files, ROOT) == ["a"]

# What was received is the owner's, and its place can be had back.
with refused(Reason.NOT_FOUND):
    run(files.stat(other))
upload = run(files.upload(other, Existing.REPLACE))
with refused(Reason.NO_SPACE):
    offset = 0
    while True:
        offset += upload.lane.write_from([memoryview(block)], offset)
run(upload.abort(keep=True))
assert run(files.stat(other)).size >= 2 * len(block)
run(files.remove(other))
assert run(files.usage(ROOT)).available_blocks > 2
put(files, other, block[:100], durable=True)
assert len(get(files, other)) == 100
print("done")
"""


def test_an_upload_to_a_full_disk_never_appears_and_leaves_the_old_file(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "-m"]
    ran = subprocess.run(
        [*alone, sys.executable, "-c", SCRIPT, tmp_path],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout == "done\n", ran.stderr
    assert os.listdir(tmp_path) == []  # the mount was the child's alone
