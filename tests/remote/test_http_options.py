"""Options of locations of HTTP: what they mean, and what is wrong with them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from mft.config.kinds import Context
from mft.remote.http_connector import login
from mft.remote.http_options import HttpPullOptions, HttpsOptions, WebdavOptions
from mft.remote.http_tls import FIRST
from tests.fakes import pki

URL = "https://files.example.com/dav"


def read(model: type, tmp_path: Path, **given: str):
    return model.model_validate({"name": "partner", "url": URL, **given}, context=Context(tmp_path))


def wrongs(model: type, tmp_path: Path, **given: str) -> list[tuple[str, str]]:
    context = Context(tmp_path)
    return [(one.option, str(one)) for one in read(model, tmp_path, **given).check(context)]


@pytest.mark.parametrize("model", [WebdavOptions, HttpsOptions, HttpPullOptions])
def test_a_url_is_all_that_is_needed(model: type, tmp_path: Path) -> None:
    assert wrongs(model, tmp_path) == []


@pytest.mark.parametrize("model", [WebdavOptions, HttpsOptions])
@pytest.mark.parametrize(
    "url", ["", "http://host/", "ftp://host/", "https://me:secret@host/", "https://host/#x", "host"]
)
def test_a_tree_is_at_a_url_of_https(model: type, tmp_path: Path, url: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(model, tmp_path, url=url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("url", [f"{URL}/../x", f"{URL}//x", f"{URL}/%2e%2e", f"{URL}?key=abc"])
def test_a_url_that_is_no_folder_is_wrong(tmp_path: Path, url: str) -> None:
    ((name, sentence),) = wrongs(WebdavOptions, tmp_path, url=url)
    assert name == "url"
    assert "abc" not in sentence


def test_a_document_may_come_in_clear_with_a_warning(tmp_path: Path) -> None:
    found = read(HttpPullOptions, tmp_path, url="http://host/file")
    (wrong,) = found.check(Context(tmp_path))
    assert wrong.mild


@pytest.mark.parametrize(
    ("url", "name", "expected"),
    [
        ("https://host/a/b.csv?x=1", "", "b.csv"),
        ("https://host/a/b.csv", "c.csv", "c.csv"),
        ("https://host/", "c.csv", "c.csv"),
    ],
)
def test_a_document_has_the_last_name_of_its_url(
    tmp_path: Path, url: str, name: str, expected: str
) -> None:
    found = read(HttpPullOptions, tmp_path, url=url, response_file_name=name)
    assert found.file_name == expected
    assert list(found.check(Context(tmp_path))) == []


def test_a_document_without_a_name_is_wrong(tmp_path: Path) -> None:
    assert [name for name, _ in wrongs(HttpPullOptions, tmp_path, url="https://host/")] == [
        "response_file_name"
    ]


@pytest.mark.parametrize("name", ["a/b", "..", ".mft-x", "x" * 256])
def test_a_name_that_no_file_has_is_wrong(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValidationError):
        read(HttpPullOptions, tmp_path, response_file_name=name)


def test_a_body_goes_with_no_get(tmp_path: Path) -> None:
    given = {"request_body": "x"}
    assert [name for name, _ in wrongs(HttpPullOptions, tmp_path, **given)] == ["request_body"]
    assert wrongs(HttpPullOptions, tmp_path, request_method="POST", **given) == []


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({"password": "x"}, "password"),
        ({"username": "me", "bearer_token": "x"}, "bearer_token"),
        ({"ssl_certificate_authority": "none.pem"}, "ssl_certificate_authority"),
        ({"ssl_certificate": "none.pem"}, "ssl_certificate"),
    ],
)
def test_logins_and_files_are_looked_at(tmp_path: Path, given: dict[str, str], wrong: str) -> None:
    assert [name for name, _ in wrongs(WebdavOptions, tmp_path, **given)] == [wrong]


@pytest.mark.parametrize("pinned", [f"{FIRST}\nxyz", "00" * 31, "\n".join(["00" * 32] * 21)])
def test_certificates_are_pinned_by_their_sha256(tmp_path: Path, pinned: str) -> None:
    with pytest.raises(ValidationError):
        read(WebdavOptions, tmp_path, ssl_server_identity=pinned)


def test_a_fingerprint_is_read_in_every_form(tmp_path: Path) -> None:
    digits = "AB" * 32
    for text in (digits, digits.lower(), ":".join(["AB"] * 32), f"SHA256:{digits}"):
        found = read(WebdavOptions, tmp_path, ssl_server_identity=text)
        assert found.ssl_server_identity == (":".join(["AB"] * 32),)


def test_who_we_are_is_said_in_one_way(tmp_path: Path) -> None:
    basic = read(WebdavOptions, tmp_path, username="me", password="päss")
    assert dict(login(basic))["Authorization"] == "Basic bWU6cMOkc3M="
    bearer = read(WebdavOptions, tmp_path, bearer_token="abc", headers="X-More: 1")
    assert dict(login(bearer)) == {
        "User-Agent": "mft",
        "X-More": "1",
        "Authorization": "Bearer abc",
    }
    assert "Authorization" not in dict(login(read(WebdavOptions, tmp_path)))


@pytest.mark.parametrize("line", ["Authorization: x", "Host: x", "Depth: 1", "Destination: /"])
def test_what_a_request_says_itself_is_no_option(tmp_path: Path, line: str) -> None:
    with pytest.raises(ValidationError):
        read(WebdavOptions, tmp_path, headers=line)


def test_a_certificate_of_our_own_is_loaded(tmp_path: Path) -> None:
    pki.Authority().issue("mft").write(tmp_path / "own.pem")
    found = read(WebdavOptions, tmp_path, ssl_certificate="own.pem")
    assert list(found.check(Context(tmp_path))) == []
    assert found.identity() is not None
