"""A message is one that every server takes and every reader reads."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mft.handlers import email_message as module
from mft.handlers.email_message import Attachment, Draft, compose, one_line, read_file
from mft.resources.mail import Mailbox
from tests.fakes.post import parsed, text

DRAFT = Draft(
    Mailbox("mft@example.com", "mft"),
    (Mailbox("ann@example.com"),),
    (),
    "subject",
    "body",
    "id-1",
    datetime(2026, 3, 7, tzinfo=UTC),
)


@pytest.mark.parametrize(
    "body",
    [
        "a\n.\n..b\nFrom x\n",
        "\u00e9\u20ac\U0001f600\n" * 50,
        "x" * 5000 + "\n",
        "\ufeffa\n",
        " \t\n",
    ],
)
def test_a_body_is_read_as_it_was_written(body: str) -> None:
    content = compose(DRAFT._replace(body=body))
    assert text(parsed(content)) == body
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert content.endswith(b"\r\n")


def test_a_subject_in_any_script_is_read_as_it_was_written() -> None:
    subject = "\u00dcml\u00e4ute \u20ac " * 10
    assert (
        str(parsed(compose(DRAFT._replace(subject=subject)))["Subject"]).strip() == subject.strip()
    )


def test_a_name_in_front_of_an_address_is_only_a_name() -> None:
    sender = Mailbox("mft@example.com", "Files, \u00dcnit (b); evil@example.com")
    (address,) = parsed(compose(DRAFT._replace(sender=sender)))["From"].addresses
    assert (address.display_name, address.addr_spec) == (sender.name, sender.address)


def test_a_long_domain_breaks_no_name() -> None:
    domain = "long-label-of-a-host." * 9 + "example.com"
    message = parsed(compose(DRAFT._replace(sender=Mailbox(f"mft@{domain}"))))
    assert message["Message-ID"] == f"<id-1@{domain}>"


def test_many_recipients_are_folded() -> None:
    to = tuple(Mailbox(f"person-{n}@example.com") for n in range(1000))
    content = compose(DRAFT._replace(to=to))
    assert len(parsed(content)["To"].addresses) == 1000
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))


def test_a_line_for_a_header_is_one_line_that_nobody_decodes() -> None:
    assert one_line("a\r\nb =?utf-8?q?x?=", 100) == r"a\r\nb = ?utf-8?q?x?="
    assert len(one_line("x" * 1000, 250)) == 250


def test_the_largest_file_goes_and_one_byte_more_does_not(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"x" * module.MAX_FILE)
    attached = read_file(str(path))
    assert attached == Attachment("a", b"x" * module.MAX_FILE)
    assert len(compose(DRAFT, attached)) < 12 << 20
    with path.open("ab") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match="more than 5 MiB"):
        read_file(str(path))


def test_a_file_is_no_link_no_folder_and_no_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/passwd")
    refusals: list[Any] = [OSError, ValueError]
    before = os.listdir("/proc/self/fd")
    for name in ("pipe", "link", ".", "none"):
        with pytest.raises(tuple(refusals)):
            read_file(str(tmp_path / name))
    assert len(os.listdir("/proc/self/fd")) == len(before)  # none is left open
    (tmp_path / "folder").symlink_to(tmp_path)
    (tmp_path / "a").write_bytes(b"a")
    assert read_file(str(tmp_path / "folder" / "a")).content == b"a"
