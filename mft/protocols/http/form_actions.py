"""What the buttons of a folder's page do, one row for each."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.events import catalogue as events
from mft.events import payloads as p
from mft.protocols.http.exchange import Exchange
from mft.protocols.http.folder_page import above
from mft.protocols.http.trees import remove_any
from mft.protocols.http.triggers import triggers_of
from mft.protocols.http.zip_answer import send_zip
from mft.session.session import Session
from mft.wire.http.head import BadRequest

UPLOAD: Final = "upload-file"
SELECTED: Final = "selected-members"
MAX_SHOWN: Final = 20  # names that a question repeats
MAX_OFFERED: Final = 100  # folders that a move offers


class Form:
    """The fields of a form, in their order."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._pairs = pairs

    def one(self, name: str) -> str:
        """The first value of a field; empty without it."""
        return next((value for key, value in self._pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of a field, each once."""
        return list(dict.fromkeys(value for key, value in self._pairs if key == name))

    @property
    def action(self) -> str:
        """The button that was pressed."""
        return self.one("action")


class Outcome(NamedTuple):
    """What a form has done: a key of `done.*`, the names it was done to, and the others."""

    key: str
    done: Sequence[str]
    failures: Sequence[tuple[str, Refused]] = ()


Act = Callable[[Exchange, Form], Awaitable[Outcome | None]]  # None: it has been answered
Do = Callable[[Session, VPath], Awaitable[None]]


async def _each(exchange: Exchange, key: str, names: Sequence[str], do: Do) -> Outcome:
    """Do one thing to every name; what cannot be done to one does not keep it from others."""
    done, failures = [], []
    for name in names:
        try:
            await do(exchange.session, exchange.path.member(name))
        except Refused as refused:
            if refused.reason is Reason.ABORTED:
                raise
            failures.append((name, refused))
        else:
            done.append(name)
    return Outcome(key, done, failures)


async def _delete(exchange: Exchange, form: Form) -> Outcome:
    return await _each(exchange, "deleted", form.all(SELECTED), remove_any)


async def _make(exchange: Exchange, form: Form) -> Outcome:
    async def make(session: Session, path: VPath) -> None:
        await session.make_directory(path)

    return await _each(exchange, "made", [form.one("new-folder").strip()], make)


async def _rename(exchange: Exchange, form: Form) -> Outcome:
    async def rename(session: Session, path: VPath) -> None:
        target = exchange.path.member(form.one("new-name").strip())
        await session.rename(path, target, replace=False)

    return await _each(exchange, "renamed", form.all(SELECTED)[:1], rename)


async def _move(exchange: Exchange, form: Form) -> Outcome:
    try:
        target = VPath.parse(form.one("target").strip(), exchange.path)
    except Refused as refused:
        return Outcome("moved", (), [(form.one("target"), refused)])

    async def move(session: Session, path: VPath) -> None:
        await session.rename(path, target.child(path.name), replace=False)

    outcome = await _each(exchange, "moved", form.all(SELECTED), move)
    missing = [one for one in outcome.failures if await _lacks_folder(exchange, *one)]
    if not missing:
        return outcome
    told = form.one("target").strip(), Refused(Reason.NOT_A_DIRECTORY, str(target))
    others = [one for one in outcome.failures if one not in missing]
    return outcome._replace(failures=[told, *others])


async def _lacks_folder(exchange: Exchange, name: str, refused: Refused) -> bool:
    """Whether a thing that could not be moved is there: then it is the folder that is not."""
    if refused.reason not in (Reason.NOT_FOUND, Reason.NOT_A_DIRECTORY):
        return False
    session, path = exchange.session, exchange.path.child(name)
    return not session.account.hides(path) and await session.entry_at(path) is not None


async def triggered(exchange: Exchange, form: Form) -> Outcome:
    """Say a trigger to files; BadRequest(400) for one that the account does not have."""
    session = exchange.session
    if form.action not in triggers_of(session.account, exchange.client.hub.options.triggers):
        raise BadRequest(400, "a form with an action that is not known here")

    async def look(session: Session, path: VPath) -> None:
        await session.look(path)

    outcome = await _each(exchange, "triggered", form.all(SELECTED), look)
    if outcome.done:
        paths = [str(exchange.path.child(name)) for name in outcome.done]
        session.emit(events.HTTP_TRIGGERED, p.Triggered(form.action, paths))
    return outcome


async def _download(exchange: Exchange, form: Form) -> Outcome | None:
    names = form.all(SELECTED)
    if not names:
        return Outcome("", ())
    await send_zip(exchange, exchange.path, names)
    return None


def _asking(question: str) -> Act:
    """Make the action that asks first, on a page of its own."""

    async def ask(exchange: Exchange, form: Form) -> Outcome | None:
        names = form.all(SELECTED)
        if not names:
            return Outcome("", ())
        if question == "rename":
            names = names[:1]
        path = exchange.path
        exchange.client.hub.pages.answer(
            exchange,
            200,
            "ask.html",
            question=question,
            names=names,
            most=MAX_SHOWN,
            path=path,
            here=exchange.place(path, folder=True),
            offered=await _folders(exchange) if question == "move" else (),
        )
        return None

    return ask


async def _folders(exchange: Exchange) -> list[str]:
    """Folders that a move may lead to: those above this one, and some of those within it."""
    path = exchange.path
    offered = [str(one) for one in above(path)]
    listing = await exchange.session.list(path)
    try:
        while len(offered) < MAX_OFFERED and (entries := await listing.batch()):
            offered += [str(path.child(entry.name)) for entry in entries if entry.is_directory]
    finally:
        await listing.close()
    return sorted(offered[:MAX_OFFERED])


ACTIONS: Final[Mapping[str, Act]] = {
    "create-folder": _make,
    "delete-members": _delete,
    "download-members": _download,
    "rename-member": _rename,
    "move-members": _move,
    "ask-delete": _asking("delete"),
    "ask-rename": _asking("rename"),
    "ask-move": _asking("move"),
}
