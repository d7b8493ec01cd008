"""Level 7: the command line."""
