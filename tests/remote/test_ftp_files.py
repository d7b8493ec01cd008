"""Open files: read and written in order, and ended once."""

from typing import Any, cast

import pytest

from mft.core.failure import Reason, Refused
from mft.core.vpath import VPath
from mft.remote.ftp_files import DownloadLane, FtpUpload, UploadLane
from mft.remote.ftp_transfer import Transfer
from mft.vfs.base import LATER, Attributes, Entry
from tests.fakes.run import run

PATH = VPath(("file",))
DATA = b"0123456789"


class Scripted:
    """A transfer without a network."""

    def __init__(self, data: bytes = b"", ends: bool = True) -> None:
        self.data = data
        self.over = False
        self.said: list[str] = []
        self._ends = ends

    def expect(self, count: int) -> None:
        self.said.append(f"expect {count}")

    async def read(self, views: Any) -> int:
        count = 0
        for view in views:
            part = self.data[: len(view)]
            view[: len(part)] = part
            self.data = self.data[len(part) :]
            count += len(part)
        self.over = count < sum(map(len, views)) and self._ends
        return count

    async def write(self, views: Any) -> None:
        self.data += b"".join(views)

    async def finish(self) -> None:
        self.over = True
        self.said.append("finish")

    async def drop(self) -> None:
        if not self.over:
            await self.abort()

    async def abort(self) -> None:
        self.over = True
        self.said.append("abort")


class End:
    """What the tree does at the end."""

    def __init__(self, refuses: bool = False) -> None:
        self.said: list[str] = []
        self._refuses = refuses

    async def sent(self, path: VPath, size: int, attributes: Attributes, *, resumed: bool) -> None:
        self.said.append(f"sent {size} {attributes.modified} {resumed}")
        if self._refuses:
            raise Refused(Reason.ABORTED, str(path))

    async def discard(self, path: VPath) -> None:
        self.said.append("discard")

    def closed(self) -> None:
        self.said.append("closed")


def download(script: Scripted, size: int = len(DATA)) -> DownloadLane:
    async def begin(start: int) -> Transfer:
        script.said.append(f"start {start}")
        return cast(Transfer, script)

    return DownloadLane(PATH, Entry("file", 0o100644, size, 7, 7), begin)


def upload(script: Scripted, start: int = 0, end: End | None = None) -> FtpUpload:
    lane = UploadLane(PATH, start, cast(Transfer, script))
    return FtpUpload(lane, "/file", end or End(), replaced=False)


def room(size: int) -> list[memoryview]:
    return [memoryview(bytearray(size))]


def refused(asked: Any) -> Reason:
    with pytest.raises(Refused) as caught:
        run(asked)
    return caught.value.reason


def test_lanes_always_wait_for_the_network_and_have_no_descriptor() -> None:
    for lane in (download(Scripted()), upload(Scripted()).lane):
        assert lane.read_into(room(1), 0) is LATER
        assert lane.write_from(room(1), 0) is LATER
        assert lane.fileno() is None
        run(lane.sync())


def test_a_download_begins_where_it_is_read_first_and_goes_on_in_order() -> None:
    script = Scripted(DATA[4:])
    lane = download(script)
    assert run(lane.read_later(room(3), 4)) == 3
    assert refused(lane.read_later(room(3), 4)) is Reason.UNSUPPORTED
    assert run(lane.read_later(room(5), 7)) == 3
    assert run(lane.read_later(room(5), 10)) == 0
    assert script.said == ["start 4", "expect 6"]


def test_several_views_are_filled_one_after_another() -> None:
    first, second = bytearray(4), bytearray(9)
    views = [memoryview(first), memoryview(second)]
    assert run(download(Scripted(DATA)).read_later(views, 0)) == len(DATA)
    assert bytes(first + second[:6]) == DATA


def test_a_read_that_ends_with_the_file_has_seen_its_end_already() -> None:
    script = Scripted(DATA)
    assert run(download(script).read_later(room(len(DATA)), 0)) == len(DATA)
    assert script.over


@pytest.mark.parametrize("size", [0, 9, 11])
def test_a_file_of_another_size_is_refused_and_stays_so(size: int) -> None:
    lane = download(Scripted(DATA), size)
    assert refused(lane.read_later(room(100), 0)) is Reason.ABORTED
    assert refused(lane.read_later(room(100), len(DATA))) is Reason.ABORTED


def test_a_file_that_goes_on_behind_its_size_is_refused() -> None:
    assert refused(download(Scripted(DATA), 9).read_later(room(9), 0)) is Reason.ABORTED


def test_closing_a_download_in_the_middle_breaks_it_off() -> None:
    script = Scripted(DATA)
    lane = download(script)
    run(lane.close())
    run(lane.read_later(room(3), 0))
    run(lane.close())
    run(lane.close())
    assert script.said[-1] == "abort"
    assert script.said.count("abort") == 1


def test_neither_way_can_be_gone_the_other_way() -> None:
    assert refused(download(Scripted()).write_later(room(1), 0)) is Reason.UNSUPPORTED
    assert refused(upload(Scripted()).lane.read_later(room(1), 0)) is Reason.UNSUPPORTED


def test_an_upload_goes_on_at_its_start_in_order() -> None:
    script, end = Scripted(), End()
    made = upload(script, 4, end)
    assert (made.start, made.in_place) == (4, True)
    assert refused(made.lane.write_later([memoryview(DATA)], 0)) is Reason.UNSUPPORTED
    assert run(made.lane.write_later([memoryview(DATA)], 4)) == len(DATA)
    assert run(made.lane.stat()).size == 14
    run(made.lane.change(Attributes(modified=99)))
    run(made.commit(durable=True))
    assert end.said == ["sent 14 99 True", "closed"]
    assert refused(made.commit(durable=True)) is Reason.ABORTED


def test_an_upload_cannot_be_cut() -> None:
    assert refused(upload(Scripted()).lane.change(Attributes(size=0))) is Reason.UNSUPPORTED


@pytest.mark.parametrize("keep", [True, False])
def test_an_upload_that_is_given_up_is_removed_unless_it_is_kept(keep: bool) -> None:
    script, end = Scripted(), End()
    made = upload(script, end=end)
    run(made.abort(keep=keep))
    run(made.abort(keep=False))
    assert script.said == ["abort"]
    assert end.said == (["closed"] if keep else ["discard", "closed"])


def test_an_upload_whose_end_is_refused_is_over() -> None:
    script, end = Scripted(), End(refuses=True)
    made = upload(script, end=end)
    assert refused(made.commit(durable=True)) is Reason.ABORTED
    assert end.said == ["sent 0 None False", "closed"]
    run(made.abort(keep=False))


def test_what_is_elsewhere_cannot_be_had_here() -> None:
    script, end = Scripted(), End()
    made = upload(script, end=end)
    with pytest.raises(Refused):
        made.reopen()
    assert refused(made.divert("/folder", "name")) is Reason.UNSUPPORTED
    assert end.said == ["discard", "closed"]
