"""What a request says of the bytes that it sends."""

import pytest

from mft.protocols.http.body_digests import Told, told_by
from mft.wire.http.digests import old_digest, repr_digest
from mft.wire.http.head import BadRequest, Fields

ONE, OTHER = bytes(32), bytes(range(32))
CONTENT, REPR, OLD = "Content-Digest", "Repr-Digest", "Digest"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ([], Told()),
        ([(CONTENT, repr_digest(ONE))], Told(body=ONE)),
        ([(REPR, repr_digest(ONE))], Told(file=ONE)),
        ([(OLD, old_digest(ONE))], Told(file=ONE)),
        ([(REPR, repr_digest(ONE)), (OLD, old_digest(ONE))], Told(file=ONE)),
        ([(CONTENT, repr_digest(ONE)), (OLD, old_digest(OTHER))], Told(ONE, OTHER)),
        ([(REPR, "sha-512=:AAAA:"), (OLD, "md5=AAAA")], Told()),
    ],
)
def test_a_digest_is_of_the_body_or_of_the_file(fields: list[tuple[str, str]], told: Told) -> None:
    assert told_by(Fields(fields)) == told


@pytest.mark.parametrize(
    "fields",
    [
        [(CONTENT, "sha-256=nonsense")],
        [(REPR, "sha-256=:AAAA:")],
        [(OLD, "SHA-256=:AAAA:")],
        [(REPR, repr_digest(ONE)), (OLD, "sha-256")],
        [(REPR, repr_digest(ONE)), (OLD, old_digest(OTHER))],
    ],
)
def test_what_cannot_be_read_or_says_two_things_is_refused(fields: list[tuple[str, str]]) -> None:
    with pytest.raises(BadRequest) as caught:
        told_by(Fields(fields))
    assert caught.value.status == 400


def test_a_body_that_is_the_whole_file_has_one_digest() -> None:
    assert Told().of_whole() is None
    for told in (Told(body=ONE), Told(file=ONE), Told(ONE, ONE)):
        assert told.of_whole() == ONE
    with pytest.raises(BadRequest):
        Told(ONE, OTHER).of_whole()
