"""Options of accounts and groups: every bad value is told with a clear sentence."""

from pathlib import Path

import pytest

from mft.auth.options import AccountOptions, ApplicationOptions, GroupOptions
from mft.config.ini import parse
from mft.config.kinds import INHERIT, Context
from mft.config.problem import Problem
from mft.config.section import Section, check_section, read_section
from mft.trust.ssh_keys import MAX_KEY_FILE, HostKey
from tests.fakes.accounts import CHEAP_HASH

KEY_LINE = HostKey.generate().public.line("ann")


def read(model: type[Section], text: str, folder: Path = Path("/i")) -> tuple[object, list[str]]:
    problems: list[Problem] = []
    document = parse(f"[s/x]\nname = x\n{text}\n".encode(), "server.ini", problems)
    (raw,) = document.values()
    options = read_section(model, raw, Context(folder), problems)
    if options is not None:
        check_section(options, raw, Context(folder), problems)
    return options, [str(problem) for problem in problems]


def account(text: str) -> AccountOptions:
    options, problems = read(AccountOptions, text)
    assert problems == []
    assert isinstance(options, AccountOptions)
    return options


def test_an_account_inherits_what_it_does_not_say() -> None:
    options = account("")
    assert options.group == ("DEFAULT_GROUP",)
    for name in ("permissions", "home_folder_path", "virtual_folders", "durable_uploads"):
        assert getattr(options, name) is INHERIT
    assert account("permissions = inherit").permissions is INHERIT


def test_every_option_is_read() -> None:
    options = account(
        f"""password = {CHEAP_HASH}
ssh_authorized_keys_content =
    {KEY_LINE}
required_credentials = Password, SSH-Key
home_folder_path = /srv/ann
permissions =
    allow-read, allow-list
    /inbox/*, allow-full-control
virtual_folders =
    /shared, /srv/shared
    "/of/${{USER}}, and more", /srv/${{USER}}
source_ip_filter = allow 192.0.2.0/24
amend_write_name = uuid-prefix
home_folder_structure =
    in
    out/archive
interrupted_upload_lifetime = 2h
maximum_sessions = 3
upload_bandwidth = 10 MB
download_bandwidth = 0"""
    )
    assert options.password is not None
    assert "$6$" not in repr(options)
    assert options.required_credentials == {"password", "ssh-key"}
    assert options.permissions == ("allow-read, allow-list", "/inbox/*, allow-full-control")
    assert options.virtual_folders[1] == ("/of/${USER}, and more", "/srv/${USER}")  # type: ignore[index]  # not INHERIT here
    assert options.amend_write_name is True
    assert options.home_folder_structure == ("in", "out/archive")
    assert options.interrupted_upload_lifetime == 7200
    assert (options.upload_bandwidth, options.download_bandwidth) == (10_000_000, 0)
    assert account("password =").password is None
    assert account("amend_write_name =").amend_write_name is False
    assert account("required_credentials = any").required_credentials == frozenset()


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("password = secret", "password is not a password hash"),
        ("password = $2b$31$" + "." * 53, "has a cost of 31"),
        ("permissions =", "is empty"),
        ("permissions = allow-reed", "'allow-reed' is not a permission"),
        ("permissions =\n  allow-read\n  /x allow-write", "is not PATH-EXPRESSION"),
        ("permissions =\n  allow-read\n  m/(a+)+$/, allow-write", "too long on a hostile name"),
        ("permissions =\n" + "  allow-read\n" * 1001, "more than 1000 lines"),
        ("virtual_folders = /shared", "it needs a virtual path"),
        ("virtual_folders = /, /srv", "the virtual path is the root"),
        ("virtual_folders = /shared, srv", "not absolute"),
        ("virtual_folders = /${GROUP}, /srv", "is not ${USER}"),
        ("virtual_folders =\n  /a, /b\n  a/, /c", "names a virtual path twice"),
        (
            "virtual_folders =\n" + "\n".join(f"  /{n}, /srv" for n in range(101)),
            "more than 100 folders",
        ),
        ("home_folder_structure = ../x", "below the home"),
        ("home_folder_structure =\n" + "\n".join(f"  {n}" for n in range(101)), "more than 100"),
        ("home_folder_path = data/ann", "not an absolute path"),
        ("required_credentials = pin", "is not any, password"),
        ("required_credentials = any, password", "is not any, password"),
        ("required_credentials = ssh-key, ssl-certificate", "is for no client"),
        ("amend_write_name = prefix", "neither uuid-prefix nor empty"),
        ("ssh_authorized_keys_content = ssh-dss AAAA", "is not an authorized key"),
        ("ssh_authorized_keys_path = missing.pub", "does not exist"),
        ("source_ip_filter = allow example.com", "does not name an IP address"),
        ("expire_datetime = tomorrow", "is not a date"),
        ("upload_bandwidth = fast", "is not a number of bytes a second"),
        ("download_bandwidth = 1023", "is less than 1024 bytes a second"),
        ("type = os", "type"),
    ],
)
def test_a_bad_value_is_told(text: str, sentence: str) -> None:
    _, problems = read(AccountOptions, text)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_every_bad_line_is_told_with_its_own_number() -> None:
    _, problems = read(
        AccountOptions, "permissions =\n  allow-read\n  /x, allow\n\n  /y, allow-read\n  z"
    )
    assert [problem.split()[0] for problem in problems] == ["server.ini:5:", "server.ini:8:"]


def test_neither_a_password_nor_a_private_key_is_shown() -> None:
    _, problems = read(AccountOptions, "password = my secret")
    assert "my secret" not in problems[0]
    pem = HostKey.generate().pem().decode().replace("\n", "\n    ")
    _, problems = read(AccountOptions, f"ssh_authorized_keys_content =\n    {pem}")
    assert "holds a private key" in problems[0]
    assert pem.split()[5] not in problems[0]


def test_a_file_of_keys_must_be_there(tmp_path: Path) -> None:
    (tmp_path / "ann.pub").write_text(KEY_LINE)
    assert read(AccountOptions, "ssh_authorized_keys_path = ann.pub", tmp_path)[1] == []


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (HostKey.generate().pem(), "holds a private key; only public keys belong here"),
        (b"x" * (MAX_KEY_FILE + 1), f"is longer than {MAX_KEY_FILE} bytes"),
    ],
)
def test_a_file_that_can_hold_no_keys_is_told(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "ann").write_bytes(content)
    _, (problem,) = read(AccountOptions, "ssh_authorized_keys_path = ann", tmp_path)
    assert problem.endswith(f'ssh_authorized_keys_path = "{tmp_path / "ann"}" {sentence}')


def group(text: str) -> GroupOptions:
    options, problems = read(GroupOptions, text)
    assert problems == []
    assert isinstance(options, GroupOptions)
    return options


def test_a_group_has_defaults_and_paths_for_its_members() -> None:
    assert group("").permissions == ("allow-full-control",)
    assert group("").durable_uploads is True
    options = group("home_folder_path = /srv\nssh_authorized_keys_path = keys/${USER}")
    assert options.home_folder_path == "/srv"
    assert options.ssh_authorized_keys_path == "/i/keys/${USER}"
    assert group("home_folder_path = ${SHARED}/srv").home_folder_path == "${SHARED}/srv"
    shared = group("ssh_authorized_keys_path = ${SHARED}/k").ssh_authorized_keys_path
    assert shared == "${SHARED}/k"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("home_folder_path = homes", "is not an absolute path"),
        ("home_folder_path = ${OS_HOME}", "is not ${USER}"),
        ("home_folder_path = ${SHARED}homes", "is not an absolute path"),
    ],
)
def test_a_bad_path_of_a_group_is_told(text: str, sentence: str) -> None:
    _, problems = read(GroupOptions, text)
    assert len(problems) == 1
    assert sentence in problems[0]


def test_what_other_servers_have_and_means_nothing_here_is_a_warning() -> None:
    options, problems = read(AccountOptions, "lock_in_home_folder = Yes")
    assert isinstance(options, AccountOptions)
    assert "has no effect here" in problems[0]


def test_the_method_needs_a_name_only() -> None:
    assert isinstance(read(ApplicationOptions, "")[0], ApplicationOptions)
