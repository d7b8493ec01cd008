"""One-time codes and recovery codes: what the RFC computes, and what is no secret."""

from base64 import b32encode

import pytest

from mft.auth.time_codes import (
    MAX_SECRET,
    MAX_URI,
    MIN_SECRET,
    RECOVERY_CODES,
    TimeCodes,
    is_recovery_digest,
    new_recovery_codes,
    recovery_digest,
    step_at,
)
from mft.core.secret import Secret

SEEDS = {"SHA1": 20, "SHA256": 32, "SHA512": 64}
# RFC 6238, appendix B: seconds, and the codes of eight digits by each algorithm.
VECTORS = [
    (59, "94287082", "46119246", "90693936"),
    (1111111109, "07081804", "68084774", "25091201"),
    (1111111111, "14050471", "67062674", "99943326"),
    (1234567890, "89005924", "91819424", "93441116"),
    (2000000000, "69279037", "90698825", "38618901"),
    (20000000000, "65353130", "77737706", "47863826"),
]
SECRET = "JBSWY3DPEHPK3PXP"  # ten bytes, in many examples
GOOD = f"otpauth://totp/mft:ann?secret={SECRET}"


def of_rfc(algorithm: str, digits: int = 8) -> TimeCodes:
    seed = (b"1234567890" * 7)[: SEEDS[algorithm]]
    return TimeCodes(Secret(b32encode(seed).decode().rstrip("=")), digits, algorithm)


@pytest.mark.parametrize(("at", "sha1", "sha256", "sha512"), VECTORS)
def test_codes_are_those_of_the_rfc(at: int, sha1: str, sha256: str, sha512: str) -> None:
    for algorithm, code in zip(SEEDS, (sha1, sha256, sha512), strict=True):
        assert of_rfc(algorithm).code(step_at(at)) == code
        assert of_rfc(algorithm, 6).code(step_at(at)) == code[2:]


@pytest.mark.parametrize("seconds", [-59, -30, 0, 29, 59])
def test_a_step_before_and_after_counts(seconds: int) -> None:
    codes = of_rfc("SHA1", 6)
    now = 1_900_000_020.0 + seconds  # the first second of a step
    found = codes.step_of(codes.code(step_at(1_900_000_020)), now)
    assert found == (step_at(1_900_000_020) if -30 <= seconds < 60 else None)


@pytest.mark.parametrize("code", ["", "12345", "000000", "0000000", "\u0661" * 6, "\ud800"])
def test_what_is_no_code_is_wrong(code: str) -> None:
    assert of_rfc("SHA1", 6).step_of(code, 1_900_000_000.0) is None


def test_what_is_made_is_read_again() -> None:
    made = TimeCodes.fresh()
    uri = made.uri("zo\u00eb & co", "my files: 1")
    read = TimeCodes.parse(uri)
    assert read == made
    assert read.mark == made.mark
    assert made.mark != TimeCodes.fresh().mark
    assert uri.startswith("otpauth://totp/my%20files%3A%201:zo%C3%AB%20%26%20co?secret=")


@pytest.mark.parametrize(
    "uri",
    [
        GOOD,
        GOOD.lower().replace("mft:ann", "x"),
        f"{GOOD}&issuer=mft&digits=6&period=30&algorithm=SHA1",
        f"otpauth://totp/ann?secret={SECRET}%3D%3D%3D%3D%3D%3D",
    ],
)
def test_what_other_programs_write_is_read(uri: str) -> None:
    assert TimeCodes.parse(uri) == TimeCodes(Secret(SECRET))


@pytest.mark.parametrize("text", [SECRET, SECRET.lower(), SECRET + "======"])
def test_a_secret_alone_has_the_usual_codes(text: str) -> None:
    assert TimeCodes.bare(text) == TimeCodes.parse(GOOD)


@pytest.mark.parametrize("text", ["", "JBSWY3DP", SECRET + "1", f"{SECRET}&digits=8", GOOD])
def test_what_is_no_secret_is_told_without_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"has (no|a) secret") as told:
        TimeCodes.bare(text)
    assert SECRET not in str(told.value)


def test_eight_digits_and_other_algorithms_are_read() -> None:
    read = TimeCodes.parse(f"{GOOD}&digits=8&algorithm=sha512")
    assert (read.digits, read.algorithm) == (8, "SHA512")


WRONG = {
    "nothing": "",
    "another scheme": GOOD.replace("otpauth", "https"),
    "counters": GOOD.replace("totp", "hotp"),
    "no label": f"otpauth://totp/?secret={SECRET}",
    "no secret": "otpauth://totp/ann?issuer=mft",
    "no parameters": "otpauth://totp/ann",
    "an empty secret": "otpauth://totp/ann?secret=",
    "not base32": f"otpauth://totp/ann?secret={SECRET}189",
    "half a byte": f"{GOOD}A",
    "too short": f"otpauth://totp/ann?secret={b32encode(b'x' * (MIN_SECRET - 1)).decode()}",
    "too long": f"otpauth://totp/ann?secret={b32encode(b'x' * (MAX_SECRET + 1)).decode()}",
    "two secrets": f"{GOOD}&secret={SECRET}",
    "another period": f"{GOOD}&period=60",
    "seven digits": f"{GOOD}&digits=7",
    "another algorithm": f"{GOOD}&algorithm=MD5",
    "more": f"{GOOD}&counter=0",
    "a fragment": f"{GOOD}#x",
    "endless": f"{GOOD}&issuer={'x' * MAX_URI}",
}


@pytest.mark.parametrize("uri", WRONG.values(), ids=WRONG)
def test_what_is_wrong_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has|does|says)") as told:
        TimeCodes.parse(uri)
    assert SECRET not in str(told.value)


def test_a_secret_never_prints() -> None:
    assert SECRET not in repr(TimeCodes.parse(GOOD))


# Recovery codes.


def test_recovery_codes_are_many_and_each_another() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == RECOVERY_CODES
    assert all(len(one.replace("-", "")) == 16 for one in codes), "80 bits in base32"


def test_a_recovery_code_is_known_however_it_is_typed() -> None:
    (code, *_) = new_recovery_codes()
    digest = recovery_digest(code)
    assert digest is not None
    assert is_recovery_digest(digest)
    assert code.replace("-", "") not in digest.upper()
    assert recovery_digest(code.lower().replace("-", " ")) == digest
    assert recovery_digest(f" {code}\t") is None, "nothing but spaces and hyphens"


@pytest.mark.parametrize("text", ["", "123456", "ABCD-EFGH-IJKL-MNO", "A" * 17, "\u0130" * 16])
def test_what_cannot_be_a_recovery_code_has_no_digest(text: str) -> None:
    assert recovery_digest(text) is None
    assert not is_recovery_digest(text)
