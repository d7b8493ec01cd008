"""Where a symbolic link's text leads, judged without looking at the disk."""

from mft.core.failure import Reason, Refused
from mft.core.vpath import MAX_PATH_BYTES, VPath, check_name


def aim(folder: VPath, text: str) -> VPath:
    """The virtual path that a link in `folder` leads to; Refused(DENIED) for one outside."""
    if not text or len(text) > MAX_PATH_BYTES:
        raise Refused(Reason.INVALID, "", "not a link's target")
    parts = [] if text.startswith("/") else list(folder.parts)
    for name in text.split("/"):
        if name in ("", "."):
            continue
        if name == "..":
            if not parts:
                raise Refused(Reason.DENIED, text, "the target is outside the tree")
            parts.pop()
            continue
        check_name(name)
        parts.append(name)
    return VPath(tuple(parts))


def relative(folder: VPath, target: VPath) -> str:
    """The text of a link in `folder` that leads to `target`, wherever the tree is mounted."""
    shared = 0
    for ours, theirs in zip(folder.parts, target.parts, strict=False):
        if ours != theirs:
            break
        shared += 1
    climbs = [".."] * (len(folder.parts) - shared)
    return "/".join([*climbs, *target.parts[shared:]]) or "."


def shown(folder: VPath, text: str) -> str:
    """A stored link's text as a client may see it; Refused(DENIED) when it leads outside.

    An absolute text is one of the real disk: it is never shown, and never followed.
    """
    if text.startswith("/"):
        raise Refused(Reason.DENIED, "", "the link leads out of the tree")
    try:
        aim(folder, text)
    except Refused as refused:
        raise Refused(Reason.DENIED, "", refused.details) from None
    return text
