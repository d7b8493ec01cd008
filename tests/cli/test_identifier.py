"""`mft uuid` prints an ID that server.ini takes."""

import uuid

from click.testing import CliRunner

from mft.cli.identifier import identifier


def test_each_call_prints_another_uuid():
    printed = {CliRunner().invoke(identifier).output.strip() for _ in range(3)}
    assert len(printed) == 3
    assert all(str(uuid.UUID(one)) == one for one in printed)
