"""Level 5: the network face."""
