"""Becoming somebody else: once everything is bound, root is given up, and that is told."""

import pwd

from mft.config.ini import RawSection
from mft.core.failure import Refused
from mft.daemon.life import StartFailed
from mft.daemon.load import Config, read_sections
from mft.daemon.privileges import check_identity, drop, give_files
from mft.daemon.reading import Read
from mft.daemon.sections import SERVER
from mft.daemon.starting import placed
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.events.bus import Bus

FOLDERS = ("log", "state", "conf/keys", "conf/certificates")  # of what root makes at the start


def identity(config: Config, bus: Bus) -> pwd.struct_passwd | None:
    """Whom to become once everything is bound; None to stay who we are.

    Raises StartFailed, with the line of the server.ini that says otherwise, or could.
    """
    server = config.server
    try:
        return check_identity(server.account, allow_root=server.allow_root)
    except Refused as refused:
        if server.account:
            told = p.SystemAccountFailed(server.account, refused.details)
            bus.emit(events.PRIVILEGES_NOT_DROPPED, told)
        else:
            bus.emit(events.ROOT_REFUSED, p.Nothing())
        option = "account" if server.account else "allow_root"
        none = Read(RawSection(SERVER, config.file.name, 0), server)
        read = read_sections(config.file, []).server or none
        raise StartFailed([placed(read, option, refused.details)]) from None


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
