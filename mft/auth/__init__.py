"""Level 3: who a peer is and what it may do."""
