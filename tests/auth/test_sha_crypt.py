"""SHA-crypt against hashes that crypt(3) of glibc made."""

import pytest

from mft.auth import sha_crypt

MADE = [
    ("", "$5$rounds=1000$saltsalt$Naw4j7Jsi9DJmo461n8iSYTXTcY98Ufoq.Xsn7KkFN7"),
    ("x", "$5$rounds=1001$saltsalt$8TSIspaiOKXkO0QJ.bM6c.f7aAt4zGybovXBXl9c802"),
    (
        "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü",
        "$5$rounds=1041$saltsalt$JdWy2sq/Z/bosJPfoIBj/BfQnC1UZ3lirHwPFKFQlx5",
    ),
    (
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "$5$rounds=1042$saltsalt$DTihnBGMnsmRRMnq2/.kkkin99qxRMPfmtgES15Hc3.",
    ),
    (
        "correct horse",
        "$5$rounds=4999$saltsalt$8w.PPZ3evXElHNt4cHcS0VOHZWc9cTXrv9sR66Oxyc8",
    ),
    ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
    (
        "",
        "$6$rounds=1000$saltsalt$VEHSITfYmhRDpD6t31S9LUhNne.FOx10qNSj"
        "fu2skYK5wKPYCkdF/995SUbfpqIy5BFbEit9G4aDmW4aq4oX9.",
    ),
    (
        "x",
        "$6$rounds=1001$saltsalt$MIteM55sFdpegaLSmmw6gI5HLgKUXmpmaosb"
        "MJAjhHQQbnE41vnVwO/QRTb1tcKxUrTzUI2YcH2CKiG45HwgI1",
    ),
    (
        "üüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüüü",
        "$6$rounds=1041$saltsalt$zYTwKG0ZLNRVgVebNWCmnK4qtVOndGzUlvYc"
        "gc7eX2zQ0ZwSbZVfIKQpcSJQHisx8798wDOcsvnXa.rCljFbM.",
    ),
    (
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "$6$rounds=1042$saltsalt$aJrjMUFh4ZwErd5FSL5gULCfuFBq07SMui.4"
        "Est52qKisQ0zHFPNK2x8OVmQk132BpJfcQytUJJuj38whKI0f1",
    ),
    (
        "correct horse",
        "$6$rounds=4999$saltsalt$.iCd7lEToXSAT82MsKGOj6BOrAofKLSh6K8e"
        "9xLl8gbrdsVJPSw8.H5IOdv4BNcrfnGgaDPOZKBSQAaByZwsY/",
    ),
    (
        "Hello world!",
        "$6$saltstring$svn8UoSVapNtMuq1ukKS4tPQd8iKwSMHWjl/O817G3uBnI"
        "FNjnQJuesI68u4OTLiBFdcbYEdFCoEOfaS35inz1",
    ),
]


@pytest.mark.parametrize(("password", "text"), MADE)
def test_digests_agree_with_the_system(password: str, text: str) -> None:
    _, number, *rounds, salt, expected = text.split("$")
    count = int(rounds[0].removeprefix("rounds=")) if rounds else sha_crypt.DEFAULT_ROUNDS
    made = sha_crypt.digest(password.encode(), salt.encode(), count, long=number == "6")
    assert made == expected


def test_every_round_counts() -> None:
    digests = {sha_crypt.digest(b"x", b"salt", count, long=True) for count in range(1000, 1090)}
    assert len(digests) == 90


def test_an_empty_salt_is_a_salt() -> None:
    assert len(sha_crypt.digest(b"x", b"", 1000, long=False)) == 43
