"""Each kind of field gives back what it was given."""

import pytest

from mft.wire.buffer import Reader, Writer
from mft.wire.sftp.attrs import Attrs
from mft.wire.sftp.fields import ATTRS, BYTES, IDS, U32, U64, VIEW


@pytest.mark.parametrize(
    ("field", "value", "length"),
    [
        (U32, 5, 4),
        (U64, 1 << 40, 8),
        (BYTES, b"ab", 6),
        (VIEW, b"ab", 6),
        (ATTRS, Attrs(mode=1), 8),
        (IDS, (), 4),
        (IDS, (1, 0xFFFFFFFF), 12),
    ],
)
def test_a_field_is_written_and_read(field, value, length: int) -> None:
    writer = Writer()
    field.write(writer, value)
    assert len(writer) == length
    reader = Reader(writer.view())
    assert field.read(reader) == value
    reader.finish()
