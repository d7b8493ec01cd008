"""What each command does: one function a command. Which come when, `wire.ftp.verbs` says."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from mft.protocols.ftp import (
    verbs_information,
    verbs_list,
    verbs_login,
    verbs_parameters,
    verbs_site,
    verbs_transfer,
    verbs_tree,
)
from mft.wire.ftp.reply import Reply

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

Do = Callable[["Control", str], Awaitable[Reply | None]]  # None: it has answered itself

ANSWERS: Final[Mapping[str, Do]] = MappingProxyType(
    {
        "USER": verbs_login.user,
        "PASS": verbs_login.password,
        "ACCT": verbs_login.account,
        "REIN": verbs_login.reinitialise,
        "QUIT": verbs_login.quit_,
        "HOST": verbs_login.host,
        "AUTH": verbs_login.auth,
        "PBSZ": verbs_login.buffer_size,
        "PROT": verbs_login.protection,
        "CCC": verbs_login.clear_commands,
        "TYPE": verbs_parameters.type_,
        "STRU": verbs_parameters.structure,
        "MODE": verbs_parameters.mode,
        "PORT": verbs_parameters.port,
        "EPRT": verbs_parameters.extended_port,
        "PASV": verbs_parameters.passive,
        "EPSV": verbs_parameters.extended_passive,
        "REST": verbs_parameters.restart,
        "RANG": verbs_parameters.range_,
        "ALLO": verbs_parameters.allocate,
        "RETR": verbs_transfer.retrieve,
        "STOR": verbs_transfer.store,
        "STOU": verbs_transfer.store_unique,
        "APPE": verbs_transfer.append,
        "ABOR": verbs_transfer.abort,
        "LIST": verbs_list.list_,
        "NLST": verbs_list.names,
        "MLSD": verbs_list.machine_list,
        "MLST": verbs_list.machine_entry,
        "STAT": verbs_list.status,
        "CWD": verbs_tree.change_folder,
        "CDUP": verbs_tree.parent_folder,
        "PWD": verbs_tree.working_folder,
        "MKD": verbs_tree.make_folder,
        "RMD": verbs_tree.remove_folder,
        "DELE": verbs_tree.delete,
        "RNFR": verbs_tree.rename_from,
        "RNTO": verbs_tree.rename_to,
        "SIZE": verbs_tree.size,
        "MDTM": verbs_tree.modification,
        "MFMT": verbs_tree.set_modification,
        "MFF": verbs_tree.set_facts,
        "AVBL": verbs_tree.available,
        "HASH": verbs_tree.hash_,
        "XCRC": verbs_tree.checksum("XCRC"),
        "XMD5": verbs_tree.checksum("XMD5"),
        "XSHA1": verbs_tree.checksum("XSHA1"),
        "XSHA256": verbs_tree.checksum("XSHA256"),
        "XSHA512": verbs_tree.checksum("XSHA512"),
        "HELP": verbs_information.help_,
        "NOOP": verbs_information.nothing,
        "SYST": verbs_information.system,
        "FEAT": verbs_information.features,
        "OPTS": verbs_information.options,
        "CLNT": verbs_information.client,
        "LANG": verbs_information.language,
        "SITE": verbs_site.site,
    }
)
