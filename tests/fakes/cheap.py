"""What is made to cost much costs tests little: hashes of passwords, and keys of RSA.

Costs are there for attackers; what is compared and refused does not depend on them. Parameters are
the least that the server itself takes.
"""

from functools import lru_cache

from mft.auth import passwords, sha_crypt
from mft.trust import ssh_keys

MOST = 1024  # hashes that are remembered


def make_cheap() -> None:
    """Let this process make cheap hashes where it is not told what these are to cost.

    A hash that was computed once is not computed again: thousands of tests log in by one password.
    """
    assert isinstance(passwords.COSTS, dict)
    for scheme, cost in passwords.COSTS.items():
        passwords.COSTS[scheme] = cost._replace(usual=cost.least)
    sha_crypt.digest = lru_cache(MOST)(sha_crypt.digest)


def make_keys_cheap() -> None:
    """Let this process make small keys of RSA; scanners of servers would warn of these."""
    vars(ssh_keys)["NEW_RSA_BITS"] = ssh_keys.MIN_RSA_BITS  # primes of half the bits come soon
