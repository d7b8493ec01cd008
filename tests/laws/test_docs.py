"""What is written is true: generated files are current, links lead somewhere, help has examples."""

import re

import click
import pytest

from mft.cli import reference
from mft.cli.main import COMMANDS, mft
from mft.events.catalogue import BY_NUMBER
from tests.laws.source import ROOT

DOCUMENTS = sorted(
    path
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "reference" not in path.parts
)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def commands(group=mft, prefix=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None, name
        yield (*prefix, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*prefix, name))


@pytest.mark.parametrize("subject", reference.SUBJECTS)
def test_generated_files_are_current(subject):
    for path, text in reference.SUBJECTS[subject]().items():
        assert (ROOT / path).read_text() == text, f"{path} is old: run `make docs`"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    for link in LINK.findall(document.read_text()):
        target, _, anchor = link.partition("#")
        if "://" in target or link.startswith("mailto:"):
            continue
        file = (document.parent / target) if target else document
        assert file.exists(), f"{document.name}: {link}"
        if anchor and file.suffix == ".md":
            assert anchor in anchors(file.read_text()), f"{document.name}: {link}"


def test_what_answers_the_rules_of_others_is_there():
    """An auditor who looks up an option or a number of that page finds it."""
    text = (ROOT / "docs/guide/compliance.md").read_text().replace("ISO 27001", "")
    numbers = {int(one) for one in re.findall(r"\b\d{5}\b", text)}
    assert numbers, "it names events"
    assert numbers <= BY_NUMBER.keys()
    named = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)", text))
    known = set(re.findall(r"`(\w+)`", (ROOT / "docs/reference/configuration.md").read_text()))
    assert named <= known, "options that there are not"


def anchors(text: str) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings
    }


def test_every_command_shows_an_example():
    for words, command in commands():
        text = command.get_help(click.Context(command, info_name=words[-1]))
        assert re.search(r"Examples?:", text), f"mft {' '.join(words)} has no example"
        assert f"mft {' '.join(words)}" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_the_list_of_commands_says_what_each_says_of_itself(name):
    command = mft.get_command(click.Context(mft), name)
    assert command is not None
    assert COMMANDS[name].help == (command.help or "").strip().split("\n\n")[0].replace("\n", " ")


def test_every_room_stands_in_the_map_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    rooms = [path.name for path in (ROOT / "mft").iterdir() if (path / "__init__.py").is_file()]
    assert [room for room in rooms if f"mft/{room}" not in readme] == []
