"""A guard bars who guesses, tells of it sparingly, and gives no name away."""

from collections.abc import Callable

import pytest

from mft.auth.base import Anonymous, Bar, Certificate, Credentials, Outcome, Password, PublicKey
from mft.auth.guard import MAX_TOLD, MINUTE, NETWORK_FACTOR, Guard, Rules
from mft.auth.ledger import Ledger
from mft.config.kinds import NetworkRule
from mft.core.peer import UNKNOWN, Address, Component, Origin, parse_network
from mft.core.secret import Secret
from mft.events import catalogue as events
from tests.fakes.accounts import NOW, SERVICE
from tests.fakes.trail import Trail

POLICY = Component("p1", "security-policy", "strict")
HERE = Address("192.0.2.7", 50_000)
OTHER = Component("s2", "ftp", "other")
HOUR = 3600.0


def password(name: str = "ann") -> Password:
    return Password(name, Secret("x"))


class World:
    """A guard, what it told, and a clock."""

    def __init__(self, rules: Rules | None = None, ledger: Ledger | None = None) -> None:
        self.trail = Trail()
        self.now = NOW
        self.guard = Guard(
            POLICY, rules or Rules(), ledger or Ledger(), self.trail.emit, lambda: self.now
        )
        self.guard.in_force()

    def tries(
        self,
        credentials: Credentials | None = None,
        peer: Address = HERE,
        outcome: Outcome = Outcome.WRONG,
        service: Component = SERVICE,
    ) -> Bar | None:
        """One attempt, which ends so unless it is barred."""
        given = credentials or password()
        bar = self.guard.before(given, peer, service)
        if bar is not None and not bar.slow:
            return bar
        return self.guard.after(given, peer, service, outcome)

    def fails(
        self, times: int, peer: Address = HERE, credentials: Credentials | None = None
    ) -> int:
        """So many failures; how many were let through to be judged."""
        return sum(self.tries(credentials, peer) is None for _ in range(times))


def test_the_fifth_failure_bans_the_source_at_every_service() -> None:
    world = World()
    assert world.fails(10) == 5
    assert world.tries(service=OTHER) is not None
    assert world.tries(peer=Address("192.0.2.8", 1)) is None
    world.now += HOUR
    assert world.tries() is None


def test_a_ban_is_told_once_with_where_and_by_what() -> None:
    world = World()
    world.fails(1000)
    assert world.trail.events == [events.SOURCE_BANNED, events.SOURCE_BLOCKED]
    banned, blocked = world.trail.told
    assert banned.origin == blocked.origin == Origin(UNKNOWN, HERE, SERVICE)
    assert banned.payload.source_ip == "192.0.2.7"
    assert banned.payload.until == "2030-03-17T18:46:40Z"
    assert banned.payload.policy_name == "strict"
    assert "3600 seconds" in blocked.payload.details


def test_what_a_ban_has_refused_is_told_when_it_ends() -> None:
    world = World()
    world.fails(105)
    world.trail.forget()
    world.now += HOUR
    world.guard.ledger.sweep(world.now)
    (told,) = world.trail.told
    assert told.event is events.BAN_ENDED
    assert (told.payload.source_ip, told.payload.count_) == ("192.0.2.7", 100)


def test_refusals_are_told_once_a_minute_for_each_source() -> None:
    world = World()
    world.fails(5)
    for _ in range(3):
        world.fails(100)
        world.now += MINUTE
    assert world.trail.count(events.SOURCE_BLOCKED) == 3
    assert "99 refusals before it" in world.trail.told[-1].payload.details


def test_refusals_of_many_sources_are_told_so_many_times_a_minute() -> None:
    world = World(Rules(sources=(NetworkRule(False, parse_network("198.51.0.0/16")),)))
    for at in range(500):
        assert world.tries(peer=Address(f"198.51.{at // 256}.{at % 256}", 1)) is not None
    assert world.trail.count(events.SOURCE_BLOCKED) == MAX_TOLD


@pytest.mark.parametrize(
    "outcome",
    [Outcome.WRONG, Outcome.UNKNOWN, Outcome.FORBIDDEN, Outcome.INVALID, Outcome.UNSUPPORTED],
)
def test_every_refusal_weighs_the_same_so_that_a_ban_tells_nothing(outcome: Outcome) -> None:
    world = World()
    barred = [world.tries(outcome=outcome) is not None for _ in range(6)]
    assert barred == [False] * 5 + [True]


def test_a_denied_name_weighs_what_an_unknown_one_does() -> None:
    world = World(Rules(denied=frozenset(("root",))))
    bars = [world.guard.before(password("Root"), HERE, SERVICE)]
    assert bars[0] is not None
    assert bars[0].slow
    for _ in range(5):
        world.guard.after(password("Root"), HERE, SERVICE, Outcome.FORBIDDEN)
    bar = world.guard.before(password(), HERE, SERVICE)
    assert bar is not None
    assert not bar.slow


def test_the_public_area_gives_no_name_that_could_be_denied() -> None:
    world = World(Rules(denied=frozenset(("root",))))
    assert world.guard.before(Anonymous("root"), HERE, SERVICE) is None


def test_a_method_that_broke_costs_the_peer_nothing() -> None:
    world = World()
    for _ in range(100):
        assert world.tries(outcome=Outcome.BROKEN) is None
    assert len(world.guard.ledger.sources) == 0


@pytest.mark.parametrize(
    ("credentials", "allowed"),
    [
        (password(), 5),
        (PublicKey("ann", b"x", proven=True), 10),
        (Certificate("ann", "eve", "AA"), 10),
        (Anonymous("id-1"), 50),
    ],
)
def test_keys_and_certificates_cost_half_and_what_is_public_nothing(
    credentials: Credentials, allowed: int
) -> None:
    assert World().fails(50, credentials=credentials) == allowed


def test_a_success_forgives_its_own_name() -> None:
    world = World()
    for _ in range(20):
        assert world.fails(4) == 4
        assert world.tries(outcome=Outcome.ACCEPTED) is None
    assert world.fails(10) == 5


def test_half_a_login_forgives_nothing() -> None:
    world = World()
    world.fails(4)
    world.tries(outcome=Outcome.MORE_NEEDED)
    assert world.fails(10) == 1


@pytest.mark.parametrize("outcome", [Outcome.ACCEPTED, Outcome.MORE_NEEDED])
def test_many_attempts_in_flight_are_not_more_guesses(outcome: Outcome) -> None:
    world = World()
    assert all(world.guard.before(password(), HERE, SERVICE) is None for _ in range(20))
    told = [world.guard.after(password(), HERE, SERVICE, Outcome.WRONG) for _ in range(5)]
    assert told == [None] * 5
    assert world.guard.after(password(), HERE, SERVICE, outcome) is not None
    assert not world.guard.ledger.knows("ann", "192.0.2.7")


def test_what_is_allowed_is_never_barred_and_what_is_denied_not_even_connects() -> None:
    rules = (
        NetworkRule(True, parse_network("192.0.2.0/25")),
        NetworkRule(False, parse_network("192.0.2.0/24")),
    )
    world = World(Rules(frozenset(("root",)), rules))
    assert world.fails(100) == 100
    assert world.guard.before(password("root"), HERE, SERVICE) is None
    denied = Address("192.0.2.200", 1)
    assert world.fails(1, denied) == 0
    assert world.guard.at_connection(denied, SERVICE, banned=False) is not None
    assert world.guard.at_connection(HERE, SERVICE, banned=True) is None
    elsewhere = Address("203.0.113.1", 1)
    assert world.guard.at_connection(elsewhere, SERVICE, banned=True) is None
    assert world.fails(100, elsewhere) == 5


def test_a_banned_source_is_kept_out_at_connection_only_where_that_is_asked_for() -> None:
    world = World()
    world.fails(5)
    assert world.guard.at_connection(HERE, SERVICE, banned=False) is None
    for _ in range(100):
        assert world.guard.at_connection(HERE, SERVICE, banned=True) is not None
    assert world.trail.count(events.SOURCE_BLOCKED) == 1


def test_a_mapped_address_is_the_address_itself() -> None:
    world = World()
    world.fails(5, Address.of("::ffff:192.0.2.7", 1))
    assert world.tries() is not None


def test_an_ipv6_network_is_one_source() -> None:
    world = World()
    assert world.fails(3, Address("2001:db8::1", 1)) == 3
    assert world.fails(3, Address("2001:db8::2:9", 1)) == 2
    assert world.tries(peer=Address("2001:db8:0:1::1", 1)) is None


def test_a_wider_network_is_banned_for_more() -> None:
    world = World()
    for at in range(NETWORK_FACTOR):
        assert world.fails(9, Address(f"2001:db8:0:{at:x}::1", 1)) == 5
    assert world.tries(peer=Address("2001:db8:0:ffff::1", 1)) is not None
    assert world.tries(peer=Address("2001:db8:1::1", 1)) is None
    assert [
        told.payload.source_ip for told in world.trail.told if told.event is events.SOURCE_BANNED
    ][-1] == "2001:db8::/48"


def test_prefixes_are_options() -> None:
    world = World(Rules(ipv4_prefix=24, ipv6_prefix=48))
    world.fails(5)
    assert world.tries(peer=Address("192.0.2.99", 1)) is not None
    world.fails(5, Address("2001:db8::1", 1))
    assert world.tries(peer=Address("2001:db8:0:9::1", 1)) is not None


# One name, guessed from everywhere.


def guessed(world: World, name: str = "ann", times: int = 10) -> None:
    """So many sources guess once each."""
    for at in range(times):
        world.tries(password(name), Address(f"198.51.100.{at}", 1))


def test_a_name_that_many_guess_is_taken_only_from_where_it_has_logged_in() -> None:
    world = World(Rules(account_after=10))
    assert world.tries(outcome=Outcome.ACCEPTED) is None
    guessed(world)
    assert world.trail.count(events.ACCOUNT_GUARDED) == 1
    new = Address("203.0.113.1", 1)
    assert world.tries(peer=new, outcome=Outcome.ACCEPTED) is not None
    assert world.tries(outcome=Outcome.ACCEPTED) is None  # the owner, from where he was before
    assert world.tries(PublicKey("ann", b"x", proven=True), new, Outcome.ACCEPTED) is None
    assert world.tries(password("bob"), new, Outcome.ACCEPTED) is None
    world.now += HOUR
    assert world.tries(peer=new, outcome=Outcome.ACCEPTED) is None


def test_a_name_that_nobody_has_is_guarded_as_well() -> None:
    world = World(Rules(account_after=10))
    for at in range(10):
        world.tries(password("nobody"), Address(f"198.51.100.{at}", 1), Outcome.UNKNOWN)
    assert world.tries(password("nobody")) is not None


def test_guesses_in_flight_when_the_name_becomes_guarded_find_nothing() -> None:
    world = World(Rules(account_after=10))
    assert world.guard.before(password(), HERE, SERVICE) is None
    guessed(world)
    assert world.guard.after(password(), HERE, SERVICE, Outcome.ACCEPTED) is not None


def test_names_that_are_none_are_not_remembered() -> None:
    world = World(Rules(account_after=10, denied=frozenset(("root",))))
    world.tries(password("x" * 100_000), outcome=Outcome.INVALID)
    world.tries(password("x" * 100_000), outcome=Outcome.UNSUPPORTED)
    assert len(world.guard.ledger.accounts) == 0


def test_a_denied_name_is_guarded_as_any_other_but_that_is_no_news() -> None:
    world = World(Rules(account_after=10, denied=frozenset(("root",))))
    for at in range(10):
        world.guard.after(
            password("root"), Address(f"198.51.100.{at}", 1), SERVICE, Outcome.FORBIDDEN
        )
    bar = world.guard.before(password("root"), HERE, SERVICE)
    assert bar is not None
    assert not bar.slow
    assert events.ACCOUNT_GUARDED not in world.trail.events


# Administrators.


def lifts(given: str) -> Callable[[Guard], bool]:
    return lambda guard: guard.lift(given)


@pytest.mark.parametrize(
    ("peer", "given"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("192.0.2.7", "192.0.2.7/32"),
        ("192.0.2.7", "::ffff:192.0.2.7"),
        ("2001:db8::1", "2001:db8::5"),
        ("2001:db8::1", "2001:db8::/64"),
    ],
)
def test_an_address_is_lifted_by_each_of_its_names(peer: str, given: str) -> None:
    world = World()
    world.fails(5, Address(peer, 1))
    world.trail.forget()
    assert world.guard.lift(given)
    (told,) = world.trail.told
    assert told.event is events.SOURCE_UNBLOCKED
    assert world.fails(9, Address(peer, 1)) == 5


def test_a_wider_network_is_lifted_without_the_sources_in_it() -> None:
    world = World()
    world.fails(5, Address("2001:db8::1", 1))
    assert world.guard.lift("2001:DB8::/48")
    assert not world.guard.lift("2001:DB8::/48")
    assert world.tries(peer=Address("2001:db8::1", 1)) is not None


def test_what_is_no_address_cannot_be_lifted_and_what_has_nothing_is_not() -> None:
    world = World()
    with pytest.raises(ValueError, match="example"):
        world.guard.lift("example.com")
    assert not world.guard.lift("192.0.2.1")
    assert world.trail.told == []


def test_a_name_is_lifted() -> None:
    world = World(Rules(account_after=10))
    guessed(world)
    world.trail.forget()
    assert world.guard.lift_account("ann")
    assert not world.guard.lift_account("ann")
    assert world.trail.events == [events.ACCOUNT_UNGUARDED]
    assert world.tries(outcome=Outcome.ACCEPTED) is None


def test_everything_is_lifted() -> None:
    world = World(Rules(account_after=3))
    world.fails(5)
    assert world.guard.lift_all() == 2
    assert world.guard.lift_all() == 0
    assert world.tries(outcome=Outcome.ACCEPTED) is None


# Configurations come and go.


def test_a_ban_stands_when_other_rules_come_and_new_attempts_count_by_them() -> None:
    ledger = Ledger()
    world = World(ledger=ledger)
    world.fails(5)
    stricter = World(Rules(after=2), ledger)
    assert stricter.tries() is not None
    assert stricter.fails(9, Address("192.0.2.8", 1)) == 2
    off = World(Rules(after=0), ledger)
    assert off.fails(9) == 9


def test_rules_that_are_not_in_force_change_nothing() -> None:
    world = World()
    Guard(POLICY, Rules(after=1), world.guard.ledger, world.trail.emit, lambda: NOW)
    assert world.fails(9) == 5


def test_a_peer_without_an_address_is_counted_by_what_it_is_called() -> None:
    world = World(Rules(sources=(NetworkRule(False, parse_network("0.0.0.0/0")),)))
    assert world.fails(9, Address("a socket", 0)) == 5


def test_a_table_that_is_full_is_told_once_an_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mft.auth.ledger.MAX_SOURCES", 10)
    world = World()
    for at in range(100):
        world.fails(1, Address(f"198.51.100.{at}", 1))
    assert world.trail.count(events.PENALTIES_DROPPED) == 1
    assert len(world.guard.ledger.sources) == 10
