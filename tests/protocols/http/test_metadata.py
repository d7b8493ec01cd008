"""Tags of files: what the option says, and what a header may say."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.config.kinds import Wrong, Wrongs
from mft.protocols.http.metadata import MAX_RULES, MAX_TAGS, Metadata, MetadataFields
from mft.protocols.http.options import HttpOptions
from mft.wire.http.head import BadRequest, Fields
from tests.fakes.http_server import HttpClient, HttpServer

KIND = Metadata.__metadata__[0]
TWO = "X-Tags, required\nclass, required\nm/^case-/, optional"


def fields_of(text: str) -> MetadataFields:
    found = KIND.read(text, None)
    assert isinstance(found, MetadataFields)
    return found


def told(value: str | None) -> Fields:
    return Fields([] if value is None else [("x-tags", value)])


def test_nothing_is_no_metadata() -> None:
    assert KIND.read(" \n ", None) is None
    assert KIND.write(None) == ""


@pytest.mark.parametrize("text", [TWO, "X-Tags\n*, optional"])
def test_what_is_written_is_read_again(text: str) -> None:
    assert KIND.write(fields_of(text)) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("X Tags\n*, optional", "does not begin with the name of a header"),
        ("X-Tags, maybe\n*, optional", "does not begin with the name of a header"),
        ("X-Tags", f"needs 1 to {MAX_RULES} lines of keys"),
        ("X-Tags" + "\n*, optional" * (MAX_RULES + 1), f"needs 1 to {MAX_RULES} lines of keys"),
        ("X-Tags\ncase", "is no rule"),
        ("X-Tags\n, optional", "is no rule: an expression is empty"),
        ("X-Tags\nm/(/, optional", "is no rule"),
    ],
)
def test_what_is_wrong_is_told(text: str, sentence: str) -> None:
    with pytest.raises((Wrong, Wrongs)) as caught:
        KIND.read(text, None)
    assert sentence in str(caught.value)


def test_each_wrong_line_is_told_by_its_number() -> None:
    with pytest.raises(Wrongs) as caught:
        KIND.read("X-Tags\nfirst\n\nsecond", None)
    assert [wrong.line for wrong in caught.value.each] == [1, 3]


def test_tags_are_lists_by_their_keys() -> None:
    tags = fields_of(TWO).read(told("class=secret, case-1=a, case-1=b"))
    assert tags == {"class": ["secret"], "case-1": ["a", "b"]}
    quoted = fields_of("X-Tags\n*, optional").read(told('"who=Ann, Bob", who = Cay '))
    assert quoted == {"who": ["Ann, Bob", "Cay"]}


def test_without_the_header_there_are_none() -> None:
    assert fields_of("X-Tags\nclass, required").read(told(None)) == {}


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "class",
        "=secret",
        "class=secret, other=1",
        "case-1=a",
        '"class=secret',
        "class=" + "x" * 1001,
        "class=secret, " + "case-" + "x" * 100 + "=1",
        ", ".join(["class=secret"] * (MAX_TAGS + 1)),
    ],
)
def test_what_does_not_fit_is_refused(value: str | None) -> None:
    with pytest.raises(BadRequest) as caught:
        fields_of(TWO).read(told(value))
    assert caught.value.status == 400


@pytest.mark.fuzz
@given(st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=255), max_size=300))
def test_any_header_gives_tags_or_is_refused(value: str) -> None:
    try:
        tags = fields_of("X-Tags\n*, optional").read(told(value))
    except BadRequest:
        return
    assert all(key and values for key, values in tags.items())


def test_the_tags_of_an_upload_are_in_its_events(serve: Callable[..., HttpServer]) -> None:
    server = serve(metadata_fields="X-Tags, required\ncase, required")
    client = HttpClient(server)
    assert client.ask("PUT", "/home/a", b"1", X_Tags="case=7, case=8").status == 201
    tags = {"case": ["7", "8"]}
    assert [server.data(40021)[0]["metadata"], server.data(40017)[0]["metadata"]] == [tags, tags]
    assert client.ask("PUT", "/home/no/b", b"1", X_Tags="case=9").status == 409
    assert server.data(40022)[0]["metadata"] == {"case": ["9"]}


def test_without_the_tags_that_are_needed_nothing_is_taken(
    serve: Callable[..., HttpServer],
) -> None:
    server = serve(metadata_fields="X-Tags, required\ncase, required")
    client = HttpClient(server)
    assert client.ask("PUT", "/home/a", b"1").status == 400
    assert server.names() == []
    assert 40021 not in server.numbers()


def test_nothing_is_asked_of_clients_by_default() -> None:
    assert (
        HttpOptions.model_validate({"name": "web", "type": "http", "port": "0"}).metadata_fields
        is None
    )
