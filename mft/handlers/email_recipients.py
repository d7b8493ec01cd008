"""Who gets a mail: addresses, templates, and IDs of accounts and groups, as options name them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Annotated, Final, NamedTuple

from mft.config.kinds import Context, Kind, Wrong, Wrongs, comma_list
from mft.events.escape import visible
from mft.events.facts import NO_COMPONENT, Facts
from mft.events.model import Occurrence
from mft.events.template import Template
from mft.resources.base import AddressesOf
from mft.resources.mail import Mailbox, is_address, mailbox

MAX_PEOPLE: Final = 1000  # addresses of one mail; who comes later is told of, and left out
MAX_WRONG: Final = 20  # texts that are no addresses, of one event
MAX_SHOWN: Final = 100  # characters of one of them


@dataclass(frozen=True, slots=True)
class Recipient:
    """One entry of an option: a mailbox, a template of addresses, or an ID."""

    text: str
    mailbox: Mailbox | None = None

    @property
    def identifier(self) -> str:
        """The ID that it is; empty for anything else."""
        return "" if self.mailbox is not None or self.is_template else self.text

    @property
    def is_template(self) -> bool:
        """Whether it depends on the event."""
        return "{" in self.text

    def __str__(self) -> str:
        return self.text


def _recipient(text: str) -> Recipient:
    if "{" in text:
        try:
            Template(text, Facts(NO_COMPONENT))
        except ValueError as error:
            raise Wrong(str(error), text) from None
        return Recipient(text)
    if "@" not in text:
        return Recipient(text)  # that the ID exists is checked once all sections are read
    try:
        return Recipient(text, mailbox(text))
    except Wrong as wrong:
        raise Wrong(wrong.sentence, text) from None


def _read(text: str, context: Context | None) -> tuple[Recipient, ...]:
    found: list[Recipient] = []
    wrongs: list[Wrong] = []
    for item in comma_list(text):
        try:
            found.append(_recipient(item))
        except Wrong as wrong:
            wrongs.append(wrong)
    if wrongs:
        raise Wrongs(wrongs)
    return tuple(found)


Recipients = Annotated[
    tuple[Recipient, ...],
    Kind("addresses, templates and IDs between commas", "ann@example.com, OFFICERS", _read),
]


class People(NamedTuple):
    """Who gets one mail, each once; and what ought to be an address and is none."""

    to: Sequence[Mailbox]
    cc: Sequence[Mailbox]
    bcc: Sequence[Mailbox]
    wrong: Sequence[str]

    @property
    def addresses(self) -> tuple[str, ...]:
        """All of them, as an envelope has them."""
        return tuple(one.address for one in (*self.to, *self.cc, *self.bcc))


class Resolver:
    """Finds the people for an occurrence, by the options of one handler."""

    def __init__(
        self,
        options: Sequence[Sequence[Recipient]],
        facts: Facts,
        addresses_of: AddressesOf,
    ) -> None:
        """`options` are those of To, Cc and Bcc."""
        self._options = options
        self._templates = {
            one.text: Template(one.text, facts)
            for option in self._options
            for one in option
            if one.is_template
        }
        self._addresses_of = addresses_of

    @property
    def named(self) -> bool:
        """Whether the options name anybody."""
        return any(self._options)

    def of(self, told: Occurrence | None) -> People:
        """Find them; without an occurrence, those who do not depend on one."""
        seen: set[str] = set()
        wrong: list[str] = []
        lists: list[tuple[Mailbox, ...]] = []
        for option in self._options:
            found: list[Mailbox] = []
            for one in option:
                self._add(self._mailboxes(one, told), seen, found, wrong)
            lists.append(tuple(found))
        to, cc, bcc = lists
        return People(to, cc, bcc, tuple(wrong[:MAX_WRONG]))

    def anybody(self, told: Occurrence) -> bool:
        """Whether there is anybody for an occurrence; much cheaper than who."""
        every = (one for option in self._options for one in option)
        found = chain.from_iterable(self._mailboxes(one, told) for one in every)
        return any(is_address(one.address) for one in found)

    def _mailboxes(self, one: Recipient, told: Occurrence | None) -> Iterable[Mailbox]:
        if one.mailbox is not None:
            return (one.mailbox,)
        if not one.is_template:
            return map(Mailbox, self._addresses_of(one.text))
        if told is None:
            return ()
        texts = self._templates[one.text].render(told).split(",")
        return [Mailbox(text.strip()) for text in texts if text.strip()]

    def _add(
        self, every: Iterable[Mailbox], seen: set[str], found: list[Mailbox], wrong: list[str]
    ) -> None:
        """Take those that are addresses and new; nothing else ever reaches a header."""
        for one in every:
            key = one.address.casefold()
            if key in seen:
                continue
            if not is_address(one.address):
                wrong.append(f"{visible(one.address)[:MAX_SHOWN]} is no e-mail address")
            elif len(seen) >= MAX_PEOPLE:
                wrong.append(f"more than {MAX_PEOPLE} addresses")
                return
            else:
                seen.add(key)
                found.append(one)
