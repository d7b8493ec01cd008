import csv
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mft.events.columns import Columns
from mft.events.escape import visible
from mft.events.facts import Facts
from tests.fakes.occurrences import SERVER, told

FACTS = Facts(SERVER)


def test_names_and_values_stand_in_order():
    columns = Columns(["id", " Account.Name ", "data.path"], FACTS)
    assert columns.header == "id,account.name,data.path"
    assert columns.render(told('/a,"b"')) == '30068,alice,"/a,""b"""'


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_a_file_name_never_becomes_a_formula(start):
    line = Columns(["data.path"], FACTS).render(told(f"{start}HYPERLINK(1)"))
    assert line == f"'{start}HYPERLINK(1)"


def test_a_negative_number_stays_one():
    negative = told()._replace(data={"total_write": -5})
    assert Columns(["data.total_write"], FACTS).render(negative) == "-5"


@pytest.mark.fuzz
@given(st.text(st.characters(codec=None), max_size=40))
@settings(max_examples=150, deadline=None)
def test_any_value_is_one_cell_of_one_line(path):
    line = Columns(["id", "data.path", "serial"], FACTS).render(told(path))
    rows = list(csv.reader(io.StringIO(line)))
    assert len(rows) == 1
    assert len(rows[0]) == 3
    assert rows[0][1].removeprefix("'") == visible(path).removeprefix("'")


@pytest.mark.parametrize("names", [[], ["acount.name"]])
def test_unknown_names_are_refused(names):
    with pytest.raises(ValueError, match=r"there is no|names no"):
        Columns(names, FACTS)
