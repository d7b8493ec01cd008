"""Becoming somebody else: once everything is bound, root is given up, and that is told."""

import pwd

from mft.core.failure import Refused
from mft.daemon.load import Config
from mft.daemon.options import ServerOptions
from mft.daemon.privileges import check_identity, drop, give_files
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus

FOLDERS = ("log", "state", "conf/keys", "conf/certificates")  # of what root makes at the start


def identity(server: ServerOptions, bus: Bus) -> pwd.struct_passwd | None:
    """Whom to become once everything is bound; None to stay who we are. Raises Refused."""
    try:
        return check_identity(server.account, allow_root=server.allow_root)
    except Refused as refused:
        if server.account:
            told = p.SystemAccountFailed(server.account, refused.details)
            bus.emit(events.PRIVILEGES_NOT_DROPPED, told)
        else:
            bus.emit(events.ROOT_REFUSED, p.Nothing())
        raise


def become(who: pwd.struct_passwd, config: Config, bus: Bus) -> None:
    """Give up root for good; raises Refused and OSError.

    What root has made until now belongs to the account that will go on with it.
    """
    try:
        for folder in FOLDERS:
            give_files(config.directory / folder, who)
        drop(who, config.server.umask)
    except (Refused, OSError) as error:
        told = p.SystemAccountFailed(who.pw_name, str(error))
        bus.emit(events.PRIVILEGES_NOT_DROPPED, told)
        raise
    bus.emit(events.PRIVILEGES_DROPPED, p.SystemAccount(who.pw_name))
