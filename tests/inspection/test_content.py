"""What is looked for in lines is found wherever it is, and told once."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.events import catalogue as events
from mft.inspection.base import BLOCK, Outcome, Verdict
from mft.inspection.content import MAX_FOUND, MAX_RULES, ContentInspection, ContentRules
from mft.inspection.lines import PIECE
from tests.fakes.inspections import means, subject
from tests.fakes.run import run
from tests.fakes.threads import Inline

CARD = r"m/\b\d{4}[ -]?\d{4}[ -]?\d{4}[ -]?\d{4}\b/, number of a credit card"
SEARCH = f"{CARD}\n*confidential*, marked confidential\nm/^IBAN/i, an account\n*CC*, an account"


def rules(text: str = SEARCH, **given: Any) -> ContentRules:
    return ContentRules.model_validate({"name": "content", "line_search": text, **given})


def judge(data: bytes, checked: ContentRules | None = None, **given: Any) -> Verdict:
    inspection = ContentInspection(checked or rules(), means())
    run(inspection.start())
    return run(inspection.inspect(subject(data, **given)))


def hits(verdict: Verdict) -> list[str]:
    return [
        told.payload.rule_details for told in verdict.told if told.event is events.CONTENT_FOUND
    ]


def test_a_line_that_matches_rejects_and_is_told_by_its_description() -> None:
    verdict = judge(b"Dear Bob,\nmy card is 4111 1111-11111111.\nRegards\n")
    assert verdict.outcome is Outcome.REJECTED
    assert hits(verdict) == ["number of a credit card"]
    assert verdict.details == "number of a credit card"
    assert judge(b"Dear Bob,\nnothing\n").outcome is Outcome.PASSED


def test_each_description_is_told_once() -> None:
    verdict = judge(b"iban DE12\nIBAN DE34\ncc: x\nConfidential\nCONFIDENTIAL\n")
    assert hits(verdict) == ["an account", "marked confidential"]


@pytest.mark.parametrize("before", [b"", b"\0\xff binary " * 999, b"line\n" * (BLOCK // 5)])
@pytest.mark.parametrize("most", [1000, 1 << 20])
def test_it_is_found_wherever_it_is(before: bytes, most: int) -> None:
    assert hits(judge(before + b" 4111111111111111 ", most=most)) == ["number of a credit card"]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("m/secret.*project/", b"the secret of the project"),
        (r"m/\w+@example\.com/", b"to ann@example.com"),
        (r"m/\bIBAN\s*[A-Z]{2}\d+/", b"IBAN DE12"),
        (r"m/\bcard\s+\d{16}\b/", b"card 4111111111111111"),
    ],
)
def test_ordinary_expressions_can_be_used(rule: str, text: bytes) -> None:
    assert hits(judge(text, rules(f"{rule}, found"))) == ["found"]


def test_text_in_utf_8_is_found_behind_a_mark_of_utf_16() -> None:
    assert hits(judge(b"\xff\xfeso confidential")) == ["marked confidential"]


def test_text_in_utf_16_is_text() -> None:
    assert hits(judge("so confidential".encode("utf-16"))) == ["marked confidential"]


def test_terms_of_dictionaries_are_found(tmp_path: Path) -> None:
    file = tmp_path / "projects.txt"
    file.write_text("Bluebird\ntop secret\n")
    checked = rules("", dictionary_files=str(file))
    verdict = judge(b"Bluebird\nbluebird is Top Secret\n", checked)
    assert hits(verdict) == ["projects.txt: Bluebird", "projects.txt: top secret"]
    inspection = ContentInspection(checked, means())
    file.write_text("other\n")
    assert run(inspection.inspect(subject(b"bluebird"))).outcome is Outcome.PASSED
    file.unlink()
    assert run(inspection.inspect(subject(b"bluebird"))).outcome is Outcome.UNABLE


def test_what_is_told_of_one_file_has_a_bound(tmp_path: Path) -> None:
    file = tmp_path / "many.txt"
    words = [f"word{number}" for number in range(MAX_FOUND * 3)]
    file.write_text("\n".join(words))
    for between in "\n", " ":
        verdict = judge(between.join(words).encode(), rules("", dictionary_files=str(file)))
        assert len(hits(verdict)) == MAX_FOUND
    more = "\n".join(f"*x*, rule {number}" for number in range(MAX_RULES))
    verdict = judge(b"x " + words[0].encode(), rules(more, dictionary_files=str(file)))
    assert len(hits(verdict)) == MAX_FOUND


def test_a_term_is_not_found_in_a_longer_word_wherever_that_is(tmp_path: Path) -> None:
    file = tmp_path / "terms.txt"
    file.write_text("class\nification\n")
    checked = rules("", dictionary_files=str(file))
    for before in range(PIECE - 20, PIECE + 20):
        for line in (b"x" * before, b"x " * (before // 2), b"\n" + b"y " * (PIECE + before)):
            verdict = judge(line + b" classification " + b"y" * PIECE, checked)
            assert verdict.outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("form", "shown"),
    [
        ("gnu", "{hex}  a.txt"),
        ("bsd", "SHA512 (a.txt) = {hex}"),
        ("base64", "2UKTtXITyqMDTuQWDoNH1IO"),
    ],
)
def test_digests_in_each_form(form: str, shown: str) -> None:
    data = b"some bytes" * 50_000
    checked = rules("", digest_format=form, digest_algorithm="sha512")
    verdict = judge(data, checked)
    (told,) = verdict.told
    assert told.event is events.FILE_DIGEST
    expected = shown.format(hex=hashlib.sha512(data).hexdigest())
    if form == "base64":
        import base64

        expected = base64.b64encode(hashlib.sha512(data).digest()).decode()
    assert told.payload.output == expected


def test_a_digest_is_of_the_whole_file_whatever_is_found() -> None:
    data = b"confidential\n" + b"x\n" * BLOCK
    verdict = judge(data, rules("*confidential*, marked", digest_format="gnu"))
    (_, told) = verdict.told
    assert told.payload.output.startswith(hashlib.sha256(data).hexdigest())


def test_text_is_not_looked_through_where_the_disk_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "projects.txt"
    file.write_text("Bluebird\n")
    checked, disk, work = rules(dictionary_files=str(file)), Inline(), Inline()
    inspection = ContentInspection(checked, means()._replace(disk=disk, work=work))
    run(inspection.start())
    run(inspection.inspect(subject(b"nothing\n" * BLOCK)))
    assert (disk.calls, work.calls) == (2, 9)  # the dictionaries; each block, and the end


def test_it_stops_reading_when_nothing_more_can_be_found() -> None:
    one = subject(b"confidential\n" + bytes(BLOCK * 8))
    run(ContentInspection(rules("*confidential*, marked"), means()).inspect(one))
    assert one.source.reads == 1


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("m/a/", "is not an expression, a comma and a description"),
        ("*.txt", "is not an expression"),
        ("*a*, " + "d" * 201, "longer than 200"),
        ("m/(/, bad", "is not a regular expression"),
        ("m/(a+)+$/, hostile", "could take too long"),
        (r"m/a.*b.*c.*d/, slow", "could take too long"),
    ],
)
def test_a_rule_that_cannot_be_used(line: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        rules(line)


def test_rules_have_a_bound_and_something_to_do(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="more than 100 lines"):
        rules("\n".join(f"*{n}*, {n}" for n in range(MAX_RULES + 1)))
    context = Context(tmp_path)
    (nothing,) = rules("").check(context)
    assert "nothing would be checked" in nothing.sentence
    (missing,) = rules("", dictionary_files="/none/terms.txt").check(context)
    assert "/none/terms.txt cannot be read" in missing.sentence
    assert list(rules("", enabled="no").check(context)) == []
    assert list(rules().check(context)) == []


def test_commas_in_expressions_and_descriptions() -> None:
    first, second = rules("m/a{1,2},b/i, found, indeed\nx*y, a, b").line_search
    assert (first.expression.text, first.description) == ("m/a{1,2},b/i", "found, indeed")
    assert (second.expression.text, second.description) == ("x*y", "a, b")
    assert str(first) == "m/a{1,2},b/i, found, indeed"
