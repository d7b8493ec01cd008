"""What is sealed opens by the same secret and for the same things only, and shows nothing."""

from base64 import b64decode, b64encode

import pytest

from mft.core.secret import Secret
from mft.resources.cluster_seal import Seal

SECRET = Secret("a secret of the nodes that nobody guesses")
SEAL = Seal(SECRET, "records")
ABOUT = ("password", "ann", 7)
TEXT = b'{"password": "$6$..."}'


def test_what_is_sealed_opens_for_the_same_things() -> None:
    sealed = SEAL.close(TEXT, *ABOUT)
    assert sealed.isascii()
    assert Seal(Secret(SECRET.reveal()), "records").open(sealed, *ABOUT) == TEXT
    assert SEAL.close(TEXT, *ABOUT) != sealed, "nobody can tell that two texts are the same"
    assert TEXT not in b64decode(sealed)


def flipped(sealed: str) -> str:
    whole = bytearray(b64decode(sealed))
    whole[20] ^= 1
    return b64encode(whole).decode()


SEALED = SEAL.close(TEXT, *ABOUT)


OTHERS = {
    "another secret": (
        Seal(Secret("another secret of the nodes, or of others"), "records"),
        SEALED,
    ),
    "another purpose": (Seal(SECRET, "sessions"), SEALED),
    "a bit": (SEAL, flipped(SEALED)),
    "the beginning": (SEAL, SEALED[:20]),
    "nothing": (SEAL, ""),
    "no base64": (SEAL, "{}"),
    "no ASCII": (SEAL, "\u00e4" * 40),
    "the text": (SEAL, TEXT.decode()),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_nothing_else_opens(kind: str) -> None:
    seal, sealed = OTHERS[kind]
    with pytest.raises(ValueError, match="not sealed by the secret") as told:
        seal.open(sealed, *ABOUT)
    assert "password" not in str(told.value)


@pytest.mark.parametrize(
    "about", [("password", "bob", 7), ("codes", "ann", 7), ("password", "ann", 6)]
)
def test_it_opens_for_nothing_that_it_is_not_about(about: tuple[str, str, int]) -> None:
    with pytest.raises(ValueError, match="not sealed by the secret"):
        SEAL.open(SEALED, *about)
