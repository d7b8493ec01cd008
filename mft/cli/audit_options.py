"""The filters that the commands of `mft audit` share, read from the command line."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Final, TypeVar

import click
from pydantic import TypeAdapter, ValidationError

from mft.config.kinds import Moment, PositiveSeconds
from mft.core.matching import Expression
from mft.core.peer import parse_network
from mft.events.model import Group
from mft.events.search import Query

F = TypeVar("F", bound=Callable[..., Any])

_MOMENT: Final = TypeAdapter(Moment)
_SECONDS: Final = TypeAdapter(PositiveSeconds)


class When(click.ParamType[datetime]):
    """A date, or how long ago."""

    name = "when"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Read `2030-12-31 18:00` or `2h`; fails with a sentence."""
        if isinstance(value, datetime):
            return value
        try:
            return _MOMENT.validate_python(value)
        except ValidationError:
            pass
        try:
            ago = _SECONDS.validate_python(value)
        except ValidationError:
            self.fail(f"{value!r} is neither a date such as 2030-12-31 nor an age such as 2h.")
        return datetime.fromtimestamp(datetime.now().timestamp() - ago).astimezone()


def query_options(command: F) -> F:
    """Give a command every filter, and pass them to it as one `query`."""

    @wraps(command)
    def with_query(*args: Any, **given: Any) -> Any:
        return command(*args, query=_query(given), **given)

    decorated: Any = with_query
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # click types an option's decorator loosely


_OPTIONS: Final = (
    click.option("--event", multiple=True, type=click.IntRange(1, 99999), help="Event number."),
    click.option(
        "--group",
        multiple=True,
        type=click.Choice([group.value for group in Group]),
        metavar="GROUP",
        help="Event group, such as failure.",
    ),
    click.option("--account", multiple=True, help="Name or ID of the account."),
    click.option("--address", multiple=True, help="Address or network of the peer."),
    click.option("--path", help="Expression that a path matches, such as '*.csv'."),
    click.option("--text", default="", help="Text in the message or the data, in any case."),
    click.option("--since", type=When(), help="Not before: a date, or an age such as 2h."),
    click.option("--until", type=When(), help="Before: a date, or an age such as 2h."),
)

output_option = click.option(
    "-o",
    "--output",
    type=click.File("w", encoding="utf-8", errors="backslashreplace"),
    default="-",
    help="The file to write; by default standard output.",
)


def _query(given: dict[str, Any]) -> Query:
    """Take the filters out of what was given; ends with wrong usage when one cannot be read."""
    path, addresses = given.pop("path"), given.pop("address")
    option = "--path"
    try:
        expression = None if path is None else Expression.parse(path)
        option = "--address"
        networks = tuple(parse_network(address) for address in addresses)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=f"'{option}'") from None
    return Query(
        numbers=frozenset(given.pop("event")),
        groups=frozenset(Group(name) for name in given.pop("group")),
        accounts=frozenset(given.pop("account")),
        networks=networks,
        path=expression,
        text=given.pop("text"),
        since=given.pop("since"),
        until=given.pop("until"),
    )
