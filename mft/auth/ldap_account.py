"""Account: what an entry of a directory says of an account, in the words of server.ini."""

from typing import Final

from mft.auth.base import PublicKey
from mft.auth.inheritance import Membership
from mft.auth.ldap_directory import Found
from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_groups import Step, mapped
from mft.auth.ldap_kinds import HomeAttribute
from mft.auth.ldap_options import LdapOptions
from mft.auth.outside import outside_account, outside_uuid
from mft.auth.parts import Parts
from mft.auth.places import path_name
from mft.core.peer import Address, Component
from mft.trust.authorized_keys import parse_keys
from mft.trust.ssh_certificates import is_certificate

MAX_EMAILS: Final = 20
MAX_HOME: Final = 4096  # characters, as long as a path may be


def membership(
    found: Found, options: LdapOptions, method: Component, parts: Parts, step: Step
) -> Membership:
    """The account of a user, in our groups; raises Unusable or ValueError with a sentence."""
    if path_name(found.name) != found.name:
        # Else "a:b" and "a.b", two people of a directory, would have one home.
        raise Unusable('the name has one of \\ / : * ? " < > | in it')
    member_of = mapped(
        found.entry, found.member_of, options.group_mapping, options.base_groups, step
    )
    told = {"name": found.name}
    if options.home_folder_attribute is not None:
        told["home_folder_path"] = home(options.home_folder_attribute, found.entry)
        step(f"the home is {told['home_folder_path']}")
    if options.email_attribute:
        told["email"] = emails(found.entry, options.email_attribute)
    uuid = outside_uuid(method, found.name)
    return outside_account(uuid, method.kind, parts.groups, member_of, told)


def home(wanted: HomeAttribute, entry: Entry) -> str:
    """The home folder; what the directory holds never climbs out of the template."""
    value = entry.only(wanted.attribute)
    if not value.strip() or not value.isprintable() or len(value) > MAX_HOME:
        raise Unusable(f"{wanted.attribute} is empty, too long or not printable")
    if {".", ".."} & set(value.split("/")):
        raise Unusable(f"{wanted.attribute} has . or .. in it")
    if not wanted.template:
        return value
    before, after = wanted.template.split(wanted.place)
    if "/" in value and (not value.startswith("/") or before.endswith("/")):
        # In /srv/homes/{uid} it is one name; another user's "ann/private" would be below ann's.
        raise Unusable(f"{wanted.attribute} has / where one name belongs")
    return f"{before}{value}{after}"


def emails(entry: Entry, attribute: str) -> str:
    """The e-mail addresses, as a list between commas."""
    values = [one for one in entry.texts(attribute) if one.isprintable()][:MAX_EMAILS]
    return ", ".join('"' + one.replace('"', '""') + '"' for one in values)


def key_refusal(
    entry: Entry, attribute: str, given: PublicKey, now: float, peer: Address
) -> str | None:
    """Why a key is none of the entry's; None when it is, and may be used from there now."""
    if is_certificate(given.blob):
        return "certificates are not taken from a directory"
    why = "the key is none of the entry's"
    for value in entry.texts(attribute):
        for key in parse_keys(value).keys:
            if key.key.blob != given.blob:
                continue
            refusal = key.refusal(now, peer)
            if refusal is None:
                return None
            why = refusal
    return why
