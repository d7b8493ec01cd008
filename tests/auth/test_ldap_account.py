"""What an entry says of an account: its home never climbs, its keys are compared as bytes."""

import pytest

from mft.auth.base import PublicKey
from mft.auth.ldap_account import MAX_EMAILS, emails, home, key_refusal, membership
from mft.auth.ldap_directory import Found
from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_kinds import HomeAttribute
from mft.auth.outside import outside_uuid
from mft.core.peer import Component
from mft.trust.ssh_keys import HostKey
from tests.auth.test_ldap_users import options
from tests.fakes.accounts import NOW, PEER, Around

METHOD = Component("m", "ldap", "directory")
KEY = HostKey.generate().public


def entry(**values: list[bytes]) -> Entry:
    return Entry("uid=ann", {name.lower(): tuple(each) for name, each in values.items()})


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        (HomeAttribute("home"), "/homes/ann", "/homes/ann"),
        (HomeAttribute("home", "/srv/{home}/in"), "ann", "/srv/ann/in"),
        (HomeAttribute("home", "/srv{home}"), "/home/ann", "/srv/home/ann"),
        (HomeAttribute("home", "/srv/{home}"), "{home}", "/srv/{home}"),
    ],
)
def test_a_home_is_the_value_or_has_it_in_a_template(
    wanted: HomeAttribute, value: str, expected: str
) -> None:
    assert home(wanted, entry(home=[value.encode()])) == expected


@pytest.mark.parametrize(
    ("wanted", "values"),
    [
        (HomeAttribute("home"), []),
        (HomeAttribute("home"), ["/a", "/b"]),
        (HomeAttribute("home"), ["/homes/../etc"]),
        (HomeAttribute("home"), [" "]),
        (HomeAttribute("home"), ["/a\0b"]),
        (HomeAttribute("home"), ["/" + "x" * 5000]),
        (HomeAttribute("home", "/srv/{home}"), [".."]),
        (HomeAttribute("home", "/srv/{home}"), ["ann/private"]),
        (HomeAttribute("home", "/srv/{home}"), ["/etc"]),
        (HomeAttribute("home", "/srv{home}"), ["x/y"]),
    ],
)
def test_a_home_that_is_missing_twofold_or_climbs_is_refused(
    wanted: HomeAttribute, values: list[str]
) -> None:
    with pytest.raises(Unusable):
        home(wanted, entry(home=[one.encode() for one in values]))


def test_addresses_with_commas_stay_one_each() -> None:
    told = emails(entry(mail=[b"a@b.example", b'"x, y"@b.example', b"a\nb"]), "mail")
    assert told == '"a@b.example", """x, y""@b.example"'
    many = entry(mail=[b"a@b.example"] * (MAX_EMAILS + 1))
    assert emails(many, "mail").count("@") == MAX_EMAILS


def test_a_key_is_one_of_the_entry_s_or_none() -> None:
    other = HostKey.generate().public
    line = f'from="198.51.100.0/24" {other.line()}'
    keys = entry(sshPublicKey=[b"rubbish", KEY.line().encode(), line.encode()])

    def refusal(blob: bytes) -> str | None:
        given = PublicKey("ann", blob, proven=True)
        return key_refusal(keys, "sshPublicKey", given, NOW, PEER)

    assert refusal(KEY.blob) is None
    assert "none of the entry's" in str(refusal(HostKey.generate().public.blob))
    assert "none of the entry's" in str(refusal(b"x"))
    assert "192.0.2.7" in str(refusal(other.blob))


def test_certificates_are_not_taken_from_a_directory() -> None:
    kind = b"ssh-ed25519-cert-v01@openssh.com"
    given = PublicKey("ann", len(kind).to_bytes(4, "big") + kind + b"x" * 40, proven=True)
    told = key_refusal(entry(), "sshPublicKey", given, NOW, PEER)
    assert told == "certificates are not taken from a directory"


def test_one_name_of_a_directory_is_one_account() -> None:
    found = Found("ann", entry(mail=[b"a@b.example"]), ())
    wanted = options(email_attribute="mail", home_folder_attribute="")
    steps: list[str] = []
    whole = membership(found, wanted, METHOD, Around().parts, steps.append)
    assert whole.uuid == outside_uuid(METHOD, "ann")
    assert (whole.options.name, whole.options.email, whole.kind) == (
        "ann",
        ("a@b.example",),
        "ldap",
    )
    assert steps == ["no line of group_mapping matches: DEFAULT_GROUP"]


@pytest.mark.parametrize("name", ["a/b", "a:b", "a*", "..", "x" * 151])
def test_two_names_never_share_a_home(name: str) -> None:
    found = Found(name, entry(), ())
    with pytest.raises((ValueError, Unusable)):
        membership(found, options(), METHOD, Around().parts, lambda sentence: None)
