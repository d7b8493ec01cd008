"""The options of databases, and what they refuse."""

from pathlib import Path

import pytest

from mft.config.kinds import Context
from mft.resources import database_options as module
from mft.resources.database_options import MysqlOptions, PostgresqlOptions, SqliteOptions
from tests.fakes import pki

GIVEN = {"name": "audit", "username": "mft", "password": "secret", "database": "audit"}


def mysql(**given: str) -> MysqlOptions:
    return MysqlOptions.model_validate({**GIVEN, **given}, context=Context(Path("/instance")))


def wrongs(options: MysqlOptions) -> list[tuple[str, str]]:
    found = options.check(Context(Path("/instance")))
    return [(one.option, one.sentence) for one in found]


def test_a_database_is_on_this_machine_unless_it_is_said() -> None:
    options = mysql()
    assert (options.address, options.port) == ("127.0.0.1", 3306)
    assert PostgresqlOptions.model_validate(GIVEN).port == 5432
    assert wrongs(options) == []


@pytest.mark.parametrize(
    ("address", "given", "secured"),
    [
        ("127.0.0.1", "Auto", False),
        ("127.1.2.3", "Auto", False),
        ("::1", "Auto", False),
        ("localhost", "Auto", False),
        ("192.0.2.7", "Auto", True),
        ("db.example.com", "Auto", True),
        ("localhost.example.com", "Auto", True),
        ("192.0.2.7", "no", False),
        ("127.0.0.1", "yes", True),
    ],
)
def test_what_leaves_the_machine_is_protected(address: str, given: str, secured: bool) -> None:
    assert mysql(address=address, secure_connection=given).secured is secured


def test_the_password_is_never_shown() -> None:
    assert "secret" not in repr(mysql())
    assert "secret" not in str(mysql())


def test_the_label_says_which_database_it_is(tmp_path: Path) -> None:
    assert mysql(port="3307").label == "audit on 127.0.0.1:3307"
    assert SqliteOptions(name="x", type="sqlite", path=tmp_path / "a").label == f"{tmp_path}/a"


def test_a_driver_that_is_missing_is_told_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(module.DRIVERS, "mysql", ("no_such_module", "pip install it"))
    assert wrongs(mysql()) == [("type", "needs the Python package no_such_module: pip install it")]


@pytest.mark.parametrize("name", ["address", "username", "database"])
def test_what_a_connection_needs_is_not_empty(name: str) -> None:
    assert wrongs(mysql(**{name: " "})) == [(name, "is empty")]


def test_certificates_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(pki.Authority().pem)
    bad.write_text("nothing of the kind")
    assert wrongs(mysql(ssl_certificate_authority=str(good))) == []
    for path in (bad, tmp_path / "missing.pem"):
        ((option, sentence),) = wrongs(mysql(ssl_certificate_authority=str(path)))
        assert option == "ssl_certificate_authority"
        assert sentence.startswith("has no certificates that can be used: ")
