"""Level 2: keys and certificates."""
