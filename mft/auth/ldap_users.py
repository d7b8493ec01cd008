"""Users: what is bound for a name, by each `bind_dn_type`, and how the account is then called."""

from mft.auth.ldap_entry import Entry, Unusable
from mft.auth.ldap_names import DistinguishedName, escape_dn, escape_filter, folded
from mft.auth.ldap_options import LdapOptions
from mft.auth.ldap_talk import ANY

PARENT, RELATIVE, ABSOLUTE, DIRECT, SEARCH = (
    "parent",
    "relative",
    "absolute",
    "direct-username",
    "search",
)


def names_to_bind(options: LdapOptions, username: str) -> tuple[str, ...]:
    """The names that are bound in order, of `parent`, `relative` and `absolute`.

    Raises Unusable for a username that is no part of a distinguished name.
    """
    if options.bind_dn_type == PARENT:
        own = f"{options.username_attribute}={escape_dn(username)}"
        return tuple(f"{own},{base}" for base in options.bind_dn)
    try:
        given = DistinguishedName.parse(username)
    except ValueError as error:
        raise Unusable(f"the name is no distinguished name: {error}") from None
    if options.bind_dn_type == RELATIVE:
        # Written anew: an escape at the end of what was given could swallow the comma.
        return tuple(f"{given},{base}" for base in options.bind_dn)
    bases = [DistinguishedName.parse(base) for base in options.bind_dn]
    if not any(given.below(base) for base in bases):
        raise Unusable("the name is not below any line of bind_dn")
    return (str(given),)


def filter_of(options: LdapOptions, username: str) -> str:
    """The filter that finds the entry of a name, and only one that may transfer files."""
    allowed = options.search_filter or ANY
    return f"(&({options.username_attribute}={escape_filter(username)}){allowed})"


def account_name(options: LdapOptions, username: str, entry: Entry) -> str:
    """What the account is called: as the directory writes it, so that an entry has one name.

    Raises Unusable for an entry that is not the one that was asked for.
    """
    if options.bind_dn_type in (RELATIVE, ABSOLUTE):
        return entry.dn
    names = entry.texts(options.username_attribute)
    own = [name for name in names if folded(name) == folded(username)]
    if not own:
        raise Unusable(f"{entry.dn} does not show this name in {options.username_attribute}")
    return own[0]


def attributes_of(options: LdapOptions) -> tuple[str, ...]:
    """The attributes that a login reads."""
    home = options.home_folder_attribute
    wanted = [
        options.username_attribute,
        "" if home is None else home.attribute,
        options.email_attribute,
        options.ssh_public_keys_attribute,
        options.one_time_codes_attribute,
        "memberOf" if options.nested_groups else "",
        *(one.attribute for one in options.group_mapping),
    ]
    return tuple({name.lower(): name for name in wanted if name}.values())
