"""The options of mail, and what they refuse."""

from pathlib import Path

import pytest

from mft.handlers.email_options import DEFAULT_SUBJECT
from mft.resources.email_client import DEFAULT_CLIENT
from tests.fakes.post import options, read


def test_the_defaults_are_those_of_a_careful_operator() -> None:
    found = options()
    assert found.email_client == DEFAULT_CLIENT
    assert (found.email_subject, found.email_body) == (DEFAULT_SUBJECT, "")
    assert (found.maximum_mails, found.interval) == (20, 600)
    assert found.fail_after_errors == 0
    assert list(found.recipients()) == ["email_to_recipients", "email_cc", "email_bcc"]


@pytest.mark.parametrize(
    ("option", "text", "sentence"),
    [
        ("email_to_recipients", "ann@", "is not an e-mail address"),
        ("email_to_recipients", "ok@example.com, a b@example.com", "is not an e-mail address"),
        ("email_cc", "{account.mail}", 'did you mean "account.email"?'),
        ("email_cc", "{account.email", "belongs to no name"),
        ("email_subject", "{nothing}", 'there is no "nothing"'),
        ("email_body", "{data.nothing}", 'there is no "data.nothing"'),
        ("email_associated_files", "all", "is not one of"),
        ("maximum_mails", "-1", "is not a"),
        ("interval", "0", "is shorter than"),
    ],
)
def test_what_cannot_be_is_told(tmp_path: Path, option: str, text: str, sentence: str) -> None:
    found, problems = read(tmp_path, **{option: text})
    assert found is None
    (problem,) = problems
    assert sentence in problem, problem
    assert option in problem
