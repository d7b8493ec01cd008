"""A cluster whose accounts have something to share needs the secret that seals it."""

from collections.abc import Iterator, Mapping

from mft.auth.ldap_options import LdapOptions
from mft.auth.options import AccountOptions, GroupOptions
from mft.auth.parts import AccountsOfFile
from mft.config.kinds import Wrong
from mft.config.section import wrong_in
from mft.daemon.reading import Reading
from mft.resources.cluster_options import ClusterOptions


def check_shared_secret(reading: Reading, files: Mapping[str, AccountsOfFile]) -> None:
    """Tell of a cluster without one, where passwords are changed or one-time codes are used."""
    why = next(_needing(reading, files), None)
    for one in reading.families["resources"].values():
        options = one.options
        if why is None or not isinstance(options, ClusterOptions) or not options.enabled:
            continue
        if not options.secret:
            wrong_in(
                options, one.raw, Wrong(f"is needed: {why}", option="secret"), reading.problems
            )


def _needing(reading: Reading, files: Mapping[str, AccountsOfFile]) -> Iterator[str]:
    for one in reading.every():
        options = one.options
        if isinstance(options, GroupOptions) and options.allow_own_password_change:
            yield f"[{one.raw.name}] has allow_own_password_change"
        elif isinstance(options, GroupOptions) and options.allow_own_one_time_codes:
            yield f"[{one.raw.name}] has allow_own_one_time_codes"
        elif isinstance(options, AccountOptions) and options.multi_factor_authentication:
            yield f"[{one.raw.name}] has multi_factor_authentication"
        elif isinstance(options, LdapOptions) and options.one_time_codes_attribute:
            yield f"[{one.raw.name}] has one_time_codes_attribute"
    for uuid, file in files.items():
        if any(map(_has_codes, file.accounts.values())):
            yield f"the file of [authentications/{uuid}] has multi_factor_authentication"


def _has_codes(account: AccountOptions | None) -> bool:
    """Whether an account has one-time codes; one that has a problem is told already."""
    return account is not None and account.multi_factor_authentication is not None
