"""The numbers under which SFTP and SCP tell what a session does."""

from typing import Final

from mft.events import catalogue as events
from mft.session.numbers import Numbers, Outcome

NUMBERS: Final = Numbers(
    stat=Outcome(events.SSH_STAT_ASKED, events.SSH_STAT_DONE, events.SSH_STAT_FAILED),
    list=Outcome(events.SSH_LIST_ASKED, events.SSH_LIST_DONE, events.SSH_LIST_FAILED),
    remove=Outcome(events.SSH_REMOVE_ASKED, events.SSH_REMOVE_DONE, events.SSH_REMOVE_FAILED),
    make_directory=Outcome(
        events.SSH_MAKE_DIRECTORY_ASKED,
        events.SSH_MAKE_DIRECTORY_DONE,
        events.SSH_MAKE_DIRECTORY_FAILED,
    ),
    remove_directory=Outcome(
        events.SSH_REMOVE_DIRECTORY_ASKED,
        events.SSH_REMOVE_DIRECTORY_DONE,
        events.SSH_REMOVE_DIRECTORY_FAILED,
    ),
    set_attributes=Outcome(
        events.SSH_SETSTAT_ASKED, events.SSH_SETSTAT_DONE, events.SSH_SETSTAT_FAILED
    ),
    read_link=Outcome(
        events.SSH_READ_LINK_ASKED, events.SSH_READ_LINK_DONE, events.SSH_READ_LINK_FAILED
    ),
    make_link=Outcome(
        events.SSH_MAKE_LINK_ASKED, events.SSH_MAKE_LINK_DONE, events.SSH_MAKE_LINK_FAILED
    ),
    rename=Outcome(events.SSH_RENAME_ASKED, events.SSH_RENAME_DONE, events.SSH_RENAME_FAILED),
    opened=events.SSH_OPEN_DONE,
    open_failed=events.SSH_OPEN_FAILED,
    upload_done=events.SSH_UPLOAD_DONE,
    upload_failed=events.SSH_UPLOAD_FAILED,
    download_done=events.SSH_DOWNLOAD_DONE,
    download_failed=events.SSH_DOWNLOAD_FAILED,
    change_done=events.SSH_CHANGE_DONE,
    change_failed=events.SSH_CHANGE_INTERRUPTED,
    read_failed=events.SSH_READ_FAILED,
    write_failed=events.SSH_WRITE_FAILED,
)
