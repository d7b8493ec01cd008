from datetime import UTC, datetime

import pytest

from mft.core.matching import Expression
from mft.core.peer import Address, parse_network
from mft.events.journal import Journal
from mft.events.model import Group
from mft.events.reader import JournalReader
from mft.events.search import Query, first_serial, found, last_serial
from tests.fakes.occurrences import ALICE, told


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        (Query(), True),
        (Query(numbers=frozenset({30068})), True),
        (Query(numbers=frozenset({20137})), False),
        (Query(groups=frozenset({Group.SSH})), True),
        (Query(groups=frozenset({Group.FAILURE})), False),
        (Query(accounts=frozenset({"alice"})), True),
        (Query(accounts=frozenset({"alice-1"})), True),
        (Query(accounts=frozenset({"bob"})), False),
        (Query(networks=(parse_network("192.0.2.0/24"),)), True),
        (Query(networks=(parse_network("198.51.100.0/24"),)), False),
        (Query(path=Expression.parse("*.csv")), True),
        (Query(path=Expression.parse("/srv/*")), True),
        (Query(path=Expression.parse("*.txt")), False),
        (Query(text="UPLOADED"), True),
        (Query(text="/srv/ALICE"), True),
        (Query(text="removed"), False),
        (Query(since=datetime.fromtimestamp(1e9, UTC)), True),
        (Query(since=datetime.fromtimestamp(1e9 + 1, UTC)), False),
        (Query(until=datetime.fromtimestamp(1e9, UTC)), False),
        (Query(until=datetime.fromtimestamp(1e9 + 1, UTC)), True),
        (Query(accounts=frozenset({"alice"}), text="removed"), False),
    ],
)
def test_a_query_matches(query, matches):
    assert query.matches(told()) is matches


def test_a_peer_without_an_address_is_in_no_network():
    origin = ALICE._replace(peer=Address("pipe", 0))
    assert not Query(networks=(parse_network("0.0.0.0/0"),)).matches(told(origin=origin))


def test_a_query_for_nothing_in_particular_knows_it():
    assert Query().matches_all
    assert not Query(text="a").matches_all


def test_searching_reads_the_journal_in_batches(tmp_path):
    journal = Journal.open(tmp_path)
    assert last_serial(tmp_path) == 0
    for index in range(1200):
        journal.append(30068, 1e9, ALICE, {"path": f"/{index % 3}"})
    heard = []
    query = Query(path=Expression.parse("/1"))
    with JournalReader(tmp_path) as reader:
        result = list(found(reader, query, heard.append))
    assert len(result) == 400
    assert heard[-1] == last_serial(tmp_path) == 1200
    assert first_serial(tmp_path, Query()) == 1
    journal.close()
