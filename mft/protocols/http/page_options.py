"""What an administrator says about pages: their languages, and what is told at the login."""

from typing import Annotated, Final, NamedTuple

from mft.config.kinds import Context, Kind, Wrong, comma_list
from mft.protocols.http.words import LANGUAGES

# Other servers of this kind know these; their texts are English here.
OTHERS: Final = frozenset(("es", "fr", "ro", "vi", "zh_cn", "zh_tw", "zh_hk"))
ENGLISH: Final = "en"
MAX_LINES: Final = 200
MAX_TEXT: Final = 20_000  # characters


class Footnotes(NamedTuple):
    """A note on the login page: what opens it, its title, and its lines."""

    link: str
    title: str
    lines: tuple[str, ...]


def _languages(text: str, context: Context | None) -> tuple[str, ...]:
    found: list[str] = []
    for item in comma_list(text):
        word = item.lower().replace("-", "_")
        if word not in LANGUAGES and word not in OTHERS:
            raise Wrong(f"is not a language that pages have: {', '.join(LANGUAGES)}", item)
        language = word if word in LANGUAGES else ENGLISH
        if language not in found:
            found.append(language)
    return tuple(found) or (ENGLISH,)


def _footnotes(text: str, context: Context | None) -> Footnotes | None:
    lines = [line.strip() for line in text.strip().split("\n")]
    if lines == [""]:
        return None
    if len(lines) < 3:
        raise Wrong("needs a line for the link, one for the title, and the text", lines[0])
    if len(lines) > MAX_LINES or len(text) > MAX_TEXT:
        raise Wrong(f"is longer than {MAX_LINES} lines or {MAX_TEXT} characters", lines[0])
    return Footnotes(lines[0], lines[1], tuple(line for line in lines[2:] if line))


def _footnotes_text(footnotes: Footnotes | None) -> str:
    if footnotes is None:
        return ""
    return "\n".join((footnotes.link, footnotes.title, *footnotes.lines))


Languages = Annotated[tuple[str, ...], Kind("languages between commas", "en, de", _languages)]
LoginFootnotes = Annotated[
    Footnotes | None,
    Kind(
        "lines: what opens the note, its title, its text",
        "Terms of use",
        _footnotes,
        write=_footnotes_text,
    ),
]
