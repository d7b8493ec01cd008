"""The description of the HTTP API has every method that the router has, and no other."""

from typing import Any

import yaml

from mft.protocols.http.router import BELOW, METHODS, PAGES
from tests.laws.source import ROOT

OF_WEBDAV = {"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE"}  # OpenAPI has no words for them


def described() -> dict[str, Any]:
    """The paths of the description."""
    text = (ROOT / "docs" / "reference" / "http-api.yaml").read_text()
    paths: dict[str, Any] = yaml.safe_load(text)["paths"]
    return paths


def methods(path: str) -> set[str]:
    return {name.upper() for name in described()[path] if name != "parameters"}


def test_files_and_folders_have_the_methods_of_the_router() -> None:
    assert methods("/home/{path}") | methods("/home/") == METHODS.keys() - OF_WEBDAV


def test_uploads_have_theirs() -> None:
    assert methods("/__mft__/tus/") == set(BELOW["tus"](()))
    assert methods("/__mft__/tus/{upload}") == set(BELOW["tus"](("a",)))


def test_activity_has_its_own() -> None:
    assert methods("/__mft__/activity") == set(BELOW["activity"](()))


def test_the_change_of_a_password_has_its_own() -> None:
    assert methods("/__mft__/password-update") == set(BELOW["password-update"](()))


def test_one_time_codes_have_their_own() -> None:
    assert methods("/__mft__/one-time-codes") == set(BELOW["one-time-codes"](()))


def test_pages_of_ours_have_theirs() -> None:
    for name, page in PAGES.items():
        assert methods(f"/__mft__/{name}") == set(page)
