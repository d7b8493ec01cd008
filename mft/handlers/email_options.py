"""The options of `type = email-sender`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final, Literal

from mft.config.kinds import Context, Count, Kind, duration, reference, whole
from mft.config.section import option
from mft.events.filters import Filter, GroupsOf, of_nobody
from mft.handlers.base import HandlerOptions
from mft.handlers.email_recipients import Recipient, Recipients
from mft.handlers.log_file import check_template
from mft.handlers.results import MAIL_RESULTS, without_results
from mft.resources.email_client import DEFAULT_CLIENT

WEEK: Final = 604_800.0  # seconds
DEFAULT_SUBJECT: Final = "[{id}] [{component.name}] New event from {server.name}"


def _template(text: str, context: Context | None) -> str:
    return check_template(text.strip())


Subject = Annotated[str, Kind("template", DEFAULT_SUBJECT, _template)]
Body = Annotated[str, Kind("template", "{message}{LF}{LF}{data_json}", _template)]


class EmailSenderOptions(HandlerOptions):
    """Send events as mail, one mail for each."""

    type: Literal["email-sender"] = option("What the handler does.", "email-sender")
    email_client: Annotated[str, reference("resources", "email-client")] = option(
        "The ID of the mail server's resource. One that is alone need not be named.",
        DEFAULT_CLIENT,
        ours=True,
    )
    email_to_recipients: Recipients = option(
        "Who gets the mail: addresses, templates such as {account.email}, IDs of accounts (their "
        "addresses) and of groups (those of all members). Empty, as are the next two: those of "
        "the resource.",
        (),
        examples=["officer@example.com, {account.email}"],
    )
    email_cc: Recipients = option("Who gets a copy.", (), examples=["OFFICERS"])
    email_bcc: Recipients = option(
        "Who gets a copy that the others do not see.", (), examples=["archive@example.com"]
    )
    email_subject: Subject = option("The template of the subject.", DEFAULT_SUBJECT)
    email_body: Body = option(
        "The template of the text. Empty: the whole event as a JSON object.",
        "",
        examples=["[{timestamp.cwa_14051}] {message}{LF}{LF}{data_json}"],
    )
    email_associated_files: Literal["", "attachment"] = option(
        "`attachment`: the file that the event is about, its `real_path`, goes with the mail; one "
        "that is missing or has more than 5 MiB is told of in its place.",
        "",
        examples=["attachment"],
    )
    maximum_mails: Annotated[int, whole(0, 100_000, "number of mails")] = option(
        "How many mails go in one `interval`. Events beyond that are counted, and one mail at its "
        "end says which. 0: no limit.",
        20,
        ours=True,
    )
    interval: Annotated[float, duration(1, WEEK)] = option(
        "How long mails are counted for `maximum_mails`, from the first.", 600.0, ours=True
    )
    fail_after_errors: Count = option(
        "After how many failures in a row the handler stops itself. 0: never.",
        0,
        safer="A mail server that was down for a while does not end the mails.",
    )

    def filter(self, groups_of: GroupsOf = of_nobody, server: str = "") -> Filter:
        """Which events these options ask for: results of mail only by their number."""
        kept = self.model_copy(update={"target": without_results(self.target, MAIL_RESULTS)})
        return HandlerOptions.filter(kept, groups_of, server)

    def recipients(self) -> Mapping[str, Sequence[Recipient]]:
        """Who is named, by option."""
        names = ("email_to_recipients", "email_cc", "email_bcc")
        return {name: getattr(self, name) for name in names}
