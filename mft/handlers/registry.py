"""HANDLERS: the types of event handler."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, NamedTuple

from mft.core.peer import Component
from mft.handlers.antivirus import (
    ClamdHandlerOptions,
    ProgramHandlerOptions,
    clamd_handler,
    program_handler,
)
from mft.handlers.base import Handler, HandlerOptions
from mft.handlers.content_check import ContentHandlerOptions, content_handler
from mft.handlers.database import DatabaseHandler, DatabaseHandlerOptions
from mft.handlers.dispatcher_options import DispatcherOptions
from mft.handlers.email_options import EmailSenderOptions
from mft.handlers.log_file import LogFile, LogFileOptions
from mft.handlers.program_options import ProgramOptions
from mft.handlers.signature import SignatureHandlerOptions, signature_handler
from mft.handlers.stream import Stream, StreamOptions
from mft.handlers.syslog_options import SyslogOptions
from mft.handlers.transfer import TransferHandler, TransferHandlerOptions
from mft.handlers.webhook_options import WebhookOptions
from mft.handlers.windows_eventlog import WindowsEventlog, WindowsEventlogOptions
from mft.resources.base import Surroundings


class Kind(NamedTuple):
    """One type: its options, and how a handler is made of them."""

    options: type[HandlerOptions]
    build: Callable[[Component, Any, Surroundings], Handler]


def _later(module: str, name: str) -> Callable[[Component, Any, Surroundings], Handler]:
    """Import a handler when there is one: most servers need few of them, and begin sooner."""

    def build(component: Component, options: Any, around: Surroundings) -> Handler:
        made: Handler = getattr(import_module(module), name)(component, options, around)
        return made

    return build


HANDLERS: Final[Mapping[str, Kind]] = {
    "database": Kind(DatabaseHandlerOptions, DatabaseHandler),
    "file-dispatcher": Kind(DispatcherOptions, _later("mft.handlers.dispatcher", "Dispatcher")),
    "local-file": Kind(LogFileOptions, LogFile),
    "email-sender": Kind(EmailSenderOptions, _later("mft.handlers.email_sender", "EmailSender")),
    "standard-stream": Kind(StreamOptions, Stream),
    "http": Kind(WebhookOptions, _later("mft.handlers.webhook", "Webhook")),
    "external-executable": Kind(ProgramOptions, _later("mft.handlers.program", "Program")),
    "syslog": Kind(SyslogOptions, _later("mft.handlers.syslog", "Syslog")),
    "transfer": Kind(TransferHandlerOptions, TransferHandler),
    "windows-eventlog": Kind(WindowsEventlogOptions, WindowsEventlog),
    "digital-signature-validation": Kind(SignatureHandlerOptions, signature_handler),
    "content-check": Kind(ContentHandlerOptions, content_handler),
    "clamav": Kind(ClamdHandlerOptions, clamd_handler),
    "inspection-program": Kind(ProgramHandlerOptions, program_handler),
}
