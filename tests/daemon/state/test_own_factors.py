"""The files of second factors that accounts have given themselves."""

import stat
from pathlib import Path

import orjson
import pytest

from mft.auth.own_factors import OwnFactor
from mft.auth.time_codes import recovery_digest
from mft.core.failure import Reason, Refused
from mft.daemon.state.own_factors import FOLDER, MAX_SIZE, KeptFactors, OwnFactorFiles
from mft.events import catalogue as events
from tests.fakes.accounts import CODES, OTPAUTH
from tests.fakes.run import run
from tests.fakes.threads import Inline
from tests.fakes.trail import Trail

DIGEST = recovery_digest("ABCD-EFGH-IJKL-MNOP") or ""
OWN = OwnFactor(CODES, frozenset((DIGEST,)), 7)
SECRET = CODES.secret.reveal()


def opened(state: Path, trail: Trail | None = None) -> OwnFactorFiles:
    return OwnFactorFiles(state, Inline(), trail or Trail())


def only_file(state: Path) -> Path:
    (path,) = (state / FOLDER).iterdir()
    return path


def test_only_the_server_may_read_them(tmp_path: Path) -> None:
    run(opened(tmp_path).keep("ann", OWN, None))
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    assert stat.S_IMODE(only_file(tmp_path).stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "account", ["ann", "../../etc/passwd", "a" * 150, "\u53e3" * 150, "\u00e4 /", " "]
)
def test_an_id_is_no_path_and_may_be_anything(tmp_path: Path, account: str) -> None:
    run(opened(tmp_path).keep(account, OWN, None))
    assert only_file(tmp_path).parent == tmp_path / FOLDER
    assert opened(tmp_path).of(account) == OWN


WHOLE = {"account": "ann", "codes": OTPAUTH, "recovery": [DIGEST], "begun": 7}
BROKEN = {
    "nothing": b"",
    "no JSON": b"{",
    "another account": orjson.dumps({**WHOLE, "account": "bob"}),
    "no codes": orjson.dumps({**WHOLE, "codes": None}),
    "codes of no secret": orjson.dumps({**WHOLE, "codes": "otpauth://totp/ann?issuer=mft"}),
    "a guessable secret": orjson.dumps({**WHOLE, "codes": "otpauth://totp/ann?secret=AAAA"}),
    "no moment": orjson.dumps({**WHOLE, "begun": None}),
    "a moment that is none": orjson.dumps({**WHOLE, "begun": True}),
    "no list": orjson.dumps({**WHOLE, "recovery": DIGEST}),
    "a recovery code": orjson.dumps({**WHOLE, "recovery": ["ABCD-EFGH-IJKL-MNOP"]}),
    "many recovery codes": orjson.dumps({**WHOLE, "recovery": [DIGEST] * 21}),
    "too much": b" " * (MAX_SIZE + 1),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_that_cannot_be_read_is_told_and_lets_nobody_in(tmp_path: Path, kind: str) -> None:
    files = opened(tmp_path)
    run(files.keep("ann", OWN, files.of("ann")))
    run(files.keep("bob", OWN, files.of("bob")))
    path = next(one for one in (tmp_path / FOLDER).iterdir() if b'"ann"' in one.read_bytes())
    path.write_bytes(BROKEN[kind])
    trail = Trail()
    files = opened(tmp_path, trail)
    (told,) = trail.told
    assert told.event is events.OWN_SECOND_FACTOR_UNREADABLE
    assert told.payload.path == str(path)
    assert SECRET not in told.message
    with pytest.raises(Refused) as refused:
        files.of("ann")
    assert refused.value.reason is Reason.BROKEN
    assert files.some
    assert files.of("bob") == OWN


def test_an_administrator_takes_them_away_and_that_is_told(tmp_path: Path) -> None:
    trail = Trail()
    files = opened(tmp_path, trail)
    run(files.keep("id-ann", OWN, None))
    assert run(files.take_away("id-ann", "ann")) is True
    assert run(files.take_away("id-ann", "ann")) is False
    (told,) = trail.told
    assert told.event is events.SECOND_FACTOR_TAKEN_AWAY
    assert told.payload == ("ann", "id-ann")
    assert opened(tmp_path).of("id-ann") is None


def test_those_that_cannot_be_read_can_be_taken_away_as_well(tmp_path: Path) -> None:
    run(opened(tmp_path).keep("ann", OWN, None))
    only_file(tmp_path).write_bytes(b"{")
    files = opened(tmp_path)
    assert run(files.take_away("ann", "ann")) is True
    assert files.of("ann") is None
    assert list((tmp_path / FOLDER).iterdir()) == []


def test_what_a_killed_process_was_writing_is_neither_read_nor_left(tmp_path: Path) -> None:
    run(opened(tmp_path).keep("ann", OWN, None))
    kept = only_file(tmp_path)
    kept.with_name(f"{kept.name}.4711.new").write_bytes(kept.read_bytes()[:50])
    trail = Trail()
    assert opened(tmp_path, trail).of("ann") == OWN
    assert trail.told == []
    assert only_file(tmp_path) == kept


def test_what_cannot_be_written_or_removed_leaves_what_was(tmp_path: Path) -> None:
    files = opened(tmp_path)
    run(files.keep("ann", OWN, files.of("ann")))
    away = (tmp_path / FOLDER).rename(tmp_path / "away")
    for own in (OWN._replace(begun=8), None):
        with pytest.raises(FileNotFoundError):
            run(files.keep("ann", own, files.of("ann")))
        assert files.of("ann") == OWN
    away.rename(tmp_path / FOLDER)
    assert opened(tmp_path).of("ann") == OWN


def test_a_reader_reads_what_is_there_and_changes_nothing(tmp_path: Path) -> None:
    assert KeptFactors(tmp_path, Trail()).of("ann") is None
    assert list(tmp_path.iterdir()) == []
    run(opened(tmp_path).keep("ann", OWN, None))
    kept = KeptFactors(tmp_path, Trail())
    assert kept.of("ann") == OWN
    with pytest.raises(Refused):
        run(kept.keep("bob", OWN, kept.of("bob")))
    assert opened(tmp_path).of("bob") is None
