"""Every event, one row each: number, payload, sentence, groups.

An event that this server shares with the servers that administrators know has their number, groups
and data keys; a fact that has no number there has one from 90000 up. Numbers are never reused.
"""

from typing import Any, Final

from mft.events import payloads as p
from mft.events.model import Event, Group


def _in(names: str) -> frozenset[Group]:
    return frozenset(Group(name) for name in names.split())


# Groups that many rows share.
_PROCESS = _in("operational process informational")
_PROCESS_DONE = _in("operational process success")
_PROCESS_FAILED = _in("operational process failure failure-high")
_PROCESS_BROKEN = _in("operational process failure failure-critical")
_COMPAT_FAILED = _in("operational failure failure-high compat")
_DONE = _in("operational authenticated success")
_FAILED = _in("operational authenticated failure failure-high")
_SESSION_FAILED = _in("operational session failure failure-high")
_LOGIN_REFUSED = _in("authentication session failure")
_MONITOR_DONE = _in("monitor success file-operation")
_COMPONENT_DONE = _in("component-activation authenticated success")
_COMPONENT_FAILED = _in("component-activation authenticated failure")
_FTP_NOTE = _in("authenticated informational ftp")
_FTP_SESSION_NOTE = _in("session informational ftp")
_FTP_FAILED = _in("authenticated failure ftp")
_FTP_HIGH = _in("authenticated failure failure-high ftp")
_FTP_SPECIFIC = _in("authenticated failure failure-specific ftp")
_FTP_SESSION_SPECIFIC = _in("session failure failure-specific ftp")
_FTP_ASKED = _in("authenticated informational file-operation ftp")
_FTP_DONE = _in("authenticated success file-operation ftp")
_FTP_UNDONE = _in("authenticated failure file-operation ftp")
_FTP_CUT = _in("authenticated failure failure-high file-operation ftp")
_SSH_NOTE = _in("authenticated informational ssh")
_SSH_FAILED = _in("authenticated failure ssh")
_SSH_BROKEN = _in("operational authenticated failure failure-critical ssh")
_SSH_LOGIN_FAILED = _in("authentication session failure ssh")
_FILE_ASKED = _in("authenticated informational file-operation ssh")
_FILE_DONE = _in("authenticated success file-operation ssh")
_FILE_FAILED = _in("authenticated failure file-operation ssh")
_FILE_CUT = _in("authenticated failure failure-specific file-operation ssh")
_HTTP_NOTE = _in("authenticated informational http")
_HTTP_SUCCESS = _in("authenticated success http")
_HTTP_FAILED = _in("authenticated failure http")
_HTTP_SESSION_NOTE = _in("session informational http")
_HTTP_SESSION_FAILED = _in("session failure http")
_HTTP_ASKED = _in("authenticated informational http file-operation")
_HTTP_DONE = _in("authenticated success http file-operation")
_HTTP_UNDONE = _in("authenticated failure http file-operation")
_PROCESS_SIGNED = _in("file-operation process")
_INSPECTED = _in("operational authenticated file-operation")
_QUARANTINE = _in("administration local-manager file-operation")
_HTTP_BLOCK_FAILED = _HTTP_UNDONE | {Group.FAILURE_HIGH}
_DISPATCH_FAILED = _in("authenticated file-operation failure failure-high")
_TRANSFER_NOTE = _in("transfer informational client-side")
_TRANSFER_FAILED = _in("transfer failure client-side")
_TRANSFER_SPECIFIC = _TRANSFER_FAILED | {Group.FAILURE_SPECIFIC}
_JOB_NOTE = _in("transfer-job informational client-side")
_JOB_DONE = _in("transfer-job success client-side")
_JOB_FAILED = _in("transfer-job failure client-side")
_JOB_FILE_FAILED = _JOB_FAILED | {Group.FILE_OPERATION}
_CLIENT_NOTE = _in("authenticated informational client-side")
_LOCATION_DONE = _in("location-operation success client-side")
_LOCATION_FAILED = _in("location-operation failure client-side")
_LOCATION_CUT = _LOCATION_FAILED | {Group.FAILURE_HIGH}

# 1xxx: the file system and the process

VIRTUAL_FOLDER_CLASH: Final = Event(
    1005,
    p.Nothing,
    "A virtual folder hides a real file or folder of the same path.",
    _COMPAT_FAILED,
)
VIRTUAL_FOLDER_PROTECTED: Final = Event(
    1007,
    p.Nothing,
    "A client tried to change a virtual folder itself, or a folder that leads to one.",
    _COMPAT_FAILED,
)
ROOT_PROTECTED: Final = Event(
    1009,
    p.Nothing,
    "A client tried to delete the root of its files.",
    _COMPAT_FAILED | {Group.PROCESS},
)

# 10xxx: FTP and FTPS

FTP_WRITE_OPENED: Final = Event(
    10012, p.OpenedAt, 'Opened "{path}" for writing at {offset}.', _FTP_DONE
)
FTP_WRITE_OPEN_FAILED: Final = Event(
    10013,
    p.OpenAtFailed,
    'Opening "{path}" for writing at {offset} failed: {details}',
    _FTP_UNDONE,
)
FTP_CERTIFICATE_UNUSABLE: Final = Event(
    10014,
    p.Details,
    "The client's certificate is missing or cannot be accepted: {details}",
    _in("session failure ftp"),
)
FTP_NO_PASSIVE_PORT: Final = Event(
    10015,
    p.NoPassivePort,
    "No passive port of {port_range} is free for {mode}: {details}",
    _FTP_HIGH | {Group.OPERATIONAL},
)
FTP_COMMAND_BROKE: Final = Event(
    10016,
    p.LineFailed,
    'Internal error on FTP command "{line}": {details}',
    _in("operational authenticated failure failure-critical ftp"),
)
FTP_COMMAND_UNSUPPORTED: Final = Event(
    10019, p.Command, 'FTP command "{command}" is not supported.', _FTP_SPECIFIC
)
FTP_EXTENDED_PASSIVE_ASKED: Final = Event(
    10020,
    p.Nothing,
    "Extended passive mode asked for.",
    _FTP_NOTE | {Group.OPERATIONAL},
)
FTP_TLS_ABANDONED: Final = Event(
    10021,
    p.Details,
    "The client left before the TLS handshake was done: {details}",
    _in("session failure"),
)
FTP_PASSIVE_WAITING: Final = Event(
    10022,
    p.DataAddress,
    "Waiting for the client on {address}:{port} ({mode}).",
    _FTP_NOTE,
)
FTP_PASSIVE_UNUSED: Final = Event(
    10023,
    p.DataAddressFailed,
    "Nobody connected to {address}:{port} ({mode}) in time: {details}",
    _FTP_HIGH,
)
FTP_TLS_ACCEPTED: Final = Event(
    10024,
    p.Nothing,
    "TLS asked for with AUTH: the control connection is being secured.",
    _FTP_SESSION_NOTE,
)
FTP_APPEND_ASKED: Final = Event(10025, p.PathOf, 'Appending to "{path}" asked for.', _FTP_ASKED)
FTP_ADDRESS_REFUSED: Final = Event(
    10026,
    p.AddressRefused,
    'Address "{address}" given with {kind} is refused: {details}',
    _FTP_SPECIFIC,
)
FTP_CERTIFICATE_REQUIRED: Final = Event(
    10028,
    p.Username,
    '"{username}" must present a certificate to log in.',
    _FTP_SESSION_SPECIFIC,
)
FTP_CERTIFICATE_LOGIN_REFUSED: Final = Event(
    10029,
    p.UserFailed,
    'Login of "{username}" by certificate refused: {details}',
    _FTP_SESSION_SPECIFIC,
)
FTP_DATA_CLOSED: Final = Event(
    10030,
    p.DataClosed,
    "Data connection {host_address}:{host_port} with {peer_address}:{peer_port} closed: "
    "{received} bytes received, {sent} bytes sent in {duration:.3f} s, {speed} bytes/s, "
    "{encryption}.",
    _FTP_NOTE,
)
FTP_DATA_BROKE: Final = Event(
    10031,
    p.DataBroke,
    "Data connection {host_address}:{host_port} with {peer_address}:{peer_port} broke: "
    "{received} bytes received, {sent} bytes sent in {duration:.3f} s, {speed} bytes/s, "
    "{encryption}: {details}",
    _FTP_FAILED,
)
FTP_DATA_IDLE: Final = Event(
    10032,
    p.Endpoints,
    "Data connection {host_address}:{host_port} with {peer_address}:{peer_port} closed: "
    "nothing moved on it for too long.",
    _in("session failure failure-high failure-specific ftp"),
)
FTP_CONNECTED: Final = Event(
    10033, p.Nothing, "New FTP/FTPS client connection made.", _FTP_SESSION_NOTE
)
FTP_CLOSED: Final = Event(
    10034, p.Protection, "FTP/FTPS client connection closed, {encryption}.", _FTP_NOTE
)
FTP_TLS_REQUIRED: Final = Event(
    10035,
    p.Nothing,
    "Command refused: the control connection must be secured with TLS first.",
    _FTP_SESSION_SPECIFIC,
)
FTP_DATA_TLS_REQUIRED: Final = Event(
    10036,
    p.Nothing,
    "Transfer refused: data connections must be secured with TLS.",
    _FTP_SESSION_SPECIFIC,
)
FTP_ENTER_ASKED: Final = Event(
    10037, p.PathOf, 'Change of the working folder to "{path}" asked for.', _FTP_ASKED
)
FTP_ENTER_DONE: Final = Event(10038, p.PathOf, 'Working folder is now "{path}".', _FTP_DONE)
FTP_ENTER_FAILED: Final = Event(
    10039,
    p.PathFailed,
    'Working folder cannot become "{path}": {details}',
    _FTP_UNDONE,
)
FTP_APPEND_OPENED: Final = Event(
    10040,
    p.OpenedAt,
    'Opened "{path}" for appending at {offset}.',
    _FTP_DONE | {Group.OPERATION_APPEND},
)
FTP_APPEND_OPEN_FAILED: Final = Event(
    10041,
    p.OpenAtFailed,
    'Opening "{path}" for appending failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_APPEND},
)
FTP_LOST: Final = Event(
    10042,
    p.ProtectionLost,
    "FTP/FTPS client connection ended with an error, {encryption}: {details}",
    _FTP_HIGH,
)
FTP_REMOVE_ASKED: Final = Event(10043, p.PathOf, 'Removal of "{path}" asked for.', _FTP_ASKED)
FTP_REMOVE_DONE: Final = Event(
    10044, p.PathOf, 'Removed "{path}".', _FTP_DONE | {Group.OPERATION_DELETE}
)
FTP_REMOVE_FAILED: Final = Event(
    10045,
    p.PathFailed,
    'Removal of "{path}" failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_DELETE},
)
FTP_LIST_ASKED: Final = Event(
    10046, p.Listed, 'Listing ({operation}) of "{path}" asked for.', _FTP_ASKED
)
FTP_LIST_DONE: Final = Event(10047, p.Listed, 'Listed "{path}" ({operation}).', _FTP_DONE)
FTP_LIST_FAILED: Final = Event(
    10048, p.PathFailed, 'Listing of "{path}" failed: {details}', _FTP_UNDONE
)
FTP_STAT_ASKED: Final = Event(
    10049, p.AttributesOf, 'Attributes of "{path}" ({attributes}) asked for.', _FTP_ASKED
)
FTP_STAT_DONE: Final = Event(
    10050, p.AttributesOf, 'Attributes of "{path}" ({attributes}) told.', _FTP_DONE
)
FTP_STAT_FAILED: Final = Event(
    10051,
    p.AttributesFailed,
    'Attributes of "{path}" ({attributes}) cannot be told: {details}',
    _FTP_UNDONE,
)
FTP_MAKE_DIRECTORY_ASKED: Final = Event(
    10052, p.PathOf, 'Creation of folder "{path}" asked for.', _FTP_ASKED
)
FTP_MAKE_DIRECTORY_DONE: Final = Event(
    10053, p.PathOf, 'Created folder "{path}".', _FTP_DONE | {Group.OPERATION_CREATE_FOLDER}
)
FTP_MAKE_DIRECTORY_FAILED: Final = Event(
    10054,
    p.PathFailed,
    'Creation of folder "{path}" failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_CREATE_FOLDER},
)
FTP_DATA_OPENED: Final = Event(
    10055,
    p.Endpoints,
    "Data connection {host_address}:{host_port} with {peer_address}:{peer_port} opened.",
    _in("authenticated success ftp"),
)
FTP_SESSION_OPENED: Final = Event(
    10059,
    p.TreeShown,
    'FTP/FTPS session opened: "{real_path}" is shown as "{virtual_path}".',
    _in("authentication authenticated success ftp"),
)
FTP_PASSIVE_ASKED: Final = Event(10061, p.Mode, "Passive mode ({mode}) asked for.", _FTP_NOTE)
FTP_ACTIVE_ASKED: Final = Event(
    10062,
    p.DataAddress,
    "Active mode ({mode}) to {address}:{port} asked for.",
    _FTP_NOTE,
)
FTP_ACTIVE_CONNECTED: Final = Event(
    10063,
    p.ActiveConnected,
    "Connected from {source_address}:{source_port} to the client's {address}:{port}.",
    _FTP_NOTE,
)
FTP_ACTIVE_FAILED: Final = Event(
    10064,
    p.ActiveFailed,
    "Connecting from {source_address}:{source_port} to the client's {address}:{port} "
    "failed: {details}",
    _FTP_HIGH,
)
FTP_WORKING_FOLDER_TOLD: Final = Event(10065, p.Nothing, "Working folder told.", _FTP_NOTE)
FTP_QUIT: Final = Event(10066, p.Nothing, "The client ended the FTP session.", _FTP_SESSION_NOTE)
FTP_DOWNLOAD_ASKED: Final = Event(10068, p.PathOf, 'Download of "{path}" asked for.', _FTP_ASKED)
FTP_DOWNLOAD_DONE: Final = Event(
    10069,
    p.Moved,
    'Downloaded "{path}": {total} bytes in {duration:.3f} s, {speed} bytes/s.',
    _FTP_DONE | {Group.OPERATION_READ},
)
FTP_DOWNLOAD_FAILED: Final = Event(
    10070,
    p.MoveFailed,
    'Download of "{path}" ended early, after {total} bytes in {duration:.3f} s: {details}',
    _FTP_CUT | {Group.OPERATION_READ},
)
FTP_REMOVE_DIRECTORY_ASKED: Final = Event(
    10071, p.PathOf, 'Removal of folder "{path}" asked for.', _FTP_ASKED
)
FTP_REMOVE_DIRECTORY_DONE: Final = Event(
    10072, p.PathOf, 'Removed folder "{path}".', _FTP_DONE | {Group.OPERATION_DELETE}
)
FTP_REMOVE_DIRECTORY_FAILED: Final = Event(
    10073,
    p.PathFailed,
    'Removal of folder "{path}" failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_DELETE},
)
FTP_RENAME_ASKED: Final = Event(
    10074, p.Renamed, 'Rename of "{from}" to "{to}" asked for.', _FTP_ASKED
)
FTP_RENAME_DONE: Final = Event(
    10075, p.Renamed, 'Renamed "{from}" to "{to}".', _FTP_DONE | {Group.OPERATION_RENAME}
)
FTP_RENAME_FAILED: Final = Event(
    10076,
    p.RenameFailed,
    'Rename of "{from}" to "{to}" failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_RENAME},
)
FTP_UPLOAD_ASKED: Final = Event(10077, p.PathOf, 'Upload of "{path}" asked for.', _FTP_ASKED)
FTP_UPLOAD_DONE: Final = Event(
    10078,
    p.Moved,
    'Uploaded "{path}": {total} bytes in {duration:.3f} s, {speed} bytes/s.',
    _FTP_DONE | {Group.OPERATION_WRITE},
)
FTP_UPLOAD_FAILED: Final = Event(
    10079,
    p.MoveFailed,
    'Upload of "{path}" ended early, after {total} bytes in {duration:.3f} s: {details}',
    _FTP_CUT | {Group.OPERATION_WRITE},
)
FTP_TYPE_UNKNOWN: Final = Event(
    10080, p.DataType, 'Data type "{type}" is not known.', _FTP_SPECIFIC
)
FTP_TYPE_CHANGED: Final = Event(10081, p.DataType, 'Data type is now "{type}".', _FTP_NOTE)
FTP_TYPE_IGNORED: Final = Event(
    10082,
    p.DataType,
    'Data type "{type}" was accepted, but files are moved as they are.',
    _FTP_NOTE,
)
FTP_PASSIVE_LISTENING: Final = Event(
    10083, p.Port, "Listening on passive port {port}.", _FTP_NOTE | {Group.SESSION}
)
FTP_IDLE: Final = Event(
    10084,
    p.Details,
    "The control connection was idle for too long: {details}",
    _in("session failure failure-high ftp"),
)
FTP_CLEAR_AGAIN: Final = Event(
    10085,
    p.Nothing,
    "The control connection is in clear text again.",
    _in("authenticated success ftp"),
)
FTP_CLEAR_ALREADY: Final = Event(
    10086,
    p.Nothing,
    "Clear text asked for on a control connection that has no TLS.",
    _FTP_SPECIFIC,
)
FTP_CLEAR_REFUSED: Final = Event(
    10087,
    p.Nothing,
    "Clear text asked for, but the control connection must stay secured.",
    _FTP_SPECIFIC,
)
FTP_TLS_FAILED: Final = Event(
    10088,
    p.ChannelFailed,
    "TLS handshake on the {channel_type} connection failed: {details}",
    _FTP_HIGH,
)
FTP_SESSION_FAILED: Final = Event(
    10089,
    p.Details,
    "The session could not be opened after the login: {details}",
    _in("authentication authenticated failure ftp"),
)
FTP_EXTENDED_ACTIVE_ASKED: Final = Event(
    10090,
    p.NetworkAddress,
    "Extended active mode to {ip}, port {port}, protocol {protocol} asked for.",
    _FTP_NOTE,
)
FTP_TOO_MANY_CONNECTIONS: Final = Event(
    10091,
    p.Nothing,
    "FTP/FTPS connection refused: the service has as many as it may have.",
    _FTP_SESSION_SPECIFIC,
)
FTP_CONNECTION_BROKE: Final = Event(
    10092,
    p.Details,
    "Internal error in an FTP/FTPS connection: {details}",
    _in("session failure failure-critical ftp"),
)
FTP_READ_OPENED: Final = Event(
    10094,
    p.OpenedAt,
    'Opened "{path}" for reading at {offset}.',
    _FTP_DONE | {Group.OPERATION_READ},
)
FTP_READ_OPEN_FAILED: Final = Event(
    10095,
    p.OpenAtFailed,
    'Opening "{path}" for reading at {offset} failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_READ},
)
FTP_SET_ATTRIBUTES_ASKED: Final = Event(
    10096,
    p.AttributesOf,
    'Change of the attributes of "{path}" ({attributes}) asked for.',
    _FTP_ASKED,
)
FTP_SET_ATTRIBUTES_DONE: Final = Event(
    10097, p.AttributesOf, 'Attributes of "{path}" ({attributes}) changed.', _FTP_DONE
)
FTP_SET_ATTRIBUTES_FAILED: Final = Event(
    10098,
    p.AttributesFailed,
    'Attributes of "{path}" ({attributes}) could not be changed: {details}',
    _FTP_UNDONE,
)
FTP_TLS_READY: Final = Event(
    10100,
    p.ChannelReady,
    'The {channel_type} connection is secured, {encryption}, client certificate "{certificate}".',
    _FTP_NOTE,
)
FTP_TLS_NOT_REUSED: Final = Event(
    10108,
    p.CommandFailed,
    "Data connection of {command} refused: its TLS session is not that of the control "
    "connection: {details}",
    _FTP_HIGH,
)

# 20xxx: process, components, authentication, handlers

PROCESS_STARTING: Final = Event(
    20001,
    p.ProcessState,
    'Server "{instance_name}" is starting, version {product_version}.',
    _PROCESS,
)
PROCESS_STOPPING: Final = Event(
    20002,
    p.ProcessState,
    'Server "{instance_name}" is shutting down, version {product_version}.',
    _PROCESS,
)
PROXY_HEADER_READ: Final = Event(
    20003,
    p.ProxyTold,
    "This connection of a proxy is that of {host}:{port}, who has connected to {reached}.",
    _in("operational session informational"),
)
START_ABORTED: Final = Event(
    20004, p.StartFailed, "The start was given up: {details}", _PROCESS_BROKEN
)
SOURCE_BLOCKED: Final = Event(
    20005,
    p.SourceBlocked,
    'The security policy "{policy_name}" refused the source: {details}',
    _in("operational session failure"),
)
PRIVILEGES_NOT_DROPPED: Final = Event(
    20007,
    p.SystemAccountFailed,
    'The process cannot become the operating system account "{account}": {details}',
    _PROCESS_FAILED,
)
ROOT_REFUSED: Final = Event(
    20008,
    p.Nothing,
    "The process will not go on as root unless it is told to.",
    _PROCESS_FAILED | {Group.FAILURE_SPECIFIC},
)
LOGIN_UNKNOWN: Final = Event(
    20021,
    p.LoginUnknown,
    'No authentication method knows "{username}" with {credentials_type} credentials.',
    _LOGIN_REFUSED | {Group.FAILURE_SPECIFIC},
)
AUTHORIZED_KEYS_UNREADABLE: Final = Event(
    20023, p.PathFailed, 'Authorized keys in "{path}" cannot be read: {details}', _FAILED
)
INTERNAL_ERROR: Final = Event(20024, p.Details, "Internal error: {details}", _PROCESS_BROKEN)
TLS_NOT_RELOADED: Final = Event(
    20032,
    p.TlsFailed,
    "What the service uses for TLS cannot be loaded again; it goes on with the old: {details}",
    _PROCESS_FAILED,
)
CRL_UNREADABLE: Final = Event(
    20036, p.ListFailed, 'Revocation list "{uri}" cannot be used: {details}', _FAILED
)
CRL_LOADED: Final = Event(
    20037,
    p.ListLoaded,
    'Revocation list "{uri}" of "{issuer}" loaded: {count} entries, valid until {next_update}, '
    "to be loaded again at {update_datetime}.",
    _DONE,
)
CRL_RELOAD_FAILED: Final = Event(
    20038,
    p.ListReloadFailed,
    'Revocation list "{uri}" cannot be loaded again; next try at {next_load}: {details}',
    _PROCESS_FAILED,
)
PEER_CERTIFICATE_REFUSED: Final = Event(
    20040,
    p.PeerCertificate,
    'Certificate {serial_number} of "{subject}" refused: {details}',
    _in("operational authenticated failure"),
)
HOME_CREATED: Final = Event(
    20042,
    p.HomeCreated,
    'Home folder "{path}" was missing and has been made, owner "{owner}", group "{group}".',
    _DONE,
)
CONTENT_FOUND: Final = Event(
    20044,
    p.ContentFound,
    'A line of "{path}" matches a rule of its content: {rule_details}',
    _in("operational authenticated success"),
)
PROGRAM_DONE: Final = Event(
    20053,
    p.ProgramDone,
    "The program {command} ended with exit code {exit_code}: {output_log}",
    _PROCESS_DONE,
)
PROGRAM_FAILED: Final = Event(
    20054, p.ProgramFailed, "The program {command} failed: {details}", _PROCESS_FAILED
)
AUTHENTICATION_BROKEN: Final = Event(
    20059,
    p.Failed,
    'Authentication method "{name}" broke: {details}',
    _in("operational session failure failure-critical"),
)
DATABASE_PURGE_FAILED: Final = Event(
    20062,
    p.Details,
    "Old events could not be deleted from the database: {details}",
    _in("process failure failure-high"),
)
PASSWORD_CHANGE_BROKE: Final = Event(
    20064,
    p.Details,
    "A password could not be changed: {details}",
    _in("operational authenticated failure failure-critical"),
)
COMPONENT_GIVEN_UP: Final = Event(
    20066,
    p.ComponentGivenUp,
    '{kind} "{name}" of type {type} stopped itself: too many failures in a row.',
    _PROCESS_FAILED | {Group.FAILURE_SPECIFIC},
)
HOME_UNAVAILABLE: Final = Event(
    20067, p.Details, "The home folder is not there: {details}", _FAILED
)
PRIVILEGES_KEPT: Final = Event(
    20069,
    p.Nothing,
    "The process keeps the operating system account it was started with.",
    _PROCESS,
)
SYSTEM_ACCOUNTS_UNAVAILABLE: Final = Event(
    20070,
    p.Failed,
    'Method "{name}" cannot ask the operating system, and lets nobody in: {details}',
    _PROCESS_FAILED,
)
PRIVILEGES_DROPPED: Final = Event(
    20071,
    p.SystemAccount,
    'The process now runs as the operating system account "{account_name}".',
    _PROCESS_DONE,
)
PROCESS_DETAILS: Final = Event(
    20072,
    p.ProcessDetails,
    'Process of "{os_user}" ({process_privileges}) in "{cwd}", Python {python_version}, '
    "{cryptography_library_version}.",
    _PROCESS,
)
SERVICE_STARTED: Final = Event(
    20076,
    p.ServiceStarted,
    'Service "{service_name}" started on "{address}:{port}" using "{protocol}" protocol.',
    _DONE,
)
SERVICE_START_FAILED: Final = Event(
    20077, p.ServiceFailed, 'Service "{service_name}" could not start: {details}', _FAILED
)
SERVICE_STOPPED: Final = Event(20078, p.ServiceStopped, 'Service "{service_name}" stopped.', _DONE)
USAGE: Final = Event(
    20079,
    p.UsageSample,
    "The process uses {cpu_percent} % of a processor, {memory_resident} bytes of memory, "
    "{connection_count} connections and {file_count} files.",
    _in("analytics process success"),
)
USAGE_CROSSED: Final = Event(
    20080,
    p.UsageCrossed,
    "The process uses more than is wanted: {details}",
    _in("analytics process failure"),
)
CREDENTIALS_UNSUPPORTED: Final = Event(
    20081,
    p.LoginUnknown,
    'No authentication method takes {credentials_type} credentials; "{username}" is refused.',
    _SESSION_FAILED | {Group.FAILURE_SPECIFIC},
)
MONITOR_FILE_REMOVED: Final = Event(
    20082, p.Aged, 'Old file "{path}" was removed: unchanged for {age} seconds.', _MONITOR_DONE
)
MONITOR_REMOVAL_FAILED: Final = Event(
    20083,
    p.AgedFailed,
    'Old file "{path}", unchanged for {age} seconds, cannot be removed: {details}',
    _in("monitor failure failure-high file-operation"),
)
USAGE_UNKNOWN: Final = Event(
    20084,
    p.Details,
    "What the process uses cannot be told: {details}",
    _in("analytics process failure failure-high"),
)
PASSWORD_CHANGED: Final = Event(20085, p.Nothing, "The account changed its password.", _DONE)
PASSWORD_NOT_CHANGED: Final = Event(
    20086,
    p.Details,
    "The account did not change its password: {details}",
    _in("operational authenticated failure"),
)
FALLBACK_DONE: Final = Event(
    20109,
    p.Dispatched,
    'No rule is for "{path}", dispatched by the fallback {mode}: {destination_paths}.',
    _in("authenticated informational file-operation"),
)
FALLBACK_FAILED: Final = Event(
    20110,
    p.DispatchFailed,
    'No rule is for "{path}", and the fallback {mode} failed: {details}',
    _DISPATCH_FAILED,
)
METHOD_SKIPPED: Final = Event(
    20111,
    p.MethodSkipped,
    'Authentication method "{method_name}" of type {method_type} is not running: passed over.',
    _in("session failure failure-specific"),
)
DATABASE_ACTION_FAILED: Final = Event(
    20112,
    p.DatabaseFailed,
    'Database "{database_name}" does not do what it is asked for: {details}',
    _PROCESS_FAILED,
)
CERTIFICATE_EXPIRES: Final = Event(
    20114,
    p.CertificateExpires,
    'Certificate "{name}" of {component} "{component_name}" {details}: '
    "{expires_in_days} days are left.",
    _PROCESS_FAILED,
)
MONITOR_FILE_AGED: Final = Event(
    20115, p.Aged, 'File "{path}" was not changed for {age} seconds.', _MONITOR_DONE
)
DATABASE_TABLE_WRONG: Final = Event(
    20116,
    p.TableWrong,
    'Table "{table_name}" of database "{database_name}" cannot be used: {details}',
    _PROCESS_FAILED,
)
DISPATCH_GONE: Final = Event(
    20124,
    p.Gone,
    'File "{path}" is gone: it is not dispatched.',
    _in("authenticated informational"),
)
DISPATCH_FAILED: Final = Event(
    20125,
    p.DispatchFailed,
    'Dispatching "{path}" by {mode} failed: {details}',
    _DISPATCH_FAILED,
)
MORE_CREDENTIALS_NEEDED: Final = Event(
    20126,
    p.MoreCredentials,
    '"{username}" gave a right {credentials_type} to "{method_name}"; '
    "the account asks for {required_credentials}.",
    _in("operational session success"),
)
SECOND_FACTOR_DONE: Final = Event(
    20127,
    p.SecondFactorDone,
    'The second factor of "{account_name}" was right: "{username}" gave it to "{method_name}".',
    _in("authentication authenticated success"),
)
ACCOUNT_EXPIRES: Final = Event(
    20128,
    p.Expires,
    'Account "{account_name}" expires in {days} days.',
    _PROCESS_DONE,
)
PASSWORD_EXPIRES: Final = Event(
    20129,
    p.Expires,
    'The password of account "{account_name}" expires in {days} days.',
    _PROCESS_DONE,
)
DISPATCH_DONE: Final = Event(
    20130,
    p.Dispatched,
    'File "{path}" dispatched by {mode}: {destination_paths}.',
    _in("authenticated success file-operation"),
)
LOGIN_FORBIDDEN: Final = Event(
    20136,
    p.LoginForbidden,
    'Method "{method_name}" forbids "{username}" with {credentials_type} credentials: {details}',
    _LOGIN_REFUSED,
)
LOGIN_DONE: Final = Event(
    20137,
    p.LoginDone,
    'Account "{account_name}" of type {account_type} in group "{group_name}" logged in '
    'by "{method_name}" with {credentials_type} credentials.',
    _in("authentication authenticated success"),
)
LOGIN_FAILED: Final = Event(
    20142,
    p.LoginFailed,
    'Method "{method_name}" refused "{username}" with {credentials_type} credentials: {details}',
    _LOGIN_REFUSED | {Group.FAILURE_HIGH},
)
ROTATION_MISCONFIGURED: Final = Event(
    20143, p.Details, "The log cannot be rotated as it is configured: {details}", _PROCESS_FAILED
)
DISPATCH_RETRIED: Final = Event(
    20146,
    p.DispatchRetried,
    'Dispatching "{path}" by {mode} failed, {count} times now, and is tried again in {wait} s: '
    "{details}",
    _in("process failure file-operation"),
)
EXTERNAL_KEYS_UNKNOWN: Final = Event(
    20149,
    p.Details,
    "An authentication server told of an account what is not understood: {details}",
    _PROCESS_FAILED,
)
COMPONENT_STARTED: Final = Event(
    20156, p.ComponentStarted, '{kind} "{name}" of type {type} started.', _COMPONENT_DONE
)
COMPONENT_STOPPED: Final = Event(
    20157, p.ComponentStopped, '{kind} "{name}" of type {type} stopped: {reason}', _COMPONENT_DONE
)
COMPONENT_START_FAILED: Final = Event(
    20158,
    p.ComponentFailed,
    '{kind} "{name}" of type {type} could not start: {details}',
    _COMPONENT_FAILED,
)
COMPONENT_STOP_FAILED: Final = Event(
    20159,
    p.ComponentFailed,
    '{kind} "{name}" of type {type} did not stop well: {details}',
    _COMPONENT_FAILED,
)
DATABASE_GONE: Final = Event(
    20161,
    p.ComponentPaused,
    'Event handler "{name}" of type {type} waits for its database; no event is lost.',
    _PROCESS,
)
DATABASE_BACK: Final = Event(
    20162,
    p.ComponentPaused,
    'Event handler "{name}" of type {type} goes on: its database is back.',
    _PROCESS,
)
DATABASE_MIGRATION_FAILED: Final = Event(
    20164,
    p.MigrationFailed,
    'The tables of the database of "{name}" could not be changed to this version: {details}',
    _PROCESS_FAILED,
)
MONITOR_FILE_MODIFIED: Final = Event(
    20166, p.Monitored, 'File "{path}" was changed.', _MONITOR_DONE
)
MONITOR_FILE_RENAMED: Final = Event(
    20167, p.MonitorRenamed, 'File "{from_path}" was renamed to "{to_path}".', _MONITOR_DONE
)
MONITOR_FOLDER_RENAMED: Final = Event(
    20168, p.MonitorRenamed, 'Folder "{from_path}" was renamed to "{to_path}".', _MONITOR_DONE
)
MONITOR_FILE_CREATED: Final = Event(20169, p.Monitored, 'File "{path}" was made.', _MONITOR_DONE)
MONITOR_FOLDER_CREATED: Final = Event(
    20170, p.Monitored, 'Folder "{path}" was made.', _MONITOR_DONE
)
MONITOR_FILE_DELETED: Final = Event(20171, p.Monitored, 'File "{path}" was deleted.', _MONITOR_DONE)
MONITOR_FOLDER_DELETED: Final = Event(
    20172, p.Monitored, 'Folder "{path}" was deleted.', _MONITOR_DONE
)
SIGNATURE_VALID: Final = Event(
    20173,
    p.PathOf,
    'The digital signature of "{path}" is valid.',
    _PROCESS_SIGNED | {Group.SUCCESS},
)
HANDLER_FAILED: Final = Event(
    20174,
    p.HandlerFailed,
    'Event handler "{name}" failed to handle event {id}: {details}',
    _in("authenticated failure failure-high"),
)
LOG_ROTATED: Final = Event(
    20175,
    p.Rotated,
    'Log "{source_path}" was rotated to "{path}" at {size} bytes.',
    _PROCESS_DONE | {Group.FILE_OPERATION},
)
LOG_TRUNCATED: Final = Event(
    20176, p.PathOf, 'Log "{path}" was emptied in place.', _PROCESS_DONE | {Group.FILE_OPERATION}
)
SIGNATURE_INVALID: Final = Event(
    20177,
    p.PathFailed,
    'The digital signature of "{path}" is not valid: {details}',
    _PROCESS_SIGNED | {Group.FAILURE, Group.FAILURE_HIGH},
)
CRL_POINT_FAILED: Final = Event(
    20178,
    p.PointFailed,
    'Revocation list "{path}", which a certificate names, cannot be used: {details}',
    _in("operational process failure"),
)
MONITOR_FILE_EXISTS: Final = Event(
    20179,
    p.Monitored,
    'File "{path}" was there at the first look.',
    _in("monitor informational file-operation"),
)
MONITOR_FOLDER_EXISTS: Final = Event(
    20180,
    p.Monitored,
    'Folder "{path}" was there at the first look.',
    _in("monitor informational file-operation"),
)
PROCESS_STARTED: Final = Event(
    20181,
    p.ProcessState,
    'Server "{instance_name}" has started, version {product_version}.',
    _PROCESS_DONE,
)
PERMISSIONS_IN_FORCE: Final = Event(
    20182,
    p.PermissionsInForce,
    'Account "{account_name}" has permissions {permissions}; its uploads are named {upload_names}.',
    _in("operational authenticated informational"),
)
ROTATION_FAILED: Final = Event(
    20183,
    p.Details,
    "The log could not be rotated: {details}",
    _PROCESS_FAILED | {Group.FILE_OPERATION},
)
HTTP_DELIVERED: Final = Event(
    20189, p.HttpDelivered, "Delivered {count} events ({event_id}) to {url}.", _DONE
)
FILE_DIGEST: Final = Event(
    20194,
    p.FileDigest,
    'The digest of "{path}": {output}',
    _in("operational authenticated success"),
)
ACCOUNT_UNUSED: Final = Event(
    20195,
    p.AccountUnused,
    'Account "{account_name}" is disabled: it was not used for {day_count} days, '
    "the last time on {last_login}.",
    _in("analytics process success"),
)

# 30xxx: SSH, SFTP and SCP

SSH_GLOBAL_REQUEST_DECLINED: Final = Event(
    30004, p.Request, 'Global SSH request "{request_type}" declined.', _SSH_NOTE
)
SSH_MESSAGE_UNKNOWN: Final = Event(
    30005,
    p.Message,
    "SSH message {message_id} is not known: {payload}",
    _in("operational authenticated failure failure-specific ssh"),
)
SSH_MESSAGE_BROKE: Final = Event(
    30006,
    p.MessageFailed,
    "Internal error on SSH message {message_id} ({payload}): {details}",
    _in("operational session failure failure-critical ssh"),
)
SSH_USERAUTH_VIOLATION: Final = Event(
    30007,
    p.UserauthFailed,
    '"{username}" broke the authentication protocol with method "{method}": {details}',
    _SSH_LOGIN_FAILED | {Group.FAILURE_HIGH},
)
SSH_REQUEST_REJECTED: Final = Event(
    30008, p.Details, "SSH request rejected: {details}", _SSH_FAILED
)
SSH_COMMAND_STARTED: Final = Event(
    30009, p.Command, 'Command "{command}" started.', _SSH_NOTE | {Group.OPERATIONAL}
)
SSH_COMMAND_ENDED: Final = Event(
    30010,
    p.Command,
    'Command "{command}" ended.',
    _in("operational authenticated success ssh"),
)
SSH_SESSION_OPENED: Final = Event(
    30011,
    p.SessionOpened,
    'Session opened on service "{service_name}": "{real_path}" is shown as "{virtual_path}". '
    'Client "{client_version}", key exchange {key_exchange}, host key {host_key}, '
    "from client {in_cipher} {in_hmac}, to client {out_cipher} {out_hmac}.",
    _in("authentication authenticated success ssh"),
)
SFTP_CLOSED: Final = Event(
    30012,
    p.ClientVersion,
    'SFTP closed, client "{client_version}".',
    _in("authenticated success ssh"),
)
SSH_NO_COMMON_ALGORITHM: Final = Event(
    30013,
    p.NoCommonAlgorithm,
    "No common {type}: the client offers {client_algorithms}; this server {server_algorithms}.",
    _in("session failure failure-high failure-specific ssh"),
)
SSH_CONNECTED: Final = Event(
    30014, p.Nothing, "New SSH connection.", _in("session informational ssh")
)
SSH_CLOSED: Final = Event(
    30015,
    p.Algorithms,
    'SSH connection closed. Client "{client_version}", key exchange {key_exchange}, '
    "host key {host_key}, from client {in_cipher} {in_hmac}, to client {out_cipher} {out_hmac}.",
    _SSH_NOTE,
)
SFTP_BROKE: Final = Event(30016, p.Details, "SFTP request failed: {details}", _FAILED | {Group.SSH})
SSH_CHANGE_DONE: Final = Event(
    30017,
    p.Changed,
    'File "{path}" closed after {mode}: {total_read} bytes read, {total_write} bytes written '
    "in {duration:.3f} s.",
    _FILE_DONE,
)
SSH_USERAUTH_BROKE: Final = Event(
    30018,
    p.UserFailed,
    'Internal error while "{username}" was logging in: {details}',
    _SSH_LOGIN_FAILED | {Group.FAILURE_CRITICAL},
)
SSH_LIST_ASKED: Final = Event(30019, p.PathOf, 'Listing of "{path}" asked for.', _FILE_ASKED)
SSH_LIST_DONE: Final = Event(30020, p.PathOf, 'Listed "{path}".', _FILE_DONE)
SSH_LIST_FAILED: Final = Event(
    30021, p.PathFailed, 'Listing of "{path}" failed: {details}', _FILE_FAILED
)
SSH_REMOVE_ASKED: Final = Event(30022, p.PathOf, 'Removal of "{path}" asked for.', _FILE_ASKED)
SSH_REMOVE_DONE: Final = Event(
    30023, p.PathOf, 'Removed "{path}".', _FILE_DONE | {Group.OPERATION_DELETE}
)
SSH_REMOVE_FAILED: Final = Event(
    30024,
    p.PathFailed,
    'Removal of "{path}" failed: {details}',
    _FILE_FAILED | {Group.OPERATION_DELETE},
)
SSH_RENAME_ASKED: Final = Event(
    30025, p.Renamed, 'Rename of "{from}" to "{to}" asked for.', _FILE_ASKED
)
SSH_RENAME_DONE: Final = Event(
    30026, p.Renamed, 'Renamed "{from}" to "{to}".', _FILE_DONE | {Group.OPERATION_RENAME}
)
SSH_RENAME_FAILED: Final = Event(
    30027,
    p.RenameFailed,
    'Rename of "{from}" to "{to}" failed: {details}',
    _FILE_FAILED | {Group.OPERATION_RENAME},
)
SSH_MAKE_DIRECTORY_ASKED: Final = Event(
    30028, p.PathOf, 'Creation of folder "{path}" asked for.', _FILE_ASKED
)
SSH_MAKE_DIRECTORY_DONE: Final = Event(
    30029, p.PathOf, 'Created folder "{path}".', _FILE_DONE | {Group.OPERATION_CREATE_FOLDER}
)
SSH_MAKE_DIRECTORY_FAILED: Final = Event(
    30030,
    p.PathFailed,
    'Creation of folder "{path}" failed: {details}',
    _FILE_FAILED | {Group.OPERATION_CREATE_FOLDER},
)
SSH_REMOVE_DIRECTORY_ASKED: Final = Event(
    30031, p.PathOf, 'Removal of folder "{path}" asked for.', _FILE_ASKED
)
SSH_REMOVE_DIRECTORY_DONE: Final = Event(
    30032, p.PathOf, 'Removed folder "{path}".', _FILE_DONE | {Group.OPERATION_DELETE}
)
SSH_REMOVE_DIRECTORY_FAILED: Final = Event(
    30033,
    p.PathFailed,
    'Removal of folder "{path}" failed: {details}',
    _FILE_FAILED | {Group.OPERATION_DELETE},
)
SSH_STAT_ASKED: Final = Event(30034, p.PathOf, 'Attributes of "{path}" asked for.', _FILE_ASKED)
SSH_STAT_DONE: Final = Event(30035, p.PathOf, 'Attributes of "{path}" told.', _FILE_DONE)
SSH_STAT_FAILED: Final = Event(
    30036, p.PathFailed, 'Attributes of "{path}" cannot be told: {details}', _FILE_FAILED
)
SSH_SETSTAT_ASKED: Final = Event(
    30037, p.PathOf, 'Change of the attributes of "{path}" asked for.', _FILE_ASKED
)
SSH_SETSTAT_DONE: Final = Event(30038, p.PathOf, 'Attributes of "{path}" changed.', _FILE_DONE)
SSH_SETSTAT_FAILED: Final = Event(
    30039,
    p.PathFailed,
    'Attributes of "{path}" could not be changed: {details}',
    _FILE_FAILED,
)
SSH_CHANGE_INTERRUPTED: Final = Event(
    30040,
    p.ChangeFailed,
    'File "{path}" was left in the middle of {mode}: {total_read} bytes read, '
    "{total_write} bytes written in {duration:.3f} s: {details}",
    _FILE_CUT,
)
SSH_DOWNLOAD_FAILED: Final = Event(
    30041,
    p.DownloadFailed,
    'Download of "{path}" ended early, after {total_read} bytes in {duration:.3f} s: {details}',
    _FILE_CUT | {Group.OPERATION_READ},
)
SSH_UPLOAD_FAILED: Final = Event(
    30042,
    p.UploadFailed,
    'Upload of "{path}" ended early, after {total_write} bytes in {duration:.3f} s: {details}',
    _FILE_CUT | {Group.OPERATION_WRITE},
)
SSH_OPEN_DONE: Final = Event(30043, p.Opened, 'Opened "{path}" for {mode}.', _FILE_DONE)
SSH_OPEN_FAILED: Final = Event(
    30044, p.OpenFailed, 'Opening "{path}" for {mode} failed: {details}', _FILE_FAILED
)
SSH_READ_FAILED: Final = Event(
    30045,
    p.BlockFailed,
    'Reading {length} bytes at {offset} of "{path}" failed: {details}',
    _FILE_FAILED,
)
SSH_WRITE_FAILED: Final = Event(
    30046,
    p.BlockFailed,
    'Writing {length} bytes at {offset} of "{path}" failed: {details}',
    _FILE_FAILED,
)
SFTP_REQUEST_UNSUPPORTED: Final = Event(
    30048, p.Details, "SFTP request not supported: {details}", _SSH_FAILED
)
SSH_CLIENT_KEY_UNREADABLE: Final = Event(
    30049, p.Details, "The client's public key cannot be read: {details}", _SSH_LOGIN_FAILED
)
SSH_DISCONNECTING: Final = Event(
    30050, p.Details, "The server disconnects the client: {details}", _SSH_NOTE
)
SSH_TOO_MANY_CONNECTIONS: Final = Event(
    30051,
    p.Nothing,
    "SSH connection refused: the service has as many as it may have.",
    _in("session failure failure-specific ssh"),
)
SFTP_REQUEST_BROKE: Final = Event(
    30052,
    p.CommandFailed,
    "Internal error on SFTP request {command}: {details}",
    _in("session failure failure-critical ssh"),
)
SSH_READ_LINK_ASKED: Final = Event(
    30053, p.PathOf, 'Target of the link "{path}" asked for.', _FILE_ASKED
)
SSH_READ_LINK_DONE: Final = Event(30054, p.PathOf, 'Target of the link "{path}" told.', _FILE_DONE)
SSH_READ_LINK_FAILED: Final = Event(
    30055, p.PathFailed, 'Target of the link "{path}" cannot be told: {details}', _FILE_FAILED
)
SSH_MAKE_LINK_ASKED: Final = Event(
    30056, p.PathOf, 'Creation of the link "{path}" asked for.', _FILE_ASKED
)
SSH_MAKE_LINK_DONE: Final = Event(30057, p.PathOf, 'Created the link "{path}".', _FILE_DONE)
SSH_MAKE_LINK_FAILED: Final = Event(
    30058, p.PathFailed, 'Creation of the link "{path}" failed: {details}', _FILE_FAILED
)
SFTP_EXTENSION_UNSUPPORTED: Final = Event(
    30059,
    p.Request,
    'SFTP extension "{request_type}" is not supported.',
    _SSH_FAILED | {Group.FAILURE_SPECIFIC},
)
SSH_REAL_PATH_ASKED: Final = Event(
    30060, p.PathOf, 'Absolute path of "{path}" asked for.', _FILE_ASKED
)
SSH_FSTAT_FAILED: Final = Event(
    30061,
    p.HandleFailed,
    'Attributes of the open file "{path}" cannot be told: {details}',
    _FILE_FAILED,
)
SSH_FSETSTAT_UNSUPPORTED: Final = Event(
    30062,
    p.PathOf,
    'Attributes of the open file "{path}" cannot be changed here.',
    _FILE_FAILED | {Group.FAILURE_SPECIFIC},
)
SSH_PEER_GONE: Final = Event(
    30063,
    p.Details,
    "Nothing can be sent to the client, the session is closed: {details}",
    _SSH_FAILED | {Group.FAILURE_CRITICAL},
)
SCP_CLOSED: Final = Event(30064, p.Nothing, "SCP closed.", _SSH_NOTE)
SCP_BROKE: Final = Event(30065, p.Details, "Internal error in SCP: {details}", _SSH_BROKEN)
SSH_COMMAND_FAILED: Final = Event(
    30066, p.CommandFailed, 'Command "{command}" failed: {details}', _SSH_BROKEN
)
SSH_DOWNLOAD_DONE: Final = Event(
    30067,
    p.Downloaded,
    'Downloaded "{path}": {total_read} bytes in {duration:.3f} s, {read_speed} bytes/s.',
    _FILE_DONE | {Group.OPERATION_READ},
)
SSH_UPLOAD_DONE: Final = Event(
    30068,
    p.Uploaded,
    'Uploaded "{path}": {total_write} bytes in {duration:.3f} s, {write_speed} bytes/s.',
    _FILE_DONE | {Group.OPERATION_WRITE},
)
SSH_USERNAME_NOT_UTF8: Final = Event(
    30069,
    p.Username,
    'The user name "{username}" is not UTF-8.',
    _in("session failure failure-specific ssh"),
)
SSH_PASSWORD_NOT_UTF8: Final = Event(
    30070,
    p.Nothing,
    "The password is not UTF-8.",
    _in("session failure failure-specific ssh"),
)
SSH_FSETSTAT_IGNORED: Final = Event(
    30074,
    p.HandleFailed,
    'Change of the attributes of the open file "{path}" ignored: {details}',
    _FILE_FAILED | {Group.FAILURE_SPECIFIC},
)
SSH_FSTAT_DONE: Final = Event(
    30081, p.PathOf, 'Attributes of the open file "{path}" told.', _FILE_DONE
)
SSH_CLIENT_DISCONNECTED: Final = Event(
    30082, p.Disconnected, "The client disconnected, code {code}: {details}", _SSH_NOTE
)

# 40xxx: HTTP and HTTPS

HTTP_UNAUTHENTICATED: Final = Event(
    40000,
    p.UriFailed,
    'Request of "{uri}" without valid credentials: {details}',
    _HTTP_SESSION_FAILED,
)
HTTP_STATIC_MISSING: Final = Event(
    40001, p.UriAsked, 'There is no file of pages "{uri}".', _HTTP_SESSION_NOTE
)
HTTP_STAT_FAILED: Final = Event(
    40002, p.PathFailed, 'Attributes of "{path}" cannot be told: {details}', _HTTP_UNDONE
)
HTTP_REQUEST_BROKE: Final = Event(
    40003,
    p.UriBroke,
    'Internal error on a request of "{uri}", {title}: {details}',
    _HTTP_SESSION_FAILED | {Group.FAILURE_CRITICAL},
)
HTTP_READ_OPENED: Final = Event(40004, p.PathOf, 'Opened "{path}" for reading.', _HTTP_ASKED)
HTTP_HEAD_OF_FILE: Final = Event(40005, p.PathOf, 'Head of the file "{path}" told.', _HTTP_ASKED)
HTTP_LIST_ASKED: Final = Event(40006, p.PathOf, 'Listing of "{path}" asked for.', _HTTP_ASKED)
HTTP_SESSION_OPENED: Final = Event(
    40007,
    p.TreeShown,
    'HTTP session opened: "{real_path}" is shown as "{virtual_path}".',
    _in("authentication authenticated success http"),
)
HTTP_REDIRECTED: Final = Event(
    40008, p.Redirected, 'Request of "{uri}" redirected to "{redirect_uri}".', _HTTP_NOTE
)
HTTP_CERTIFICATE_UNUSABLE: Final = Event(
    40009,
    p.Details,
    "The client's certificate is not accepted: {details}",
    _HTTP_SESSION_FAILED,
)
HTTP_MAKE_DIRECTORY_DONE: Final = Event(
    40010, p.PathOf, 'Created folder "{path}".', _HTTP_DONE | {Group.OPERATION_CREATE_FOLDER}
)
HTTP_MAKE_DIRECTORY_FAILED: Final = Event(
    40011,
    p.PathFailed,
    'Creation of folder "{path}" failed: {details}',
    _HTTP_UNDONE | {Group.OPERATION_CREATE_FOLDER},
)
HTTP_REMOVE_DONE: Final = Event(
    40012, p.PathOf, 'Removed "{path}".', _HTTP_DONE | {Group.OPERATION_DELETE}
)
HTTP_REMOVE_FAILED: Final = Event(
    40013,
    p.PathFailed,
    'Removal of "{path}" failed: {details}',
    _HTTP_UNDONE | {Group.OPERATION_DELETE},
)
HTTP_LIST_FAILED: Final = Event(
    40014, p.PathFailed, 'Listing of "{path}" failed: {details}', _HTTP_UNDONE
)
HTTP_IDLE: Final = Event(
    40015, p.IdleFor, "The session ends: nothing was asked for {timeout} s.", _HTTP_NOTE
)
HTTP_ZIP_STARTED: Final = Event(
    40016, p.ZipStarted, "ZIP of {initial_count} files or folders begun.", _HTTP_NOTE
)
HTTP_UPLOAD_DONE: Final = Event(
    40017,
    p.UploadedByHttp,
    'Uploaded "{path}": {total_write} bytes in {duration:.3f} s.',
    _HTTP_DONE | {Group.OPERATION_WRITE},
)
HTTP_BODY_CUT: Final = Event(
    40018,
    p.BodyCut,
    'The client was disconnected while it was sending a body to "{uri}", {code} {message}: '
    "{details}",
    _HTTP_SESSION_FAILED | {Group.FAILURE_HIGH},
)
HTTP_BAD_REQUEST: Final = Event(
    40019, p.RequestRefused, 'Bad request of "{uri}": {details}', _HTTP_UNDONE
)
HTTP_WRITE_OPENED: Final = Event(40021, p.UploadByHttp, 'Opened "{path}" for writing.', _HTTP_ASKED)
HTTP_UPLOAD_FAILED: Final = Event(
    40022,
    p.UploadByHttpFailed,
    'Upload of "{path}" failed, after {total_write} bytes in {duration:.3f} s: {details}',
    _HTTP_UNDONE | {Group.OPERATION_WRITE},
)
HTTP_ZIP_DONE: Final = Event(40025, p.ZipDone, "ZIP of {count} files sent.", _HTTP_SUCCESS)
HTTP_REMOVE_DIRECTORY_DONE: Final = Event(
    40026, p.PathOf, 'Removed folder "{path}".', _HTTP_DONE | {Group.OPERATION_DELETE}
)
HTTP_REMOVE_DIRECTORY_FAILED: Final = Event(
    40027,
    p.PathFailed,
    'Removal of folder "{path}" failed: {details}',
    _HTTP_UNDONE | {Group.OPERATION_DELETE},
)
HTTP_DISCONNECTED: Final = Event(
    40029, p.Details, "The server closes the connection: {details}", _HTTP_SESSION_FAILED
)
HTTP_FOLDER_THERE: Final = Event(40030, p.PathOf, 'Folder "{path}" is there already.', _HTTP_ASKED)
HTTP_LIST_DONE: Final = Event(40034, p.PathOf, 'Listed "{path}".', _HTTP_DONE)
HTTP_READ_OPEN_FAILED: Final = Event(
    40035, p.PathFailed, 'Opening "{path}" for reading failed: {details}', _HTTP_UNDONE
)
HTTP_HEAD_OF_FOLDER: Final = Event(
    40036, p.PathOf, 'Head of the folder "{path}" told.', _HTTP_ASKED
)
HTTP_LOGGED_OUT: Final = Event(40037, p.Nothing, "The client has logged out.", _HTTP_NOTE)
HTTP_PUBLIC_REFUSED: Final = Event(
    40038, p.Details, "The public area is not shown: {details}", _HTTP_SESSION_FAILED
)
HTTP_DOWNLOAD_DONE: Final = Event(
    40039,
    p.DownloadedByHttp,
    'Downloaded "{path}": {total_read} bytes in {duration:.3f} s.',
    _HTTP_DONE | {Group.OPERATION_READ},
)
HTTP_DOWNLOAD_FAILED: Final = Event(
    40040,
    p.DownloadByHttpFailed,
    'Download of "{path}" ended early, after {total_read} bytes in {duration:.3f} s: {details}',
    _HTTP_UNDONE | {Group.OPERATION_READ},
)
HTTP_ZIP_FAILED: Final = Event(
    40041, p.Details, "The ZIP could not be sent to its end: {details}", _HTTP_FAILED
)
URL_SUSPENDED: Final = Event(
    40042,
    p.UrlSuspended,
    "{url} fails and is not asked for {retry_interval:.0f} s while another can be: {details}",
    _PROCESS_FAILED,
)
HTTP_TRIGGERED: Final = Event(
    40043, p.Triggered, 'Trigger "{name}" for {files}.', _in("authenticated informational")
)
HTTP_CONNECTED: Final = Event(40053, p.Nothing, "New HTTP connection.", _HTTP_SESSION_NOTE)
HTTP_CLOSED: Final = Event(
    40054,
    p.ProtectionLost,
    "HTTP connection closed; encryption {encryption}, certificate {certificate}: {details}",
    _HTTP_SESSION_NOTE,
)
HTTP_RENAME_DONE: Final = Event(
    40055, p.Renamed, 'Renamed "{from}" to "{to}".', _HTTP_DONE | {Group.OPERATION_RENAME}
)
HTTP_RENAME_FAILED: Final = Event(
    40056,
    p.RenameFailed,
    'Rename of "{from}" to "{to}" failed: {details}',
    _HTTP_UNDONE | {Group.OPERATION_RENAME},
)
HTTP_READ_FAILED: Final = Event(
    40058,
    p.BlockFailed,
    'Reading {length} bytes at {offset} of "{path}" failed: {details}',
    _HTTP_BLOCK_FAILED,
)
HTTP_WRITE_FAILED: Final = Event(
    40059,
    p.BlockFailed,
    'Writing {length} bytes at {offset} of "{path}" failed: {details}',
    _HTTP_BLOCK_FAILED,
)
HTTP_RENAME_ASKED: Final = Event(
    40062, p.Renamed, 'Rename of "{from}" to "{to}" asked for.', _HTTP_ASKED
)

# 50xxx: what administrators do

SOURCE_UNBLOCKED: Final = Event(
    50008,
    p.SourceUnblocked,
    'An administrator lifted what "{source_ip}" had under the security policy "{policy_name}".',
    _in("administration success local-manager"),
)

# 60xxx: transfers, and the locations at their ends

TRANSFER_SOURCE_MODIFIED: Final = Event(
    60000, p.SourcePath, 'The source file "{path}" has changed.', _TRANSFER_NOTE
)
TRANSFER_SOURCE_APPEARED: Final = Event(
    60003, p.SourcePath, 'The source file "{path}" has appeared.', _TRANSFER_NOTE
)
TRANSFER_SOURCE_PRESENT: Final = Event(
    60004,
    p.SourcePath,
    'The source file "{path}" was there before the transfer started, and will be sent.',
    _TRANSFER_NOTE,
)
TRANSFER_LISTING_FAILED: Final = Event(
    60005,
    p.SourceUnlisted,
    'Listing the source "{path}" failed, and is tried again in {delay} seconds, {retries_left} '
    "times more: {details}",
    _LOCATION_FAILED,
)
TRANSFER_BATCHED: Final = Event(
    60006, p.SourceNoted, 'The source file "{path}" is in the batch: {details}', _TRANSFER_NOTE
)
TRANSFER_PROGRAM_STARTING: Final = Event(
    60007, p.TransferProgram, 'Running "{name}" for "{path}".', _JOB_NOTE
)
TRANSFER_PROGRAM_DONE: Final = Event(
    60008,
    p.TransferProgramDone,
    '"{name}" for "{path}" ended with {exit_code}.',
    _JOB_DONE,
)
TRANSFER_PROGRAM_FAILED: Final = Event(
    60009,
    p.TransferProgramFailed,
    '"{name}" for "{path}" failed: {details}',
    _JOB_FAILED,
)
TRANSFER_FILE_STARTS: Final = Event(
    60010,
    p.FileStarts,
    'The {transfer_type} of "{path}" begins: {size} bytes.',
    _JOB_NOTE,
)
TRANSFER_FILE_RETRIED: Final = Event(
    60011,
    p.FileRetried,
    '"{path}" could not be transferred, {count} times now, and is tried again in {wait} '
    "seconds: {details}",
    _JOB_FILE_FAILED,
)
TRANSFER_FILE_DONE: Final = Event(
    60012,
    p.FileTransferred,
    'Transferred "{source_path}" to "{destination_path}": {size} bytes, of which '
    "{transferred_size} were sent in {duration:.3f} s, {speed} bytes/s.",
    _JOB_DONE | {Group.FILE_OPERATION},
)
TRANSFER_FILE_BROKE: Final = Event(
    60013,
    p.FileBroke,
    'The {transfer_type} of "{path}" ended early, after {transferred_size} bytes of {size} in '
    "{duration:.3f} s: {details}",
    _JOB_FILE_FAILED,
)
TRANSFER_SOURCE_UNOPENED: Final = Event(
    60014,
    p.JobPathFailed,
    'The source "{path}" could not be opened: {details}',
    _JOB_FILE_FAILED,
)
TRANSFER_DESTINATION_UNOPENED: Final = Event(
    60015,
    p.JobPathFailed,
    'The destination "{path}" could not be opened: {details}',
    _JOB_FILE_FAILED,
)
TRANSFER_JOB_FAILED: Final = Event(
    60016,
    p.JobFailed,
    'The transfer of {failed_paths} has failed at "{step_name}" after {retries} more tries: '
    "{details}",
    _JOB_FAILED | {Group.FAILURE_HIGH},
)
TRANSFER_JOB_DONE: Final = Event(
    60017, p.JobDone, "Everything was transferred: {paths}.", _JOB_DONE
)
TRANSFER_STEP_BROKE: Final = Event(
    60018,
    p.JobStepFailed,
    'Internal error at "{step_name}" of "{path}": {details}',
    _JOB_FAILED | {Group.FAILURE_CRITICAL},
)
TRANSFER_TOO_FEW: Final = Event(
    60019,
    p.TooFewTransferred,
    "Only {transfer_count} files were transferred within {success_interval} seconds, where "
    "{minimum_count} are expected.",
    _TRANSFER_SPECIFIC,
)
TRANSFER_SCHEDULE_PLANNED: Final = Event(
    60020,
    p.SchedulePlanned,
    'Transfer "{name}" will {action} at {date}, in {seconds} seconds.',
    _TRANSFER_NOTE,
)
TRANSFER_STATE: Final = Event(
    60021, p.TransferState, 'Transfer "{name}" is {state}.', _TRANSFER_NOTE
)
TRANSFER_SCHEDULE_DONE: Final = Event(
    60022,
    p.ScheduleAction,
    'Transfer "{name}" is told to {action} by its schedule.',
    _TRANSFER_NOTE,
)
TRANSFER_SCHEDULE_MISSED: Final = Event(
    60023,
    p.ScheduleMissed,
    'Transfer "{name}" should have been told to {action} at {expected_date}: it is told now.',
    _TRANSFER_SPECIFIC,
)
LOCATION_KEEPALIVE_FAILED: Final = Event(
    60024,
    p.Failed,
    'Location "{name}" gave no sign of life, and the connection ends: {details}',
    _in("authenticated failure client-side"),
)
TRANSFER_ARCHIVE_FAILED: Final = Event(
    60025,
    p.NotArchived,
    'Archiving "{path}" as "{archive_path}" failed: {details}',
    _JOB_FAILED,
)
TRANSFER_ARCHIVED: Final = Event(
    60026, p.Archived, 'Archived "{path}" as "{archive_path}".', _JOB_DONE
)
TRANSFER_FILE_UNFIT: Final = Event(
    60028,
    p.JobNamedFailed,
    'Transfer "{name}" cannot transfer "{path}": {details}',
    _JOB_FAILED,
)
TRANSFER_OVERWRITES: Final = Event(
    60029,
    p.JobNamed,
    'Transfer "{name}" will overwrite "{path}" at the destination.',
    _JOB_NOTE,
)
TRANSFER_MOVED_ASIDE: Final = Event(
    60030,
    p.MovedAside,
    'Transfer "{name}" has renamed what was at the destination "{path}" to "{existing_path}".',
    _JOB_DONE,
)
TRANSFER_OTHER_NAME: Final = Event(
    60031,
    p.OtherName,
    'Transfer "{name}" sends "{path}" as "{destination_path}": its name is taken.',
    _JOB_NOTE,
)
TRANSFER_BATCH_STARTS: Final = Event(
    60032,
    p.BatchStarts,
    'Transfer "{name}" collects a batch, from "{path}" on, until nothing comes for {seconds} '
    "seconds.",
    _TRANSFER_NOTE,
)
TRANSFER_JOB_QUEUED: Final = Event(
    60033,
    p.JobQueued,
    'Transfer "{name}" has {count} files to transfer, and {queue} in its queue.',
    _TRANSFER_NOTE,
)
TRANSFER_BATCH_CANCELLED: Final = Event(
    60034, p.BatchEnded, 'Transfer "{name}" cancelled a batch of {count} files.', _TRANSFER_NOTE
)
LOCATION_CLOSED: Final = Event(
    60035,
    p.LocationClosed,
    'Closed "{path}" of "{location}": {read_size} bytes read, {write_size} bytes written.',
    _LOCATION_DONE,
)
LOCATION_CLOSE_FAILED: Final = Event(
    60036,
    p.LocationHandleFailed,
    'Closing "{path}" of "{location}" failed: {details}',
    _LOCATION_CUT,
)
LOCATION_READ_FAILED: Final = Event(
    60037,
    p.LocationHandleFailed,
    'Reading "{path}" of "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_WRITE_FAILED: Final = Event(
    60038,
    p.LocationHandleFailed,
    'Writing "{path}" of "{location}" failed: {details}',
    _LOCATION_FAILED,
)
TRANSFER_MONITORING: Final = Event(
    60039,
    p.Monitoring,
    'The source "{path}" of "{location}" is looked at every {changes_poll_interval} seconds; a '
    "file is taken when it has not changed for {stable_interval} seconds.",
    _in("success authenticated client-side"),
)
TRANSFER_MONITORING_ENDED: Final = Event(
    60040,
    p.AtLocation,
    'The source "{path}" of "{location}" is not looked at any more.',
    _LOCATION_DONE,
)
LOCATION_NOT_THERE: Final = Event(
    60041, p.AtLocation, 'Looked for "{path}" at "{location}": it is not there.', _LOCATION_DONE
)
LOCATION_RENAME_DONE: Final = Event(
    60043, p.LocationRenamed, 'Renamed "{from}" to "{to}" at "{location}".', _LOCATION_DONE
)
LOCATION_RENAME_FAILED: Final = Event(
    60044,
    p.LocationRenameFailed,
    'Renaming "{from}" to "{to}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_REMOVE_DONE: Final = Event(
    60045, p.AtLocation, 'Removed "{path}" at "{location}".', _LOCATION_DONE
)
LOCATION_REMOVE_FAILED: Final = Event(
    60046,
    p.AtLocationFailed,
    'Removing "{path}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_REMOVE_FOLDER_DONE: Final = Event(
    60047, p.LocationFolder, 'Removed the folder "{path}" at "{location}".', _LOCATION_DONE
)
LOCATION_REMOVE_FOLDER_FAILED: Final = Event(
    60048,
    p.LocationFolderFailed,
    'Removing the folder "{path}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_MAKE_FOLDER_DONE: Final = Event(
    60049, p.AtLocation, 'Created the folder "{path}" at "{location}".', _LOCATION_DONE
)
LOCATION_MAKE_FOLDER_FAILED: Final = Event(
    60050,
    p.AtLocationFailed,
    'Creating the folder "{path}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_LIST_DONE: Final = Event(
    60051, p.AtLocation, 'Listed "{path}" at "{location}".', _LOCATION_DONE
)
LOCATION_LIST_FAILED: Final = Event(
    60052,
    p.AtLocationFailed,
    'Listing "{path}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_READ_OPENED: Final = Event(
    60053, p.AtLocation, 'Opened "{path}" at "{location}" for reading.', _LOCATION_DONE
)
LOCATION_READ_OPEN_FAILED: Final = Event(
    60054,
    p.AtLocationFailed,
    'Opening "{path}" at "{location}" for reading failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_WRITE_OPENED: Final = Event(
    60055, p.AtLocation, 'Opened "{path}" at "{location}" for writing.', _LOCATION_DONE
)
LOCATION_WRITE_OPEN_FAILED: Final = Event(
    60056,
    p.AtLocationFailed,
    'Opening "{path}" at "{location}" for writing failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_APPEND_OPENED: Final = Event(
    60057, p.AtLocation, 'Opened "{path}" at "{location}" to write on at its end.', _LOCATION_DONE
)
LOCATION_APPEND_OPEN_FAILED: Final = Event(
    60058,
    p.AtLocationFailed,
    'Opening "{path}" at "{location}" to write on at its end failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_TOUCH_DONE: Final = Event(
    60059, p.AtLocation, 'Set attributes of "{path}" at "{location}".', _LOCATION_DONE
)
LOCATION_TOUCH_FAILED: Final = Event(
    60060,
    p.AtLocationFailed,
    'Setting attributes of "{path}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
LOCATION_KEEPALIVE_SENT: Final = Event(
    60063, p.NameOf, 'Location "{name}" was asked for a sign of life.', _CLIENT_NOTE
)
TRANSFER_COMMANDS_START: Final = Event(
    60064, p.AtDestination, 'Transfer "{name}" gives its {condition} commands.', _JOB_NOTE
)
TRANSFER_COMMANDS_DONE: Final = Event(
    60065, p.AtDestination, 'Transfer "{name}" has given its {condition} commands.', _JOB_DONE
)
TRANSFER_COMMANDS_FAILED: Final = Event(
    60066,
    p.AtDestinationFailed,
    'The {condition} commands of transfer "{name}" failed: {details}',
    _JOB_FAILED,
)
LOCATION_IDLE: Final = Event(
    60067,
    p.LocationIdle,
    'A connection to location "{name}" was not used for {seconds} seconds, and is closed.',
    _CLIENT_NOTE,
)
LOCATION_RECONNECTING: Final = Event(
    60068,
    p.NameOf,
    'The connection to location "{name}", which is always kept, is made again.',
    _CLIENT_NOTE,
)
TRANSFER_SOURCE_UNCLOSED: Final = Event(
    60069,
    p.SourceUnclosed,
    'The source "{source_path}" could not be closed: {details}',
    _JOB_FILE_FAILED | {Group.FAILURE_HIGH},
)
TRANSFER_PAUSED: Final = Event(
    60070,
    p.AtStep,
    'Location "{location}" is not there: "{path}" waits at "{step_name}" until it is.',
    _JOB_NOTE,
)
LOCATION_STAT_DONE: Final = Event(
    60071, p.AtLocation, 'Read the attributes of "{path}" at "{location}".', _LOCATION_DONE
)
LOCATION_STAT_FAILED: Final = Event(
    60072,
    p.AtLocationFailed,
    'Reading the attributes of "{path}" at "{location}" failed: {details}',
    _LOCATION_FAILED,
)
TRANSFER_JOB_STARTS: Final = Event(
    60073, p.JobStarts, 'Transfer "{name}" begins to {type} {count} files.', _JOB_NOTE
)
TRANSFER_SNAPSHOT: Final = Event(
    60074,
    p.Snapshot,
    'The source "{path}" has {total_files} files and {total_directories} folders.',
    _TRANSFER_NOTE,
)
TRANSFER_FILE_EXCLUDED: Final = Event(
    60075, p.PathReason, 'The source file "{path}" is left out: {reason}', _TRANSFER_NOTE
)
TRANSFER_FILE_SKIPPED: Final = Event(
    60076, p.PathReason, '"{path}" is not transferred: {reason}', _JOB_NOTE
)
TRANSFER_ARCHIVE_AGED: Final = Event(
    60077,
    p.ArchiveAged,
    'Removed "{path}" from the archive: it is older than {days} days.',
    _TRANSFER_NOTE | {Group.FILE_OPERATION},
)
TRANSFER_JOB_CANCELLED: Final = Event(
    60078,
    p.JobStep,
    'The transfer of "{path}" was cancelled at "{step_name}".',
    _JOB_FAILED | {Group.FAILURE_SPECIFIC},
)
TRANSFER_SOURCE_CHANGED: Final = Event(
    60079,
    p.SourceChanged,
    'The source file "{path}" changed while it was transferred: {details} {reason}',
    _TRANSFER_FAILED,
)
TRANSFER_SOURCE_VANISHED: Final = Event(
    60080,
    p.SourcePath,
    'The source file "{path}" vanished before it was transferred.',
    _TRANSFER_NOTE,
)
TRANSFER_FILE_FAILED: Final = Event(
    60081,
    p.JobStepFailed,
    'The transfer of "{path}" has failed at "{step_name}": {details}',
    _JOB_FAILED,
)
TRANSFER_RESUMED: Final = Event(
    60082,
    p.AtStep,
    'Location "{location}" is there again: "{path}" goes on at "{step_name}".',
    _JOB_NOTE,
)
TRANSFER_STABLE_RAISED: Final = Event(
    60083,
    p.StableRaised,
    "The stable interval must be longer than that of the poll: it is {stable_interval} seconds "
    "now.",
    _TRANSFER_SPECIFIC,
)
TRANSFER_FOLDER_LEFT: Final = Event(
    60084,
    p.JobPathFailed,
    'The empty source folder "{path}" could not be removed: {details}',
    _TRANSFER_FAILED | {Group.FAILURE_HIGH},
)
TRANSFER_UNMONITORED: Final = Event(
    60085,
    p.AtLocationFailed,
    'The source "{path}" of "{location}" cannot be looked at: {details}',
    _TRANSFER_FAILED,
)
TRANSFER_SOURCE_LARGE: Final = Event(
    60086,
    p.SourceLarge,
    'The source folder "{path}" is very large: {files_count} files.',
    _in("session operational client-side"),
)

# 90xxx: facts that only this server tells

CONFIGURATION_RELOADED: Final = Event(
    90000, p.Nothing, "The configuration was read again and is in force.", _PROCESS_DONE
)
RELOAD_REFUSED: Final = Event(
    90001,
    p.ReloadRefused,
    "The new configuration has {count} problems and is not in force. The first: {details}",
    _PROCESS_FAILED,
)
JOURNAL_FAILED: Final = Event(
    90002, p.JournalState, "The journal cannot be written: {details}", _PROCESS_BROKEN
)
JOURNAL_RECOVERED: Final = Event(
    90003,
    p.JournalState,
    "The journal can be written again; {count} events had to wait. {details}",
    _PROCESS_DONE,
)
INTERRUPTED_UPLOAD_REMOVED: Final = Event(
    90004,
    p.Continued,
    'What was left of the upload of "{path}", {offset} bytes, was too old and is removed.',
    _in("operational process success file-operation"),
)
INTERRUPTED_UPLOAD_CONTINUED: Final = Event(
    90005,
    p.Continued,
    'Upload of "{path}" goes on after {offset} bytes.',
    _in("authenticated informational file-operation"),
)
CRASH_CLOSED: Final = Event(
    90006,
    p.Details,
    "The server ended without a shutdown; this was open and is closed: {details}",
    _in("operational process failure"),
)
LIMIT_REACHED: Final = Event(
    90007,
    p.LimitReached,
    "The limit {name} of {value} was reached.",
    _in("operational session failure failure-specific"),
)
TOO_MANY_UNAUTHENTICATED: Final = Event(
    90008,
    p.LimitReached,
    "Connection refused: {value} from this address have not logged in yet ({name}).",
    _in("session failure failure-specific"),
)
LOGIN_TIMEOUT: Final = Event(
    90009,
    p.LimitReached,
    "No login within {value} seconds ({name}): connection ended.",
    _in("session failure failure-specific"),
)
SSH_HOST_KEYS_ANNOUNCED: Final = Event(
    90010, p.Details, "Host keys announced to the client: {details}", _SSH_NOTE
)
SSH_REKEYED: Final = Event(
    90011, p.Algorithms, "New SSH keys in use, key exchange {key_exchange}.", _SSH_NOTE
)
SESSION_ENDED: Final = Event(
    90012,
    p.Details,
    "An administrator ended the session: {details}",
    _in("authenticated informational administration"),
)
SSH_COPY_DONE: Final = Event(
    90013,
    p.Copied,
    'Copied {total_write} bytes from "{from}" to "{path}".',
    _FILE_DONE | {Group.OPERATION_WRITE},
)
SSH_COPY_FAILED: Final = Event(
    90014,
    p.CopyFailed,
    'Copying from "{from}" to "{path}" failed: {details}',
    _FILE_FAILED | {Group.OPERATION_WRITE},
)
SSH_CHECKSUM_DONE: Final = Event(
    90015, p.Checksum, 'Digest {algorithm} of "{path}" told.', _FILE_DONE | {Group.OPERATION_READ}
)
SSH_CHECKSUM_FAILED: Final = Event(
    90016,
    p.PathFailed,
    'Digest of "{path}" cannot be told: {details}',
    _FILE_FAILED | {Group.OPERATION_READ},
)
VOLUME_TO_THREADS: Final = Event(
    90017,
    p.Volume,
    'The storage of "{path}" answers slowly: its bytes now go through threads. {details}',
    _PROCESS,
)
VOLUME_INLINE: Final = Event(
    90018,
    p.Volume,
    'The storage of "{path}" is fast again: its bytes are moved directly. {details}',
    _PROCESS,
)
INTERRUPTED_UPLOAD_KEPT: Final = Event(
    90019,
    p.Continued,
    'What arrived of "{path}", {offset} bytes, is kept for its owner to continue.',
    _in("authenticated informational file-operation"),
)
DEAD_LETTER: Final = Event(
    90020,
    p.DeadLetter,
    'Event handler "{name}" gave up on event {id}, serial {serial}: {details}',
    _in("operational process failure failure-high"),
)
HANDLER_CAUGHT_UP: Final = Event(
    90021,
    p.CaughtUp,
    'Event handler "{name}" has caught up; it was {count} events behind.',
    _PROCESS_DONE,
)
IDLE_SESSION_ENDED: Final = Event(
    90022,
    p.LimitReached,
    "Nothing from the client for {value} seconds ({name}): connection ended.",
    _in("session informational"),
)
DRAINED: Final = Event(
    90023,
    p.Drained,
    "Shutdown done in {duration:.3f} s; {count} sessions were cut.",
    _PROCESS,
)

FTP_STRANGER_REFUSED: Final = Event(
    90024,
    p.Stranger,
    "Data connection from {address}:{port} refused: only {expected} may connect.",
    _FTP_HIGH,
)
FTP_COPY_DONE: Final = Event(
    90025,
    p.Copied,
    'Copied {total_write} bytes from "{from}" to "{path}".',
    _FTP_DONE | {Group.OPERATION_WRITE},
)
FTP_COPY_FAILED: Final = Event(
    90026,
    p.CopyFailed,
    'Copying from "{from}" to "{path}" failed: {details}',
    _FTP_UNDONE | {Group.OPERATION_WRITE},
)
FTP_CHECKSUM_DONE: Final = Event(
    90027, p.Checksum, 'Digest {algorithm} of "{path}" told.', _FTP_DONE | {Group.OPERATION_READ}
)
FTP_CHECKSUM_FAILED: Final = Event(
    90028,
    p.PathFailed,
    'Digest of "{path}" cannot be told: {details}',
    _FTP_UNDONE | {Group.OPERATION_READ},
)
FTP_MAKE_LINK_ASKED: Final = Event(
    90029, p.PathOf, 'Creation of the link "{path}" asked for.', _FTP_ASKED
)
FTP_MAKE_LINK_DONE: Final = Event(90030, p.PathOf, 'Created the link "{path}".', _FTP_DONE)
FTP_MAKE_LINK_FAILED: Final = Event(
    90031, p.PathFailed, 'Creation of the link "{path}" failed: {details}', _FTP_UNDONE
)
FTP_CLIENT_NAMED: Final = Event(
    90032, p.ClientVersion, 'The client calls itself "{client_version}".', _FTP_SESSION_NOTE
)
FTP_HOST_NAMED: Final = Event(
    90033, p.Host, 'The client asks for the host "{host}".', _FTP_SESSION_NOTE
)
FTP_REINITIALISED: Final = Event(
    90034, p.Nothing, "The client has logged out and keeps the connection.", _FTP_SESSION_NOTE
)
RESTART_NEEDED: Final = Event(
    90035,
    p.Options,
    "What changed in [server] is in force after the next start only: {options}.",
    _PROCESS,
)
HTTP_TOO_MANY_CONNECTIONS: Final = Event(
    90036,
    p.Nothing,
    "HTTP connection refused: the service has as many as it may have.",
    _HTTP_SESSION_FAILED | {Group.FAILURE_SPECIFIC},
)
HTTP_TLS_FAILED: Final = Event(
    90037, p.Details, "TLS failed on a new connection: {details}", _HTTP_SESSION_FAILED
)
HTTP_STAT_DONE: Final = Event(90038, p.PathOf, 'Attributes of "{path}" told.', _HTTP_DONE)
HTTP_SETSTAT_DONE: Final = Event(90039, p.PathOf, 'Attributes of "{path}" changed.', _HTTP_DONE)
HTTP_SETSTAT_FAILED: Final = Event(
    90040,
    p.PathFailed,
    'Attributes of "{path}" could not be changed: {details}',
    _HTTP_UNDONE,
)
HTTP_COPY_DONE: Final = Event(
    90041,
    p.Copied,
    'Copied "{from}" to "{path}": {total_write} bytes.',
    _HTTP_DONE | {Group.OPERATION_WRITE},
)
HTTP_COPY_FAILED: Final = Event(
    90042, p.CopyFailed, 'Copy of "{from}" to "{path}" failed: {details}', _HTTP_UNDONE
)
HTTP_CHECKSUM_DONE: Final = Event(
    90043, p.Checksum, 'Digest {algorithm} of "{path}" told.', _HTTP_DONE | {Group.OPERATION_READ}
)
HTTP_CHECKSUM_FAILED: Final = Event(
    90044, p.PathFailed, 'Digest of "{path}" cannot be told: {details}', _HTTP_UNDONE
)
HTTP_OTHER_ORIGIN: Final = Event(
    90045,
    p.UriFailed,
    'Request of "{uri}" from a page of another origin refused: {details}',
    _HTTP_SESSION_FAILED | {Group.FAILURE_HIGH},
)
OWN_PASSWORD_UNREADABLE: Final = Event(
    90046,
    p.PathFailed,
    'The password in "{path}", which an account has chosen, cannot be read and lets nobody in: '
    "{details}",
    _PROCESS_BROKEN,
)
SSH_KEYS_REFUSED: Final = Event(
    90047,
    p.UserauthFailed,
    'No key that the client asked about for "{username}" would do: {details}',
    _SSH_LOGIN_FAILED,
)
DIRECTORY_UNREACHABLE: Final = Event(
    90050,
    p.Directory,
    'Server "{server}" of the directory of "{method_name}" cannot be used: {details}',
    _PROCESS_FAILED,
)
DIRECTORY_REACHABLE: Final = Event(
    90051,
    p.Directory,
    'Server "{server}" of the directory of "{method_name}" can be used again.',
    _PROCESS_DONE,
)
METHOD_TRIED: Final = Event(
    90060,
    p.MethodTried,
    'Method "{method_name}" was tried with {url}: {details}',
    _PROCESS_DONE,
)
METHOD_TRIAL_FAILED: Final = Event(
    90061,
    p.MethodTried,
    'Method "{method_name}" was tried with {url}, and that failed: {details}',
    _PROCESS_FAILED,
)
ACCOUNTS_READ: Final = Event(
    90062,
    p.AccountsRead,
    'Method "{method_name}" has read "{path}" again: {accounts} accounts, {groups} groups.',
    _PROCESS_DONE,
)
ACCOUNTS_UNREADABLE: Final = Event(
    90063,
    p.PathFailed,
    'The accounts of "{path}" stay as they were, for it has changed and cannot be used: {details}',
    _PROCESS_FAILED,
)
SYSTEM_ACCOUNTS_AVAILABLE: Final = Event(
    90070,
    p.MethodSkipped,
    'Method "{method_name}" of type {method_type} can ask the operating system again.',
    _PROCESS_DONE,
)
RECOVERY_CODE_USED: Final = Event(
    90080,
    p.RecoveryCodeUsed,
    'A recovery code of "{account_name}" was used; {left} of them are left.',
    _in("operational authentication success"),
)
ONE_TIME_CODES_WRONG: Final = Event(
    90081,
    p.SecondFactorOf,
    'With the password of "{account_name}" too many wrong one-time codes came: for an hour '
    "none is judged, and then one in each hour.",
    _in("operational authentication failure failure-high"),
)
USED_CODES_UNREADABLE: Final = Event(
    90082,
    p.PathFailed,
    'What "{path}" says of the one-time codes that an account has used cannot be read, so that '
    "none does: {details}",
    _PROCESS_BROKEN,
)
SECOND_FACTOR_SET: Final = Event(
    90083, p.Nothing, "The account gave itself one-time codes as a second factor.", _DONE
)
SECOND_FACTOR_NOT_CHANGED: Final = Event(
    90084,
    p.Details,
    "The account did not change its one-time codes: {details}",
    _in("operational authenticated failure"),
)
SECOND_FACTOR_BROKE: Final = Event(
    90085,
    p.Details,
    "One-time codes of an account could not be changed: {details}",
    _in("operational authenticated failure failure-critical"),
)
SECOND_FACTOR_REMOVED: Final = Event(
    90086, p.Nothing, "The account gave up the one-time codes that it had given itself.", _DONE
)
OWN_SECOND_FACTOR_UNREADABLE: Final = Event(
    90087,
    p.PathFailed,
    'The one-time codes in "{path}", which an account has given itself, cannot be read, so that '
    "no password lets it in: {details}",
    _PROCESS_BROKEN,
)
SECOND_FACTOR_TAKEN_AWAY: Final = Event(
    90088,
    p.SecondFactorOf,
    'An administrator took away the one-time codes that "{account_name}" had given itself.',
    _in("administration success local-manager"),
)
SOURCE_BANNED: Final = Event(
    90090,
    p.SourceBanned,
    'The security policy "{policy_name}" bans {source_ip} until {until}: {details}.',
    _in("operational session failure failure-high"),
)
BAN_ENDED: Final = Event(
    90091,
    p.BanEnded,
    'The ban of {source_ip} by the security policy "{policy_name}" has ended; it refused {count} '
    "attempts.",
    _in("operational informational"),
)
ACCOUNT_GUARDED: Final = Event(
    90092,
    p.AccountGuarded,
    'Passwords of "{username}" are being guessed: for {interval} seconds the security policy '
    '"{policy_name}" takes them only from where it has logged in before.',
    _in("operational session failure failure-high"),
)
ACCOUNT_UNGUARDED: Final = Event(
    90093,
    p.AccountUnguarded,
    'An administrator lifted what "{username}" had under the security policy "{policy_name}".',
    _in("administration success local-manager"),
)
PENALTIES_DROPPED: Final = Event(
    90094,
    p.PenaltiesDropped,
    'The tables of the security policy "{policy_name}" are full: {count} penalties were forgotten '
    "before their time.",
    _PROCESS_FAILED,
)
BANS_NOT_KEPT: Final = Event(
    90095,
    p.PathFailed,
    'Bans cannot be kept in "{path}", or be read from there: {details}',
    _PROCESS_FAILED,
)
LAST_LOGINS_UNREADABLE: Final = Event(
    90120,
    p.PathFailed,
    'The last logins in "{path}" cannot be read; every account counts as used now: {details}',
    _PROCESS_BROKEN,
)
LAST_LOGINS_UNWRITTEN: Final = Event(
    90121,
    p.PathFailed,
    'The last logins cannot be written to "{path}", and a restart would forget them: {details}',
    _PROCESS_BROKEN,
)
MEMBERSHIPS_UNREADABLE: Final = Event(
    90122,
    p.PathFailed,
    'The memberships in "{path}" cannot be read; accounts that another system knows are in no '
    "group for event handlers until they log in again: {details}",
    _PROCESS_BROKEN,
)
MEMBERSHIPS_UNWRITTEN: Final = Event(
    90123,
    p.PathFailed,
    'The memberships cannot be written to "{path}", and a restart would forget them: {details}',
    _PROCESS_BROKEN,
)
TRANSFER_UNNOTICED: Final = Event(
    90200,
    p.AtLocationFailed,
    'The system does not tell at once of everything that changes in the source "{path}" of '
    '"{location}", which is found when it is looked at: {details}',
    _TRANSFER_FAILED,
)
TRANSFER_NOTICED: Final = Event(
    90201,
    p.AtLocation,
    'The system tells at once again of everything that changes in the source "{path}" of '
    '"{location}".',
    _TRANSFER_NOTE,
)
DATABASE_PURGED: Final = Event(
    90210,
    p.DatabasePurged,
    'From database "{database_name}" {count} events were deleted: all older than {days} days.',
    _PROCESS_DONE,
)
PROXY_HEADER_WRONG: Final = Event(
    90211,
    p.Details,
    "A connection of a proxy is closed, for it has not told whose it is: {details}",
    _SESSION_FAILED,
)
DIRECT_CONNECTION_REFUSED: Final = Event(
    90212,
    p.Nothing,
    "Connection refused: it does not come from a trusted proxy (direct_connections).",
    _in("session failure failure-specific"),
)
MAIL_NOT_FOR_ALL: Final = Event(
    90220,
    p.MailRefused,
    'Event handler "{name}" could not mail event {id}, serial {serial}, to everybody: {details}',
    _in("operational process failure"),
)
MAILS_HELD_BACK: Final = Event(
    90221,
    p.MailsHeldBack,
    'Event handler "{name}" has sent {value} mails in {interval} seconds: it counts what comes '
    "now, and tells of it at the end.",
    _in("operational process informational"),
)
MAILS_SUMMARISED: Final = Event(
    90222,
    p.CaughtUp,
    'Event handler "{name}" did not mail {count} events one by one: there were too many.',
    _in("operational process informational"),
)
ATTACHMENT_LEFT_OUT: Final = Event(
    90223,
    p.AttachmentLeftOut,
    'Event handler "{name}" mailed event {id} without the file "{real_path}": {details}',
    _in("operational process failure"),
)
RESTORED: Final = Event(
    90224,
    p.FromBackup,
    'Restored from a backup of "{name}" on {host} that was made {made}: what happened there after '
    "serial {serial} is not in this journal.",
    _PROCESS,
)
INSPECTION_PASSED: Final = Event(
    90250,
    p.Inspected,
    '"{path}" has passed "{inspection}".',
    _INSPECTED | {Group.INFORMATIONAL},
)
INSPECTION_REJECTED: Final = Event(
    90251,
    p.Inspected,
    '"{path}" was rejected by "{inspection}": {details}',
    _INSPECTED | {Group.FAILURE, Group.FAILURE_HIGH},
)
INSPECTION_UNABLE: Final = Event(
    90252,
    p.Uninspected,
    '"{path}" could not be inspected by "{inspection}", and was {outcome}: {details}',
    _INSPECTED | {Group.FAILURE, Group.FAILURE_HIGH},
)
QUARANTINED: Final = Event(
    90253,
    p.Quarantined,
    'The rejected upload "{path}" is in quarantine as {quarantine_id}.',
    _INSPECTED | {Group.SUCCESS},
)
QUARANTINE_FAILED: Final = Event(
    90254,
    p.PathFailed,
    'The rejected upload "{path}" could not be put into quarantine, and was deleted: {details}',
    _INSPECTED | {Group.FAILURE, Group.FAILURE_HIGH},
)
QUARANTINE_RELEASED: Final = Event(
    90255,
    p.QuarantineEnded,
    'An administrator released {quarantine_id} from quarantine: "{path}" of "{username}". {note}',
    _QUARANTINE | {Group.SUCCESS},
)
QUARANTINE_DELETED: Final = Event(
    90256,
    p.QuarantineEnded,
    'An administrator deleted {quarantine_id} in quarantine: "{path}" of "{username}". {note}',
    _QUARANTINE | {Group.SUCCESS},
)
QUARANTINE_RELEASE_FAILED: Final = Event(
    90257,
    p.QuarantineNotEnded,
    'Releasing {quarantine_id} from quarantine to "{path}" of "{username}" failed: {details}',
    _QUARANTINE | {Group.FAILURE},
)
REJECTED_DELETED: Final = Event(
    90258,
    p.PathOf,
    'The rejected upload "{path}" was deleted: its account has no quarantine.',
    _INSPECTED | {Group.SUCCESS},
)
MONITOR_UNREADABLE: Final = Event(
    90260,
    p.PathFailed,
    'The folder "{path}", which is monitored, cannot be read: {details}',
    _in("monitor failure failure-high"),
)
MONITOR_READABLE: Final = Event(
    90261,
    p.PathOf,
    'The folder "{path}", which is monitored, can be read again.',
    _in("monitor success"),
)
USAGE_RECOVERED: Final = Event(
    90262,
    p.UsageCrossed,
    "The process uses no more than is wanted again: {triggers}.",
    _in("analytics process success"),
)
LOCATION_CONNECTED: Final = Event(
    90270,
    p.LocationConnected,
    'Connected to location "{name}", folder "{path}": {details}',
    _in("authenticated success client-side"),
)
LOCATION_UNREACHABLE: Final = Event(
    90271,
    p.LocationUnreachable,
    'Location "{name}" cannot be reached, and is tried again in {delay} seconds, at most '
    "{retries_left} times more: {details}",
    _in("authenticated failure client-side"),
)
LOCATION_FAILED: Final = Event(
    90272,
    p.Failed,
    'Location "{name}" has failed, and is not tried again until it is started anew: {details}',
    _in("authenticated failure failure-high client-side"),
)
LOCATION_LOST: Final = Event(
    90273,
    p.Failed,
    'A connection to location "{name}" broke off: {details}',
    _in("authenticated failure client-side"),
)
LOCATION_FIRST_SEEN: Final = Event(
    90274,
    p.LocationIdentity,
    'Location "{name}" was seen for the first time, and only this identity is trusted from now '
    "on: {identity}",
    _in("authenticated informational client-side administration"),
)
LOCATION_FEWER: Final = Event(
    90275,
    p.LocationFewer,
    'Location "{name}" takes no more than {value} connections at a time now: {details}',
    _in("authenticated failure client-side"),
)
NODE_JOINED: Final = Event(
    90280,
    p.Node,
    'This server is node "{node}" of its cluster now.',
    _in("operational session success"),
)
NODE_REPLACED: Final = Event(
    90281,
    p.NodeFailed,
    'This server is not node "{node}" of its cluster any more: {details}',
    _in("operational session failure failure-high"),
)
NODE_LEFT: Final = Event(
    90282,
    p.Node,
    'Node "{node}" has left the cluster.',
    _in("operational session informational"),
)
NODE_DEAD: Final = Event(
    90283,
    p.Node,
    'Node "{node}" of the cluster is dead: nothing was heard of it for too long.',
    _in("operational session failure failure-high"),
)
CLUSTER_AWAY: Final = Event(
    90284,
    p.Failed,
    'The database of cluster "{name}" is away; what needs it is refused: {details}',
    _in("operational session failure failure-high"),
)
CLUSTER_BACK: Final = Event(
    90285,
    p.Cluster,
    'The database of cluster "{name}" is there again.',
    _in("operational session success"),
)
LEASE_GAINED: Final = Event(
    90300,
    p.LeaseOf,
    'This node does "{lease}" for its cluster from now on.',
    _in("operational session success"),
)
LEASE_LOST: Final = Event(
    90301,
    p.LeaseLost,
    'This node does "{lease}" for its cluster no more: {details}',
    _in("operational session failure"),
)
RUN_PASSED_ON: Final = Event(
    90302,
    p.RunPassedOn,
    'A run of transfer "{name}" was passed on to the node that does it: {details}',
    _in("authenticated informational client-side"),
)
WEB_SESSION_TAKEN: Final = Event(
    90310,
    p.WebSessionTaken,
    'The web session of account "{account_name}", begun on node "{node}", goes on here.',
    _in("session authentication authenticated success"),
)
WEB_SESSION_NOT_TAKEN: Final = Event(
    90311,
    p.WebSessionNotTaken,
    'The web session of account "{account_name}", begun on node "{node}", is refused here: '
    "{details}",
    _in("session authentication failure"),
)
WEB_SESSION_FORGED: Final = Event(
    90312,
    p.Failed,
    'The database of cluster "{name}" has a web session that no node with its secret has written; '
    "it counts for nothing: {details}",
    _in("session authentication failure failure-high"),
)
WEB_SESSIONS_APART: Final = Event(
    90313,
    p.Cluster,
    'Whoever logs in to a web session of one node of cluster "{name}" has to log in again on the '
    "others: the cluster has no secret.",
    _in("operational session informational"),
)
RECORD_COPY_UNWRITTEN: Final = Event(
    90320,
    p.PathFailed,
    'The copy "{path}" of what the nodes of the cluster share of an account cannot be written; '
    "until it can be, a start without the database would go by an older one: {details}",
    _PROCESS_BROKEN,
)
RECORDS_HEARD: Final = Event(
    90321,
    p.Records,
    'This node knows what the accounts of cluster "{name}" have chosen and used up: {records} '
    "records.",
    _in("operational session informational"),
)
RECORDS_NOT_SHARED: Final = Event(
    90322,
    p.Failed,
    'What accounts have chosen and used up is not shared by the nodes of cluster "{name}", so '
    "that none of it can be changed, and no one-time code is accepted: {details}",
    _in("operational session failure failure-high"),
)
RECORDS_GIVEN: Final = Event(
    90323,
    p.Records,
    'This node put into the database of cluster "{name}" what accounts had chosen and used up '
    "here: {records} records.",
    _in("operational session informational"),
)
RECORDS_PUT_BACK: Final = Event(
    90324,
    p.Records,
    'The database of cluster "{name}" had lost, or had older, {records} records of what accounts '
    "have chosen and used up; this node put them back.",
    _in("operational session failure failure-high"),
)
HOME_DELETION_AHEAD: Final = Event(
    90325,
    p.HomeEnds,
    'Account "{account_name}" has ended, and its home "{home}" will be deleted with all that is in '
    "it, at the earliest on {earliest}.",
    _in("operational process informational"),
)
HOME_DELETED: Final = Event(
    90326,
    p.HomeDeleted,
    'The home "{home}" of account "{account_name}", which has ended, is deleted.',
    _in("operational process success file-operation"),
)
HOME_NOT_DELETED: Final = Event(
    90327,
    p.HomeNotDeleted,
    'The home "{home}" of account "{account_name}", which has ended, is not deleted: {details}',
    _PROCESS_FAILED,
)
ENDED_HOMES_UNREADABLE: Final = Event(
    90328,
    p.PathFailed,
    'Which homes are to be deleted cannot be read from "{path}", so that for all of them the time '
    "begins anew: {details}",
    _PROCESS_FAILED,
)
ENDED_HOMES_UNWRITTEN: Final = Event(
    90329,
    p.PathFailed,
    'Which homes are to be deleted cannot be written to "{path}", so that none is: {details}',
    _PROCESS_FAILED,
)


BY_NUMBER: Final[dict[int, Event[Any]]] = {
    row.number: row for row in list(globals().values()) if isinstance(row, Event)
}

# Numbers that other servers once gave and took back: never given to anything here.
RETIRED: Final = frozenset(
    {10018, 20006, *range(20025, 20031), 20060, 20061, *range(20097, 20101)}
    | {*range(20102, 20108), 20131, 20132, 20135, 20147, 30075}
)
