"""Names that peers chose, made to be headers, recipients or the end of a mail."""

import json
from pathlib import Path

import pytest

from mft.core.peer import Actor
from tests.fakes.handlers import house
from tests.fakes.occurrences import ALICE, told
from tests.fakes.post import mailing, text
from tests.fakes.run import run

HOSTILE = [
    "/a\r\nBcc: victim@example.com\r\n\r\nbody",
    "/a\nBcc: victim@example.com",
    "/a\rBcc: victim@example.com",
    "/a\x00b",
    "/a\r\n.\r\nMAIL FROM:<evil@example.com>",
    "/=?utf-8?q?=0D=0ABcc:_victim@example.com?=",
    "/=?utf-8?b?DQpCY2M6IHZpY3RpbUBleGFtcGxlLmNvbQ==?=",
    "/=?utf-8?q?a?= =?utf-8?q?=0ABcc:_victim@example.com?=",
    "/\u2028Bcc: victim@example.com",
    "/\x85Bcc: victim@example.com",
    "/\ud800\udfff",
    "/" + "x" * 5000,
    "/" + "\u00e9" * 2000,
    "/" + "a " * 500 + "\r\n b",
    "/{data.path}{account.name}%s%(x)s",
    '/"><script>alert(1)</script>',
]
HEADERS = {
    "From",
    "To",
    "Subject",
    "Date",
    "Message-ID",
    "Auto-Submitted",
    "Content-Type",
    "Content-Transfer-Encoding",
    "MIME-Version",
}


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("body", ["", "{message}{LF}{data.path}{LF}.{LF}{data.path}"])
def test_a_name_of_a_file_is_nothing_but_text(tmp_path: Path, path: str, body: str) -> None:
    home = house(tmp_path)
    subject = "[{id}] {account.name} {data.path} {message}"
    handler, post = mailing(home, email_subject=subject, email_body=body)
    origin = ALICE._replace(actor=Actor("a", path, path))
    run(handler.handle_many([told(path, origin=origin)]))
    (envelope,) = post.sent
    (message,) = post.messages
    assert envelope.recipients == ("officer@example.com",)
    assert set(message.keys()) == HEADERS
    assert len(message.keys()) == len(HEADERS)
    assert message.defects == []
    assert str(message["To"]) == "officer@example.com"
    assert message["Subject"].isprintable()
    assert all(len(line) <= 998 for line in envelope.content.split(b"\r\n"))
    assert envelope.content.isascii()
    assert b"\n" not in envelope.content.replace(b"\r\n", b"")
    assert b"\r" not in envelope.content.replace(b"\r\n", b"")
    if not body:
        assert json.loads(text(message))["data"]["path"].startswith(path[:1])
    home.journal.close()


@pytest.mark.parametrize(
    "email",
    [
        "a@example.com\r\nBcc: victim@example.com",
        "a@example.com>\r\nRCPT TO:<victim@example.com",
        "<victim@example.com>",
        "Ann <victim@example.com>",
        '"a b"@example.com',
        "a@example.com victim@example.com",
        "a@b@example.com",
        "-oQ/tmp@",
        "|/bin/sh@",
        "a@example..com",
        ".a@example.com",
        "\u0430@example.com",
        "a@ex\u00e4mple.com",
        "a" * 65 + "@example.com",
        "a@" + "b." * 130 + "com",
        "=?utf-8?q?a?= <victim@example.com>",
    ],
)
def test_an_address_of_an_account_is_an_address_or_nothing(tmp_path: Path, email: str) -> None:
    home = house(tmp_path)
    handler, post = mailing(home, email_to_recipients="{account.email}")
    origin = ALICE._replace(actor=Actor("a", "alice", email))
    run(handler.handle_many([told(origin=origin)]))
    assert post.sent == []
    (refused,) = home.journal.read()
    assert refused.event.number == 90220
    assert "is no e-mail address" in refused.data["details"]
    assert refused.data["details"].isprintable()
    home.journal.close()


@pytest.mark.parametrize(
    "name",
    [
        'a"\r\nBcc: victim@example.com\r\n".txt',
        "a=?utf-8?q?=0ABcc:_x?=.txt",
        'a"; filename="b.exe',
        "a\x00\x1b[2J\u202etxt.exe"[:1] + "\u202etxt.exe",
        "\u00e9" * 100,
        "x" * 240,
    ],
)
def test_the_name_of_an_attachment_is_nothing_but_a_name(tmp_path: Path, name: str) -> None:
    home = house(tmp_path)
    path = tmp_path / name
    path.write_bytes(b"payload")
    handler, post = mailing(home, email_associated_files="attachment")
    occurrence = told()
    occurrence.data["real_path"] = str(path)
    run(handler.handle_many([occurrence]))
    (message,) = post.messages
    (attached,) = message.iter_attachments()
    assert attached.get_content() == b"payload"
    assert set(attached.keys()) == {
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "MIME-Version",
    }
    given = attached.get_filename()
    assert given.isprintable()
    assert "/" not in given
    assert set(message.keys()) <= HEADERS
    assert post.sent[0].content.isascii()
    home.journal.close()


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path) -> None:
    home = house(tmp_path)
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "link").symlink_to("secret")
    handler, post = mailing(home, email_associated_files="attachment")
    occurrence = told()
    occurrence.data["real_path"] = str(tmp_path / "link")
    run(handler.handle_many([occurrence]))
    assert b"secret" not in post.sent[0].content.replace(b"secret/", b"")
    assert [one.event.number for one in home.journal.read()] == [90223]
    home.journal.close()
