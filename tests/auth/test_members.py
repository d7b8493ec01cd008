"""The accounts of a method: who there is, and what of their credentials counts now."""

import asyncio
from typing import Any

import pytest

from mft.auth.account import DAY
from mft.auth.members import MAX_WAITING, Computing, Members, hashes
from mft.auth.own_factors import OwnFactor
from mft.auth.time_codes import TimeCodes
from mft.core.failure import Reason, Refused
from tests.fakes.accounts import CHEAP_HASH, CODES, NOW, OTPAUTH, PEER, Around, account, group
from tests.fakes.run import run

OWN = OwnFactor(TimeCodes.fresh(), frozenset(), 5)


def test_one_is_found_by_name_and_by_id_only_as_it_is_written() -> None:
    members = Members(Around(account("ann"), account("bob")).parts)
    ann = members.named("ann")
    assert ann is not None
    assert members.identified("id-ann") is ann
    assert members.named("Ann") is members.named("id-ann") is members.identified("ann") is None
    assert len(list(members)) == 2


def test_two_of_a_name_are_refused() -> None:
    around = Around(account("ann"))
    twice = around.parts._replace(accounts={"1": account("ann"), "2": account("ann")})
    with pytest.raises(ValueError, match="two accounts have the name ann"):
        Members(twice)


def test_the_hashes_are_those_of_whoever_has_a_password() -> None:
    members = Members(Around(account("ann", password=CHEAP_HASH), account("bob")).parts)
    assert [one.text for one in hashes(members)] == [CHEAP_HASH]


def test_the_second_factor_of_the_configuration_goes_before_its_own() -> None:
    around = Around(
        account("ann", password=CHEAP_HASH, multi_factor_authentication=OTPAUTH),
        account("bob", password=CHEAP_HASH),
    )
    members = Members(around.parts)
    ann, bob = members.named("ann"), members.named("bob")
    assert ann is not None
    assert bob is not None
    assert members.factor(bob) is None
    for uuid in ("id-ann", "id-bob"):
        around.factors.kept[uuid] = OWN
    first, second = members.factor(ann), members.factor(bob)
    assert first is not None
    assert second is not None
    assert first.codes.secret == CODES.secret
    assert (second.codes, second.name, second.account, second.begun) == (
        OWN.codes,
        "bob",
        "id-bob",
        5,
    )


def test_the_end_of_a_password_is_known_before_it() -> None:
    parts = Around(
        account(
            "ann",
            password=CHEAP_HASH,
            password_lifetime="10",
            last_password_update="2030-03-17T00:00:00Z",
        )
    ).parts
    members = Members(parts)
    ann = members.named("ann")
    assert ann is not None
    end = members.password_end(ann)
    assert end is not None
    assert 9 * DAY < end - NOW < 11 * DAY
    assert members.password_expired(ann) is None
    late = Members(parts._replace(clock=lambda: end))
    assert "the password expired on 2030-03-27" in str(late.password_expired(ann))


def test_an_account_is_made_once_unless_where_it_comes_from_matters() -> None:
    filtered = group("f", source_ip_filter="allow 192.0.2.0/24")
    around = Around(account("ann"), account("bob", group="F, DEFAULT_GROUP"))
    groups = {**around.parts.groups, "F": filtered}
    members = Members(around.parts._replace(groups=groups))
    for name, once in (("ann", True), ("bob", False)):
        member = members.named(name)
        assert member is not None
        made = [members.account(member.whole, PEER) for _ in range(2)]
        assert (made[0] is made[1]) is once


def test_so_many_wait_for_what_computes_and_no_more() -> None:
    async def main() -> None:
        release = asyncio.Event()

        async def slow(work: Any, *given: Any) -> Any:
            await release.wait()
            return work(*given)

        computed = Computing(slow)
        waiting = [asyncio.create_task(computed(abs, -one)) for one in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(Refused) as refused:
            await computed(abs, -1)
        assert refused.value.reason is Reason.BUSY
        release.set()
        assert await asyncio.gather(*waiting) == list(range(MAX_WAITING))
        assert computed.waiting == 0
        assert await computed(abs, -1) == 1

    asyncio.run(main())


def test_what_fails_waits_no_more() -> None:
    async def failing(work: Any, *given: Any) -> Any:
        raise OSError

    computed = Computing(failing)
    with pytest.raises(OSError):
        run(computed(abs, 1))
    assert computed.waiting == 0
