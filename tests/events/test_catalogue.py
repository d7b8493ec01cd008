import string

import pytest

from mft.events import catalogue, payloads
from mft.events.catalogue import BY_NUMBER, RETIRED
from mft.events.model import Event, Group

ROWS = [row for row in vars(catalogue).values() if isinstance(row, Event)]


def test_no_number_is_given_twice_or_again():
    numbers = [row.number for row in ROWS]
    assert len(numbers) == len(set(numbers)) == len(BY_NUMBER)
    assert not RETIRED & set(numbers)


def test_rows_stand_in_the_order_of_their_numbers():
    assert [row.number for row in ROWS] == sorted(row.number for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row.number))
def test_a_row_is_whole(row):
    assert row.groups
    assert row.sentence[0].isupper() or row.sentence[0] in "[{\"'"
    assert "\n" not in row.sentence
    for _, name, _, conversion in string.Formatter().parse(row.sentence):
        assert conversion is None
        assert name is None or name.isidentifier()  # no attribute or index of a peer's text


def test_a_service_that_starts_says_it_as_operators_know_it():
    payload = payloads.ServiceStarted("ftp", "127.0.0.1", 10021, "ftp")
    data = catalogue.SERVICE_STARTED.data(payload)
    assert catalogue.SERVICE_STARTED.number == 20076
    assert catalogue.SERVICE_STARTED.sentence.format_map(data) == (
        'Service "ftp" started on "127.0.0.1:10021" using "ftp" protocol.'
    )


def test_a_rename_has_its_keys_without_underscores():
    data = catalogue.SSH_RENAME_DONE.data(payloads.Renamed("/b", "/srv/b", "/a", "/b"))
    assert data == {"path": "/b", "real_path": "/srv/b", "from": "/a", "to": "/b"}


def test_failures_are_in_the_group_of_failures_and_successes_are_not():
    assert Group.FAILURE in catalogue.SSH_UPLOAD_FAILED.groups
    assert not {Group.FAILURE, Group.SUCCESS} <= catalogue.SSH_UPLOAD_DONE.groups
    for row in ROWS:
        assert not {Group.FAILURE, Group.SUCCESS} <= row.groups, row
        if any(group.value.startswith("failure-") for group in row.groups):
            assert Group.FAILURE in row.groups, row


def test_every_payload_is_used_and_frozen():
    shapes = {one for one in vars(payloads).values() if hasattr(one, "_fields")}
    assert shapes == {row.payload for row in ROWS}
    for shape in shapes:
        assert issubclass(shape, tuple)
        assert "__dict__" not in vars(shape)
