"""The options of policies: what they mean, and what is said of wrong ones."""

from pathlib import Path

import pytest

from mft.auth.guard import Rules
from mft.auth.policy_options import (
    DENIED,
    LOOPBACK,
    DenyUsernameOptions,
    IpTimeBanOptions,
    PolicyOptions,
)
from mft.config.ini import parse
from mft.config.kinds import Context
from mft.config.problem import Problem
from mft.config.section import Section, read_section


def read(model: type[Section], text: str = "") -> tuple[object, list[str]]:
    problems: list[Problem] = []
    document = parse(f"[s/x]\nname = x\n{text}\n".encode(), "server.ini", problems)
    (raw,) = document.values()
    return read_section(model, raw, Context(Path("/i")), problems), [str(one) for one in problems]


def rules(model: type[Section], text: str = "") -> Rules:
    options, problems = read(model, text)
    assert problems == []
    assert isinstance(options, PolicyOptions | IpTimeBanOptions | DenyUsernameOptions)
    return options.rules


def test_the_default_bans_denies_and_spares_this_machine() -> None:
    assert rules(PolicyOptions) == Rules(frozenset(DENIED), LOOPBACK, 5, 3600.0, 50, 32, 64)


def test_a_filter_of_ones_own_spares_whom_it_names() -> None:
    assert rules(PolicyOptions, "source_ip_filter =").sources == ()
    (rule,) = rules(PolicyOptions, "source_ip_filter = deny 192.0.2.0/24").sources
    assert (rule.allow, str(rule.network)) == (False, "192.0.2.0/24")


def test_names_are_denied_in_whatever_case() -> None:
    assert rules(PolicyOptions, "deny_usernames = Root, STRASSE").denied == {"root", "strasse"}
    assert rules(PolicyOptions, "deny_usernames =").denied == frozenset()


def test_the_older_methods_mean_the_same() -> None:
    given = rules(IpTimeBanOptions, "type = ip-time-ban\nban_after_count = 3\nban_interval = 60")
    assert given == Rules(sources=LOOPBACK, after=3, interval=60.0)
    given = rules(DenyUsernameOptions, "type = deny-username\nusernames = Guest")
    assert given == Rules(denied=frozenset(("guest",)), after=0)


@pytest.mark.parametrize("model", [PolicyOptions, DenyUsernameOptions])
def test_administrators_of_a_web_console_are_nobody(model: type[Section]) -> None:
    name = "deny_administrators" if model is PolicyOptions else "administrators"
    options, problems = read(model, f"{name} = root")
    assert options is not None
    assert [one for one in problems if "there is no web console" in one]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("source_ip_ban_after_count = -1", "is not a whole number from 0"),
        ("source_ip_ban_interval = 0", "is shorter than 1 seconds"),
        ("source_ip_ban_interval = 31d", "is longer than 2592000 seconds"),
        ("source_ip_filter = permit 192.0.2.1", "is not a rule such as"),
        ("source_ip_filter = allow example.com", "does not name an IP address"),
        ("ipv4_prefix = 33", "is not a whole number from 8 to 32"),
        ("ipv6_prefix = 129", "is not a whole number from 32 to 128"),
        ("account_guard_after_count = many", "is not a whole number from 0"),
    ],
)
def test_wrong_values_are_told(text: str, sentence: str) -> None:
    options, problems = read(PolicyOptions, text)
    assert options is None
    assert sentence in problems[0]
