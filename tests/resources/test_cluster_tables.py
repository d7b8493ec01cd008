"""The tables of a cluster: what every name in them allows for."""

import pytest
from sqlalchemy import String, create_engine, inspect, select, update

from mft.resources.cluster_tables import GUESSES, MAX_ID, NODES, PART, VERSION, prepare_tables
from mft.resources.event_table import VERSIONS, Unfit


def test_they_are_made_once_with_their_version() -> None:
    engine = create_engine("sqlite://")
    for _ in range(2):
        with engine.begin() as connection:
            prepare_tables(connection)
    with engine.connect() as connection:
        assert inspect(connection).has_table(GUESSES.name)
        assert connection.execute(select(VERSIONS)).all() == [(PART, VERSION)]


def test_those_of_a_newer_server_are_not_touched() -> None:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        prepare_tables(connection)
        connection.execute(update(VERSIONS).values(version=VERSION + 1))
    with engine.begin() as connection, pytest.raises(Unfit, match="a newer server"):
        prepare_tables(connection)


def test_keys_fit_into_an_index_of_every_database() -> None:
    for table in NODES.metadata.tables.values():
        keys = [one for one in table.primary_key if isinstance(one.type, String)]
        assert sum(one.type.length or 0 for one in keys) * 4 <= 3072, table.name
        assert all((one.type.length or 0) <= MAX_ID for one in keys), table.name
