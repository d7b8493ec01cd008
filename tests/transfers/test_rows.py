"""What the queue has of one file."""

import sqlite3

from mft.core.vpath import VPath
from mft.transfers.rows import FIELDS, SAVE, SCHEMA, SENDING, STABLE, Row, row_of


def test_a_row_comes_back_from_its_table_as_it_was():
    row = Row(7, VPath.parse("/a"), 1, 2, SENDING, 3.0, 4, 1, 5, 6.0, "why", VPath.parse("/f"))
    row.temporary, row.fallback, row.from_top, row.written = VPath.parse("/f.part"), True, True, 9
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(SCHEMA)
    database.execute(
        "INSERT INTO files (id, path, size, modified, state, ready, found, since, batch, marker)"
        " VALUES (7, '/a', 0, 0, '', 0, 3.0, 0, 4, 1)"
    )
    database.execute(SAVE, row.saved())
    assert row_of(database.execute(f"SELECT {FIELDS} FROM files").fetchone()) == row
    database.close()


def test_what_begins_anew_has_no_names():
    row = Row(1, VPath.parse("/a"), 1, 2, SENDING, 3.0, final=VPath.parse("/f"), written=3)
    row.begin_anew()
    assert row == Row(1, VPath.parse("/a"), 1, 2, STABLE, 3.0)
