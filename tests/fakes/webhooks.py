"""Webhooks with servers that answer as a test says, and options as server.ini has them."""

from pathlib import Path
from typing import Any

from mft.config.ini import RawSection, Value
from mft.config.kinds import Context
from mft.config.section import Section, check_section, read_section
from mft.core.peer import Component
from mft.handlers.webhook_options import WebhookOptions

HOOK = Component("hook-1", "http", "hook")
URL = "http://127.0.0.1:9/hook"


def read_options(model: type[Section], directory: Path, **given: str) -> tuple[Any, list[str]]:
    """Options as server.ini gives them, and every problem with them in a sentence."""
    values = {name: Value(text, "server.ini", 2) for name, text in given.items()}
    raw = RawSection("event-handlers/one", "server.ini", 1, values)
    problems: list[Any] = []
    found = read_section(model, raw, Context(directory), problems)
    if found is not None:
        check_section(found, raw, Context(directory), problems)
    return found, [str(problem) for problem in problems]


def webhook_options(directory: Path = Path("/nowhere"), **given: str) -> WebhookOptions:
    """Options without a problem."""
    values = {"name": "hook", "type": "http", "url": URL, **given}
    found, problems = read_options(WebhookOptions, directory, **values)
    assert problems == []
    assert isinstance(found, WebhookOptions)
    return found
