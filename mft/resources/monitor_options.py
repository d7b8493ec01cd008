"""What can be said of a resource of `type = monitor`."""

from typing import Annotated, ClassVar, Final, Literal

from mft.config.kinds import (
    AbsolutePath,
    Context,
    Kind,
    Seconds,
    Wrong,
    YesNo,
    comma_list,
    duration,
    each_line,
)
from mft.config.section import option
from mft.core.matching import Expression
from mft.resources.base import ResourceOptions
from mft.resources.snapshot import What

LONGEST: Final = 86400.0  # seconds between two looks
OPERATIONS: Final = tuple(one.value for one in What)


def _operations(text: str, context: Context | None) -> frozenset[What]:
    words = [word.lower() for word in comma_list(text)]
    if words == ["all"]:
        return frozenset(What)
    if words == ["disable"]:
        return frozenset()
    if not words or not set(words) <= set(OPERATIONS):
        raise Wrong(f"is not all, disable, or some of {', '.join(OPERATIONS)}")
    return frozenset(map(What, words))


def _expressions(text: str, context: Context | None) -> tuple[Expression, ...]:
    return each_line(text, _expression)


def _expression(line: str) -> Expression:
    try:
        return Expression.parse(line)
    except ValueError as error:
        raise Wrong(f"cannot be matched: {error}") from None


def _operations_text(operations: frozenset[What]) -> str:
    return "all" if operations == frozenset(What) else ", ".join(one.value for one in operations)


Operations = Annotated[
    frozenset[What],
    Kind("all, disable or a list", "create, rename", _operations, write=_operations_text),
]
Expressions = Annotated[tuple[Expression, ...], Kind("lines of expressions", "", _expressions)]
Pause = Annotated[float, duration(0.1, LONGEST)]


class MonitorOptions(ResourceOptions):
    """A folder whose files and folders are watched, whoever changes them."""

    ignored: ClassVar[dict[str, str]] = {
        **ResourceOptions.ignored,
        "retry_count": "a folder that cannot be read is looked at again for as long as it takes",
    }

    type: Literal["monitor"] = option("The kind of resource.", "monitor")
    source_path: AbsolutePath = option("The folder.", examples=["/srv/mft/inbox"])
    recursive: YesNo = option("Whether folders in it are watched as well.", False)
    changes_poll_interval: Pause = option("How many seconds are between two looks.", 10.0)
    stable_interval: Seconds = option(
        "How many seconds a file must stay as it is until it is told of. 0: at the first look.",
        10.0,
    )
    source_filter: Expressions = option(
        "Expressions, one per line; only files are told of whose name one of them matches. Empty: "
        "all.",
        (),
        examples=["*.pdf"],
    )
    monitored_operations: Operations = option(
        "What is told: `all`, or some of exist, create, modify, rename and delete; `disable` for "
        "nothing but what age does.",
        frozenset(What),
    )
    file_age_notification: Seconds = option(
        "After how many seconds without a change a file is told of, once. 0: never.", 0.0
    )
    file_age_auto_delete: Seconds = option(
        "After how many seconds without a change a file is deleted. 0: never.", 0.0
    )
