"""Every event that begins something has a row that ends it."""

from mft.daemon.state.begun import BEGUN
from mft.events import catalogue as events


def test_files_are_closed_before_the_connections_that_moved_them():
    order = [kind.is_connection for kind in BEGUN]
    assert order == sorted(order)


def test_every_event_that_opens_a_connection_or_a_file_has_a_row():
    begins = {number for kind in BEGUN for number in kind.begins}
    assert begins >= {
        events.SSH_CONNECTED.number,
        events.SSH_OPEN_DONE.number,
        events.FTP_CONNECTED.number,
        events.FTP_DATA_OPENED.number,
        events.FTP_READ_OPENED.number,
        events.FTP_WRITE_OPENED.number,
        events.FTP_APPEND_OPENED.number,
        events.HTTP_CONNECTED.number,
        events.HTTP_READ_OPENED.number,
        events.HTTP_WRITE_OPENED.number,
        events.HTTP_ZIP_STARTED.number,
        events.LOCATION_READ_OPENED.number,
        events.LOCATION_WRITE_OPENED.number,
        events.LOCATION_APPEND_OPENED.number,
        events.TRANSFER_FILE_STARTS.number,
    }
