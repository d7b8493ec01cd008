"""What `[event-handlers/ID]` of mail name elsewhere: the mail server, accounts and groups."""

from collections.abc import Mapping

from mft.auth.parts import AccountsOfFile
from mft.config.kinds import Wrong
from mft.config.section import suggestion, wrong_in
from mft.daemon.reading import Reading
from mft.handlers.email_options import EmailSenderOptions
from mft.resources.email_client import DEFAULT_CLIENT, EmailClientOptions


def name_the_only_client(reading: Reading) -> None:
    """A handler that names no mail server has the only one there is."""
    resources, handlers = reading.families["resources"], reading.families["event-handlers"]
    clients = [
        uuid for uuid, one in resources.items() if isinstance(one.options, EmailClientOptions)
    ]
    if len(clients) != 1 or DEFAULT_CLIENT in resources:
        return
    for uuid, one in handlers.items():
        options = one.options
        if isinstance(options, EmailSenderOptions) and options.email_client == DEFAULT_CLIENT:
            named = options.model_copy(update={"email_client": clients[0]})
            handlers[uuid] = one._replace(options=named)


def check_recipients(reading: Reading, files: Mapping[str, AccountsOfFile]) -> None:
    """Every ID among recipients must be of an account or a group, and mail for somebody."""
    known = {*reading.families["accounts"], *reading.families["groups"]}
    for file in files.values():
        known |= file.accounts.keys() | file.groups.keys()
    for one in reading.families["event-handlers"].values():
        options = one.options
        if not isinstance(options, EmailSenderOptions):
            continue
        for name, recipients in options.recipients().items():
            for identifier in (each.identifier for each in recipients):
                if identifier and identifier not in known:
                    hint = suggestion(identifier, known)
                    sentence = f"is no address, and names no account and no group{hint}"
                    wrong = Wrong(sentence, identifier, option=name)
                    wrong_in(options, one.raw, wrong, reading.problems)
        mild = _for_nobody(options, reading)
        if mild is not None:
            wrong_in(options, one.raw, mild, reading.problems)


def _for_nobody(options: EmailSenderOptions, reading: Reading) -> Wrong | None:
    """What is wrong where all mails are for nobody, or those that do not go one by one."""
    found = reading.families["resources"].get(options.email_client)
    client = None if found is None else found.options
    if not isinstance(client, EmailClientOptions) or client.email_to_recipients:
        return None
    named = {name: people for name, people in options.recipients().items() if people}
    if not named:
        sentence = "is empty here and in the resource: nobody gets this mail"
        return Wrong(sentence, option="email_to_recipients", mild=True)
    if options.maximum_mails and all(one.is_template for some in named.values() for one in some):
        sentence = (
            "depends on the event, and the resource names no recipients: nobody is told of events "
            "beyond maximum_mails"
        )
        return Wrong(sentence, option=next(iter(named)), mild=True)
    return None
