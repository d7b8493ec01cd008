"""What events carry: small frozen values whose field names are the data keys.

A trailing underscore frees a key that Python reserves (`from_` is the key "from"). Sizes and
offsets are bytes, speeds are bytes a second, durations are seconds. `path` is the path as the
client sees it, `real_path` the one on this machine; names derived from them (`file_name`,
`directory_name` and their `real_` forms) are made by whoever prints, and never stored.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Nothing:
    """The fact itself is all there is to tell."""


@dataclass(frozen=True, slots=True)
class Details:
    """One sentence for the administrator."""

    details: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A named thing that failed, and why."""

    name: str
    details: str


@dataclass(frozen=True, slots=True)
class Directory:
    """A server of a directory that a method of logging in asks."""

    method_name: str
    server: str
    details: str


@dataclass(frozen=True, slots=True)
class PathOf:
    """A path that something was done with, or is about to be."""

    path: str
    real_path: str


@dataclass(frozen=True, slots=True)
class PathFailed:
    """A path that something could not be done with."""

    path: str
    real_path: str
    details: str


@dataclass(frozen=True, slots=True)
class HandleFailed:
    """An operation on an open file that failed."""

    path: str
    real_path: str
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that was opened; `requested_path` is the name the client asked for."""

    path: str
    real_path: str
    mode: str
    requested_path: str


@dataclass(frozen=True, slots=True)
class OpenFailed:
    """A file that could not be opened."""

    path: str
    real_path: str
    mode: str
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Uploaded:
    """An upload that is complete under its final name."""

    path: str
    real_path: str
    total_write: int
    write_speed: int
    duration: float
    mode: str
    requested_path: str


@dataclass(frozen=True, slots=True)
class UploadFailed:
    """An upload that ended before its end of file."""

    path: str
    real_path: str
    total_write: int
    write_speed: int
    duration: float
    mode: str
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A download whose handle the client closed."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float
    mode: str
    requested_path: str


@dataclass(frozen=True, slots=True)
class DownloadFailed:
    """A download that was cut."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float
    mode: str
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that was open for reading and writing, and was closed."""

    path: str
    real_path: str
    mode: str
    total_read: int
    read_speed: int
    total_write: int
    write_speed: int
    duration: float
    requested_path: str


@dataclass(frozen=True, slots=True)
class ChangeFailed:
    """A file that was open for reading and writing, and was not closed well."""

    path: str
    real_path: str
    mode: str
    total_read: int
    read_speed: int
    total_write: int
    write_speed: int
    duration: float
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class BlockFailed:
    """Bytes of an open file that could not be read or written."""

    path: str
    real_path: str
    offset: int
    length: int
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Renamed:
    """A rename; `path` and `real_path` are the destination."""

    path: str
    real_path: str
    from_: str
    to: str


@dataclass(frozen=True, slots=True)
class RenameFailed:
    """A rename that was not done; `path` and `real_path` are the destination."""

    path: str
    real_path: str
    from_: str
    to: str
    details: str


@dataclass(frozen=True, slots=True)
class Continued:
    """An interrupted upload: how many bytes of it are there."""

    path: str
    real_path: str
    offset: int


@dataclass(frozen=True, slots=True)
class Copied:
    """Bytes that the server copied from one open file into another."""

    path: str
    real_path: str
    from_: str
    total_write: int


@dataclass(frozen=True, slots=True)
class CopyFailed:
    """A copy inside the server that was not finished."""

    path: str
    real_path: str
    from_: str
    details: str


@dataclass(frozen=True, slots=True)
class Checksum:
    """A digest that a client asked for, of `length` bytes from `offset` (0: to the end)."""

    path: str
    real_path: str
    algorithm: str
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class HomeCreated:
    """A home folder that was made."""

    path: str
    owner: str
    group: str


@dataclass(frozen=True, slots=True)
class Username:
    """A name that a peer gave; it need not be one of ours."""

    username: str


@dataclass(frozen=True, slots=True)
class UserFailed:
    """A name that a peer gave, and what went wrong with it."""

    username: str
    details: str


@dataclass(frozen=True, slots=True)
class LoginDone:
    """Who logged in, and by what."""

    account_name: str
    account_type: str
    account_uuid: str
    group_name: str
    group_names: list[str]
    username: str
    method_name: str
    method_type: str
    credentials_type: str
    ignored_groups: list[str]


@dataclass(frozen=True, slots=True)
class LoginFailed:
    """Credentials that one method judged wrong."""

    method_name: str
    username: str
    credentials_type: str
    details: str


@dataclass(frozen=True, slots=True)
class LoginForbidden:
    """Credentials that a rule of one method turned away."""

    username: str
    method_type: str
    method_name: str
    credentials_type: str
    details: str
    response: str


@dataclass(frozen=True, slots=True)
class LoginUnknown:
    """Credentials that no method took up."""

    username: str
    credentials_type: str


@dataclass(frozen=True, slots=True)
class MoreCredentials:
    """A right credential that is not enough for this account."""

    username: str
    method_type: str
    method_name: str
    credentials_type: str
    required_credentials: str


@dataclass(frozen=True, slots=True)
class SecondFactorDone:
    """Whose second factor was right, by the method that judged it."""

    account_name: str
    account_type: str
    account_uuid: str
    username: str
    method_name: str
    method_type: str
    credentials_type: str


@dataclass(frozen=True, slots=True)
class SecondFactorOf:
    """An account, by its second factor."""

    account_name: str
    account_uuid: str


@dataclass(frozen=True, slots=True)
class RecoveryCodeUsed:
    """A recovery code is used up."""

    account_name: str
    account_uuid: str
    left: int  # that still do


@dataclass(frozen=True, slots=True)
class MethodSkipped:
    """An authentication method, such as one that is not running, or works again."""

    method_name: str
    method_type: str


@dataclass(frozen=True, slots=True)
class UrlSuspended:
    """A URL that does not answer, and for how many seconds the others are asked instead."""

    url: str
    retry_interval: float
    details: str


@dataclass(frozen=True, slots=True)
class MethodTried:
    """A system that an authentication method was tried with, and how that went."""

    method_name: str
    url: str
    details: str


@dataclass(frozen=True, slots=True)
class AccountsRead:
    """A file of accounts that was read again."""

    method_name: str
    path: str
    accounts: int
    groups: int


@dataclass(frozen=True, slots=True)
class PermissionsInForce:
    """What a session may do, and how its uploads are named."""

    account_name: str
    permissions: list[str]
    upload_names: str


@dataclass(frozen=True, slots=True)
class ProcessState:
    """The instance and its version."""

    instance_name: str
    product_version: str


@dataclass(frozen=True, slots=True)
class ProcessDetails:
    """What the process runs as, and on."""

    os_user: str
    cwd: str
    python_version: str
    cryptography_library_version: str
    process_privileges: str


@dataclass(frozen=True, slots=True)
class StartFailed:
    """A start that was given up."""

    details: str
    traceback: str


@dataclass(frozen=True, slots=True)
class SystemAccount:
    """The operating system account of the process."""

    account_name: str


@dataclass(frozen=True, slots=True)
class SystemAccountFailed:
    """An operating system account that the process could not become."""

    account: str
    details: str


@dataclass(frozen=True, slots=True)
class ServiceStarted:
    """A service that listens."""

    service_name: str
    address: str
    port: int
    protocol: str


@dataclass(frozen=True, slots=True)
class ServiceStopped:
    """A service that does not listen any more."""

    service_name: str


@dataclass(frozen=True, slots=True)
class ServiceFailed:
    """A service that could not do what it is for."""

    service_name: str
    details: str


@dataclass(frozen=True, slots=True)
class ComponentStarted:
    """A component that runs; `family` is its section family, `kind` what an operator calls it."""

    family: str
    name: str
    kind: str
    type: str
    description: str


@dataclass(frozen=True, slots=True)
class ComponentStopped:
    """A component that was stopped."""

    family: str
    name: str
    kind: str
    type: str
    reason: str


@dataclass(frozen=True, slots=True)
class ComponentFailed:
    """A component that could not start, stop or go on."""

    family: str
    name: str
    kind: str
    type: str
    details: str


@dataclass(frozen=True, slots=True)
class ComponentGivenUp:
    """A component that stopped itself after too many failures in a row."""

    family: str
    name: str
    kind: str
    type: str


@dataclass(frozen=True, slots=True)
class Options:
    """Names of options, between commas."""

    options: str


@dataclass(frozen=True, slots=True)
class ReloadRefused:
    """A configuration with problems: how many, and the first."""

    count: int
    details: str


@dataclass(frozen=True, slots=True)
class HandlerFailed:
    """An event that a handler could not handle; `id` is the event's number."""

    id: int
    name: str
    family: str
    target_path: str
    details: str
    traceback: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """An event that a handler will never get again; `serial` finds it in the journal."""

    id: int
    serial: int
    name: str
    details: str


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """A handler that was behind, and is not any more."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Rotated:
    """A log that goes on under its own name; `path` is what was written so far, in bytes."""

    path: str
    real_path: str
    source_path: str
    size: int


@dataclass(frozen=True, slots=True)
class JournalState:
    """The journal: how many events wait to be written."""

    count: int
    details: str


@dataclass(frozen=True, slots=True)
class LimitReached:
    """A limit that held: its name and its value."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class SourceBlocked:
    """A source that a policy against guessing turned away."""

    policy_name: str
    details: str


@dataclass(frozen=True, slots=True)
class SourceUnblocked:
    """A ban that an administrator lifted."""

    source_ip: str
    policy_name: str


@dataclass(frozen=True, slots=True)
class SourceBanned:
    """A source, or a network, that is banned from now on; `until` is in seconds since 1970."""

    source_ip: str
    policy_name: str
    until: int
    details: str


@dataclass(frozen=True, slots=True)
class BanEnded:
    """A ban whose time is over; `count` attempts and connections were refused by it."""

    source_ip: str
    policy_name: str
    count: int


@dataclass(frozen=True, slots=True)
class AccountGuarded:
    """A name whose passwords count only from where it has logged in, for so many seconds."""

    username: str
    policy_name: str
    interval: int


@dataclass(frozen=True, slots=True)
class AccountUnguarded:
    """A name that an administrator made count from everywhere again."""

    username: str
    policy_name: str


@dataclass(frozen=True, slots=True)
class PenaltiesDropped:
    """How many penalties were forgotten before their time, because a table was full."""

    policy_name: str
    count: int


@dataclass(frozen=True, slots=True)
class Volume:
    """A file system whose bytes are moved another way from now on."""

    path: str
    details: str


@dataclass(frozen=True, slots=True)
class Drained:
    """The end of a shutdown: how long it took, and how many sessions it had to cut."""

    duration: float
    count: int


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A logged-in SSH session; `in_` is what the client sends, windows and packets are bytes."""

    service_name: str
    real_path: str
    virtual_path: str
    client_version: str
    host_key: str
    key_exchange: str
    in_cipher: str
    in_hmac: str
    in_compression: str
    out_cipher: str
    out_hmac: str
    out_compression: str
    window_local: int
    window_remote: int
    max_packet_local: int
    max_packet_remote: int


@dataclass(frozen=True, slots=True)
class Algorithms:
    """What an SSH connection used."""

    client_version: str
    host_key: str
    key_exchange: str
    in_cipher: str
    in_hmac: str
    in_compression: str
    out_cipher: str
    out_hmac: str
    out_compression: str


@dataclass(frozen=True, slots=True)
class NoCommonAlgorithm:
    """Two lists without a common name; `type` says of what."""

    type: str
    client_algorithms: str
    server_algorithms: str


@dataclass(frozen=True, slots=True)
class ClientVersion:
    """What a client calls itself."""

    client_version: str


@dataclass(frozen=True, slots=True)
class Request:
    """An SSH request that is not served."""

    request_type: str


@dataclass(frozen=True, slots=True)
class Message:
    """An SSH message: its number, and its first bytes in hexadecimal."""

    message_id: int
    payload: str


@dataclass(frozen=True, slots=True)
class MessageFailed:
    """An SSH message that we failed on."""

    message_id: int
    payload: str
    details: str


@dataclass(frozen=True, slots=True)
class UserauthFailed:
    """An authentication request that breaks RFC 4252."""

    username: str
    method: str
    details: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command line that a client asked to run."""

    command: str


@dataclass(frozen=True, slots=True)
class CommandFailed:
    """A command or request that we failed on."""

    command: str
    details: str


@dataclass(frozen=True, slots=True)
class Disconnected:
    """Why the other side hung up (RFC 4253 11.1)."""

    code: int
    details: str


@dataclass(frozen=True, slots=True)
class OpenedAt:
    """A file that was opened to be moved from `offset` on."""

    path: str
    real_path: str
    offset: int
    requested_path: str


@dataclass(frozen=True, slots=True)
class OpenAtFailed:
    """A file that could not be opened to be moved from `offset` on."""

    path: str
    real_path: str
    offset: int
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A file that went over a data connection to its end; `total` counts what moved this time."""

    path: str
    real_path: str
    total: int
    speed: int
    duration: float
    requested_path: str


@dataclass(frozen=True, slots=True)
class MoveFailed:
    """A file of which only `total` bytes went over a data connection this time."""

    path: str
    real_path: str
    total: int
    speed: int
    duration: float
    requested_path: str
    details: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder that is listed: by which command, and which names of it (empty: all)."""

    path: str
    real_path: str
    glob: str
    operation: str


@dataclass(frozen=True, slots=True)
class AttributesOf:
    """Attributes of a path, by the names that the protocol has for them."""

    path: str
    real_path: str
    attributes: str


@dataclass(frozen=True, slots=True)
class AttributesFailed:
    """Attributes of a path that could not be told or set."""

    path: str
    real_path: str
    attributes: str
    details: str


@dataclass(frozen=True, slots=True)
class TreeShown:
    """Where a session's tree is on this machine, and what the client sees it as."""

    real_path: str
    virtual_path: str
    home_folder: str


@dataclass(frozen=True, slots=True)
class LineFailed:
    """A command line, its secrets hidden, that we failed on."""

    line: str
    details: str


@dataclass(frozen=True, slots=True)
class Protection:
    """What secures a connection, and the client's certificate; both say so when there is none."""

    encryption: str
    certificate: str


@dataclass(frozen=True, slots=True)
class ProtectionLost:
    """A connection that ended with an error, and what had secured it."""

    encryption: str
    certificate: str
    details: str


@dataclass(frozen=True, slots=True)
class ChannelReady:
    """A connection that TLS secures; `channel_type` is control or data."""

    channel_type: str
    encryption: str
    certificate: str


@dataclass(frozen=True, slots=True)
class ChannelFailed:
    """A connection that TLS could not secure; `channel_type` is control or data."""

    channel_type: str
    details: str


@dataclass(frozen=True, slots=True)
class Mode:
    """The command that chose how data connections are made, such as EPSV."""

    mode: str


@dataclass(frozen=True, slots=True)
class DataAddress:
    """Where a data connection is to be made, and the command that chose it."""

    mode: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class DataAddressFailed:
    """Where a data connection was not made."""

    mode: str
    address: str
    port: int
    details: str


@dataclass(frozen=True, slots=True)
class AddressRefused:
    """An address as the client gave it; `kind` is the command it came with."""

    address: str
    kind: str
    details: str


@dataclass(frozen=True, slots=True)
class NetworkAddress:
    """An address as EPRT has it; `protocol` is its number for the family (RFC 2428 2)."""

    protocol: int
    ip: str
    port: int


@dataclass(frozen=True, slots=True)
class Port:
    """A port of this machine."""

    port: int


@dataclass(frozen=True, slots=True)
class NoPassivePort:
    """A range of ports of which none could be had."""

    mode: str
    port_range: str
    details: str


@dataclass(frozen=True, slots=True)
class ActiveConnected:
    """A data connection from here (`source_`) to the client."""

    address: str
    port: int
    source_address: str
    source_port: int


@dataclass(frozen=True, slots=True)
class ActiveFailed:
    """A data connection from here (`source_`) to the client that could not be made."""

    address: str
    port: int
    source_address: str
    source_port: int
    details: str


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Both ends of a data connection; `host_` is this one."""

    host_address: str
    host_port: int
    peer_address: str
    peer_port: int


@dataclass(frozen=True, slots=True)
class Stranger:
    """Who connected to a port that was opened for somebody else."""

    address: str
    port: int
    expected: str


@dataclass(frozen=True, slots=True)
class DataClosed:
    """A data connection that ended well, and what it moved."""

    encryption: str
    received: int
    sent: int
    speed: int
    duration: float
    host_address: str
    host_port: int
    peer_address: str
    peer_port: int
    certificate: str


@dataclass(frozen=True, slots=True)
class DataBroke:
    """A data connection that did not end well, and what it had moved."""

    encryption: str
    received: int
    sent: int
    speed: int
    duration: float
    host_address: str
    host_port: int
    peer_address: str
    peer_port: int
    certificate: str
    details: str


@dataclass(frozen=True, slots=True)
class DataType:
    """A type of data as TYPE names it."""

    type: str


@dataclass(frozen=True, slots=True)
class Host:
    """The name of a server that a client asked for."""

    host: str


@dataclass(frozen=True, slots=True)
class TlsFailed:
    """Certificates, keys, authorities or lists that cannot be loaded; empty is not to blame."""

    vault_item: str
    ca: str
    crl: str
    details: str


@dataclass(frozen=True, slots=True)
class Expires:
    """An account that ends, or its password does, in so many whole days."""

    account_name: str
    days: int
    account_email: str
    account_uuid: str


@dataclass(frozen=True, slots=True)
class AccountUnused:
    """An account that has not logged in for so many days."""

    account_name: str
    day_count: int
    last_login: str
    account_uuid: str


@dataclass(frozen=True, slots=True)
class CertificateExpires:
    """The certificate of a component, and in how many whole days it ends; negative once it has.

    `component` is the component's type, `name` the certificate's subject.
    """

    component_name: str
    expires_in_days: int
    details: str
    component: str
    name: str


@dataclass(frozen=True, slots=True)
class ListFailed:
    """A certificate revocation list that cannot be used."""

    uri: str
    details: str


@dataclass(frozen=True, slots=True)
class ListReloadFailed:
    """A certificate revocation list that cannot be loaded again, and when that is tried next."""

    uri: str
    next_load: str
    details: str


@dataclass(frozen=True, slots=True)
class ListLoaded:
    """A certificate revocation list that counts from now on; moments are ISO 8601, in UTC."""

    uri: str
    issuer: str
    count: int
    next_update: str
    update_seconds: int
    update_datetime: str
    next_publish: str


@dataclass(frozen=True, slots=True)
class PeerCertificate:
    """The certificate of a peer, which is not accepted."""

    serial_number: str
    subject: str
    details: str


@dataclass(frozen=True, slots=True)
class PointFailed:
    """A list that the certificate of a peer names, and that cannot be had."""

    peer_subject: str
    path: str
    details: str


@dataclass(frozen=True, slots=True)
class UriAsked:
    """What was asked for; `uri` is its target, cut where it is very long."""

    uri: str


@dataclass(frozen=True, slots=True)
class UriFailed:
    """A request that was not served; `uri` is its target, cut where it is very long."""

    uri: str
    details: str


@dataclass(frozen=True, slots=True)
class UriBroke:
    """A request that we failed on; `title` is its method."""

    uri: str
    title: str
    details: str


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request that is malformed, or that cannot mean anything; `path` is empty without one."""

    path: str
    uri: str
    details: str


@dataclass(frozen=True, slots=True)
class Redirected:
    """A request that belongs elsewhere."""

    uri: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class IdleFor:
    """A session that nothing was asked of for `timeout` seconds."""

    timeout: int


@dataclass(frozen=True, slots=True)
class BodyCut:
    """A body of which `size` bytes had come, and the answer that its client got."""

    uri: str
    size: int
    code: int
    details: str
    message: str


@dataclass(frozen=True, slots=True)
class UploadByHttp:
    """A file that is about to come; `metadata` is what the client says of it."""

    path: str
    real_path: str
    requested_path: str
    metadata: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class UploadedByHttp:
    """An upload that is complete under its final name."""

    path: str
    real_path: str
    requested_path: str
    total_write: int
    write_speed: int
    duration: float
    metadata: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class UploadByHttpFailed:
    """An upload that ended before its end of file."""

    path: str
    real_path: str
    requested_path: str
    total_write: int
    write_speed: int
    duration: float
    details: str
    metadata: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class DownloadedByHttp:
    """A file, or the part of it that was asked for, that the client took."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float


@dataclass(frozen=True, slots=True)
class DownloadByHttpFailed:
    """A download that was cut."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float
    details: str


@dataclass(frozen=True, slots=True)
class Triggered:
    """A word that was said to files; `files` are their paths."""

    name: str
    files: list[str]


@dataclass(frozen=True, slots=True)
class ZipStarted:
    """How many files and folders were named for one ZIP."""

    initial_count: int


@dataclass(frozen=True, slots=True)
class ZipDone:
    """How many files are in a ZIP that was sent."""

    count: int
