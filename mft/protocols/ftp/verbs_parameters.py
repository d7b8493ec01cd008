"""Parameters of transfers, and the way to a data connection (RFC 959 4.1.2, RFC 2428)."""

from typing import TYPE_CHECKING, Final

from mft.core.failure import Malformed, Refused
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.ftp.replies import NO_DATA, OK
from mft.protocols.ftp.verbs_transfer import check_start
from mft.wire.ftp import address
from mft.wire.ftp.command import parse_number
from mft.wire.ftp.digest import parse_rang
from mft.wire.ftp.reply import Reply

if TYPE_CHECKING:
    from mft.protocols.ftp.control import Control

LEAST_PORT: Final = 1024  # of a client's port: below are services of others (RFC 2577 3)
TEXT_TYPES: Final = frozenset(("A", "A N"))
BINARY_TYPES: Final = frozenset(("I", "L 8", "U"))
WRONG_PROTOCOL: Final = Reply.of(522, "Network protocol not supported, use (1,2)")
ONLY_EXTENDED: Final = Reply.of(501, "Only EPSV may be used after EPSV ALL.")


async def type_(control: "Control", text: str) -> Reply:
    """TYPE: text or bytes."""
    word = " ".join(text.upper().split())
    if word in TEXT_TYPES and control.hub.options.ignore_ascii_data_type:
        control.note(events.FTP_TYPE_IGNORED, p.DataType(word))
        return OK
    if word not in TEXT_TYPES | BINARY_TYPES:
        control.emit(events.FTP_TYPE_UNKNOWN, p.DataType(word[:16]))
        return Reply.of(504, "Only the types A, I and L 8 are known here.")
    control.parameters.text = word in TEXT_TYPES
    control.note(events.FTP_TYPE_CHANGED, p.DataType(word))
    return OK


async def structure(control: "Control", text: str) -> Reply:
    """STRU: files have no structure."""
    return OK if text.upper() == "F" else Reply.of(504, "Only STRU F is known here.")


async def mode(control: "Control", text: str) -> Reply:
    """MODE: as a stream of bytes, or deflated."""
    word = text.upper()
    if word not in ("S", "Z"):
        return Reply.of(504, "Only the modes S and Z are known here.")
    control.parameters.compressed = word == "Z"
    return OK


# Active.


async def port(control: "Control", argument: str) -> Reply:
    """PORT: connect to the client at an address of its own."""
    return _active(control, "PORT", argument)


async def extended_port(control: "Control", argument: str) -> Reply:
    """EPRT: the same for both families (RFC 2428 2)."""
    return _active(control, "EPRT", argument)


def _active(control: "Control", name: str, argument: str) -> Reply:
    if control.parameters.extended_only:
        return ONLY_EXTENDED
    if not control.hub.options.active_mode:
        return Reply.of(502, "Only passive data connections are made here.")
    try:
        parse = address.parse_port if name == "PORT" else address.parse_eprt
        target = parse(argument)
    except address.UnknownProtocol as problem:
        return _bad_address(control, name, argument, str(problem), WRONG_PROTOCOL)
    except Malformed as problem:
        reply = Reply.of(501, f"Not an address: {problem}.")
        return _bad_address(control, name, argument, str(problem), reply)
    # Anything else would let a client have us connect to third parties (RFC 2577 2).
    if target.host != control.address.host or target.port < LEAST_PORT:
        details = f"only {control.address.host} and ports from {LEAST_PORT} are connected to"
        reply = Reply.of(504, "Only your own address and ports from 1024 are connected to.")
        return _bad_address(control, name, argument, details, reply)
    control.note(events.FTP_ACTIVE_ASKED, p.DataAddress(name, target.host, target.port))
    if name == "EPRT":
        number = 2 if ":" in target.host else 1
        control.note(
            events.FTP_EXTENDED_ACTIVE_ASKED, p.NetworkAddress(number, target.host, target.port)
        )
    control.data.active(name, target)
    return OK


def _bad_address(control: "Control", name: str, argument: str, details: str, reply: Reply) -> Reply:
    control.emit(events.FTP_ADDRESS_REFUSED, p.AddressRefused(argument[:100], name, details))
    return reply


# Passive.


async def passive(control: "Control", argument: str) -> Reply | None:
    """PASV: wait for the client at an IPv4 address and a port."""
    if control.parameters.extended_only:
        return ONLY_EXTENDED
    told = control.hub.passive_address(control.address.host, control.reached)
    if told is None:
        control.emit(
            events.FTP_ADDRESS_REFUSED,
            p.AddressRefused(control.reached, "PASV", "there is no IPv4 address to tell"),
        )
        return Reply.of(425, "PASV has no IPv4 address to tell here: use EPSV.")
    number = _listen(control, "PASV")
    if number is None:
        return NO_DATA
    return await _waiting(control, Reply.of(227, address.pasv_text(address.Endpoint(told, number))))


async def extended_passive(control: "Control", argument: str) -> Reply | None:
    """EPSV: wait for the client at a port (RFC 2428 3)."""
    try:
        asked = address.parse_epsv(argument)
    except address.UnknownProtocol:
        return WRONG_PROTOCOL
    if asked is address.Epsv.ALL:
        control.parameters.extended_only = True
        return Reply.of(200, "Only EPSV from here on.")
    ours = address.Epsv.IPV6 if ":" in control.reached else address.Epsv.IPV4
    if asked not in (address.Epsv.ANY, ours):
        return WRONG_PROTOCOL
    control.note(events.FTP_EXTENDED_PASSIVE_ASKED, p.Nothing())
    number = _listen(control, "EPSV")
    if number is None:
        return NO_DATA
    return await _waiting(control, Reply.of(229, address.epsv_text(number)))


def _listen(control: "Control", name: str) -> int | None:
    control.note(events.FTP_PASSIVE_ASKED, p.Mode(name))
    try:
        return control.data.passive(name)
    except Refused:
        return None


async def _waiting(control: "Control", reply: Reply) -> Reply | None:
    """Answer, and take no further command until the client is there, where that is asked for."""
    if not control.hub.options.passive_wait_connection:
        return reply
    control.say(reply)
    await control.data.arrival()
    return None


# Offsets.


async def restart(control: "Control", text: str) -> Reply:
    """REST: where the next transfer begins (RFC 3659 5)."""
    offset = parse_number(text.strip())
    check_start(control, offset)
    control.parameters.offset = offset
    control.parameters.span = None
    return Reply.of(350, f"The next transfer begins at {offset}.")


async def range_(control: "Control", text: str) -> Reply:
    """RANG: the first and the last byte of the next download."""
    control.parameters.span = span = parse_rang(text)
    control.parameters.offset = None
    return Reply.of(350, f"The next download is {'whole' if span is None else 'of this range'}.")


async def allocate(control: "Control", text: str) -> Reply:
    """ALLO: how large the next upload is; one that ends before that is not complete."""
    words = text.split()
    control.parameters.allocated = parse_number(words[0]) if words else None
    return OK
