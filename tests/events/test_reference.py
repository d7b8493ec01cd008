from mft.events.catalogue import BY_NUMBER
from mft.events.facts import NO_COMPONENT, Facts
from mft.events.reference import markdown


def test_every_event_has_its_row():
    text = markdown()
    for number, event in BY_NUMBER.items():
        assert f"\n| {number} | {event.sentence} |" in text


def test_keys_groups_and_blocks_are_told():
    text = markdown()
    assert "`from`, `to`" in text
    assert "## SSH: SFTP and SCP" in text
    assert "`file-operation`" in text
    assert text.endswith(".\n")


def test_every_name_of_a_template_is_told():
    text = markdown()
    for name in (*Facts(NO_COMPONENT).names, "data.KEY"):
        assert f"`{{{name}}}`" in text
