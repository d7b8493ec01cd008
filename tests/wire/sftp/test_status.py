"""The codes of SFTP version 3."""

from mft.wire.sftp.status import MESSAGES, Status


def test_the_numbers_are_those_of_the_draft() -> None:
    assert [(code.name, code.value) for code in Status] == [
        ("OK", 0),
        ("EOF", 1),
        ("NO_SUCH_FILE", 2),
        ("PERMISSION_DENIED", 3),
        ("FAILURE", 4),
        ("BAD_MESSAGE", 5),
        ("NO_CONNECTION", 6),
        ("CONNECTION_LOST", 7),
        ("OP_UNSUPPORTED", 8),
    ]


def test_each_code_has_its_sentence() -> None:
    assert set(MESSAGES) == set(Status)
    assert all(message.endswith(".") and message.isascii() for message in MESSAGES.values())
