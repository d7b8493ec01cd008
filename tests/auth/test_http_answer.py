"""What an authentication server says is read as it was meant, or not at all."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mft.auth.http_answer import NOTHING, UnknownKeys, read_account, read_refusal
from mft.auth.options import AccountOptions
from mft.core.secret import MASK


def told(**account: Any) -> bytes:
    return json.dumps({"account": account}).encode()


def options_of(**account: Any) -> AccountOptions:
    return AccountOptions.model_validate({"name": "ann", **read_account(told(**account)).options})


def test_everything_that_may_be_told_is_told() -> None:
    found = read_account(
        told(
            home_folder_path="/homes/ann",
            uuid="0b6f5a5e-4c1e-4f8e-9d7e-1f2a3b4c5d6e",
            group="PARTNERS",
            email="ann@example.com",
            create_home_folder=True,
            create_home_folder_owner="www",
            create_home_folder_group="www",
            home_folder_structure=["in", "out/sent"],
            virtual_folders=[["/shared", "/srv/shared"]],
            permissions=[["allow-read", "allow-list"], ["/in/*", "allow-write"]],
            expire_datetime="2031-01-01T00:00:00Z",
        )
    )
    assert found.groups == ("PARTNERS",)
    assert found.uuid == "0b6f5a5e-4c1e-4f8e-9d7e-1f2a3b4c5d6e"
    account = AccountOptions.model_validate({"name": "ann", **found.options})
    assert account.permissions == ("allow-read, allow-list", "/in/*, allow-write")
    assert account.virtual_folders == (("/shared", "/srv/shared"),)
    assert account.home_folder_structure == ("in", "out/sent")
    assert account.email == ("ann@example.com",)
    assert account.create_home_folder is True
    assert account.expire_datetime is not None


def test_nothing_told_leaves_all_to_the_default_group() -> None:
    assert read_account(b'{"account": {}}') == NOTHING
    assert NOTHING.groups == ("DEFAULT_GROUP",)


def test_several_groups_and_addresses_are_lists() -> None:
    found = read_account(told(group=["ONE", "TWO"], email=["a@b.example", "c@d.example"]))
    assert found.groups == ("ONE", "TWO")
    assert found.options == {"email": "a@b.example, c@d.example"}


@pytest.mark.parametrize("name", ["/a, b", 'say "hi"', ";not a comment", "#nor this", "a\u00e9 b"])
def test_what_means_something_in_server_ini_keeps_its_meaning(name: str) -> None:
    account = options_of(
        virtual_folders=[["/shared", f"/srv/{name}"], ["/b", "/srv/b"]],
        permissions=[["allow-list"], [f"/{name}", "allow-read"]],
        email=[name, "other"],
    )
    folders: Any = account.virtual_folders
    assert [one.real for one in folders] == [f"/srv/{name}", "/srv/b"]
    assert account.email == (name, "other")
    assert len(account.permissions) == 2  # type: ignore[arg-type]  # a tuple of lines


@given(st.text(max_size=20))
def test_no_text_becomes_more_than_one_item(text: str) -> None:
    try:
        account = options_of(email=[text, "last"])
    except ValueError:
        return
    assert account.email == (text, "last")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("home_folder_path", 7),
        ("home_folder_path", None),
        ("home_folder_path", ""),
        ("home_folder_path", "/homes/ann\npassword = x"),
        ("home_folder_path", "/homes/ann\u2028"),
        ("home_folder_path", " /homes/ann"),
        ("uuid", "../ann"),
        ("uuid", ".hidden"),
        ("uuid", "x" * 151),
        ("uuid", ["a"]),
        ("group", []),
        ("group", [["A"]]),
        ("group", "A\nB"),
        ("email", {"a": "b"}),
        ("create_home_folder", "yes"),
        ("create_home_folder", 1),
        ("create_home_folder_owner", 0),
        ("home_folder_structure", "in"),
        ("home_folder_structure", ["; in"]),
        ("home_folder_structure", ["in\nout"]),
        ("virtual_folders", [[]]),
        ("virtual_folders", ["/shared, /srv"]),
        ("virtual_folders", [["/shared\n/other, /etc", "/srv"]]),
        ("permissions", [["allow-read\nallow-full-control"]]),
        ("permissions", {"0": "allow-read"}),
        ("permissions", [["allow-read"]] * 1001),
        ("expire_datetime", "Disabled"),
        ("expire_datetime", 4102444800),
    ],
)
def test_what_is_of_another_kind_is_refused_by_its_name(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{key} "):
        read_account(told(**{key: value}))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"account": {"password": "x"}}', "password"),
        (b'{"account": {"Home_Folder_Path": "/x"}}', "Home_Folder_Path"),
        (b'{"account": {}, "admin": true}', "admin"),
    ],
)
def test_keys_that_are_not_known_are_named(body: bytes, names: str) -> None:
    with pytest.raises(UnknownKeys, match=names):
        read_account(body)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "not JSON"),
        (b"OK", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe{}", "not JSON"),
        (b'\xef\xbb\xbf{"account": {}}', "not JSON"),
        (b'{"account": {"email": "a@b.ex', "not JSON"),
        (b'{"account": {}} trailing', "not JSON"),
        (b'{"account": NaN}', "not JSON"),
        (b"[" * 60000, "not JSON"),
        (b'{"account":' * 5000, "not JSON"),
        (b"9" * 60000, "not JSON"),
        (b"null", "account"),
        (b'["account"]', "account"),
        (b"{}", "account"),
        (b'{"account": null}', "not an object"),
        (b'{"account": []}', "not an object"),
        (b'{"account": {"uuid": "a", "uuid": "b"}}', "twice"),
        (b'{"account": {"group": "A"}, "account": {}}', "twice"),
    ],
)
def test_what_is_no_answer_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_account(body)


@pytest.mark.fuzz
@given(st.binary(max_size=200))
def test_no_bytes_break_it(body: bytes) -> None:
    read_refusal(body, "secret")
    try:
        read_account(body)
    except ValueError:
        return


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"the contract has ended", "the contract has ended"),
        (b'{"message": "come back", "public_response": "later"}', "come back; later"),
        (b'{"message": 7}', ""),
        (b"first\nsecond", "first..."),
        (b"\x1b[31m\xff", "\\x1b[31m\ufffd"),
        (b"x" * 60000, "x" * 200 + "..."),
        (b"", ""),
    ],
)
def test_why_a_server_refuses_is_one_line(body: bytes, reason: str) -> None:
    assert read_refusal(body, "secret") == reason


def test_a_password_that_comes_back_is_masked() -> None:
    assert read_refusal(b'{"message": "hunter2 is wrong"}', "hunter2") == f"{MASK} is wrong"
    assert "hunter2" not in read_refusal(b"x" * 198 + b"hunter2", "hunter2")
