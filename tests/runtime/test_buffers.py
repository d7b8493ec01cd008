"""A pool of buffers gives always, and keeps a bounded number."""

import ctypes
import mmap
import os

from mft.runtime.buffers import INLET_SIZE, KEPT, Buffers, room


def test_a_buffer_that_was_given_back_is_used_again() -> None:
    pool = Buffers(16)
    one = pool.take()
    pool.give(one)
    assert pool.take() is one
    assert pool.take() is not one


def test_a_buffer_is_whole_and_can_be_written() -> None:
    buffer = Buffers(16).take()
    assert len(buffer) == 16
    buffer[:] = bytes(range(16))


def test_a_pool_keeps_no_more_than_it_says() -> None:
    pool = Buffers(1, keep=3)
    taken = [pool.take() for _ in range(10)]
    for buffer in taken:
        pool.give(buffer)
    again = [pool.take() for _ in range(10)]
    assert sum(any(one is other for other in taken) for one in again) == 3


def test_an_inlet_holds_a_whole_packet() -> None:
    assert INLET_SIZE > (256 << 10) + 1024
    assert KEPT * INLET_SIZE <= 8 << 20


def test_a_buffer_begins_where_the_kernel_copies_fast() -> None:
    """Not at 1 to 31 bytes behind the start of a page, whatever its size."""
    for size in (1, 16 << 10, INLET_SIZE):
        buffer = Buffers(size).take()
        place = ctypes.addressof(ctypes.c_char.from_buffer(buffer)) % mmap.PAGESIZE
        assert place >= 32


def test_room_is_zero_and_of_its_own() -> None:
    one, other = room(100), room(100)
    one[:] = b"x" * 100
    assert other == bytes(100)


def test_room_is_not_shared_with_a_child() -> None:
    ours = room(100)
    child = os.fork()
    if not child:
        ours[:] = b"x" * 100
        os._exit(0)
    os.waitpid(child, 0)
    assert ours == bytes(100)
