"""What events carry: small frozen values whose field names are the data keys.

A trailing underscore frees a key that Python has another use for (`from_` is the key "from").
They are tuples, which are made in a quarter of the time of a dataclass, as are their classes at
the start. Sizes and offsets are bytes, speeds are bytes a second, durations are seconds. `path` is
the path as the client sees it, `real_path` the one on this machine; names derived from them
(`file_name`, `directory_name` and their `real_` forms) are made by whoever prints, and never
stored.
"""

from typing import NamedTuple


class Nothing(NamedTuple):
    """The fact itself is all there is to tell."""


class Details(NamedTuple):
    """One sentence for the administrator."""

    details: str


class Failed(NamedTuple):
    """A named thing that failed, and why."""

    name: str
    details: str


class Node(NamedTuple):
    """A node of a cluster, by the UUID of its server."""

    node: str


class NodeFailed(NamedTuple):
    """A node of a cluster that has a problem."""

    node: str
    details: str


class Cluster(NamedTuple):
    """A cluster, by the name of its resource."""

    name: str


class Records(NamedTuple):
    """Records of accounts in the database of a cluster."""

    name: str
    records: int


class LeaseOf(NamedTuple):
    """What only one node of a cluster does, such as `transfer/ID`."""

    lease: str


class LeaseLost(NamedTuple):
    """The same, and why this node does not do it any more."""

    lease: str
    details: str


class RunPassedOn(NamedTuple):
    """A transfer, by its name, and why it is to run."""

    name: str
    details: str


class WebSessionTaken(NamedTuple):
    """A web session that began on another node, and goes on at this one."""

    account_name: str
    account_uuid: str
    node: str  # on which it began
    method_name: str


class WebSessionNotTaken(NamedTuple):
    """A web session that began on another node, and is refused at this one."""

    account_name: str
    account_uuid: str
    node: str  # on which it began
    details: str


class Directory(NamedTuple):
    """A server of a directory that a method of logging in asks."""

    method_name: str
    server: str
    details: str


class PathOf(NamedTuple):
    """A path that something was done with, or is about to be."""

    path: str
    real_path: str


class PathFailed(NamedTuple):
    """A path that something could not be done with."""

    path: str
    real_path: str
    details: str


class HandleFailed(NamedTuple):
    """An operation on an open file that failed."""

    path: str
    real_path: str
    requested_path: str
    details: str


class Opened(NamedTuple):
    """A file that was opened; `requested_path` is the name the client asked for."""

    path: str
    real_path: str
    mode: str
    requested_path: str


class OpenFailed(NamedTuple):
    """A file that could not be opened."""

    path: str
    real_path: str
    mode: str
    requested_path: str
    details: str


class Uploaded(NamedTuple):
    """An upload that is complete under its final name."""

    path: str
    real_path: str
    total_write: int
    write_speed: int
    duration: float
    mode: str
    requested_path: str


class UploadFailed(NamedTuple):
    """An upload that ended before its end of file."""

    path: str
    real_path: str
    total_write: int
    write_speed: int
    duration: float
    mode: str
    requested_path: str
    details: str


class Downloaded(NamedTuple):
    """A download whose handle the client closed."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float
    mode: str
    requested_path: str


class DownloadFailed(NamedTuple):
    """A download that was cut."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float
    mode: str
    requested_path: str
    details: str


class Changed(NamedTuple):
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


class ChangeFailed(NamedTuple):
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


class BlockFailed(NamedTuple):
    """Bytes of an open file that could not be read or written."""

    path: str
    real_path: str
    offset: int
    length: int
    requested_path: str
    details: str


class Renamed(NamedTuple):
    """A rename; `path` and `real_path` are the destination."""

    path: str
    real_path: str
    from_: str
    to: str


class RenameFailed(NamedTuple):
    """A rename that was not done; `path` and `real_path` are the destination."""

    path: str
    real_path: str
    from_: str
    to: str
    details: str


class Continued(NamedTuple):
    """An interrupted upload: how many bytes of it are there."""

    path: str
    real_path: str
    offset: int


class Copied(NamedTuple):
    """Bytes that the server copied from one open file into another."""

    path: str
    real_path: str
    from_: str
    total_write: int


class CopyFailed(NamedTuple):
    """A copy inside the server that was not finished."""

    path: str
    real_path: str
    from_: str
    details: str


class Checksum(NamedTuple):
    """A digest that a client asked for, of `length` bytes from `offset` (0: to the end)."""

    path: str
    real_path: str
    algorithm: str
    offset: int
    length: int


class HomeCreated(NamedTuple):
    """A home folder that was made."""

    path: str
    owner: str
    group: str


class Username(NamedTuple):
    """A name that a peer gave; it need not be one of ours."""

    username: str


class UserFailed(NamedTuple):
    """A name that a peer gave, and what went wrong with it."""

    username: str
    details: str


class LoginDone(NamedTuple):
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


class LoginFailed(NamedTuple):
    """Credentials that one method judged wrong."""

    method_name: str
    username: str
    credentials_type: str
    details: str


class LoginForbidden(NamedTuple):
    """Credentials that a rule of one method turned away."""

    username: str
    method_type: str
    method_name: str
    credentials_type: str
    details: str
    response: str


class LoginUnknown(NamedTuple):
    """Credentials that no method took up."""

    username: str
    credentials_type: str


class MoreCredentials(NamedTuple):
    """A right credential that is not enough for this account."""

    username: str
    method_type: str
    method_name: str
    credentials_type: str
    required_credentials: str


class SecondFactorDone(NamedTuple):
    """Whose second factor was right, by the method that judged it."""

    account_name: str
    account_type: str
    account_uuid: str
    username: str
    method_name: str
    method_type: str
    credentials_type: str


class SecondFactorOf(NamedTuple):
    """An account, by its second factor."""

    account_name: str
    account_uuid: str


class RecoveryCodeUsed(NamedTuple):
    """A recovery code is used up."""

    account_name: str
    account_uuid: str
    left: int  # that still do


class MethodSkipped(NamedTuple):
    """An authentication method, such as one that is not running, or works again."""

    method_name: str
    method_type: str


class UrlSuspended(NamedTuple):
    """A URL that does not answer, and for how many seconds the others are asked instead."""

    url: str
    retry_interval: float
    details: str


class MethodTried(NamedTuple):
    """A system that an authentication method was tried with, and how that went."""

    method_name: str
    url: str
    details: str


class AccountsRead(NamedTuple):
    """A file of accounts that was read again."""

    method_name: str
    path: str
    accounts: int
    groups: int


class PermissionsInForce(NamedTuple):
    """What a session may do, and how its uploads are named."""

    account_name: str
    permissions: list[str]
    upload_names: str


class ProcessState(NamedTuple):
    """The instance and its version."""

    instance_name: str
    product_version: str


class ProcessDetails(NamedTuple):
    """What the process runs as, and on."""

    os_user: str
    cwd: str
    python_version: str
    cryptography_library_version: str
    process_privileges: str


class StartFailed(NamedTuple):
    """A start that was given up."""

    details: str
    traceback: str


class SystemAccount(NamedTuple):
    """The operating system account of the process."""

    account_name: str


class SystemAccountFailed(NamedTuple):
    """An operating system account that the process could not become."""

    account: str
    details: str


class ServiceStarted(NamedTuple):
    """A service that listens."""

    service_name: str
    address: str
    port: int
    protocol: str


class ServiceStopped(NamedTuple):
    """A service that does not listen any more."""

    service_name: str


class ServiceFailed(NamedTuple):
    """A service that could not do what it is for."""

    service_name: str
    details: str


class ComponentStarted(NamedTuple):
    """A component that runs; `family` is its section family, `kind` what an operator calls it."""

    family: str
    name: str
    kind: str
    type: str
    description: str


class ComponentStopped(NamedTuple):
    """A component that was stopped."""

    family: str
    name: str
    kind: str
    type: str
    reason: str


class ComponentFailed(NamedTuple):
    """A component that could not start, stop or go on."""

    family: str
    name: str
    kind: str
    type: str
    details: str


class ComponentGivenUp(NamedTuple):
    """A component that stopped itself after too many failures in a row."""

    family: str
    name: str
    kind: str
    type: str


class ComponentPaused(NamedTuple):
    """A component that waits for something that it needs, or goes on."""

    family: str
    name: str
    type: str


class DatabaseFailed(NamedTuple):
    """Something that a database did not do; `action` is what that was, such as insert."""

    action: str
    database_name: str
    details: str


class TableWrong(NamedTuple):
    """A table that is not what it should be."""

    table_name: str
    database_name: str
    details: str


class MigrationFailed(NamedTuple):
    """Tables of an older version that could not be changed; the rest says whose they are."""

    database_uuid: str
    family: str
    name: str
    type: str
    details: str


class DatabasePurged(NamedTuple):
    """Old events that were deleted from a database."""

    database_name: str
    count_: int
    days: int


class Options(NamedTuple):
    """Names of options, between commas."""

    options: str


class ReloadRefused(NamedTuple):
    """A configuration with problems: how many, and the first."""

    count_: int
    details: str


class Dispatched(NamedTuple):
    """A file that a rule was done for: where the rule sends it, and the files that came of it."""

    path: str
    mode: str
    destinations: list[str]
    destination_paths: list[str]


class DispatchFailed(NamedTuple):
    """A file that a rule could not be done for."""

    mode: str
    path: str
    destinations: list[str]
    details: str


class DispatchRetried(NamedTuple):
    """A file that a rule could not be done for yet: how often that was tried, when it is again."""

    mode: str
    path: str
    count_: int
    wait: float
    details: str


class Gone(NamedTuple):
    """A file that is not there any more."""

    path: str


class HandlerFailed(NamedTuple):
    """An event that a handler could not handle; `id` is the event's number."""

    id: int
    name: str
    family: str
    target_path: str
    details: str
    traceback: str


class ProgramDone(NamedTuple):
    """A program that ended with exit code 0, and the file that its event was about.

    `output` is text, or what the program said in JSON; `_log` is the first line of either, short.
    """

    command: str
    exit_code: int
    output_log: str
    error_log: str
    error: str
    output: object
    path: str
    real_path: str


class ProgramFailed(NamedTuple):
    """A program that did not, or did not in time; `exit_code` is -1 where it has none."""

    command: str
    details: str
    exit_code: int
    output_log: str
    error_log: str
    error: str
    output: object
    path: str
    real_path: str


class HttpDelivered(NamedTuple):
    """Events that a server has taken; `target_path` is that of the one event, if it was one."""

    event_id: str
    target_path: str
    url: str
    count_: int


class DeadLetter(NamedTuple):
    """An event that a handler will never get again; `serial` finds it in the journal."""

    id: int
    serial: int
    name: str
    details: str


class MailRefused(NamedTuple):
    """A mail that not everybody gets, about the event `id`, which `serial` finds in the journal."""

    id: int
    serial: int
    name: str
    details: str


class FromBackup(NamedTuple):
    """A server that goes on from a backup, whose journal ended with `serial`."""

    made: str  # ISO 8601
    name: str
    host: str
    serial: int


class MailsHeldBack(NamedTuple):
    """More mails than a handler may send: `value` in `interval` seconds."""

    name: str
    value: int
    interval: int


class AttachmentLeftOut(NamedTuple):
    """A file that did not go with a mail about the event `id`."""

    path: str
    real_path: str
    id: int
    name: str
    details: str


class CaughtUp(NamedTuple):
    """A handler that was behind, and is not any more."""

    name: str
    count_: int


class Rotated(NamedTuple):
    """A log that goes on under its own name; `path` is what was written so far, in bytes."""

    path: str
    real_path: str
    source_path: str
    size: int


class JournalState(NamedTuple):
    """The journal: how many events wait to be written."""

    count_: int
    details: str


class LimitReached(NamedTuple):
    """A limit that held: its name and its value."""

    name: str
    value: int


class ProxyTold(NamedTuple):
    """Whose a connection is, as a proxy tells, and to which address the client has connected.

    `extensions` are what else it tells, by names; no login rests on them.
    """

    host: str
    port: int
    extensions: dict[str, str]
    reached: str


class SourceBlocked(NamedTuple):
    """A source that a policy against guessing turned away."""

    policy_name: str
    details: str


class SourceUnblocked(NamedTuple):
    """A ban that an administrator lifted."""

    source_ip: str
    policy_name: str


class SourceBanned(NamedTuple):
    """A source, or a network, that is banned from now on; `until` is a moment in ISO 8601, UTC."""

    source_ip: str
    policy_name: str
    until: str
    details: str


class BanEnded(NamedTuple):
    """A ban whose time is over; `count` attempts and connections were refused by it."""

    source_ip: str
    policy_name: str
    count_: int


class AccountGuarded(NamedTuple):
    """A name whose passwords count only from where it has logged in, for so many seconds."""

    username: str
    policy_name: str
    interval: int


class AccountUnguarded(NamedTuple):
    """A name that an administrator made count from everywhere again."""

    username: str
    policy_name: str


class PenaltiesDropped(NamedTuple):
    """How many penalties were forgotten before their time, because a table was full."""

    policy_name: str
    count_: int


class Monitored(NamedTuple):
    """A file or folder of a monitored folder."""

    path: str
    real_path: str
    name: str  # of the monitor


class MonitorRenamed(NamedTuple):
    """A file or folder of a monitored folder has another name; the path is the new one."""

    from_path: str
    to_path: str
    path: str
    real_path: str
    name: str


class Aged(NamedTuple):
    """A file that nobody has changed for so many seconds."""

    path: str
    real_path: str
    age: int


class AgedFailed(NamedTuple):
    """An old file that cannot be removed."""

    path: str
    real_path: str
    age: int
    details: str


class UsageSample(NamedTuple):
    """What the process uses of the machine."""

    cpu_percent: float
    memory_resident: int  # bytes
    memory_virtual: int
    connection_count: int
    file_count: int
    thread_count: int
    global_cpus: int
    global_memory_available: int
    disk_free: int  # bytes, where the instance is


class UsageCrossed(NamedTuple):
    """What the process uses is more than somebody wants, or it is not any more."""

    details: str
    triggers: str


class Volume(NamedTuple):
    """A file system whose bytes are moved another way from now on."""

    path: str
    details: str


class Drained(NamedTuple):
    """The end of a shutdown: how long it took, and how many sessions it had to cut."""

    duration: float
    count_: int


class SessionOpened(NamedTuple):
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


class Algorithms(NamedTuple):
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


class NoCommonAlgorithm(NamedTuple):
    """Two lists without a common name; `type` says of what."""

    type: str
    client_algorithms: str
    server_algorithms: str


class ClientVersion(NamedTuple):
    """What a client calls itself."""

    client_version: str


class Request(NamedTuple):
    """An SSH request that is not served."""

    request_type: str


class Message(NamedTuple):
    """An SSH message: its number, and its first bytes in hexadecimal."""

    message_id: int
    payload: str


class MessageFailed(NamedTuple):
    """An SSH message that we failed on."""

    message_id: int
    payload: str
    details: str


class UserauthFailed(NamedTuple):
    """An authentication request that breaks RFC 4252."""

    username: str
    method: str
    details: str


class Command(NamedTuple):
    """A command line that a client asked to run."""

    command: str


class CommandFailed(NamedTuple):
    """A command or request that we failed on."""

    command: str
    details: str


class Disconnected(NamedTuple):
    """Why the other side hung up (RFC 4253 11.1)."""

    code: int
    details: str


class OpenedAt(NamedTuple):
    """A file that was opened to be moved from `offset` on."""

    path: str
    real_path: str
    offset: int
    requested_path: str


class OpenAtFailed(NamedTuple):
    """A file that could not be opened to be moved from `offset` on."""

    path: str
    real_path: str
    offset: int
    requested_path: str
    details: str


class Moved(NamedTuple):
    """A file that went over a data connection to its end; `total` counts what moved this time."""

    path: str
    real_path: str
    total: int
    speed: int
    duration: float
    requested_path: str


class MoveFailed(NamedTuple):
    """A file of which only `total` bytes went over a data connection this time."""

    path: str
    real_path: str
    total: int
    speed: int
    duration: float
    requested_path: str
    details: str


class Listed(NamedTuple):
    """A folder that is listed: by which command, and which names of it (empty: all)."""

    path: str
    real_path: str
    glob: str
    operation: str


class AttributesOf(NamedTuple):
    """Attributes of a path, by the names that the protocol has for them."""

    path: str
    real_path: str
    attributes: str


class AttributesFailed(NamedTuple):
    """Attributes of a path that could not be told or set."""

    path: str
    real_path: str
    attributes: str
    details: str


class TreeShown(NamedTuple):
    """Where a session's tree is on this machine, and what the client sees it as."""

    real_path: str
    virtual_path: str
    home_folder: str


class LineFailed(NamedTuple):
    """A command line, its secrets hidden, that we failed on."""

    line: str
    details: str


class Protection(NamedTuple):
    """What secures a connection, and the client's certificate; both say so when there is none."""

    encryption: str
    certificate: str


class ProtectionLost(NamedTuple):
    """A connection that ended with an error, and what had secured it."""

    encryption: str
    certificate: str
    details: str


class ChannelReady(NamedTuple):
    """A connection that TLS secures; `channel_type` is control or data."""

    channel_type: str
    encryption: str
    certificate: str


class ChannelFailed(NamedTuple):
    """A connection that TLS could not secure; `channel_type` is control or data."""

    channel_type: str
    details: str


class Mode(NamedTuple):
    """The command that chose how data connections are made, such as EPSV."""

    mode: str


class DataAddress(NamedTuple):
    """Where a data connection is to be made, and the command that chose it."""

    mode: str
    address: str
    port: int


class DataAddressFailed(NamedTuple):
    """Where a data connection was not made."""

    mode: str
    address: str
    port: int
    details: str


class AddressRefused(NamedTuple):
    """An address as the client gave it; `kind` is the command it came with."""

    address: str
    kind: str
    details: str


class NetworkAddress(NamedTuple):
    """An address as EPRT has it; `protocol` is its number for the family (RFC 2428 2)."""

    protocol: int
    ip: str
    port: int


class Port(NamedTuple):
    """A port of this machine."""

    port: int


class NoPassivePort(NamedTuple):
    """A range of ports of which none could be had."""

    mode: str
    port_range: str
    details: str


class ActiveConnected(NamedTuple):
    """A data connection from here (`source_`) to the client."""

    address: str
    port: int
    source_address: str
    source_port: int


class ActiveFailed(NamedTuple):
    """A data connection from here (`source_`) to the client that could not be made."""

    address: str
    port: int
    source_address: str
    source_port: int
    details: str


class Endpoints(NamedTuple):
    """Both ends of a data connection; `host_` is this one."""

    host_address: str
    host_port: int
    peer_address: str
    peer_port: int


class Stranger(NamedTuple):
    """Who connected to a port that was opened for somebody else."""

    address: str
    port: int
    expected: str


class DataClosed(NamedTuple):
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


class DataBroke(NamedTuple):
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


class DataType(NamedTuple):
    """A type of data as TYPE names it."""

    type: str


class Host(NamedTuple):
    """The name of a server that a client asked for."""

    host: str


class TlsFailed(NamedTuple):
    """Certificates, keys, authorities or lists that cannot be loaded; empty is not to blame."""

    vault_item: str
    ca: str
    crl: str
    details: str


class Expires(NamedTuple):
    """An account that ends, or its password does, in so many whole days."""

    account_name: str
    days: int
    account_email: str
    account_uuid: str


class HomeEnds(NamedTuple):
    """A home that will be deleted; `earliest` is a date and time in UTC."""

    account_name: str
    account_uuid: str
    home: str
    earliest: str


class HomeDeleted(NamedTuple):
    """A home that was deleted; `entries` counts what was in it, since the server's last start."""

    account_name: str
    account_uuid: str
    home: str
    entries: int


class HomeNotDeleted(NamedTuple):
    """A home that was to be deleted, and why it is not."""

    account_name: str
    account_uuid: str
    home: str
    details: str


class AccountUnused(NamedTuple):
    """An account that has not logged in for so many days."""

    account_name: str
    day_count: int
    last_login: str
    account_uuid: str


class CertificateExpires(NamedTuple):
    """The certificate of a component, and in how many whole days it ends; negative once it has.

    `component` is the component's type, `name` the certificate's subject.
    """

    component_name: str
    expires_in_days: int
    details: str
    component: str
    name: str


class ListFailed(NamedTuple):
    """A certificate revocation list that cannot be used."""

    uri: str
    details: str


class ListReloadFailed(NamedTuple):
    """A certificate revocation list that cannot be loaded again, and when that is tried next."""

    uri: str
    next_load: str
    details: str


class ListLoaded(NamedTuple):
    """A certificate revocation list that counts from now on; moments are ISO 8601, in UTC."""

    uri: str
    issuer: str
    count_: int
    next_update: str
    update_seconds: int
    update_datetime: str
    next_publish: str


class PeerCertificate(NamedTuple):
    """The certificate of a peer, which is not accepted."""

    serial_number: str
    subject: str
    details: str


class PointFailed(NamedTuple):
    """A list that the certificate of a peer names, and that cannot be had."""

    peer_subject: str
    path: str
    details: str


class UriAsked(NamedTuple):
    """What was asked for; `uri` is its target, cut where it is very long."""

    uri: str


class UriFailed(NamedTuple):
    """A request that was not served; `uri` is its target, cut where it is very long."""

    uri: str
    details: str


class UriBroke(NamedTuple):
    """A request that we failed on; `title` is its method."""

    uri: str
    title: str
    details: str


class RequestRefused(NamedTuple):
    """A request that is malformed, or that cannot mean anything; `path` is empty without one."""

    path: str
    uri: str
    details: str


class Redirected(NamedTuple):
    """A request that belongs elsewhere."""

    uri: str
    redirect_uri: str


class IdleFor(NamedTuple):
    """A session that nothing was asked of for `timeout` seconds."""

    timeout: int


class BodyCut(NamedTuple):
    """A body of which `size` bytes had come, and the answer that its client got."""

    uri: str
    size: int
    code: int
    details: str
    message: str


class UploadByHttp(NamedTuple):
    """A file that is about to come; `metadata` is what the client says of it."""

    path: str
    real_path: str
    requested_path: str
    metadata: dict[str, list[str]]


class UploadedByHttp(NamedTuple):
    """An upload that is complete under its final name."""

    path: str
    real_path: str
    requested_path: str
    total_write: int
    write_speed: int
    duration: float
    metadata: dict[str, list[str]]


class UploadByHttpFailed(NamedTuple):
    """An upload that ended before its end of file."""

    path: str
    real_path: str
    requested_path: str
    total_write: int
    write_speed: int
    duration: float
    details: str
    metadata: dict[str, list[str]]


class DownloadedByHttp(NamedTuple):
    """A file, or the part of it that was asked for, that the client took."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float


class DownloadByHttpFailed(NamedTuple):
    """A download that was cut."""

    path: str
    real_path: str
    total_read: int
    read_speed: int
    duration: float
    details: str


class Triggered(NamedTuple):
    """A word that was said to files; `files` are their paths."""

    name: str
    files: list[str]


class ZipStarted(NamedTuple):
    """How many files and folders were named for one ZIP."""

    initial_count: int


class ZipDone(NamedTuple):
    """How many files are in a ZIP that was sent."""

    count_: int


class ContentFound(NamedTuple):
    """A rule of `content-check` that a line of a file matches."""

    path: str
    real_path: str
    rule_details: str


class FileDigest(NamedTuple):
    """A digest of a file, as it was asked for."""

    output: str
    path: str
    real_path: str


class Inspected(NamedTuple):
    """What an inspection (its name) says of an upload before it is committed."""

    path: str
    real_path: str
    inspection: str
    details: str


class Uninspected(NamedTuple):
    """A file of which an inspection could not say anything, and what became of it."""

    path: str
    real_path: str
    inspection: str
    outcome: str
    details: str


class Quarantined(NamedTuple):
    """A rejected upload that was set aside."""

    path: str
    real_path: str
    quarantine_id: str
    quarantine_path: str
    size: int
    sha256: str
    inspection: str
    details: str


class QuarantineEnded(NamedTuple):
    """A file that an administrator took out of quarantine; `username` sent it."""

    path: str
    real_path: str
    quarantine_id: str
    quarantine_path: str
    username: str
    note: str


class QuarantineNotEnded(NamedTuple):
    """A file that could not be taken out of quarantine."""

    path: str
    real_path: str
    quarantine_id: str
    quarantine_path: str
    username: str
    details: str


class AtLocation(NamedTuple):
    """A path of a location, by the location's name, that something was done with."""

    path: str
    location: str


class AtLocationFailed(NamedTuple):
    """A path of a location that something could not be done with."""

    path: str
    location: str
    details: str


class LocationClosed(NamedTuple):
    """A file of a location that was closed: what was read and written; `mode` is how."""

    path: str
    location: str
    mode: str
    read_size: int
    write_size: int


class LocationHandleFailed(NamedTuple):
    """An operation on an open file of a location that failed."""

    path: str
    location: str
    mode: str
    details: str


class LocationRenamed(NamedTuple):
    """A rename at a location; `path` is the destination."""

    path: str
    location: str
    from_: str
    to: str


class LocationRenameFailed(NamedTuple):
    """A rename at a location that was not done; `path` is the destination."""

    path: str
    location: str
    from_: str
    to: str
    details: str


class LocationFolder(NamedTuple):
    """A folder of a location, and whether what was in it is meant as well."""

    path: str
    location: str
    recursive: bool


class LocationFolderFailed(NamedTuple):
    """A folder of a location that could not be removed."""

    path: str
    location: str
    recursive: bool
    details: str


class NameOf(NamedTuple):
    """A component, by its name."""

    name: str


class LocationIdle(NamedTuple):
    """A location with a connection that nobody used for so many seconds."""

    name: str
    seconds: float


class LocationConnected(NamedTuple):
    """A new connection: the folder that it is for, and who has proved to be at its other end."""

    name: str
    path: str
    identity: str
    details: str


class LocationUnreachable(NamedTuple):
    """A location that cannot be reached now, and when it is tried again."""

    name: str
    retries_left: int
    delay: float
    details: str


class LocationIdentity(NamedTuple):
    """Who a location has shown to be."""

    name: str
    identity: str


class LocationFewer(NamedTuple):
    """A location that takes fewer connections than it may have: so many (`value`)."""

    name: str
    value: int
    details: str


class SourcePath(NamedTuple):
    """A file of a source."""

    path: str


class SourceUnlisted(NamedTuple):
    """A source that could not be listed, and when it is tried again."""

    path: str
    retries_left: int
    delay: float
    details: str


class SourceNoted(NamedTuple):
    """A file of a source, and what is to say of it."""

    path: str
    details: str


class TransferProgram(NamedTuple):
    """A program of a transfer, about to run for a file."""

    name: str
    path: str
    destination_path: str
    source_path: str


class TransferProgramDone(NamedTuple):
    """A program of a transfer that has run: its standard output and error, and how it ended."""

    name: str
    path: str
    output: str
    error: str
    exit_code: int
    destination_path: str
    source_path: str


class TransferProgramFailed(NamedTuple):
    """A program of a transfer that did not do its work."""

    name: str
    path: str
    output: str
    error: str
    exit_code: int
    details: str
    destination_path: str
    source_path: str


class FileStarts(NamedTuple):
    """A file that is about to be transferred; `content_action` is what is done to its bytes."""

    transfer_type: str
    path: str
    size: int
    content_action: str


class FileRetried(NamedTuple):
    """A file that could not be transferred and is tried again: how often it was, and when."""

    path: str
    count_: int
    wait: float
    details: str


class FileTransferred(NamedTuple):
    """A file that is whole at its destination; less was sent where it was resumed."""

    transfer_type: str
    path: str
    destination_path: str
    size: int
    transferred_size: int
    duration: float
    speed: int
    source_path: str


class FileBroke(NamedTuple):
    """A file whose bytes did not all arrive."""

    transfer_type: str
    path: str
    size: int
    transferred_size: int
    duration: float
    speed: int
    details: str


class JobPathFailed(NamedTuple):
    """A path of a transfer that something could not be done with."""

    path: str
    details: str


class JobFailed(NamedTuple):
    """Files that a transfer gave up: those that failed, arrived and were skipped."""

    step_name: str
    retries: int
    failed_paths: list[str]
    success_paths: list[str]
    skip_paths: list[str]
    details: str
    failed_list: str
    success_list: str


class JobDone(NamedTuple):
    """Files that a transfer has moved, and where they are."""

    paths: list[str]
    destination_paths: list[str]
    retries: int
    skip_paths: list[str]
    success_list: str


class JobStep(NamedTuple):
    """A file, and the step at which a transfer is with it."""

    path: str
    step_name: str


class JobStepFailed(NamedTuple):
    """A file, and the step at which its transfer failed."""

    path: str
    step_name: str
    details: str


class TooFewTransferred(NamedTuple):
    """How many files were transferred in an interval, and how many are wanted."""

    minimum_count: int
    success_interval: float
    transfer_count: int


class SchedulePlanned(NamedTuple):
    """What a schedule does next, and when."""

    action: str
    seconds: float
    date: str
    name: str


class TransferState(NamedTuple):
    """The state in which a transfer is."""

    name: str
    state: str


class ScheduleAction(NamedTuple):
    """What a schedule does now."""

    action: str
    name: str


class ScheduleMissed(NamedTuple):
    """What a schedule would have done earlier."""

    name: str
    action: str
    expected_date: str


class Archived(NamedTuple):
    """A file that was put into an archive."""

    path: str
    archive_path: str


class NotArchived(NamedTuple):
    """A file that could not be put into an archive."""

    path: str
    archive_path: str
    details: str


class JobNamed(NamedTuple):
    """A path, and the transfer that it belongs to."""

    path: str
    name: str


class JobNamedFailed(NamedTuple):
    """A path that a transfer, by its name, could not do anything with."""

    path: str
    name: str
    details: str


class MovedAside(NamedTuple):
    """What was in the way at a destination, and its new name."""

    existing_path: str
    path: str
    name: str


class OtherName(NamedTuple):
    """A file that is sent under another name."""

    path: str
    destination_path: str
    name: str


class BatchStarts(NamedTuple):
    """A batch that is being collected."""

    name: str
    seconds: float
    path: str


class BatchEnded(NamedTuple):
    """A batch, by how many files are in it."""

    name: str
    count_: int


class JobQueued(NamedTuple):
    """Files that wait to be transferred; `queue` is how many wait in all."""

    kind: str
    name: str
    count_: int
    files: list[str]
    queue: int


class JobStarts(NamedTuple):
    """Files that are about to be transferred."""

    name: str
    count_: int
    files: list[str]
    type: str


class Monitoring(NamedTuple):
    """How a source is looked at; intervals are seconds."""

    recursive: bool
    path: str
    location: str
    changes_poll_interval: float
    stable_interval: float
    failover_interval: float


class AtDestination(NamedTuple):
    """Commands that are given at a destination, and when (`condition`)."""

    condition: str
    name: str


class AtDestinationFailed(NamedTuple):
    """Commands at a destination that were not all carried out."""

    condition: str
    name: str
    details: str


class SourceUnclosed(NamedTuple):
    """A source file that could not be closed."""

    path: str
    destination_path: str
    details: str
    source_path: str


class AtStep(NamedTuple):
    """A file that waits for a location, or does not any more."""

    path: str
    step_name: str
    location: str


class Snapshot(NamedTuple):
    """What is in a source."""

    total_files: int
    total_directories: int
    path: str


class PathReason(NamedTuple):
    """A file that a transfer leaves where it is, and why."""

    path: str
    reason: str


class ArchiveAged(NamedTuple):
    """A file of an archive that was removed for its age."""

    path: str
    days: int


class SourceChanged(NamedTuple):
    """A source file that was not what it was when its transfer began."""

    path: str
    details: str
    reason: str


class StableRaised(NamedTuple):
    """For how many seconds a file must not have changed."""

    stable_interval: float


class SourceLarge(NamedTuple):
    """A source folder with very many files."""

    path: str
    files_count: int
