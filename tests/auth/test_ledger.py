"""What policies remember outlives the configuration, as far as their sections do."""

from mft.auth.ledger import MAX_KNOWN, Ledger, Ledgers


def test_a_section_has_the_same_ledger_again() -> None:
    ledgers = Ledgers()
    first = ledgers.of("security-policies/a")
    assert ledgers.of("security-policies/a") is first
    assert ledgers.of("security-policies/b") is not first


def test_ledgers_of_sections_that_are_gone_are_forgotten() -> None:
    ledgers = Ledgers()
    kept, gone = ledgers.of("a"), ledgers.of("b")
    ledgers.keep_only(frozenset(("a", "c")))
    assert list(ledgers.every()) == [("a", kept)]
    assert ledgers.of("b") is not gone


def test_the_pairs_that_are_known_are_bounded_and_the_oldest_go_first() -> None:
    ledger = Ledger()
    for at in range(MAX_KNOWN):
        ledger.has_logged_in(f"name-{at}", "192.0.2.7")
    ledger.has_logged_in("name-0", "192.0.2.7")
    ledger.has_logged_in("new", "192.0.2.7")
    assert ledger.knows("name-0", "192.0.2.7")
    assert not ledger.knows("name-1", "192.0.2.7")
    assert not ledger.knows("new", "192.0.2.8")
    assert len(list(ledger.every_known())) == MAX_KNOWN


def test_a_sweep_and_a_clearing_are_changes() -> None:
    ledger = Ledger()
    ledger.sources.use(5, 10)
    ledger.sources.add("192.0.2.7", 1.0, "ann", 100.0)
    ledger.sweep(101.0)
    assert ledger.changes == 0
    ledger.sweep(200.0)
    assert ledger.changes == 1
    ledger.clear()
    assert ledger.changes == 2
