"""Where accounts have their files."""

from typing import Any

from mft.daemon.homes import Homes
from tests.fakes.daemons import Instance

GROUP = (
    "[groups/partners]\nname = partners\nhome_folder_path = HOME/all/${USER}\n"
    "create_home_folder = yes\n"
)
OF_GROUP = "[accounts/id-1]\nname = bob\ngroup = partners\n"
OF_ITS_OWN = (
    "[accounts/id-2]\nname = ann\ngroup = DEFAULT_GROUP\nhome_folder_path = HOME//ann/\n"
    "create_home_folder = yes\nvirtual_folders = /shared, HOME/shared\n"
)


def test_homes_and_virtual_folders_of_accounts_and_their_groups(instance: Instance) -> None:
    config: Any = instance.config(GROUP + OF_GROUP + OF_ITS_OWN)
    data = instance.directory / "data"
    homes = Homes(lambda: config)
    assert homes() == {f"{data}/all/bob", f"{data}/ann", f"{data}/shared"}
    assert homes() is homes()


def test_a_reload_is_noticed(instance: Instance) -> None:
    configs: list[Any] = [instance.config(OF_ITS_OWN)]
    homes = Homes(lambda: configs[-1])
    assert len(homes()) == 2
    configs.append(instance.config(GROUP + OF_GROUP))
    assert homes() == {f"{instance.directory}/data/all/bob"}
