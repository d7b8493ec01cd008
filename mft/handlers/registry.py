"""HANDLERS: the types of event handler."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from mft.core.peer import Component
from mft.handlers.base import Handler, HandlerOptions
from mft.handlers.content_check import ContentHandlerOptions, content_handler
from mft.handlers.database import DatabaseHandler, DatabaseHandlerOptions
from mft.handlers.dispatcher import Dispatcher
from mft.handlers.dispatcher_options import DispatcherOptions
from mft.handlers.email_options import EmailSenderOptions
from mft.handlers.email_sender import EmailSender
from mft.handlers.log_file import LogFile, LogFileOptions
from mft.handlers.program import Program
from mft.handlers.program_options import ProgramOptions
from mft.handlers.signature import SignatureHandlerOptions, signature_handler
from mft.handlers.stream import Stream, StreamOptions
from mft.handlers.syslog import Syslog
from mft.handlers.syslog_options import SyslogOptions
from mft.handlers.webhook_options import WebhookOptions
from mft.handlers.windows_eventlog import WindowsEventlog, WindowsEventlogOptions
from mft.resources.base import Surroundings


class Kind(NamedTuple):
    """One type: its options, and how a handler is made of them."""

    options: type[HandlerOptions]
    build: Callable[[Component, Any, Surroundings], Handler]


def _http(component: Component, options: WebhookOptions, around: Surroundings) -> Handler:
    from mft.handlers.webhook import Webhook  # an HTTP client, which most servers do not need

    return Webhook(component, options, around)


HANDLERS: Final[Mapping[str, Kind]] = {
    "database": Kind(DatabaseHandlerOptions, DatabaseHandler),
    "file-dispatcher": Kind(DispatcherOptions, Dispatcher),
    "local-file": Kind(LogFileOptions, LogFile),
    "email-sender": Kind(EmailSenderOptions, EmailSender),
    "standard-stream": Kind(StreamOptions, Stream),
    "http": Kind(WebhookOptions, _http),
    "external-executable": Kind(ProgramOptions, Program),
    "syslog": Kind(SyslogOptions, Syslog),
    "windows-eventlog": Kind(WindowsEventlogOptions, WindowsEventlog),
    "digital-signature-validation": Kind(SignatureHandlerOptions, signature_handler),
    "content-check": Kind(ContentHandlerOptions, content_handler),
}
