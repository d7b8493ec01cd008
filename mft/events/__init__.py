"""Level 2: what can happen, and the journal that records it."""
