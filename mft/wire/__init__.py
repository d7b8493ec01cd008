"""Level 1: bytes to values and back; pure, and fuzzed."""
