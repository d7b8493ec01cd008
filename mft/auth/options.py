"""The options of accounts, of groups, and of the method that knows them."""

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from mft.auth.inspected import InspectedOptions
from mft.auth.key_files import trouble
from mft.auth.kinds import (
    AmendWriteName,
    AuthorizedKeys,
    Bandwidth,
    Days,
    GroupHome,
    GroupPath,
    HomeStructure,
    Instant,
    OneTimeCodes,
    PasswordText,
    PermissionLines,
    RecoveryCodes,
    RequiredCredentials,
    VirtualFolders,
)
from mft.config.kinds import (
    INHERIT,
    AbsolutePath,
    AuthenticationRef,
    CommaList,
    Context,
    Count,
    FilePath,
    GroupRefs,
    Inherit,
    Inheritable,
    Maybe,
    Moment,
    NetworkRules,
    Size,
    Wrong,
    YesNo,
    duration,
)
from mft.config.section import NamedSection, option

DEFAULT_GROUP = "DEFAULT_GROUP"
DAY = 86400.0
Lifetime = Annotated[float, duration(0, 365 * DAY)]

_LATER: Mapping[str, str] = {
    "as2_name": "this server has no AS2",
    "create_home_folder_group": "folders belong to the account that the server runs as",
    "create_home_folder_owner": "folders belong to the account that the server runs as",
}


class AccountOptions(NamedSection):
    """One account: who may log in, how, to which folders, and what it may do there."""

    ignored: ClassVar[Mapping[str, str]] = {
        **_LATER,
        "lock_in_home_folder": "accounts never leave their home and virtual folders",
    }

    type: Literal["application"] = option(
        "The kind of account: `application` accounts exist in this file only.", "application"
    )
    group: GroupRefs = option(
        "The IDs of its groups. The first is the primary one, whose values are inherited.",
        (DEFAULT_GROUP,),
        examples=["DEFAULT_GROUP"],
    )
    email: CommaList = option("Its e-mail addresses.", (), examples=["ann@example.com"])
    password: Maybe[PasswordText] = option(
        "The hash of its password, as `mft password` prints it: bcrypt, SHA-crypt ($5$, $6$) or "
        "PBKDF2. Empty: no login by password.",
        None,
        examples=["$2b$12$..."],
        secret=True,
    )
    password_lifetime: Inheritable[Days] = option(
        "How many days a password lets in; 0 is for ever. An older one is refused until another "
        "is set.",
        INHERIT,
        examples=["90"],
    )
    last_password_update: Maybe[Instant] = option(
        "When the password was set; without it, its age counts from `created`. One that the "
        "account has chosen itself counts from its choice.",
        None,
        examples=["2030-01-01"],
    )
    multi_factor_authentication: Maybe[OneTimeCodes] = option(
        "A second factor beside the password: the otpauth URI of its one-time codes (TOTP), as "
        "`mft totp` prints it. The code is appended to the password, or asked for after it. "
        "Logins by key alone are not asked; `required_credentials` can ask for both.",
        None,
        examples=["otpauth://totp/mft:ann?secret=...&issuer=mft"],
        secret=True,
    )
    recovery_codes: RecoveryCodes = option(
        "Digests of codes that do in place of a one-time code, each once, as `mft totp` prints "
        "them, one per line.",
        (),
        ours=True,
        secret=True,
    )
    ssh_authorized_keys_content: AuthorizedKeys = option(
        "Its SSH public keys, one OpenSSH line each. The options from= and expiry-time= are kept; "
        "a key with an option that asks for more, such as command=, is refused.",
        "",
        examples=["ssh-ed25519 AAAA... ann@example.com"],
    )
    ssh_authorized_keys_path: Inheritable[Maybe[FilePath]] = option(
        "A file of SSH public keys (at most 100 kB), or a folder whose files are all read; read "
        "again at every login.",
        INHERIT,
        examples=["conf/keys/ann.pub"],
    )
    allow_certificate_authentication: Inheritable[YesNo] = option(
        "Whether it logs in by a TLS certificate whose only CN is its name, in the same case.",
        INHERIT,
    )
    required_credentials: Inheritable[RequiredCredentials] = option(
        "What a login takes: `any` one kind of credential, only `password`, only `ssh-key`, only "
        "`ssl-certificate`, or `password` and one of the others for both.",
        INHERIT,
        examples=["password, ssh-key"],
    )
    home_folder_path: Inheritable[AbsolutePath] = option(
        "Its home: what clients see as /. An absolute path.", INHERIT, examples=["/srv/homes/ann"]
    )
    create_home_folder: Inheritable[YesNo] = option(
        "Whether a missing home is made at login.", INHERIT
    )
    home_folder_structure: Inheritable[HomeStructure] = option(
        "Folders that are made in the home after login, one per line.", INHERIT, examples=["in"]
    )
    virtual_folders: Inheritable[VirtualFolders] = option(
        "Other folders that clients see, one `virtual path, real path` per line; `${USER}` stands "
        "for the name of the account.",
        INHERIT,
        examples=["/shared, /srv/shared"],
    )
    permissions: Inheritable[PermissionLines] = option(
        "What it may do. The first line holds the global permissions; each further line is "
        "`PATH-EXPRESSION, permission, ...`, and the first that matches a path decides alone.",
        INHERIT,
        examples=["allow-read, allow-list"],
    )
    source_ip_filter: NetworkRules = option(
        "From where it may log in: lines of allow or deny and an address or network. The first "
        "match decides, and no match refuses. Empty: from everywhere its groups allow.",
        (),
        examples=["allow 192.0.2.0/24"],
    )
    expire_datetime: Maybe[Moment] = option(
        "From when on it may not log in; a date without a zone is in the zone of this machine.",
        None,
        examples=["2030-12-31"],
    )
    home_folder_delete_on_expire: Annotated[float, duration(0, 100 * 365 * DAY)] = option(
        "How long after `expire_datetime` its home is deleted, with all that is in it and for "
        "good; 0 is never. The server must have seen the account ended for as long, at least a day "
        "and at most a week. Not for a home in which anybody else has a part.",
        0.0,
        examples=["90d"],
    )
    disable_on_inactivity: Inheritable[Days] = option(
        "After how many days without a login it may not log in any more; 0 is never. `created` "
        "and `changed` count as logins: a newer `changed` lets it in again.",
        INHERIT,
        examples=["180"],
    )
    hide_denied_entries: Inheritable[YesNo] = option(
        "Whether what it may do nothing with is left out of listings, and is not there for who "
        "looks for it.",
        INHERIT,
        ours=True,
    )
    file_write_size: Inheritable[Size] = option(
        "The greatest size of a file that it may write; 0 is no limit.", INHERIT
    )
    amend_write_name: Inheritable[AmendWriteName] = option(
        "With `uuid-prefix`, every upload is given a name of its own and overwrites nothing.",
        INHERIT,
        examples=["uuid-prefix"],
    )
    durable_uploads: Inheritable[YesNo] = option(
        "Whether an upload is on disk before the client is told that it succeeded.",
        INHERIT,
        ours=True,
    )
    interrupted_upload_lifetime: Inheritable[Lifetime] = option(
        "How long an interrupted upload is kept for its owner to resume.", INHERIT, ours=True
    )
    maximum_sessions: Inheritable[Count] = option(
        "How many sessions it may have at a time; 0 is no limit.", INHERIT, ours=True
    )
    upload_bandwidth: Inheritable[Bandwidth] = option(
        "How many bytes of files all its sessions together may upload in a second; 0 is no limit.",
        INHERIT,
        examples=["10 MB"],
        ours=True,
    )
    download_bandwidth: Inheritable[Bandwidth] = option(
        "How many bytes of files all its sessions together may download in a second; 0 is no "
        "limit.",
        INHERIT,
        examples=["10 MB"],
        ours=True,
    )

    def check(self, context: Context) -> Iterator[Wrong]:
        """Tell of a path of keys that serves no login now; its lines are judged at each login.

        A second factor without a password would be asked of nobody, and protect nothing.
        """
        second, name = self.multi_factor_authentication, "multi_factor_authentication"
        if second is not None and self.password is None:
            yield Wrong("needs a password: logins by key are not asked for a code", option=name)
        if second is None and self.recovery_codes:
            yield Wrong(f"needs {name}", option="recovery_codes")
        if self.home_folder_delete_on_expire and self.expire_datetime is None:
            sentence = "deletes nothing without expire_datetime"
            yield Wrong(sentence, option="home_folder_delete_on_expire", mild=True)
        path = self.ssh_authorized_keys_path
        if path is None or isinstance(path, Inherit):
            return
        if problem := trouble(path):
            yield Wrong(problem, str(path), option="ssh_authorized_keys_path")


class GroupOptions(InspectedOptions):
    """What the accounts of a group have in common, unless they say otherwise."""

    ignored: ClassVar[Mapping[str, str]] = {
        **_LATER,
        "external_groups_association": "groups are named by accounts only",
        "ssh_delete_delay": "deleted files are gone at once",
    }

    ssh_authorized_keys_path: Maybe[GroupPath] = option(
        "The file or folder of each member's SSH public keys: `${USER}` stands for the name, and "
        "is added at the end where it is missing; `${SHARED}` in front means one for all.",
        None,
        examples=["conf/keys/${USER}"],
    )
    allow_certificate_authentication: YesNo = option(
        "Whether members log in by a TLS certificate whose only CN is their name, in the same "
        "case.",
        False,
    )
    allow_own_password_change: YesNo = option(
        "Whether members with a password may give themselves another: on the web page, by FTP's "
        "SITE PSWD and by SSH's `passwd`. It is kept in `state/passwords`, and stands before the "
        "one of this file until another hash is written here.",
        False,
    )
    allow_own_one_time_codes: YesNo = option(
        "Whether members with a password may give themselves one-time codes as a second factor, "
        "on the web page. They are kept in `state/one-time-codes` and stay in force when this is "
        "No again; `mft totp --remove` takes them away. Where an account has "
        "`multi_factor_authentication`, that counts alone.",
        False,
        ours=True,
    )
    password_lifetime: Days = option(
        "How many days a member's password lets in; 0 is for ever. It counts from "
        "`last_password_update` of the account, or from its `created`; one of them is needed.",
        0.0,
        examples=["90"],
    )
    disable_on_inactivity: Days = option(
        "After how many days without a login a member may not log in any more; 0 is never.",
        0.0,
        examples=["180"],
    )
    required_credentials: RequiredCredentials = option(
        "What a login takes: `any` one kind of credential, only `password`, only `ssh-key`, only "
        "`ssl-certificate`, or `password` and one of the others for both.",
        frozenset(),
        examples=["any"],
    )
    home_folder_path: Maybe[GroupHome] = option(
        "The home of each member, an absolute path: `${USER}` stands for the name, and is added "
        "at the end where it is missing; `${SHARED}` in front means one home for all.",
        None,
        examples=["/srv/homes/${USER}"],
    )
    create_home_folder: YesNo = option("Whether a missing home is made at login.", False)
    home_folder_structure: HomeStructure = option(
        "Folders that are made in the home after login, one per line.", (), examples=["in"]
    )
    virtual_folders: VirtualFolders = option(
        "Other folders that members see, one `virtual path, real path` per line; those of several "
        "groups add up.",
        (),
        examples=["/shared, /srv/shared"],
    )
    permissions: PermissionLines = option(
        "What members may do. The first line holds the global permissions, which count in the "
        "primary group only; each further line is `PATH-EXPRESSION, permission, ...`, and those "
        "of several groups follow each other.",
        ("allow-full-control",),
        examples=["allow-read, allow-list"],
    )
    source_ip_filter: NetworkRules = option(
        "From where the group counts: lines of allow or deny and an address or network, the "
        "first match decides, no match leaves the group out. An account of which no group is "
        "left cannot log in. Empty: from everywhere.",
        (),
        examples=["allow 192.0.2.0/24"],
    )
    hide_denied_entries: YesNo = option(
        "Whether what a member may do nothing with is left out of listings, and is not there for "
        "who looks for it.",
        False,
        ours=True,
    )
    file_write_size: Size = option(
        "The greatest size of a file that a member may write; 0 is no limit.", 0
    )
    amend_write_name: AmendWriteName = option(
        "With `uuid-prefix`, every upload is given a name of its own and overwrites nothing.",
        False,
        examples=["uuid-prefix"],
    )
    durable_uploads: YesNo = option(
        "Whether an upload is on disk before the client is told that it succeeded.",
        True,
        ours=True,
    )
    interrupted_upload_lifetime: Lifetime = option(
        "How long an interrupted upload is kept for its owner to resume.", DAY, ours=True
    )
    maximum_sessions: Count = option(
        "How many sessions each member may have at a time; 0 is no limit.", 0, ours=True
    )
    upload_bandwidth: Bandwidth = option(
        "How many bytes of files all sessions of each member may upload in a second; 0 is no "
        "limit.",
        0,
        examples=["10 MB"],
        ours=True,
    )
    download_bandwidth: Bandwidth = option(
        "How many bytes of files all sessions of each member may download in a second; 0 is no "
        "limit.",
        0,
        examples=["10 MB"],
        ours=True,
    )
    group_upload_bandwidth: Bandwidth = option(
        "How many bytes of files all members together may upload in a second, in every group that "
        "they have; 0 is no limit.",
        0,
        examples=["100 MB"],
        ours=True,
    )
    group_download_bandwidth: Bandwidth = option(
        "How many bytes of files all members together may download in a second, in every group "
        "that they have; 0 is no limit.",
        0,
        examples=["100 MB"],
        ours=True,
    )


class MethodOptions(NamedSection):
    """What every method can be asked for beside its own work."""

    second_factor_authentication: Maybe[AuthenticationRef] = option(
        "The ID of another method, which must find a second factor right: a password of the same "
        "name. It is asked for as a one-time code after a password, and as a password after a key "
        "or certificate.",
        None,
        examples=["METHOD-ID"],
    )
    use_as_second_factor: YesNo = option(
        "Whether this method is a second factor of others; then it is never asked alone.", False
    )


class ApplicationOptions(MethodOptions):
    """The accounts of this file, as an authentication method."""

    type: Literal["application"] = option("The kind of method.", "application")
