"""Message numbers and codes of SSH (RFC 4250 4.1, 4.2, 4.3)."""

from enum import IntEnum


class Message(IntEnum):
    """Message numbers that a server or a client meets."""

    DISCONNECT = 1
    IGNORE = 2
    UNIMPLEMENTED = 3
    DEBUG = 4
    SERVICE_REQUEST = 5
    SERVICE_ACCEPT = 6
    EXT_INFO = 7
    KEXINIT = 20
    NEWKEYS = 21
    KEX_FIRST = 30  # what the first message of every exchange but one has, and its answer after it
    KEX_LAST = 49
    USERAUTH_FIRST = 50
    USERAUTH_REQUEST = 50
    USERAUTH_FAILURE = 51
    USERAUTH_SUCCESS = 52
    USERAUTH_BANNER = 53
    USERAUTH_PK_OK = 60
    USERAUTH_PASSWD_CHANGEREQ = 60
    USERAUTH_INFO_REQUEST = 60
    USERAUTH_INFO_RESPONSE = 61
    GLOBAL_REQUEST = 80
    REQUEST_SUCCESS = 81
    REQUEST_FAILURE = 82
    CHANNEL_OPEN = 90
    CHANNEL_OPEN_CONFIRMATION = 91
    CHANNEL_OPEN_FAILURE = 92
    CHANNEL_WINDOW_ADJUST = 93
    CHANNEL_DATA = 94
    CHANNEL_EXTENDED_DATA = 95
    CHANNEL_EOF = 96
    CHANNEL_CLOSE = 97
    CHANNEL_REQUEST = 98
    CHANNEL_SUCCESS = 99
    CHANNEL_FAILURE = 100
    PING = 192  # ping@openssh.com
    PONG = 193


class Code(IntEnum):
    """Why a connection ends (RFC 4250 4.2.2)."""

    HOST_NOT_ALLOWED = 1
    PROTOCOL_ERROR = 2
    KEY_EXCHANGE_FAILED = 3
    MAC_ERROR = 5
    SERVICE_NOT_AVAILABLE = 7
    HOST_KEY_NOT_VERIFIABLE = 9
    CONNECTION_LOST = 10
    BY_APPLICATION = 11
    TOO_MANY_CONNECTIONS = 12
    NO_MORE_AUTH_METHODS = 14


class OpenFailure(IntEnum):
    """Why a channel is not opened (RFC 4250 4.3)."""

    ADMINISTRATIVELY_PROHIBITED = 1
    UNKNOWN_CHANNEL_TYPE = 3
    RESOURCE_SHORTAGE = 4
