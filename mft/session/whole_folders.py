"""A folder with all in it: whether it may have another name where rules tell paths apart."""

from collections.abc import Sequence
from typing import Final

from mft.auth.permissions import Operation, Rules
from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.runtime.threads import Blocking
from mft.vfs.base import Entry, FileSystem

MAX_JUDGED: Final = 100_000  # entries of one folder, at any depth; each costs some ten microseconds


async def check_within(
    files: FileSystem, rules: Rules, pool: Blocking, source: VPath, target: VPath
) -> None:
    """See that all that is in a folder may be renamed, by its old path and by its new one.

    Whoever may rename a folder would else lead what is in it around the rules. Nothing is looked
    at where every rule allows it, and for what is no folder. Refused(DENIED) names the rule,
    Refused(QUOTA) is for more than MAX_JUDGED entries.
    """
    if rules.allow_all(Operation.RENAME):
        return
    if not (await files.stat(source, follow=False)).is_directory:
        return
    waiting, count = [source], 0
    while waiting:
        folder = waiting.pop()
        there = VPath((*target.parts, *folder.parts[len(source.parts) :]))
        listing = await files.list(folder)
        try:
            while entries := await listing.batch():
                count += len(entries)
                if count > MAX_JUDGED:
                    details = f"the rules tell paths apart, and more than {MAX_JUDGED} are in it"
                    raise Refused(Reason.QUOTA, str(source), details)
                # On a thread, so that others have their turn.
                waiting += await pool(_judge, rules, folder, there, entries)
        finally:
            await listing.close()


def _judge(rules: Rules, old: VPath, new: VPath, entries: Sequence[Entry]) -> list[VPath]:
    """Raise Refused(DENIED) for the first that may not be renamed; the folders among them."""
    for entry in entries:
        for folder in (old, new):
            path = folder.child(entry.name)
            decision = rules.decide(Operation.RENAME, path)
            if not decision.allowed:
                raise Refused(Reason.DENIED, str(path), f"with {path} in it: {decision.why}")
    return [old.child(entry.name) for entry in entries if entry.is_directory]
