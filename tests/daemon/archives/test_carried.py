"""What is carried is what server.ini names: nothing is forgotten, nothing of clients is taken."""

from pathlib import Path

import pytest

from mft.core.failure import Refused
from mft.daemon.archives import carried as room
from mft.daemon.archives.carried import carried
from mft.daemon.load import load
from tests.fakes.nodes import Node, small_node, whole_node


@pytest.fixture
def node(tmp_path: Path) -> Node:
    return small_node(tmp_path / "instance")


def names(node: Node, **how: bool) -> list[str]:
    return [one.name for one in carried(node.config, **how).files]


def test_every_kind_of_file_is_carried_and_no_data(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    node = whole_node(tmp_path / "instance", outside)
    assert [str(one) for one in load(node.config).problems if one.is_error] == []
    found = carried(node.config)
    named = {one.name: one.named_by for one in found.files}
    assert named == {
        "instance/conf/server.ini": "",
        "instance/conf/keys/host": "[services/ssh] ssh_server_keys",
        "instance/conf/keys/user_ca.pub": "[services/ssh] ssh_user_certificate_authorities",
        "instance/conf/certificates/server.pem": "[services/https]",
        "instance/conf/certificates/ca.pem": "[services/https] ssl_certificate_authority",
        "instance/conf/accounts.ini": "[authentications/shared] path",
        "instance/conf/keys/carol": "[authentications/shared] ssh_authorized_keys_path",
        "instance/conf/keys/members/ann": "[groups/members] ssh_authorized_keys_path",
        "instance/conf/keys/members/bob": "[groups/members] ssh_authorized_keys_path",
        "instance/scripts/after.sh": "[event-handlers/program] executable_path",
        f"outside{outside}/terms.txt": "[resources/terms] dictionary_files",
        f"outside{outside}/scan.sh": "[resources/scan] executable_arguments",
    }
    assert found.system == (Path("/usr/bin/env"),)
    assert found.missing == ()
    assert found.problems == ()
    assert found.files[0].path == node.config


def test_the_files_of_a_folder_are_carried_and_folders_in_it_are_not(node: Node) -> None:
    node.write("conf/keys/ann/first.pub", "")
    node.write("conf/keys/ann/deeper/second.pub", "")
    (node.directory / "conf/keys/ann/dangling").symlink_to("/no/such/place")
    node.say("[accounts/ann]\nname = ann\nssh_authorized_keys_path = conf/keys/ann\n")
    assert "instance/conf/keys/ann/first.pub" in names(node)
    assert not [name for name in names(node) if "second" in name or "dangling" in name]


def test_a_folder_of_too_many_files_is_refused(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MAX_IN_FOLDER", 1)
    for name in "ab":
        node.write(f"conf/keys/ann/{name}", "")
    node.say("[accounts/ann]\nname = ann\nssh_authorized_keys_path = conf/keys/ann\n")
    with pytest.raises(Refused, match="more than 1 files"):
        carried(node.config)


def test_a_link_is_carried_as_the_file_that_it_leads_to(node: Node, tmp_path: Path) -> None:
    host = node.directory / "conf/keys/host"
    host.rename(tmp_path / "elsewhere")
    host.symlink_to(tmp_path / "elsewhere")
    assert names(node) == ["instance/conf/server.ini", "instance/conf/keys/host"]


def test_what_is_named_twice_or_in_other_words_is_carried_once(node: Node) -> None:
    text = node.config.read_text()
    keys = f"conf/keys/host, conf/../conf/keys/host, {node.directory}/conf/keys/host"
    node.config.write_text(text.replace("conf/keys/host", keys))
    assert names(node) == ["instance/conf/server.ini", "instance/conf/keys/host"]


def test_an_instance_behind_a_link_is_the_same_instance(node: Node, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(node.directory)
    text = node.config.read_text()
    node.config.write_text(text.replace("conf/keys/host", f"{node.directory}/conf/keys/host"))
    through = Node(link)
    assert names(through) == ["instance/conf/server.ini", "instance/conf/keys/host"]


def test_keys_in_homes_belong_to_their_accounts(node: Node, tmp_path: Path) -> None:
    homes = tmp_path / "homes"
    (homes / "ann").mkdir(parents=True)
    (homes / "ann" / "keys").write_text("")
    node.say(
        f"[groups/g]\nname = g\nhome_folder_path = {homes}\n"
        f"ssh_authorized_keys_path = {homes}/${{USER}}/keys\n"
    )
    assert names(node) == ["instance/conf/server.ini", "instance/conf/keys/host"]


def test_homes_beside_conf_do_not_hide_it(node: Node) -> None:
    node.say(f"[groups/g]\nname = g\nhome_folder_path = {node.directory}\n")
    assert "instance/conf/keys/host" in names(node)


def test_what_this_node_lays_over_it_is_its_own(node: Node) -> None:
    node.write("conf/keys/ours", (node.directory / "conf/keys/host").read_bytes())
    node.write("conf/server.override.ini", "[services/ssh]\nssh_server_keys = conf/keys/ours\n")
    assert names(node) == ["instance/conf/server.ini", "instance/conf/keys/host"]
    assert names(node, override=True) == [
        "instance/conf/server.ini",
        "instance/conf/server.override.ini",
        "instance/conf/keys/host",
        "instance/conf/keys/ours",
    ]


def test_what_is_named_and_missing_is_told(node: Node) -> None:
    node.say(
        "[event-handlers/mail]\nname = d\ntype = file-dispatcher\ntarget = 1\n"
        "dispatch_rules = execute, *, /opt/missing\n"
    )
    (missing,) = carried(node.config).missing
    assert missing.path == Path("/opt/missing")
    assert missing.named_by == "[event-handlers/mail] dispatch_rules"


def test_keys_that_the_first_start_makes_are_missing_where_they_are_needed(node: Node) -> None:
    (node.directory / "conf/keys/host").unlink()
    text = node.config.read_text().replace("ssh_server_keys = conf/keys/host", "")
    node.config.write_text(text)
    assert [one.named_by for one in carried(node.config).missing] == ["[services/ssh]"] * 2
    node.config.write_text(text.replace("type = ssh", "type = ssh\nenabled = no"))
    assert carried(node.config).missing == ()


def test_a_section_that_cannot_be_read_is_told(node: Node) -> None:
    node.say("[accounts/a]\nname = a\npasword = x\n")
    (problem,) = carried(node.config).problems
    assert 'no option "pasword"' in str(problem)
