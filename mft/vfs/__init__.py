"""Level 3: storage."""
