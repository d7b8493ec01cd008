"""A secret shows nowhere."""

import copy
import json
import pickle

import pytest

from mft.core.secret import MASK, Secret


def test_no_way_of_printing_shows_it():
    secret = Secret("hunter2")
    for text in (str(secret), repr(secret), f"{secret}", f"{secret:>20}", f"{[secret]}"):
        assert "hunter2" not in text
        assert MASK in text


def test_it_is_given_only_when_asked():
    assert Secret("hunter2").reveal() == "hunter2"


def test_secrets_are_compared_by_their_text():
    assert Secret("a\u00e9") == Secret("a\u00e9")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"


def test_an_empty_secret_is_false():
    assert not Secret("")
    assert Secret(" ")


def test_it_is_neither_hashed_nor_serialised():
    with pytest.raises(TypeError):
        hash(Secret("a"))
    with pytest.raises(TypeError):
        pickle.dumps(Secret("a"))
    with pytest.raises(TypeError):
        json.dumps(Secret("a"))
    with pytest.raises(TypeError):
        copy.copy(Secret("a"))
