"""Giving up root: becoming the account of `[server] account` once the ports are bound."""

import os
import pwd
import stat
from pathlib import Path
from typing import Final

from mft.core.failure import Reason, Refused

ROOT: Final = 0
MAX_UMASK: Final = 0o777


def check_identity(account: str, *, allow_root: bool) -> pwd.struct_passwd | None:
    """Tell whom to become before anything is bound; None to stay who we are.

    Raises Refused when root would stay root without `allow_root`, when the account does not
    exist or is root itself, and when somebody else than root should become another account.
    """
    if not account:
        if os.geteuid() == ROOT and not allow_root:
            details = (
                "must be yes for a server that root starts, unless account names the account "
                "that it becomes"
            )
            raise Refused(Reason.DENIED, "[server] allow_root", details)
        return None
    try:
        who = pwd.getpwnam(account)
    except KeyError:
        raise _refused(account, "is no account of this machine") from None
    if who.pw_uid == ROOT and not allow_root:
        raise _refused(account, "is root; say allow_root = yes to run as root")
    if os.geteuid() == who.pw_uid:
        return None
    if os.geteuid() != ROOT:
        raise _refused(account, "cannot be had: only root can become another account")
    return who


def drop(who: pwd.struct_passwd, umask: int) -> None:
    """Become `who` for good: groups, then group, then user, then the umask.

    Raises Refused when the kernel does not do it whole; the process must end then, for it may
    have become somebody in between.
    """
    try:
        os.initgroups(who.pw_name, who.pw_gid)
        os.setresgid(who.pw_gid, who.pw_gid, who.pw_gid)
        os.setresuid(who.pw_uid, who.pw_uid, who.pw_uid)
    except OSError as error:
        raise _refused(who.pw_name, f"cannot become it: {error.strerror}") from None
    _check_gone(who)
    os.umask(umask & MAX_UMASK)
    os.environ["HOME"] = who.pw_dir
    os.environ["USER"] = os.environ["LOGNAME"] = who.pw_name


def become_the_server(account: str, *, allow_root: bool, umask: int) -> None:
    """Become the account of a server, where root is to do what the server does; raises Refused.

    Anybody else stays who they are, and so does root where no account is named.
    """
    if not account or os.geteuid() != ROOT:
        return
    who = check_identity(account, allow_root=allow_root)
    if who is not None:
        drop(who, umask)


def give_files(top: Path, who: pwd.struct_passwd) -> None:
    """Give what root has made in a folder of ours, at any depth, to the account; raises OSError.

    Links are not followed, and a file that has a second name elsewhere stays whose it is: the
    account itself could have put it there.
    """
    for at, _, files in os.walk(top):
        for path in (at, *(os.path.join(at, name) for name in files)):
            found = os.lstat(path)
            shared = found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode)
            if found.st_uid == ROOT and not shared:
                os.chown(path, who.pw_uid, who.pw_gid, follow_symlinks=False)


def _check_gone(who: pwd.struct_passwd) -> None:
    if os.getresuid() != (who.pw_uid,) * 3 or os.getresgid() != (who.pw_gid,) * 3:
        raise _refused(who.pw_name, "the kernel kept another identity")
    if who.pw_uid != ROOT:
        try:
            os.setresuid(ROOT, ROOT, ROOT)
        except PermissionError:
            return
        raise _refused(who.pw_name, "root could be taken back")


def _refused(account: str, details: str) -> Refused:
    return Refused(Reason.DENIED, f'[server] account = "{account}"', details)
