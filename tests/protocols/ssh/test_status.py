"""What SFTP and SCP clients are told when something is refused."""

import pytest

from mft.core.failure import Reason, Refused
from mft.protocols.sentences import SENTENCES
from mft.protocols.ssh.status import CODES, refusal
from mft.wire.sftp.responses import StatusReply, parse_reply
from mft.wire.sftp.status import Status


def test_every_reason_has_a_code() -> None:
    assert set(CODES) == set(Reason)


def test_no_refusal_looks_like_success_or_the_end_of_a_file() -> None:
    assert not {Status.OK, Status.EOF, Status.NO_CONNECTION, Status.CONNECTION_LOST} & {
        *CODES.values()
    }


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.NOT_FOUND, 2),
        (Reason.DENIED, 3),
        (Reason.EXISTS, 4),
        (Reason.UNSUPPORTED, 8),
        (Reason.REJECTED, 3),
    ],
)
def test_clients_meet_the_code_that_they_act_on(reason: Reason, code: int) -> None:
    reply = parse_reply(101, refusal(9, Refused(reason))[5:])
    assert isinstance(reply, StatusReply)
    assert (reply.request_id, reply.code) == (9, code)


@pytest.mark.parametrize("reason", Reason)
def test_neither_subject_nor_details_reach_the_peer(reason: Reason) -> None:
    packet = refusal(9, Refused(reason, "/srv/secret", "errno 5 at 0x7f"))
    assert b"secret" not in packet
    assert b"errno" not in packet
    assert SENTENCES[reason].encode() in packet


def test_an_internal_error_names_its_incident() -> None:
    assert b"Internal error (k3f9)" in refusal(1, Refused(Reason.BROKEN), "k3f9")
