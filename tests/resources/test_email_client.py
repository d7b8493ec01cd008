"""The options of a mail server, and what they refuse."""

from pathlib import Path
from typing import Any

import pytest

from mft.config.kinds import Context
from mft.resources.email_client import EmailClientOptions


def wrongs(**options: str) -> list[tuple[str, str]]:
    given = {"name": "mail", "type": "email-client", **options}
    made = EmailClientOptions.model_validate(given, context=Context(Path("/instance")))
    return [(one.option, one.sentence) for one in made.check(Context(Path("/instance")))]


def test_the_usual_mail_server_is_here_and_asks_for_nothing() -> None:
    assert wrongs() == []


@pytest.mark.parametrize(
    ("options", "option", "sentence"),
    [
        ({"username": "mft"}, "password", "is missing"),
        ({"password": "x"}, "username", "is missing"),
        (
            {"username": "mft", "password": "x", "secure_connection": "No"},
            "secure_connection",
            "in clear",
        ),
        ({"ssl_certificate_authority": "/no/such.pem"}, "ssl_certificate_authority", ""),
    ],
)
def test_what_does_not_go_together_is_told(
    options: dict[str, Any], option: str, sentence: str
) -> None:
    ((named, said),) = wrongs(**options)
    assert named == option
    assert sentence in said
