"""What a look needs to know; what it changes is tested with the queue."""

from mft.transfers.looking import Rules


def test_files_on_their_own_are_in_no_batch_and_others_wait_for_one():
    assert Rules().batch == 0
    assert Rules(batches=True).batch is None
