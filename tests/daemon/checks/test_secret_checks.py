"""A cluster needs its secret as soon as an account has something that nodes seal."""

import pytest

from mft.daemon.load import load
from tests.fakes.accounts import CHEAP_HASH, OTPAUTH
from tests.fakes.daemons import Instance

SECRET = "a secret of the nodes that nobody guesses"
DATABASE = "[resources/DB]\nname = db\ntype = postgresql\nusername = mft\ndatabase = mft\n"
DIRECTORY = (
    "[authentications/people]\nname = people\ntype = ldap\naddress = ldap.example.com\n"
    "bind_dn = ou=people,dc=x\nbind_dn_type = search\nsearch_bind_dn = cn=m\n"
    "search_bind_password = s\none_time_codes_attribute = otp\n"
)
NEEDING = {
    "allow_own_password_change": "[groups/G]\nname = g\nallow_own_password_change = yes\n",
    "allow_own_one_time_codes": "[groups/G]\nname = g\nallow_own_one_time_codes = yes\n",
    "multi_factor_authentication": (
        "[accounts/bob]\nname = bob\nhome_folder_path = HOME\ngroup = DEFAULT_GROUP\n"
        f"password = {CHEAP_HASH}\nmulti_factor_authentication = {OTPAUTH}\n"
    ),
    "one_time_codes_attribute": DIRECTORY,
}


def cluster(secret: str = "") -> str:
    return f"[resources/us]\nname = us\ntype = cluster\ndatabase = DB\nsecret = {secret}\n"


def problems(instance: Instance, *sections: str) -> list[str]:
    return [str(one) for one in load(instance.write(*sections)).problems if one.is_error]


@pytest.mark.parametrize("option", NEEDING)
def test_where_accounts_share_something_the_secret_is_needed(
    instance: Instance, option: str
) -> None:
    sections = DATABASE, NEEDING[option]
    found = problems(instance, *sections, cluster())
    assert len(found) == 1, found
    assert "[resources/us] secret" in found[0]
    assert f"is needed: [{NEEDING[option].partition(']')[0][1:]}] has {option}" in found[0]
    assert problems(instance, *sections, cluster(SECRET)) == []
    off = cluster().replace("secret =", "enabled = no")
    assert problems(instance, *sections, off) == []


def test_accounts_of_another_file_count_as_well(instance: Instance) -> None:
    home = str(instance.directory / "data")
    accounts = NEEDING["multi_factor_authentication"].replace("HOME", home)
    (instance.directory / "conf" / "shared.ini").write_text(accounts)
    method = "[authentications/shared]\nname = shared\ntype = local-file\npath = conf/shared.ini\n"
    (found,) = problems(instance, DATABASE, method, cluster())
    assert "[authentications/shared]" in found


def test_where_nothing_is_shared_it_may_be_left_out(instance: Instance) -> None:
    assert problems(instance, DATABASE, cluster()) == []


def test_a_secret_that_can_be_guessed_is_none_and_is_not_shown(instance: Instance) -> None:
    (found,) = problems(instance, DATABASE, cluster("hunter2"))
    assert "fewer than 32 characters" in found
    assert "hunter2" not in found
