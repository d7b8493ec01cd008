"""server.ini is loaded whole, or every problem that it has is told at once."""

import errno
import os
from pathlib import Path

import pytest

from mft.config.kinds import INHERIT
from mft.daemon import load as module
from mft.daemon.load import instance_folder, load
from mft.daemon.sections import FAMILIES
from mft.trust.ssh_keys import HostKey
from tests.fakes.accounts import CHEAP_HASH
from tests.fakes.pki import Authority
from tests.fakes.signing import signer, written

ROOT = Path(__file__).parents[2]
CASES = sorted((ROOT / "tests/config/cases").glob("*.ini"))
SERVICE = "[services/a]\ntype = ssh\nname = sftp\nport = 10022\n"


@pytest.fixture
def instance(tmp_path):
    (tmp_path / "conf").mkdir()
    return tmp_path


def write(instance, text, name="server.ini"):
    path = instance / "conf" / name
    path.write_text(text)
    path.chmod(0o600)
    return path


def told(instance, text):
    return [str(problem) for problem in load(write(instance, text)).problems]


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.stem)
def test_a_case_has_exactly_its_problems(case):
    loaded = load(case)
    expected = case.with_suffix(".problems").read_text().splitlines()
    here = str(case.parent)
    assert [str(problem).replace(here, "HERE") for problem in loaded.problems] == expected
    assert (loaded.config is None) == any(": warning: " not in line for line in expected)


# A file of accounts, which a server.ini names, and what is laid over one: no whole configurations.
PARTS = ("accounts.ini", "server.override.ini")
SHIPPED = sorted(
    path.relative_to(ROOT) for path in (ROOT / "conf").rglob("*.ini") if path.name not in PARTS
)


@pytest.mark.parametrize("name", SHIPPED, ids=str)
def test_the_files_that_we_ship_have_no_problems(name):
    loaded = load(ROOT / name)
    shown = name.name == "server.full.ini"  # a cluster beside transfers of this machine's folders
    told = "must be on what all nodes share"
    assert [one for one in loaded.problems if not (shown and one.remedy.endswith(told))] == []
    assert loaded.config.services


def test_every_option_says_what_it_means():
    for family in FAMILIES:
        for model in family.types.values():
            for name, field in model.model_fields.items():
                assert field.description, f"{model.__name__}.{name}"
                assert field.description.endswith("."), f"{model.__name__}.{name}"


def test_an_empty_file_is_a_configuration_of_nothing_but_the_default_group(instance):
    config = load(write(instance, "")).config
    assert config.directory == instance
    assert not config.services
    assert list(config.groups) == ["DEFAULT_GROUP"]
    assert config.server.umask == 0o022


def test_sections_are_kept_by_their_id_in_file_order(instance):
    home = instance / "data"
    text = (
        f"[accounts/z]\nname = zoe\nhome_folder_path = {home}\ncreate_home_folder = yes\n"
        f"[accounts/A]\nname = ann\nhome_folder_path = {home}\ncreate_home_folder = yes\n"
        f"{SERVICE}[event-handlers/log]\ntype = Local-File\nname = log\n"
        "[authentications/own]\ntype = application\nname = own\n"
    )
    loaded = load(write(instance, text))
    assert loaded.problems == ()
    config = loaded.config
    assert list(config.accounts) == ["z", "A"]
    assert config.services["a"].type == "ssh"
    assert list(config.event_handlers) == ["log"]
    assert list(config.authentications) == ["own"]
    assert config.accounts["z"].permissions is INHERIT


def test_the_alias_of_a_type_is_the_type(instance):
    config = load(write(instance, SERVICE.replace("ssh", "SFTP"))).config
    assert config.services["a"].type == "ssh"


def test_databases_of_older_configurations_are_resources(instance):
    text = SERVICE + "[databases/A]\ntype = sqlite\nname = audit\npath = log/server.db3\n"
    loaded = load(write(instance, text))
    assert [str(one) for one in loaded.problems] == [
        "server.ini:5: warning: [databases/A] is an old name; write [resources/A]"
    ]
    assert loaded.config.resources["A"].path == instance / "log" / "server.db3"


def test_two_names_of_one_family_share_their_ids(instance):
    text = "[{}/A]\ntype = sqlite\nname = {}\npath = log/server.db3\n"
    both = SERVICE + text.format("resources", "one") + text.format("databases", "two")
    assert any("is there already, on line 5" in one for one in told(instance, both))


@pytest.mark.parametrize(
    ("named", "sentence"),
    [
        ("B", "names no section [resources/B]"),
        ("mail", "is not of type sqlite or mysql or postgresql"),
    ],
)
def test_a_handler_names_a_database_that_is_there(instance, named, sentence):
    mail = "[resources/mail]\ntype = email-client\nname = mail\n"
    handler = f"[event-handlers/x]\ntype = database\nname = x\ndatabase = {named}\n"
    assert any(sentence in one for one in told(instance, SERVICE + mail + handler))


def test_the_override_wins_and_its_problems_name_it(instance):
    write(instance, "[services/a]\nport = 99999\n", "server.override.ini")
    assert told(instance, SERVICE) == [
        'server.override.ini:2: [services/a] port = "99999" is not a port from 0 to 65535'
    ]
    write(instance, "[services/a]\nport = 10023\n", "server.override.ini")
    assert load(write(instance, SERVICE)).config.services["a"].port == 10023


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    loaded = load(tmp_path / "server.ini")
    assert loaded.config is None
    assert str(loaded.problems[0]).startswith("server.ini: does not exist")


def test_a_file_that_everybody_can_change_is_a_warning(instance):
    path = write(instance, "")
    path.chmod(0o666)
    loaded = load(path)
    assert loaded.config is not None
    assert "everybody on this machine can change it" in str(loaded.problems[0])


@pytest.mark.parametrize(
    ("file", "folder"),
    [("/srv/a/conf/server.ini", "/srv/a"), ("/etc/mft/server.ini", "/etc/mft")],
)
def test_an_instance_is_what_holds_the_conf_folder(file, folder):
    assert instance_folder(Path(file)) == Path(folder)


def test_without_host_keys_the_first_start_makes_them(instance):
    service = load(write(instance, SERVICE)).config.services["a"]
    assert service.makes_keys(instance)
    assert [path.name for path in service.host_key_files(instance)] == [
        "ssh_host_ed25519_key",
        "ssh_host_rsa_key",
    ]


def test_a_host_key_that_is_there_is_checked(instance):
    keys = instance / "conf/keys"
    keys.mkdir()
    HostKey.generate().write(keys / "ssh_host_ed25519_key")
    loaded = load(write(instance, SERVICE))
    assert loaded.problems == ()
    assert not loaded.config.services["a"].makes_keys(instance)
    (keys / "ssh_host_ed25519_key").chmod(0o644)
    (problem,) = told(instance, SERVICE)
    assert problem.startswith(f"server.ini:1: [services/a] ssh_server_keys ({keys}")
    assert "can be read by others" in problem


def test_a_named_host_key_must_be_there_and_be_a_key(instance):
    (instance / "conf/wrong").write_text("no key")
    (instance / "conf/wrong").chmod(0o600)
    problems = told(instance, f"{SERVICE}ssh_server_keys = conf/none, conf/wrong\n")
    assert problems[0] == (
        f'server.ini:5: [services/a] ssh_server_keys = "{instance}/conf/none" cannot be used: '
        "No such file or directory"
    )
    assert "is not a private key" in problems[1]


def test_a_host_key_must_suit_the_algorithms(instance):
    HostKey.generate("ecdsa").write(instance / "conf/key")
    (problem,) = told(instance, f"{SERVICE}ssh_server_keys = conf/key\n")
    assert "has no key for the host key algorithms offered" in problem


def test_old_names_of_keys_add_up(instance):
    HostKey.generate().write(instance / "conf/a")
    HostKey.generate("ecdsa").write(instance / "conf/b")
    loaded = load(write(instance, f"{SERVICE}rsa_private_key=conf/a\ndsa_private_key=conf/b\n"))
    assert all(not problem.is_error for problem in loaded.problems)
    assert loaded.config.services["a"].ssh_server_keys == (
        instance / "conf/a",
        instance / "conf/b",
    )


def test_authorities_are_keys_or_files_of_keys(instance):
    line = HostKey.generate().public.line("ca")
    (instance / "conf/ca.pub").write_text(f"# ours\n{line}\n")
    text = f"{SERVICE}ssh_user_certificate_authorities =\n  {line}\n  conf/ca.pub\n"
    service = load(write(instance, text)).config.services["a"]
    assert [key.type for key in service.authorities] == ["ssh-ed25519", "ssh-ed25519"]
    problems = told(instance, f"{text}  conf/none\n  ssh-rsa AAAA\n")
    assert len(problems) == 1  # of reading; the keys are parsed once all lines are there
    assert "server.ini:8:" in problems[0]
    (problem,) = told(instance, f"{text}  ssh-rsa AAAA\n")
    assert "is not a public key" in problem


def account(home, more=""):
    return f"[accounts/1]\nname = ann\nhome_folder_path = {home}\n{more}"


@pytest.mark.parametrize(
    ("home", "expected"),
    [
        ("conf/x", "is not an absolute path"),
        ("{0}/conf/x", "is inside {0}/conf, where clients must not reach"),
        ("{0}/log", "is inside {0}/log"),
        ("{0}/state/../state", "is inside {0}/state"),
        ("{0}", "holds {0}/conf, which clients must not reach"),
        ("/", "holds {0}/conf"),
        ("{0}/link/x", "is inside {0}/conf"),
        ("{0}/none", "does not exist; make it, or write create_home_folder = Yes"),
        ("{0}/file", "is not a folder"),
    ],
)
def test_a_home_is_a_folder_of_its_own(instance, home, expected):
    (instance / "link").symlink_to(instance / "conf")
    (instance / "file").write_text("")
    (problem,) = told(instance, account(home.format(instance)))
    assert problem.startswith("server.ini:3: [accounts/1] home_folder_path = ")
    assert expected.format(instance) in problem


def test_a_home_may_be_there_or_be_made(instance):
    (instance / "data").mkdir()
    assert told(instance, account(instance / "data")) == []
    assert told(instance, account(instance / "none", "create_home_folder = Yes\n")) == []
    group = "[groups/DEFAULT_GROUP]\nname = all\ncreate_home_folder = Yes\n"
    assert told(instance, account(instance / "none") + group) == []


def test_an_account_without_a_home_is_told(instance):
    assert told(instance, "[accounts/1]\nname = ann\n") == [
        'server.ini:1: [accounts/1] needs "home_folder_path", such as /srv/homes/ann'
    ]


def test_a_home_of_a_group_is_checked_for_each_member_and_told_on_its_line(instance):
    text = (
        f"[groups/g]\nname = g\nhome_folder_path = {instance}/${{USER}}\ncreate_home_folder = yes\n"
        "[accounts/1]\nname = ann\ngroup = g\n[accounts/2]\nname = log\ngroup = g\n"
    )
    (problem,) = told(instance, text)
    assert problem.startswith("server.ini:3: [groups/g] home_folder_path = ")
    assert f'is {instance}/log for the account "log": it is inside {instance}/log' in problem


def test_a_disabled_account_needs_no_home(instance):
    assert told(instance, account(instance / "none", "enabled = no\n")) == []


def test_virtual_folders_must_not_reach_what_is_ours(instance):
    (instance / "data").mkdir()
    folders = f"virtual_folders =\n  /a, {instance}/data\n  /b, {instance}/log/x\n  /c, /none/c\n"
    problems = told(instance, account(instance / "data", folders))
    assert problems[0].startswith(
        f'server.ini:6: [accounts/1] virtual_folders = "{instance}/log/x" is inside'
    )
    assert problems[1] == (
        'server.ini:7: warning: [accounts/1] virtual_folders = "/none/c" is not an existing '
        "folder; nobody sees it until it is"
    )


def test_a_group_folder_of_many_members_is_told_once(instance):
    text = "[groups/g]\nname = g\nhome_folder_path = ${SHARED}/none/all\n"
    text += "".join(f"[accounts/{n}]\nname = a{n}\ngroup = g\n" for n in range(3))
    assert len(told(instance, text)) == 1


def test_a_name_that_cannot_stand_in_a_path_is_told(instance):
    text = "[groups/g]\nname = g\nhome_folder_path = /srv\n[accounts/1]\nname = ..\ngroup = g\n"
    (problem,) = told(instance, text)
    assert problem.startswith('server.ini:5: [accounts/1] name = ".." cannot be used')


def test_secrets_are_never_told(instance):
    problems = told(instance, account("/srv", "password = hunter2\n"))
    assert any("password" in problem for problem in problems)
    assert "hunter2" not in "".join(problems)


def test_anything_at_all_is_read_without_raising(instance):
    path = instance / "conf/server.ini"
    for content in (os.urandom(4096), b"[\x00", b"[accounts/\xe2\x80\xae]\nname = \x1b\n", b"\xff"):
        path.write_bytes(content)
        assert load(path).config is None


@pytest.mark.parametrize(
    "section",
    ["[resources/db]\ntype = sqlite", "[event-handlers/db]\ntype = database"],
)
def test_the_folder_of_a_file_of_sqlite_is_there_or_made_by_a_start(instance, section):
    text = section + "\nname = table\npath = {}/server.db3\n"
    name = section[1 : section.index("]")]
    assert told(instance, text.format("logs")) == [
        f'server.ini:4: [{name}] path = "logs/server.db3" is in a folder that is not there: '
        f"make {instance}/logs"
    ]
    for folder in ("log", "state", instance):
        assert told(instance, text.format(folder)) == []
    assert told(instance, text.format("logs") + "enabled = no\n") == []


@pytest.mark.parametrize(
    ("of_account", "ends"),
    [
        (f"password = {CHEAP_HASH}\n", True),
        (f"password = {CHEAP_HASH}\npassword_lifetime = 0\n", False),
        (f"password = {CHEAP_HASH}\ncreated = 2030-01-01\n", False),
        (f"password = {CHEAP_HASH}\nlast_password_update = 1893456000\n", False),
        ("", False),
    ],
)
def test_a_lifetime_of_the_group_needs_the_age_of_each_password(instance, of_account, ends):
    home = f"home_folder_path = {instance}/data\ncreate_home_folder = yes\n"
    group = "[groups/DEFAULT_GROUP]\nname = default\npassword_lifetime = 90\n"
    problems = told(instance, f"[accounts/a]\nname = ann\n{home}{of_account}{group}")
    assert len(problems) == ends
    assert not ends or "last_password_update is needed, or created" in problems[0]


INSPECTED = (
    "[groups/g]\nname = g\nhome_folder_path = /srv/homes\ninspections = {ids}\n"
    "[resources/clam]\nname = clam\ntype = clamav\n"
    "[resources/off]\nname = off\ntype = clamav\nenabled = no\n"
    "[resources/mail]\nname = mail\ntype = email-client\n"
)


DETACHED = (
    "[resources/sig]\nname = sig\ntype = digital-signature-validation\n"
    "signer_certificate_path = {path}\nsignature_format = {format}\n"
    "[groups/a]\nname = a\nhome_folder_path = /srv/homes\n{a}\n"
    "[groups/b]\nname = b\n{b}\n"
    "[accounts/x]\nname = x\ngroup = a, b\n{x}\n"
    "[accounts/y]\nname = y\ngroup = a, b\namend_write_name =\n"
)
AMENDS, INSPECTS = "amend_write_name = uuid-prefix", "inspections = sig"


@pytest.mark.parametrize(
    ("found", "given"),
    [
        ([], {"format": "field", "a": f"{AMENDS}\n{INSPECTS}"}),
        ([], {"a": INSPECTS, "b": AMENDS}),
        (["groups/a"], {"a": f"{AMENDS}\n{INSPECTS}"}),
        (["groups/a"], {"a": f"{AMENDS}\n{INSPECTS}", "b": INSPECTS}),
        (["accounts/x"], {"a": AMENDS, "b": INSPECTS}),
        (["accounts/x"], {"x": AMENDS, "b": INSPECTS}),
    ],
)
def test_names_of_our_own_have_no_detached_signature(instance, found, given):
    path = written(instance / "signer.pem", signer(Authority()).certificate)
    fields = {"format": "detached", "a": "", "b": "", "x": "", "path": path, **given}
    problems = told(instance, SERVICE + DETACHED.format(**fields))
    names = [one for one in problems if "no detached signature" in one]
    assert [one.partition("[")[2].partition("]")[0] for one in names] == found


@pytest.mark.parametrize(
    ("ids", "problem"),
    [
        ("clam", ""),
        ("clam, off", 'inspections = "off" is not enabled'),
        ("mail", 'inspections = "mail" is not of type digital-signature-validation or '),
        ("calm", 'inspections = "calm" names no section [resources/calm]; did you mean "clam"?'),
    ],
)
def test_inspections_of_a_group_are_resources_that_are_in_use(instance, ids, problem):
    problems = told(instance, SERVICE + INSPECTED.format(ids=ids))
    assert [problem in one for one in problems] == ([True] if problem else [])


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("{0}/out", ""),
        ("{0}/conf/keys", "is inside {0}/conf"),
        ("{0}", "holds {0}/conf"),
        ("/", "holds {0}/conf"),
        ("{0}/state", "is inside {0}/state"),
    ],
)
def test_a_folder_of_a_location_gives_away_nothing_of_ours(instance, path, problem):
    section = "[locations/l]\ntype = filesystem\nname = l\npath = "
    found = told(instance, SERVICE + section + path.format(instance) + "\n")
    assert [problem.format(instance) in one for one in found] == [True] * bool(problem)
    switched_off = SERVICE + section + path.format(instance) + "\nenabled = no\n"
    assert told(instance, switched_off) == []


def test_a_wrong_value_hides_no_other_problem_of_its_section(instance):
    text = """
[accounts/ann]
name = ann
password = plain
home_folder_path = /no/such/home
group = nobody

[services/ftp]
type = ftp
port = 70000
ssl_certificate = no-such.pem
security_policy = nothing

[services/other]
name = other
type = ssh
port = 10021
"""
    assert [
        line.partition(" ")[2] for line in told(instance, text) if "[s" in line or "[a" in line
    ] == [
        "[accounts/ann] password is not a password hash such as $2b$..., $6$... or "
        "$pbkdf2-sha512$...; `mft password` makes one",
        '[accounts/ann] home_folder_path = "/no/such/home" does not exist; make it, or write '
        "create_home_folder = Yes",
        '[accounts/ann] group = "nobody" names no section [groups/nobody]',
        '[services/ftp] needs "name", such as partner-files',
        '[services/ftp] port = "70000" is not a port from 0 to 65535',
        f'[services/ftp] ssl_certificate = "{instance}/no-such.pem" cannot be read: '
        "No such file or directory",
        '[services/ftp] security_policy = "nothing" names no section [security-policies/nothing]',
    ]


def test_a_handler_that_waits_for_an_event_that_there_is_not_is_a_warning(instance):
    text = "[event-handlers/x]\nname = x\ntype = local-file\npath = log/x\ntarget = 30068, 30086\n"
    assert told(instance, text) == [
        'server.ini:5: warning: [event-handlers/x] target = "30086" is the number of no event; '
        "`mft reference events` tells of them"
    ]
    assert told(instance, text.replace("30068, 30086", "!30086"))
    assert told(instance, text.replace("30086", "30067")) == []


def test_what_stands_for_a_wrong_value_is_no_problem(instance):
    text = """
[accounts/ann]
name = ann
password = plain
home_folder_path = /
multi_factor_authentication = otpauth://totp/mft:ann?secret=JWDPB7DYJKPB25MJGQ4VMKHZ6W3J5JGJ&issuer=mft
permisions = allow-read

[services/sftp]
name = sftp
type = ssh
port = x

[services/ftp]
name = ftp
type = ssh
port = 10022

[services/elsewhere]
name = elsewhere
type = ftp
address = files.example.com
port = 10022
"""
    assert [problem.option for problem in load(write(instance, text)).problems] == [
        "password",
        "home_folder_path",
        "permisions",
        "port",
        "address",
    ]


def test_a_folder_that_is_closed_to_us_is_told_as_such(instance, monkeypatch):
    file = write(instance, "[server]\nname = x\n")

    def closed(folder):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))

    monkeypatch.setattr(module, "undisturbed", closed)
    monkeypatch.setattr(os, "access", lambda path, mode: path != file.parent)
    (problem,) = load(file).problems
    assert str(problem) == (
        f"server.ini: cannot be read: {file.parent} is not open to the account with number "
        f"{os.geteuid()}, as which this runs"
    )


def test_an_option_that_is_indented_is_told_to_be_part_of_the_one_above(instance):
    text = "[services/sftp]\nname = sftp\ntype = ssh\nport = 10022\n  sftp = yes\n"
    assert told(instance, text) == [
        'server.ini:4: [services/sftp] port = "10022..." is not a port from 0 to 65535; '
        "line 5 is indented, so that it continues the value"
    ]


def test_an_option_that_belongs_elsewhere_is_told_where(instance):
    text = """
[server]
port = 22

[services/sftp]
name = sftp
type = ssh
port = 10022
audit_requests = yes
prot = 5

[accounts/ann]
name = ann
home_folder_path = /no/such/home
allow_own_password_change = Yes
"""
    assert [str(one).partition("] ")[2] for one in load(write(instance, text)).problems] == [
        'has no option "port"; it belongs into [services/ID]',
        'has no option "audit_requests"; it belongs into [server]',
        'has no option "prot"; did you mean "port"?',
        'home_folder_path = "/no/such/home" does not exist; make it, or write '
        "create_home_folder = Yes",
        'has no option "allow_own_password_change"; it belongs into [groups/ID]',
    ]
