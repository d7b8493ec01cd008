"""Why a password is not changed, in words."""

import pytest

from mft.auth.own_passwords import CLASSES, Fault, NotChanged
from mft.protocols.http.words import LANGUAGES, words
from mft.protocols.password_sentences import SENTENCES, password_sentence

OF_CODES = {Fault.NEW_CODE_WRONG, Fault.NO_CODES}  # which are told where codes are changed
OF_PASSWORDS = [one for one in Fault if one not in OF_CODES]


def test_every_fault_has_a_sentence() -> None:
    assert set(SENTENCES) == set(OF_PASSWORDS)


@pytest.mark.parametrize("fault", OF_PASSWORDS)
def test_clients_are_not_told_details(fault: Fault) -> None:
    told = password_sentence(NotChanged(fault, "inside", least=9, kinds=("digit",)))
    assert "inside" not in told
    assert told.endswith(".")
    assert "{" not in told


def test_they_are_told_what_would_do() -> None:
    assert "at least 9 " in password_sentence(NotChanged(Fault.SHORT, least=9))
    assert "digit, symbol." in password_sentence(NotChanged(Fault.PLAIN, kinds=("digit", "symbol")))


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_have_words_for_every_fault_and_kind(language: str) -> None:
    t = words(language)
    for fault in OF_PASSWORDS:
        key = f"password.{fault.name.lower().replace('_', '-')}"
        assert t(key, least=9, kinds="x")
    for kind in CLASSES:
        assert t(f"password.kind-{kind}")
