"""The types of authentication method."""

from mft.auth.registry import AUTHENTICATORS


def test_every_type_says_what_it_is() -> None:
    assert set(AUTHENTICATORS) == {
        "anonymous",
        "application",
        "deny-username",
        "http",
        "ip-time-ban",
        "ldap",
        "local-file",
        "os",
    }
    for kind in AUTHENTICATORS.values():
        assert kind.options.__doc__
        assert callable(kind.build)
