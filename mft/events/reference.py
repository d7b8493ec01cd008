"""The catalogue as a page for people: `docs/reference/events.md`."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from mft.events.catalogue import BY_NUMBER
from mft.events.facts import NO_COMPONENT, Facts
from mft.events.model import Event, Group

_BLOCKS: Final = {
    0: "File system and process",
    1: "FTP and FTPS",
    2: "Server, authentication and handlers",
    3: "SSH: SFTP and SCP",
    4: "HTTP and HTTPS",
    5: "Console",
    6: "Transfers",
    9: "Only this server",
}


def markdown(rows: Mapping[int, Event[Any]] = BY_NUMBER) -> str:
    """The reference of every event, by number."""
    return "\n".join(_lines(rows)) + "\n"


def _lines(rows: Mapping[int, Event[Any]]) -> Iterator[str]:
    yield "# Events"
    yield ""
    yield "Generated from `mft/events/catalogue.py` by `make docs`; edit the catalogue instead."
    yield ""
    yield "A number always means the same fact, and is never given to another. Filters of event"
    yield "handlers (`target`, `groups`, `data_filter`) and templates (`{data.path}`) use the"
    yield "numbers, groups and data keys below. Events with `path` also answer to `file_name` and"
    yield "`directory_name`, those with `real_path` to `real_file_name` and `real_directory_name`."
    block = -1
    for number in sorted(rows):
        if number // 10000 != block:
            block = number // 10000
            yield ""
            yield f"## {_BLOCKS.get(block, 'Others')}"
            yield ""
            yield "| number | sentence | data | groups | since |"
            yield "|---|---|---|---|---|"
        yield _row(rows[number])
    yield ""
    yield "## Groups"
    yield ""
    used = {group for row in rows.values() for group in row.groups}
    yield ", ".join(f"`{group.value}`" for group in Group if group in used) + "."
    yield ""
    yield "## Names in templates"
    yield ""
    yield ", ".join(f"`{{{name}}}`" for name in sorted(Facts(NO_COMPONENT).names)) + ";"
    yield "`{data.KEY}` for every key of the data; `{LF}` and `{CR}`, which end a line. Small and"
    yield "capital letters are the same. `{account.email}` and `{account.emails}` are every address"
    yield "of the account, between commas. What an event does not have is empty. `{account.token}`"
    yield "always is, and JSON has no such key: a token lets somebody in, and no secret is told."


def _row(event: Event[Any]) -> str:
    keys = ", ".join(f"`{key}`" for _, key in event.keys)
    groups = ", ".join(sorted(group.value for group in event.groups))
    sentence = event.sentence.replace("|", "\\|")
    return f"| {event.number} | {sentence} | {keys} | {groups} | {event.since} |"
