"""`mft explain` shows every rule consulted, and answers with its exit code."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mft.auth.permissions import Operation
from mft.cli.explain import OPERATIONS, explain


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    (tmp_path / "conf").mkdir()
    for home in ("ann", "bob"):
        (tmp_path / "data" / home).mkdir(parents=True)
    file = tmp_path / "conf/server.ini"
    file.write_text(
        f"""[groups/G]
name = partners
source_ip_filter = allow 192.0.2.0/24
permissions =
    allow-read, allow-list
    *.exe, deny-full-control
    /in/*, allow-write
    /up, allow-traverse
[accounts/id-ann]
name = ann
group = G
home_folder_path = {tmp_path}/data/ann
[accounts/id-bob]
name = bob
group = G
enabled = no
home_folder_path = {tmp_path}/data/bob
"""
    )
    return file


def explained(conf: Path, *words: str) -> Result:
    return CliRunner().invoke(explain, ["-c", str(conf), *words])


def test_every_operation_has_a_word() -> None:
    assert set(OPERATIONS.values()) == set(Operation)
    assert "create-folder" in OPERATIONS


def test_what_is_allowed_exits_with_0_and_names_each_rule(conf: Path) -> None:
    result = explained(conf, "ann", "write", "/in/a.csv")
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0] == "group partners, line 2: *.exe, deny-full-control"
    assert "does not match /in/a.csv" in lines[1]
    assert lines[2] == "group partners, line 3: /in/*, allow-write"
    assert lines[-1].startswith("allowed: write /in/a.csv")


def test_what_is_denied_exits_with_1_and_names_the_permission(conf: Path) -> None:
    result = explained(conf, "id-ann", "delete-file", "in/a.csv")
    assert result.exit_code == 1
    assert "allow-delete-file is missing" in result.output
    assert "denied" in result.output.splitlines()[-1]
    assert explained(conf, "ann", "READ", "/x.exe").exit_code == 1


def test_a_listing_of_folders_only_is_said(conf: Path) -> None:
    result = explained(conf, "ann", "list", "/up")
    assert result.exit_code == 1
    assert "folders only" in result.output


def test_an_account_that_cannot_log_in_is_denied_everything(conf: Path) -> None:
    result = explained(conf, "bob", "read", "/x")
    assert result.exit_code == 1
    assert "cannot log in: the account is disabled" in result.output


def test_the_address_of_the_client_counts_when_it_is_given(conf: Path) -> None:
    assert explained(conf, "--from", "192.0.2.7", "ann", "read", "/x").exit_code == 0
    result = explained(conf, "--from", "198.51.100.1", "ann", "read", "/x")
    assert result.exit_code == 1
    assert "no group of the account is allowed" in result.output


SERVICES = """[services/s]
name = sftp
type = ssh
port = 10022
[services/off]
name = off
type = ssh
port = 10023
enabled = no
[services/free]
name = free
type = ssh
port = 10024
security_policy =
[security-policies/DEFAULT-SECURITY-POLICY]
name = strict
deny_usernames = ANN
source_ip_filter =
    allow 192.0.2.0/25
    deny 192.0.2.128/26
"""


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("192.0.2.7", ""),
        ("192.0.2.130", "192.0.2.130"),
        ("192.0.2.200", 'the name "ann"'),
        ("::ffff:192.0.2.130", "192.0.2.130"),
        (None, 'the name "ann"'),
    ],
)
def test_what_the_policies_of_services_refuse_is_said_first(
    conf: Path, source: str | None, said: str
) -> None:
    conf.write_text(conf.read_text() + SERVICES)
    words = ["ann", "read", "/x"] if source is None else ["ann", "read", "/x", "--from", source]
    result = explained(conf, *words)
    assert result.exit_code == 0  # other services may let it in
    told = [line for line in result.stdout.splitlines() if "refuses" in line]
    sentence = f'The service "sftp" refuses {said}: its policy "strict" says so.'
    assert told == ([sentence] if said else [])


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["eve", "read", "/x"], "no account 'eve'"),
        (["ann", "fly", "/x"], "fly"),
        (["ann", "read", "/.mft-x"], "reserved"),
        (["ann", "read", "/x", "--from", "nowhere"], "not an IP address"),
        (["ann", "read"], "PATH"),
    ],
)
def test_wrong_usage_exits_with_2(conf: Path, words: list[str], sentence: str) -> None:
    result = explained(conf, *words)
    assert result.exit_code == 2
    assert sentence in result.output


def test_a_bad_configuration_is_told(tmp_path: Path) -> None:
    assert explained(tmp_path / "none.ini", "ann", "read", "/x").exit_code == 1


def test_an_account_that_nobody_uses_is_denied_everything(conf: Path) -> None:
    text = conf.read_text().replace("name = ann\n", "name = ann\ndisable_on_inactivity = 30\n")
    conf.write_text(text)
    state = conf.parents[1] / "state"
    state.mkdir()
    assert explained(conf, "ann", "read", "/x").exit_code == 0
    (state / "last-logins.json").write_text('{"id-ann": 1000000000}')
    result = explained(conf, "ann", "read", "/x")
    assert result.exit_code == 1
    assert "cannot log in: the account was not used since 2001-09-09" in result.output
    (state / "last-logins.json").write_text("{")
    assert explained(conf, "ann", "read", "/x").exit_code == 0


@pytest.mark.parametrize(
    ("words", "hidden"),
    [(("read", "/x.exe"), True), (("list", "/in/a"), False), (("read", "/in"), False)],
)
def test_what_is_hidden_is_said(conf: Path, words: tuple[str, str], hidden: bool) -> None:
    assert "Listings leave it out" not in explained(conf, "ann", *words).output
    conf.write_text(
        conf.read_text().replace("name = ann\n", "name = ann\nhide_denied_entries = yes\n")
    )
    result = explained(conf, "ann", *words)
    assert ("Listings leave it out" in result.output) is hidden
    assert result.exit_code == (words != ("read", "/in"))


def test_an_account_of_another_file_is_explained_by_the_groups_of_that(conf: Path) -> None:
    (conf.parent / "shared.ini").write_text(
        "[groups/S]\nname = shared\npermissions = allow-list\n"
        "[accounts/id-eva]\nname = eva\ngroup = S\n"
        f"home_folder_path = {conf.parent.parent}/data/ann\n"
    )
    method = "[authentications/s]\ntype = local-file\nname = s\npath = conf/shared.ini\n"
    conf.write_text(conf.read_text() + method)
    assert explained(conf, "eva", "list", "/x").exit_code == 0
    result = explained(conf, "id-eva", "write", "/x")
    assert result.exit_code == 1
    assert "group shared" in result.output
