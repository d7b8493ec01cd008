"""Level 2: the only place below the protocols that touches the reactor."""
