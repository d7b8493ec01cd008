"""Statements in the words of both kinds of database."""

from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql

from mft.resources.cluster_calls import Statement, insert_new, now, put
from mft.resources.cluster_tables import ACCOUNTS, GUESSES


def text(statement: Statement, kind: str) -> str:
    made: Any = statement.make(kind)
    return str(made.compile(dialect={"mysql": mysql, "postgresql": postgresql}[kind].dialect()))


@pytest.mark.parametrize(
    ("kind", "words"),
    [("mysql", "UPDATE account = mft_accounts.account"), ("postgresql", "ON CONFLICT DO NOTHING")],
)
def test_a_row_that_is_there_may_be_left_alone(kind: str, words: str) -> None:
    assert words in text(insert_new(ACCOUNTS), kind)


@pytest.mark.parametrize(
    ("kind", "words"),
    [("mysql", "ON DUPLICATE KEY UPDATE"), ("postgresql", "ON CONFLICT (account) DO UPDATE")],
)
def test_or_be_replaced(kind: str, words: str) -> None:
    assert words in text(put(ACCOUNTS, used=now()), kind)


def test_numbers_that_the_database_gives_are_not_written() -> None:
    columns = text(insert_new(GUESSES), "postgresql").partition("VALUES")[0]
    assert "serial" in columns
    assert "(id" not in columns


def test_a_call_is_a_statement_with_its_values() -> None:
    statement = put(ACCOUNTS)
    call = statement(account="a", used=1)
    assert call.statement is statement
    assert call.values == {"account": "a", "used": 1}
