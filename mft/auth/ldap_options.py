"""The options of the `ldap` method."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from ssl import SSLContext, SSLError, create_default_context
from typing import Annotated, ClassVar, Literal

from mft.auth.ldap_kinds import (
    AttributeName,
    BaseDn,
    BaseDns,
    FilterText,
    GroupMappings,
    HomeFrom,
    Hosts,
)
from mft.auth.options import DEFAULT_GROUP, MethodOptions
from mft.config.kinds import (
    Context,
    FilePath,
    GroupRefs,
    Maybe,
    Port,
    SecretText,
    Text,
    Wrong,
    YesNo,
    duration,
)
from mft.config.section import option
from mft.core.secret import Secret

LDAP_PORT = 389
LDAPS_PORT = 636
Patience = Annotated[float, duration(1, 60)]  # eight servers of a minute each are the worst case


class LdapOptions(MethodOptions):
    """The entries of an LDAP directory as accounts, such as those of Active Directory."""

    ignored: ClassVar[Mapping[str, str]] = {
        "manager_search_filter": "nobody administers this server over the network",
        "roles_mapping": "nobody administers this server over the network",
        "extension_entry_point": "there are no extensions",
        "extension_configuration": "there are no extensions",
    }

    type: Literal["ldap"] = option("The kind of method.", "ldap")
    address: Hosts = option(
        "The servers, between commas: names or IP addresses. They hold the same, and are asked in "
        "this order; one that fails is passed over for a while.",
        examples=["ldap.example.com"],
    )
    port: Maybe[Port] = option(
        "The port of each server; empty: 636 with `secure_connection = Yes`, else 389.",
        None,
        examples=["636"],
    )
    secure_connection: Literal["Yes", "StartTLS", "No"] = option(
        "`Yes`: TLS from the first byte (LDAPS). `StartTLS`: TLS before anything else is said on "
        "the plain port. `No`: passwords cross the network in clear.",
        "Yes",
        safer="Passwords never cross the network in clear unless somebody writes No.",
    )
    ssl_certificate_authority: Maybe[FilePath] = option(
        "The certificates, in PEM form, that may sign those of the servers; empty: those that "
        "this machine trusts. A certificate must be for the name in `address`.",
        None,
        examples=["conf/certificates/directory-ca.pem"],
    )
    bind_dn_type: Literal["parent", "relative", "absolute", "direct-username", "search"] = option(
        "What is bound with the password. `parent`: `username_attribute`=USER below `bind_dn`. "
        "`relative`: the user gives the beginning of a distinguished name, `bind_dn` is the rest. "
        "`absolute`: the user gives all of it, which must be below `bind_dn`. `direct-username`: "
        "USER and `username_suffix` as they are, and then the entry is found below `bind_dn`. "
        "`search`: the entry that `search_bind_dn` finds below `bind_dn`.",
        "parent",
    )
    bind_dn: BaseDns = option(
        "Where users are, one distinguished name per line; the lines are tried in order. A name "
        "must be below one of them only.",
        examples=["ou=people,dc=example,dc=com"],
    )
    username_attribute: AttributeName = option(
        "The attribute that holds the name of a user, and from which the account gets its own.",
        "cn",
        examples=["uid"],
    )
    username_suffix: Text = option(
        "What is added to the name with `bind_dn_type = direct-username`.",
        "",
        examples=["@example.com"],
    )
    search_bind_dn: BaseDn = option(
        "The account of the directory that searches, for `bind_dn_type = search`.",
        "",
        examples=["cn=mft,ou=services,dc=example,dc=com"],
        ours=True,
    )
    search_bind_password: SecretText = option("Its password.", Secret(""), ours=True)
    search_filter: FilterText = option(
        "Who may transfer files: an entry that the filter does not match is refused. Empty: "
        "everybody.",
        "",
        examples=["(memberOf=cn=mft,ou=groups,dc=example,dc=com)"],
    )
    base_groups: GroupRefs = option(
        "The IDs of the groups of who matches no line of `group_mapping`, the primary one first. "
        "Empty: those are refused.",
        (DEFAULT_GROUP,),
        examples=["DEFAULT_GROUP"],
    )
    group_mapping: GroupMappings = option(
        "Lines of an attribute, an expression and IDs of groups, between commas; the first line "
        "with an expression that a value of the attribute matches decides alone. One that begins "
        "with `!` or `e/` must hold for every value, of which there is at least one.",
        (),
        examples=['memberOf, "cn=sales,*", SALES'],
    )
    nested_groups: YesNo = option(
        "Whether groups of groups count in `memberOf` as well: by Active Directory's rule for "
        "chains where the server has it, else by reading the memberOf of each group.",
        False,
        ours=True,
    )
    home_folder_attribute: HomeFrom = option(
        "The attribute with the home folder; or an attribute, a comma and an absolute path with "
        "`{attribute}` in it, a dash written `_`. An entry with no value or several is refused.",
        None,
        examples=["uid, /srv/homes/{uid}"],
    )
    email_attribute: AttributeName = option(
        "The attribute with the e-mail addresses.", "", examples=["mail"]
    )
    ssh_public_keys_attribute: AttributeName = option(
        "The attribute with SSH public keys, one line each, which then log in as well; only with "
        "`bind_dn_type = search`. The directory is not asked for a password then: let "
        "`search_filter` leave out who is locked there.",
        "",
        examples=["sshPublicKey"],
        ours=True,
    )
    one_time_codes_attribute: AttributeName = option(
        "The attribute with the secret of an entry's one-time codes: an otpauth URI, or a secret "
        "in base32 whose codes have six digits, SHA1 and thirty seconds. Empty: no codes. A value "
        "that cannot be read, or a second one, refuses the login.",
        "",
        examples=["totpSecret"],
        ours=True,
    )
    one_time_codes_required: YesNo = option(
        "Whether who has no value of `one_time_codes_attribute` is refused. With `No` the password "
        "alone is enough for those, and so it is for everybody once the attribute is hidden from "
        "the account that reads it.",
        True,
        ours=True,
    )
    timeout: Patience = option(
        "How long one server may take for all that a login asks of it.",
        10.0,
        ours=True,
    )

    @property
    def effective_port(self) -> int:
        """The port of each server."""
        return self.port or (LDAPS_PORT if self.secure_connection == "Yes" else LDAP_PORT)

    def context(self) -> SSLContext | None:
        """What TLS is made with, None for no TLS; raises OSError.

        Certificates and the names in them are always verified. It reads files, and takes a while.
        """
        if self.secure_connection == "No":
            return None
        path = self.ssl_certificate_authority
        return create_default_context(cafile=None if path is None else str(path))

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell what does not go together, and of certificates that cannot be read."""
        yield from self._apart()
        yield from self._codes_apart()
        if self.ssl_certificate_authority is not None:
            try:
                create_default_context(cafile=str(self.ssl_certificate_authority))
            except OSError as error:
                why = "it holds no certificates" if isinstance(error, SSLError) else error.strerror
                shown = str(self.ssl_certificate_authority)
                yield Wrong(f"cannot be used: {why}", shown, option="ssl_certificate_authority")
        if self.secure_connection == "No" and not all(map(_loopback, self.address)):
            sentence = "sends passwords in clear over the network; write Yes or StartTLS"
            yield Wrong(sentence, option="secure_connection", mild=True)

    def _apart(self) -> Iterator[Wrong]:
        searches = self.bind_dn_type == "search"
        for name in ("search_bind_dn", "search_bind_password"):
            if searches and not getattr(self, name):
                yield Wrong("is needed for bind_dn_type = search", option=name)
        if not self.username_attribute:
            yield Wrong("is empty; it needs an attribute, such as cn", option="username_attribute")
        if self.ssh_public_keys_attribute and not searches:
            sentence = "needs bind_dn_type = search: without a password nobody else is bound"
            yield Wrong(sentence, option="ssh_public_keys_attribute")
        if self.username_suffix and self.bind_dn_type != "direct-username":
            sentence = "counts with bind_dn_type = direct-username only"
            yield Wrong(sentence, option="username_suffix")

    def _codes_apart(self) -> Iterator[Wrong]:
        attribute = self.one_time_codes_attribute
        if not attribute:
            return
        name = "one_time_codes_attribute"
        if self.second_factor_authentication is not None:
            yield Wrong("has no place beside second_factor_authentication", option=name)
        if attribute.lower() in (one.lower() for one in self._shown()):
            yield Wrong(
                "is read for something else too, and would be shown", attribute, option=name
            )
        if self.bind_dn_type != "search":
            sentence = (
                "must be readable by each user, so that whoever has a password can read the secret "
                "from the directory; write bind_dn_type = search"
            )
            yield Wrong(sentence, attribute, option=name, mild=True)

    def _shown(self) -> Iterator[str]:
        """The attributes whose values stand in steps, names and accounts."""
        home = self.home_folder_attribute
        yield from (self.username_attribute, self.email_attribute, self.ssh_public_keys_attribute)
        yield from (one.attribute for one in self.group_mapping)
        yield from () if home is None else (home.attribute,)
        yield "memberOf"


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
