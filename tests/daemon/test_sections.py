"""The families are whole: every option is documented, and what is written can be read."""

import re
from pathlib import Path

import pytest

from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.reference import full_ini, markdown
from mft.config.section import declared, read_section
from mft.daemon.sections import FAMILIES

MODELS = [
    pytest.param(family, name, model, id=f"{family.name}-{name}")
    for family in FAMILIES
    for name, model in family.types.items()
]


@pytest.mark.parametrize(("family", "name", "model"), MODELS)
def test_every_option_says_what_it_means_in_sentences(family, name, model):
    assert model.__doc__
    for option, field in model.model_fields.items():
        assert field.description, option
        assert field.description.endswith("."), option


@pytest.mark.parametrize(("family", "name", "model"), MODELS)
def test_an_old_name_is_nobodys_new_name(family, name, model):
    taken = set(model.model_fields)
    for field in model.model_fields.values():
        assert taken.isdisjoint(declared(field).old_names)
        taken.update(declared(field).old_names)
    assert taken.isdisjoint(model.ignored)
    assert {old for field in model.model_fields.values() for old in declared(field).old_names} >= {
        *model.converted
    }


def test_the_reference_tells_of_every_section():
    text = markdown(FAMILIES)
    for family in FAMILIES:
        assert f"## {family.title}" in text
        for name in family.types:
            assert not name or f"`type = {name}`" in text


@pytest.mark.parametrize(("family", "name", "model"), MODELS)
def test_every_default_in_the_full_file_is_read_as_the_default(family, name, model, tmp_path):
    text = full_ini(FAMILIES)
    title = family.name if family.single else f"{family.name}/{name or 'example'}"
    every = re.sub(r"^;(\w+ =|    )", r"\1", text, flags=re.M)
    sections = []
    for content in (text, every):
        problems = []
        raw = parse(content.encode(), "server.full.ini", problems)[title]
        if "type" not in model.model_fields:
            raw.values.pop("type", None)
        sections.append(read_section(model, raw, Context(tmp_path), problems))
        assert not problems
        if content is every:
            assert set(raw.values) == set(model.model_fields)
    plain, full = (section.model_dump() for section in sections)
    for option, value in plain.items():
        in_instance = tmp_path / value if isinstance(value, Path) else value
        assert full[option] in (value, in_instance), option
