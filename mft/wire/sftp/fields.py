"""The kinds of field that requests are made of: how each is read and written."""

from collections.abc import Callable
from typing import Any, NamedTuple

from mft.wire.buffer import Reader, Writer
from mft.wire.sftp.attrs import read_attrs, write_attrs


class Field(NamedTuple):
    """One kind of field; `read` raises Malformed where bytes are missing."""

    read: Callable[[Reader], Any]
    write: Callable[[Writer, Any], None]


U32 = Field(Reader.u32, Writer.u32)
U64 = Field(Reader.u64, Writer.u64)
BYTES = Field(Reader.string, Writer.string)
VIEW = Field(Reader.view, Writer.string)  # borrowed from the packet
ATTRS = Field(read_attrs, write_attrs)


def _read_ids(reader: Reader) -> tuple[int, ...]:
    inner = Reader(reader.view())
    return tuple(inner.u32() for _ in range((inner.left + 3) // 4))


def _write_ids(writer: Writer, ids: tuple[int, ...]) -> None:
    writer.string(b"".join(number.to_bytes(4, "big") for number in ids))


IDS = Field(_read_ids, _write_ids)  # uint32s within a string; bounded by the packet: 65,792 of them
